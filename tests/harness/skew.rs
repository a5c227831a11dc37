//! Another time for a program.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::server::ServerSetup;

/// Debian's package `faketime`; the dynamic linker knows what `$LIB` is.
const LIBRARY: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

/// The time of a server under `libfaketime`: the machine's, moved by what the trial says. Time that only goes on
/// (`CLOCK_MONOTONIC`) and the times of files stay the machine's, as they do when a clock is set.
pub struct Skew {
    dir: TempDir,
}

impl Skew {
    /// Begins with an offset, such as `+1h`, `-365d` or `+0`.
    pub fn new(offset: &str) -> Self {
        let this = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        this.set(offset);
        this
    }

    /// Makes the clock jump. The program notices within a second.
    pub fn set(&self, offset: &str) {
        // In one step: half a file is no time.
        let next = self.dir.path().join("next");
        fs::write(&next, format!("{offset}\n")).expect("the directory is writable");
        fs::rename(next, self.file()).expect("the directory is writable");
    }

    /// Gives a server this time.
    pub fn of(&self, setup: ServerSetup) -> ServerSetup {
        setup
            .env("LD_PRELOAD", LIBRARY)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file().display().to_string())
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("offset")
    }
}
