//! Programs that run beside a trial.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::wait::eventually;

/// A program in the background, killed when dropped. What it writes to standard error goes to a file.
pub struct Process {
    child: Mutex<Child>,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose two outputs are appended to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let out = append(log);
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a file can be shared"))
            .stderr(out)
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", command.get_program().display()));
        Self { child: Mutex::new(child), log: log.to_owned() }
    }

    /// Starts a program whose standard output is read line by line; standard error is appended to `log`.
    pub fn start_with_lines(command: &mut Command, log: &Path) -> (Self, Receiver<String>) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(append(log))
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", command.get_program().display()));
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody may be listening any more; the pipe is drained all the same.
                let _ = sender.send(line);
            }
        });
        (Self { child: Mutex::new(child), log: log.to_owned() }, lines)
    }

    /// Returns the number of the process.
    pub fn id(&self) -> u32 {
        self.child.lock().expect("no holder panics").id()
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let id = self.id();
        let done =
            Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name]).arg(id.to_string()).status();
        assert!(done.is_ok_and(|status| status.success()), "signal {name} to process {id} failed");
    }

    /// Kills the program and waits for its end.
    pub fn kill(&self) {
        let mut child = self.child.lock().expect("no holder panics");
        // Already ended is as good as killed.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Returns the exit status when the program has ended.
    pub fn try_exit(&self) -> Option<ExitStatus> {
        self.child.lock().expect("no holder panics").try_wait().expect("the child can be asked")
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait_exit(&self, limit: Duration) -> ExitStatus {
        eventually("the end of a program", limit, || self.try_exit())
    }

    /// Returns what the program has written so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            let from = log.lines().count().saturating_sub(40);
            let tail: Vec<&str> = log.lines().skip(from).collect();
            eprintln!("--- last lines of {}:\n{}\n---", self.log.display(), tail.join("\n"));
        }
    }
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{} does not start: {e}", command.get_program().display()))
}

/// Runs a program to its end and returns its standard output.
///
/// # Panics
///
/// When it fails, with all that it wrote.
#[track_caller]
pub fn run_ok(command: &mut Command) -> String {
    let output = run(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{stdout}{stderr}", output.status);
    stdout
}

fn append(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("the log file is writable")
}
