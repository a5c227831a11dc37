//! Uploads that are refused, and what that took the server.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use harness::management::ARTIFACTS;
use harness::{Response, TestServer};
use serde_json::json;

use crate::world::assert_no_faults;

/// Memory that one upload may take: an xz decoder needs 65 MiB for the dictionary of real files.
const MEMORY: u64 = 128 << 20;
/// CPU time that a refusal may take: a second is wanted, and the programs under test are built for debugging.
const CPU: Duration = Duration::from_secs(3);

/// Uploads something that has to be refused, looks at what that took, and returns the answer.
#[track_caller]
pub(crate) fn refused(server: &TestServer, what: &str, bytes: &[u8]) -> Response {
    let admin = server.admin();
    let process = Watched::find(server);
    process.forget_peak();
    let (memory, cpu) = (process.bytes("VmRSS:"), process.cpu_time());
    let response = admin.try_upload(bytes);
    assert!((400..500).contains(&response.status), "{what}: {response}");
    let status = response.status;
    let response = response.expect_error(status);
    let text = response.json()["error"].to_string();
    let spent = process.cpu_time().saturating_sub(cpu);
    let grown = process.bytes("VmHWM:").saturating_sub(memory);
    eprintln!("{what}, {} bytes: {status} {text:.160}, {spent:?}, {} KiB more", bytes.len(), grown >> 10);
    assert!(spent < CPU, "{what}: {spent:?} of CPU time");
    assert!(grown < MEMORY, "{what}: {grown} bytes more");
    response
}

/// Nothing is listed and nothing lies about.
#[track_caller]
pub(crate) fn assert_empty(server: &TestServer) {
    assert_eq!(server.admin().get(ARTIFACTS).expect(200).json(), json!([]));
    harness::until("an empty blob store", Duration::from_secs(30), || {
        files_below(&server.data_dir().join("blobs")) == 0
    });
    assert_no_faults(server);
}

fn files_below(dir: &std::path::Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

/// The server's process, as the kernel accounts for it (proc(5)).
struct Watched(PathBuf);

impl Watched {
    fn find(server: &TestServer) -> Self {
        let data = server.data_dir().display().to_string();
        let is_it = |dir: &PathBuf| {
            let line = fs::read(dir.join("cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.contains(&b"serve".as_slice()) && words.contains(&data.as_bytes())
        };
        let mut dirs = fs::read_dir("/proc").expect("procfs is mounted").flatten().map(|entry| entry.path());
        Self(dirs.find(is_it).expect("the server runs"))
    }

    /// Makes the peak of memory what is in use now.
    fn forget_peak(&self) {
        fs::write(self.0.join("clear_refs"), "5").expect("the server is ours");
    }

    /// A size of `status`, in bytes.
    fn bytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(self.0.join("status")).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field is there");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// CPU time in user and system mode; the kernel counts in hundredths of a second.
    fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(self.0.join("stat")).expect("the server runs");
        let fields: Vec<&str> =
            stat.rsplit(')').next().expect("a name in brackets").split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }
}
