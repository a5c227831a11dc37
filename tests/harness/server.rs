//! The server under test.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io::Write};

use tempfile::TempDir;

use crate::binaries;
use crate::device::{Device, DeviceKey};
use crate::engine::Engine;
use crate::http::HttpClient;
use crate::management::Management;
use crate::postgres::{self, Cluster};
use crate::process::Process;

/// The first user of every test server.
pub const ADMIN: &str = "admin@example.com";
/// Her password; it must never be seen in a log.
pub const PASSWORD: &str = "quiet harbour: nine lanterns";

/// Tells programs under test where the database is; an argument would be seen by everybody on the machine.
const DATABASE_URL: &str = "SEALIFT_DATABASE_URL";

/// A start may wait for other work on a small machine.
const START_LIMIT: Duration = Duration::from_mins(1);
/// So long a server may take to drain.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How a server is to be started.
#[derive(Clone, Default)]
pub struct ServerSetup {
    args: Vec<String>,
    envs: Vec<(String, String)>,
    cluster: Option<Arc<Cluster>>,
    small_disk: Option<SmallDisk>,
}

/// A file system of its own for a part of the data directory.
#[derive(Clone)]
struct SmallDisk {
    folder: String,
    mebibytes: u32,
}

/// Mounts `$1` MiB of memory on the folder `$2` and becomes the rest.
const ON_SMALL_DISK: &str =
    r#"mkdir -p "$2" && mount -t tmpfs -o "size=${1}m,mode=0700" tmpfs "$2" && shift 2 && exec "$@""#;

impl ServerSetup {
    /// Gives the server a disk of this many MiB, in a mount namespace of its own, for a folder of its data directory;
    /// `""` is the directory itself. What is on it is gone with the process. Needs [`Peer::Unshare`](crate::Peer).
    #[must_use]
    pub fn small_disk(self, folder: &str, mebibytes: u32) -> Self {
        Self { small_disk: Some(SmallDisk { folder: folder.to_owned(), mebibytes }), ..self }
    }

    /// Gives the server a new database of the shared PostgreSQL instead of a SQLite file.
    #[must_use]
    pub fn postgres(self) -> Self {
        self.on(&Cluster::shared())
    }

    /// Gives the server a new database of this PostgreSQL instead of a SQLite file.
    #[must_use]
    pub fn on(self, cluster: &Arc<Cluster>) -> Self {
        Self { cluster: Some(Arc::clone(cluster)), ..self }
    }

    /// Adds arguments to `sealift serve`.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Gives the server the database at this URL, which the trial has made.
    #[must_use]
    pub fn database(self, url: &str) -> Self {
        self.env(DATABASE_URL, url)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives the server this URL for the public, which is not the one that trials connect to.
    #[must_use]
    pub fn public_url(self, url: &str) -> Self {
        self.args(&["--public-url", url])
    }

    /// Starts the server with an empty data directory, and makes the first user.
    pub fn start(self) -> TestServer {
        let server = self.start_without_user();
        server.add_user(ADMIN, "admin", PASSWORD);
        server
    }

    /// Starts the server with an empty data directory.
    pub fn start_without_user(self) -> TestServer {
        let dir = tempfile::Builder::new().prefix("sealift-test-").tempdir().expect("a temporary directory");
        fs::create_dir(dir.path().join("data")).expect("the temporary directory is writable");
        let mut setup = self;
        if setup.cluster.is_none() && Engine::of_trial() == Engine::Postgres {
            setup = setup.postgres();
        }
        let database = setup
            .cluster
            .as_ref()
            .map(|cluster| Database { url: cluster.create_database(), cluster: Arc::clone(cluster) });
        if let Some(database) = &database {
            setup = setup.env(DATABASE_URL, &database.url);
        }
        let (process, ready) = launch(&setup, dir.path(), 0);
        let (port, process) = (port_of(&ready), Mutex::new(process));
        TestServer { setup, dir, port, ready, process, admin: OnceLock::new(), database }
    }
}

/// A running server with a data directory of its own. Killed and removed when dropped.
pub struct TestServer {
    setup: ServerSetup,
    dir: TempDir,
    port: u16,
    ready: String,
    process: Mutex<Process>,
    admin: OnceLock<Management>,
    // After the process: it is removed when nobody uses it any more.
    database: Option<Database>,
}

/// A database of a PostgreSQL, removed when dropped.
struct Database {
    url: String,
    cluster: Arc<Cluster>,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.cluster.drop_database(&self.url);
    }
}

impl TestServer {
    /// Starts a server with default settings and one user, [`ADMIN`].
    pub fn start() -> Self {
        ServerSetup::default().start()
    }

    /// Returns the URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Returns the port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL that the server said it is ready on.
    pub fn ready_url(&self) -> &str {
        &self.ready
    }

    /// Returns the data directory.
    pub fn data_dir(&self) -> PathBuf {
        let path = self.dir.path().join("data");
        if self.setup.small_disk.is_none() {
            return path;
        }
        // As the server sees it.
        let seen = path.strip_prefix("/").expect("a temporary directory has an absolute path").to_owned();
        PathBuf::from(format!("/proc/{}/root", self.id())).join(seen)
    }

    fn id(&self) -> u32 {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Returns the URL of the database, unless that is a SQLite file.
    pub fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(|database| database.url.as_str())
    }

    /// Returns the PostgreSQL that the database is in, unless that is a SQLite file.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.database.as_ref().map(|database| &*database.cluster)
    }

    /// Returns a folder for a trial's own files.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the file with the certificate of the server's own CA.
    pub fn ca(&self) -> PathBuf {
        self.data_dir().join("tls/ca.crt")
    }

    /// Returns a client that trusts the server's CA.
    pub fn http(&self) -> HttpClient {
        HttpClient::new(self.port, &self.ca())
    }

    /// Returns the management API as [`ADMIN`], logged in once.
    pub fn admin(&self) -> &Management {
        self.admin.get_or_init(|| Management::login(self.http(), ADMIN, PASSWORD))
    }

    /// Returns a new device with an Ed25519 key that the server has not heard of.
    pub fn device(&self) -> Device {
        self.device_with(DeviceKey::ed25519())
    }

    /// Returns a new device with this key that the server has not heard of.
    pub fn device_with(&self, key: DeviceKey) -> Device {
        Device::new(self.http(), key)
    }

    /// Returns a new device that was accepted and is logged in.
    #[track_caller]
    pub fn accepted_device(&self) -> Device {
        let mut device = self.device();
        device.authenticate().expect_error(401);
        self.admin().accept(&device);
        device.log_in();
        device
    }

    /// Runs a subcommand of `sealift` on the data directory of this server.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = binaries::sealift();
        if self.setup.small_disk.is_some() {
            let id = self.id().to_string();
            let enter = ["nsenter", "--target", &id, "--user", "--mount", "--preserve-credentials"];
            command = binaries::through(&enter.map(str::to_owned), &command);
        }
        command.args(args).arg("--data-dir").arg(self.dir.path().join("data"));
        let database = self.setup.envs.iter().filter(|(name, _)| name == DATABASE_URL);
        command.envs(database.map(|(name, url)| (name, url)));
        command
    }

    /// Adds a user by command line.
    #[track_caller]
    pub fn add_user(&self, email: &str, role: &str, password: &str) {
        let (status, output) = with_password(
            self.command(&["user", "add", email, "--role", role, "--password-stdin"]),
            password,
        );
        assert!(status.success(), "user add ended with {status}: {output}");
    }

    /// Sends SIGTERM and waits for the end.
    #[track_caller]
    pub fn stop(&self) -> ExitStatus {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.signal("TERM");
        process.wait_exit(STOP_LIMIT)
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).signal(name);
    }

    /// Kills the server as a power cut would, but for what the kernel still holds.
    pub fn kill(&self) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// Starts it again on the same data directory and port.
    pub fn restart(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.kill();
        *process = launch(&self.setup, self.dir.path(), self.port).0;
    }

    /// Starts it again with further environment variables.
    pub fn restart_with(&mut self, envs: &[(&str, &str)]) {
        for (name, value) in envs {
            self.setup.envs.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.restart();
    }

    /// Returns how much memory the process has now, in bytes.
    #[track_caller]
    pub fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Returns the most that it had at once since it was started, in bytes.
    #[track_caller]
    pub fn peak_resident_bytes(&self) -> u64 {
        self.memory("VmHWM:")
    }

    #[track_caller]
    fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the server runs");
        let value = status.lines().find_map(|line| line.strip_prefix(field)).expect("a size");
        let kib = value.split_whitespace().next().and_then(|text| text.parse::<u64>().ok());
        kib.expect("a number of KiB") * 1024
    }

    /// Returns what the server has logged so far.
    pub fn log(&self) -> String {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).log()
    }

    /// Returns whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).try_exit().is_some()
    }
}

/// Runs a command that reads one line with a password; returns its status and all that it wrote.
pub fn with_password(mut command: Command, password: &str) -> (ExitStatus, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server's program starts");
    let line = format!("{password}\n");
    // A command that refuses its arguments does not read: its status says so.
    let _ = child.stdin.take().expect("standard input is a pipe").write_all(line.as_bytes());
    let output = child.wait_with_output().expect("the program can be waited for");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status, text)
}

/// Returns the server that the trials of a suite with the same engine share, started when first asked for.
///
/// Trials on it use names of their own, leave settings alone and expect strangers in every list.
#[track_caller]
pub fn shared_server() -> &'static TestServer {
    let slot = match Engine::of_trial() {
        Engine::Sqlite => &SHARED_ON_SQLITE,
        Engine::Postgres => &SHARED_ON_POSTGRES,
    };
    slot.get_or_init(TestServer::start)
}

/// Stops the shared servers, if there are any, and looks at what they leave behind.
pub(crate) fn stop_shared() -> Result<(), String> {
    [&SHARED_ON_SQLITE, &SHARED_ON_POSTGRES].into_iter().filter_map(OnceLock::get).try_for_each(stop_and_look)
}

fn stop_and_look(server: &TestServer) -> Result<(), String> {
    let ended_early = server.has_ended();
    let status = if ended_early { None } else { Some(server.stop()) };
    let log = server.log();
    // A static is never dropped.
    let _ = fs::remove_dir_all(server.dir.path());
    if !status.is_some_and(|status| status.success()) {
        return Err(format!("ended with {status:?}"));
    }
    for planted in [PASSWORD, postgres::PASSWORD, "PRIVATE KEY", "panicked at"] {
        if let Some(line) = log.lines().find(|line| line.contains(planted)) {
            return Err(format!("{planted:?} in its log: {line}"));
        }
    }
    Ok(())
}

static SHARED_ON_SQLITE: OnceLock<TestServer> = OnceLock::new();
static SHARED_ON_POSTGRES: OnceLock<TestServer> = OnceLock::new();

/// Starts the server and waits until it is ready; returns the URL that it says.
fn launch(setup: &ServerSetup, dir: &Path, port: u16) -> (Process, String) {
    let log = dir.join("server.log");
    let mut command = binaries::sealift();
    if let Some(disk) = &setup.small_disk {
        let folder = dir.join("data").join(&disk.folder).display().to_string();
        let enter = ["unshare", "--mount", "--map-root-user", "sh", "-c", ON_SMALL_DISK, "sh"];
        let enter = enter.map(str::to_owned).into_iter().chain([disk.mebibytes.to_string(), folder]);
        command = binaries::through(&enter.collect::<Vec<_>>(), &command);
    }
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
        .arg(dir.join("data"))
        .args(&setup.args)
        .envs(setup.envs.iter().map(|(name, value)| (name, value)))
        .current_dir(dir);
    let (process, lines) = Process::start_with_lines(&mut command, &log);
    let deadline = Instant::now() + START_LIMIT;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(url) = line.strip_prefix("ready ") {
                    return (process, url.to_owned());
                }
            }
            Err(cause @ (RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) => {
                panic!("the server is not ready ({cause}); its log:\n{}", process.log())
            }
        }
    }
}

fn port_of(url: &str) -> u16 {
    let port = url.strip_prefix("https://").and_then(|rest| rest.rsplit_once(':')?.1.parse().ok());
    port.unwrap_or_else(|| panic!("no port in {url:?}"))
}
