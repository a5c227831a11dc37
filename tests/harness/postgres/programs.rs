//! PostgreSQL's programs, and as whom they run.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Where Debian keeps the programs that users do not call: a folder for each version, its programs in `bin`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Tells whether PostgreSQL's programs are on this machine.
pub fn is_installed() -> bool {
    folder().is_some()
}

/// The account that PostgreSQL's programs are to run as: they refuse to be root.
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Returns another account if this one is root.
    pub(super) fn instead_of_root() -> Option<&'static Self> {
        static ACCOUNT: OnceLock<Option<Account>> = OnceLock::new();
        ACCOUNT.get_or_init(find).as_ref()
    }
}

/// Returns a command that runs one of PostgreSQL's programs as who owns the cluster.
pub(super) fn command(name: &str) -> Command {
    let program = folder().expect("PostgreSQL is installed").join(name);
    let Some(account) = Account::instead_of_root() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={}", account.uid)).arg(format!("--regid={}", account.gid));
    command.arg("--clear-groups").arg(program);
    command
}

fn folder() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(newest).as_ref()
}

fn newest() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH")?;
    let debian = fs::read_dir(DEBIAN).into_iter().flatten().map_while(Result::ok).filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let versions = debian.filter(|(_, bin)| bin.join("postgres").is_file());
    versions.max().map(|(_, bin)| bin).or_else(|| {
        std::env::split_paths(&on_path).find(|dir| dir.join("initdb").is_file() && dir.join("psql").is_file())
    })
}

fn find() -> Option<Account> {
    let own = fs::metadata("/proc/self").expect("procfs is mounted").uid();
    if own != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("accounts are listed");
    // The package makes the first; the second is everywhere.
    let entry = ["postgres", "nobody"].iter().find_map(|name| {
        accounts.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|entry| entry[0] == *name)
    });
    let entry = entry.expect("an account without privileges");
    Some(Account { uid: entry[2].parse().expect("a number"), gid: entry[3].parse().expect("a number") })
}
