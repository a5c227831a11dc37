//! The real `mender-client` 3.4, headless and unmodified.
//!
//! Four of its folders are compiled in; private ones are bound over them in a mount namespace of its
//! own, so that many clients run beside each other (device protocol §9). Nothing of the host is
//! changed, and `reboot` is a script that kills the client.

mod setup;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::setup::ClientSetup;
use crate::process::Process;
use crate::wait::until;

/// The longest a client may take for its next step on a busy machine.
const STEP_LIMIT: Duration = Duration::from_mins(1);

/// Binds the private folders and becomes the client. `$1` is the work directory.
const ENTER: &str = r#"
mount --bind "$1/share/identity" /usr/share/mender/identity &&
mount --bind "$1/share/inventory" /usr/share/mender/inventory &&
mount --bind "$1/share/modules/v3" /usr/share/mender/modules/v3 &&
mount --bind "$1/etc" /etc/mender &&
exec mender --no-syslog --log-level info --config "$1/etc/mender.conf" \
    --fallback-config "$1/none" --data "$1/data" daemon"#;

/// A client daemon. Killed and removed when dropped.
pub struct MenderClient {
    work: TempDir,
    serial: String,
    process: Option<Process>,
}

impl MenderClient {
    /// Returns the identity data that it sends.
    pub fn identity(&self) -> Value {
        json!({ "serial": self.serial })
    }

    /// Returns its work directory.
    pub fn work(&self) -> &Path {
        self.work.path()
    }

    /// Returns its public key, SPKI PEM.
    pub fn public_pem(&self) -> String {
        crate::process::run_ok(
            Command::new("openssl")
                .args(["pkey", "-pubout", "-in"])
                .arg(self.work().join("data/mender-agent.pem")),
        )
    }

    /// Starts it, or starts it again with the data that it has.
    pub fn start(&mut self) {
        let work = self.work();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", ENTER, "sh"])
            .arg(work)
            .env_clear()
            .env("PATH", format!("{}:{path}", work.join("bin").display()))
            .env("HOME", work)
            .current_dir(work);
        let process = Process::start(&mut command, &work.join("mender.log"));
        self.process = Some(process);
    }

    /// Waits for the end of the process, as after a reboot.
    #[track_caller]
    pub fn wait_exit(&self) -> ExitStatus {
        self.running().wait_exit(STEP_LIMIT)
    }

    /// Lets it look for an update now.
    pub fn check_update(&self) {
        self.running().signal("USR1");
    }

    /// Lets it send its inventory now.
    pub fn send_inventory(&self) {
        self.running().signal("USR2");
    }

    /// Kills it.
    pub fn kill(&self) {
        self.running().kill();
    }

    /// Returns whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.running().try_exit().is_some()
    }

    /// Returns all that it has logged.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Waits until a text is in its log.
    #[track_caller]
    pub fn await_log(&self, text: &str) {
        until(&format!("{text:?} in the client's log"), STEP_LIMIT, || self.log().contains(text));
    }

    /// Returns the states that the update module was called with.
    pub fn states(&self) -> Vec<String> {
        let text = fs::read_to_string(self.work().join("states")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Lets the update module stop in a state until [`release`](Self::release).
    pub fn hold(&self, state: &str) {
        fs::write(self.mark("hold", state), "").expect("the work directory is writable");
    }

    /// Waits until the update module has stopped in a state.
    #[track_caller]
    pub fn await_held(&self, state: &str) {
        let mark = self.mark("held", state);
        until(&format!("the module in state {state}"), STEP_LIMIT, || mark.exists());
    }

    /// Lets the update module go on.
    pub fn release(&self, state: &str) {
        fs::remove_file(self.mark("hold", state)).expect("the state is held");
    }

    /// Returns what the update module has installed: the content of the payload's file.
    pub fn installed(&self) -> Option<Vec<u8>> {
        fs::read(self.work().join("target/payload.txt")).ok()
    }

    fn mark(&self, what: &str, state: &str) -> PathBuf {
        self.work().join(format!("{what}-{state}"))
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("the client was started")
    }
}
