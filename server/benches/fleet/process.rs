//! Programs under measurement: each on the first core, what drives them on the second.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Failure, Outcome};

/// Where servers run.
const SERVERS: &str = "0";

/// Where the load comes from.
const GENERATOR: &str = "1";

/// A tick of `/proc/PID/stat`: the kernel reports in hundredths of a second, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// Whether there are two cores and a way to choose between them.
pub(crate) fn can_pin() -> bool {
    let cores = fs::read_to_string("/proc/cpuinfo").map_or(0, |text| text.matches("processor\t").count());
    cores >= 2 && Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// A command that runs on the servers' core.
pub(crate) fn pinned(program: &Path) -> Command {
    if !can_pin() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(SERVERS).arg(program);
    command
}

/// Moves this process to the generator's core.
pub(crate) fn pin_generator() -> Outcome<()> {
    if can_pin() {
        let id = std::process::id().to_string();
        let status = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", GENERATOR, &id])
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            return Err("taskset could not move the generator".into());
        }
    }
    Ok(())
}

/// Processor time that this process has used.
pub(crate) fn own_cpu() -> Outcome<Duration> {
    cpu_of("self")
}

/// Processor time that this process has used since.
pub(crate) fn own_cpu_since(before: Duration) -> Outcome<Duration> {
    Ok(own_cpu()?.saturating_sub(before))
}

fn cpu_of(id: &str) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name may hold anything, also blanks and brackets: fields are counted from behind it (proc(5)).
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc/PID/stat is not understood")?;
    let ticks = |at: usize| -> Outcome<u32> {
        Ok(fields.split(' ').nth(at).ok_or("/proc/PID/stat is short")?.parse()?)
    };
    Ok(TICK * (ticks(11)? + ticks(12)?))
}

/// A server that was started.
pub(crate) struct Server {
    child: Child,
    // Held open: a server may say more.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the line that says that it is ready.
    pub(crate) ready_after: Duration,
    /// Processor time by then.
    pub(crate) ready_cpu: Duration,
}

impl Server {
    /// Starts a server and waits for `ready https://HOST:PORT`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Outcome<Self> {
        let log_file = File::create(log)?;
        let begin = Instant::now();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::from(log_file)).spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let port = loop {
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::from(format!("the server did not start: {said}")));
            }
            if let Some(url) = line.strip_prefix("ready https://") {
                break url.trim().rsplit(':').next().unwrap_or_default().parse::<u16>()?;
            }
        };
        let ready_after = begin.elapsed();
        let ready_cpu = cpu_of(&child.id().to_string())?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Ok(Self { child, _stdout: stdout, address, ready_after, ready_cpu })
    }

    /// Starts a server that says nothing and listens at an address.
    pub(crate) fn start_silent(mut command: Command, log: &Path, address: SocketAddr) -> Outcome<Self> {
        let begin = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(File::create(log)?))
            .spawn()?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        while std::net::TcpStream::connect(address).is_err() {
            if child.try_wait()?.is_some() || begin.elapsed() > Duration::from_secs(20) {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::from(format!("the server did not start: {said}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let ready_cpu = cpu_of(&child.id().to_string())?;
        Ok(Self { child, _stdout: stdout, address, ready_after: begin.elapsed(), ready_cpu })
    }

    /// Processor time that it has used, all threads.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        cpu_of(&self.child.id().to_string())
    }

    /// Processor time that it has used since.
    pub(crate) fn cpu_since(&self, before: Duration) -> Outcome<Duration> {
        Ok(self.cpu()?.saturating_sub(before))
    }

    /// Memory that it holds, in bytes (`VmRSS`).
    pub(crate) fn memory(&self) -> Outcome<u64> {
        self.status("VmRSS:")
    }

    /// Memory that it held at most, in bytes (`VmHWM`).
    pub(crate) fn peak_memory(&self) -> Outcome<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib: u64 =
            line.ok_or("/proc/PID/status is not understood")?.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-s", "TERM", &id]).status()?;
        let begin = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begin.elapsed() > Duration::from_mins(1) {
                return Err("a server did not stop".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended cannot be killed, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
