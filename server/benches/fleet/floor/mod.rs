//! The floors: the least that an operation can cost with the same libraries.

pub(crate) mod http;
pub(crate) mod inserts;
pub(crate) mod nginx;
pub(crate) mod read;
mod tables;

use serde::{Deserialize, Serialize};

/// What a floor without a network did.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct RowsDone {
    /// Rows.
    pub(crate) rows: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Processor time.
    pub(crate) cpu_seconds: f64,
}

impl RowsDone {
    /// Rows a second.
    pub(crate) fn rate(&self) -> f64 {
        crate::numbers::float(self.rows) / self.seconds
    }

    /// Processor time for a row, in microseconds.
    pub(crate) fn cpu_each(&self) -> f64 {
        self.cpu_seconds * 1e6 / crate::numbers::float(self.rows)
    }

    /// Prints it for the bench that waits for it.
    fn print(&self) -> crate::Outcome<()> {
        use std::io::Write as _;
        Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(self)?)?)
    }
}

/// Runs a floor as a process of its own on the servers' core.
pub(crate) fn run(arguments: &[&std::ffi::OsStr]) -> crate::Outcome<RowsDone> {
    let output = crate::process::pinned(&std::env::current_exe()?)
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("a floor failed: {arguments:?}").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
