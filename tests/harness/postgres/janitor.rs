//! Who ends a cluster when the tests have ended, however they did.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its standard input, whose other end only the tests hold; then ends the cluster below `$1`
/// and removes the folder. A signal to the tests' process group does not reach it.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
cat > /dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null) && kill -QUIT "$pid" 2> /dev/null &&
    for _ in $(seq 100); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
rm -rf "$1"
"#;

/// Ends a cluster and removes its folder when dropped, and also when this process is killed.
pub(super) struct Janitor {
    child: Child,
}

impl Janitor {
    pub(super) fn of(dir: &Path) -> Self {
        let child = Command::new("setsid")
            .args(["sh", "-c", SCRIPT, "sh"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setsid and sh are on every machine");
        Self { child }
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
