//! What it was measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

use sealift::clock::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};

/// A machine, and the state that it was in.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Machine {
    /// When, UTC.
    pub(crate) date: String,
    /// The processor's name.
    pub(crate) cpu: String,
    /// Processors that the kernel sees.
    pub(crate) cores: usize,
    /// Memory in GiB.
    pub(crate) memory_gib: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// The compiler.
    pub(crate) rustc: String,
    /// Device and file system of the data.
    pub(crate) disk: String,
    /// The commit that was measured.
    pub(crate) commit: String,
    /// Load averages when it began: on a quiet machine the first is near zero.
    pub(crate) load_before: String,
    /// Load averages when it ended; the bench itself is about 1 to 2.
    pub(crate) load_after: String,
}

impl Machine {
    /// Describes this one.
    pub(crate) fn describe(data: &Path) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let of_cpu = |key: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
            line.split(':').nth(1).map(|value| value.trim().to_owned())
        };
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = meminfo.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
        let disk = output("df", &["--output=source,fstype,size", &data.display().to_string()]);
        Self {
            date: SystemClock.now().format("%Y-%m-%d %H:%M").to_string(),
            cpu: format!(
                "{}, family {} model {}",
                known(of_cpu("model name")),
                known(of_cpu("cpu family")),
                known(of_cpu("model\t"))
            ),
            cores: cpuinfo.matches("processor\t").count(),
            memory_gib: (kib + (1 << 19)) >> 20,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            rustc: output("rustc", &["--version"]),
            disk: disk.lines().nth(1).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(", "),
            commit: commit(),
            load_before: load(),
            load_after: String::new(),
        }
    }

    /// Notes how busy the machine is at the end.
    pub(crate) fn finish(&mut self) {
        self.load_after = load();
    }
}

fn known(value: Option<String>) -> String {
    value.unwrap_or_else(|| "unknown".to_owned())
}

fn commit() -> String {
    let folder = env!("CARGO_MANIFEST_DIR");
    let commit = output("git", &["-C", folder, "rev-parse", "--short", "HEAD"]);
    let changed = output("git", &["-C", folder, "status", "--porcelain", "--untracked-files=no"]);
    if changed.is_empty() { commit } else { format!("{commit} and changes") }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
