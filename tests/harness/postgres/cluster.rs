//! A cluster of databases, and how it ends.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::janitor::Janitor;
use super::programs::{Account, command};
use crate::names;
use crate::process::{Process, run, run_ok};
use crate::wait::until;

/// A start may wait for other work on a small machine, and for recovery.
const START_LIMIT: Duration = Duration::from_mins(1);
/// So long all of its processes may take to be gone after a kill.
const KILL_LIMIT: Duration = Duration::from_secs(30);

/// The superuser.
const USER: &str = "sealift";
/// Not asked for on the socket; it is in every URL and must never be seen in a log.
pub const PASSWORD: &str = "the-tide-table-of-brest";

/// Whether what is committed is on the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Syncing {
    /// As in production: what was committed survives whatever happens.
    Full,
    /// What was committed survives a kill, not a power cut. For trials about function.
    Off,
}

/// A running PostgreSQL with a directory of its own. Ended and removed when dropped or when the tests end.
pub struct Cluster {
    process: Mutex<Option<Process>>,
    dir: PathBuf,
    syncing: Syncing,
    /// Where it listens besides its socket, parted by commas.
    addresses: Mutex<String>,
    _janitor: Janitor,
}

impl Cluster {
    /// Returns the cluster that all of this process share: [`Syncing::Off`], started when first asked for.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::start(Syncing::Off))))
    }

    /// Makes a cluster and starts it.
    pub fn start(syncing: Syncing) -> Self {
        let dir = tempfile::Builder::new().prefix("sealift-pg-").tempdir().expect("a temporary directory");
        // The janitor removes it, also if this process cannot.
        let dir = dir.keep();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("its owner may");
        if let Some(account) = Account::instead_of_root() {
            chown(&dir, Some(account.uid), Some(account.gid)).expect("root may");
        }
        let janitor = Janitor::of(&dir);
        let mut initdb = command("initdb");
        initdb.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
        initdb.args(["--locale-provider", "icu", "--icu-locale", "en-US", "--no-sync", "--pgdata"]);
        run_ok(initdb.arg(dir.join("data")).current_dir(&dir));
        let (process, addresses) = (Mutex::new(None), Mutex::default());
        let cluster = Self { process, dir, syncing, addresses, _janitor: janitor };
        cluster.start_again();
        cluster
    }

    /// Makes an empty database and returns its URL.
    pub fn create_database(&self) -> String {
        let name = names::unique("sealift").replace('-', "_");
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
        let socket = self.dir.display();
        format!("postgres://{USER}:{PASSWORD}@localhost/{name}?host={socket}")
    }

    /// Removes a database that nobody needs any more, if the cluster runs.
    pub fn drop_database(&self, url: &str) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database_of(url));
        // What is left goes with the cluster.
        let _ = run(&mut self.psql("postgres", &drop));
    }

    /// Runs a statement as superuser in the database of a URL; returns rows as lines, columns parted by `|`.
    #[track_caller]
    pub fn query(&self, url: &str, sql: &str) -> String {
        self.execute(database_of(url), sql)
    }

    /// Returns the folder with the cluster's files.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Returns the socket that it listens on.
    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join(".s.PGSQL.5432")
    }

    /// Returns what it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Kills all of its processes at once, as a power cut would but for what the kernel still holds.
    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = process.take() else { return };
        let id = running.id();
        // Stopped, it starts no more processes while these are looked for; they would outlive it.
        running.signal("STOP");
        let children = children_of(id);
        running.kill();
        for child in &children {
            // It may have ended by itself.
            let _ = run(Command::new("kill").args(["-KILL", &child.to_string()]));
        }
        until("the end of PostgreSQL's processes", KILL_LIMIT, || {
            !children.iter().any(|&child| is_running(child))
        });
    }

    /// Starts it again after a [`kill`](Self::kill), and waits until it has recovered.
    pub fn start_again(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let fsync = if self.syncing == Syncing::Full { "on" } else { "off" };
        let mut postgres = command("postgres");
        postgres.arg("-D").arg(self.data_dir()).arg("-k").arg(&self.dir);
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for setting in
            [&format!("listen_addresses={addresses}"), "max_connections=300", "shared_buffers=32MB"]
        {
            postgres.args(["-c", setting]);
        }
        postgres.args(["-c", &format!("fsync={fsync}"), "-c", &format!("full_page_writes={fsync}")]);
        *process = Some(Process::start(postgres.current_dir(&self.dir), &self.log_file()));
        drop(process);
        until("PostgreSQL's readiness", START_LIMIT, || {
            run(&mut self.psql("postgres", "SELECT 1")).status.success()
        });
    }

    /// Lets it listen on these addresses from its next start.
    pub(super) fn listen(&self, addresses: &str) {
        addresses.clone_into(&mut self.addresses.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Runs a statement about the whole cluster.
    pub(super) fn alter(&self, sql: &str) {
        self.execute("postgres", sql);
    }

    fn execute(&self, database: &str, sql: &str) -> String {
        run_ok(&mut self.psql(database, sql))
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut psql = command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(&self.dir).args(["--username", USER, "--dbname", database, "--command", sql]);
        psql.current_dir(&self.dir);
        psql
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

fn database_of(url: &str) -> &str {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    path.and_then(|path| path.split('?').next()).expect("the URL names a database")
}

/// Returns the processes whose parent this one is.
fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("procfs is mounted").map_while(Result::ok);
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|&id| stat(id).is_some_and(|(_, of)| of == parent)).collect()
}

/// Whether a process does anything yet: one that nobody waited for stays listed.
fn is_running(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| !matches!(state.as_str(), "Z" | "X"))
}

/// Returns state and parent of a process, as proc(5) says.
fn stat(id: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
