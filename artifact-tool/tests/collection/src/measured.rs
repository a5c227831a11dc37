//! What a program takes: CPU time and peak memory of the process, as the kernel accounts for it.
//!
//! A process's own children are accounted for together, and a child begins with the peak of its parent. So a small
//! process stands between, which has one child only: the suite's own program, run again ([`divert`]).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

const FLAG: &str = "--measured";

/// What a program did, and what it took.
#[derive(Debug)]
pub struct Measured {
    /// Exit status, standard output, standard error.
    pub output: Output,
    /// Time from start to end.
    pub wall: Duration,
    /// CPU time in user and system mode, of all threads.
    pub cpu: Duration,
    /// Peak of resident memory, in bytes.
    pub peak: u64,
}

/// Has to be called first in the `main` of a program that uses [`run`]: returns what that `main` returns, if this
/// process is the one between.
pub fn divert() -> Option<ExitCode> {
    let mut args = env::args_os().skip(1);
    args.next().filter(|arg| arg == FLAG)?;
    let report = PathBuf::from(args.next().expect("a file for the figures"));
    let began = Instant::now();
    let status =
        Command::new(args.next().expect("a program")).args(args).status().expect("the program starts");
    let wall = began.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel accounts for children");
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    let figures = json!({
        "wall_us": u64::try_from(wall.as_micros()).expect("64 bits"),
        "cpu_us": micros(usage.user_time()) + micros(usage.system_time()),
        "peak_kib": usage.max_rss(),
    });
    fs::write(report, figures.to_string()).expect("the figures are written");
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Some(ExitCode::from(code.unwrap_or(u8::MAX)))
}

/// Runs a program and measures it; `scratch` is a folder for the figures.
pub fn run(command: &Command, scratch: &Path) -> Measured {
    let report = scratch.join("figures.json");
    let mut between = Command::new(env::current_exe().expect("the path of this program is known"));
    between.arg(FLAG).arg(&report).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => between.env(name, value),
            None => between.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        between.current_dir(dir);
    }
    let output = between.output().expect("this program starts");
    let text = fs::read_to_string(&report).unwrap_or_else(|_| {
        panic!("{command:?} was not measured: {}", String::from_utf8_lossy(&output.stderr))
    });
    let figures: Value = serde_json::from_str(&text).expect("the figures are JSON");
    let number = |key: &str| figures[key].as_u64().expect("a number");
    Measured {
        output,
        wall: Duration::from_micros(number("wall_us")),
        cpu: Duration::from_micros(number("cpu_us")),
        peak: number("peak_kib") * 1024,
    }
}
