//! The programs under test.
//!
//! `cargo test` builds a package's own binaries for its own tests only, so the harness has the others
//! built, once per process and with the profile that it was built with itself.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns a command that runs the server's program.
pub fn sealift() -> Command {
    command("sealift")
}

/// Returns a command that runs the artifact tool.
pub fn artifact_tool() -> Command {
    command("artifact-tool")
}

/// Returns a command that runs the fleet simulator.
pub fn client_sim() -> Command {
    command("client-sim")
}

/// Returns a command that lets another program run one: the first word is that program.
pub fn through(words: &[String], inner: &Command) -> Command {
    let (program, args) = words.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(args).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Returns the folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// Returns the folder for files that are worth keeping between runs, such as generated keys.
pub fn cache_dir() -> PathBuf {
    let dir = profile_dir().parent().expect("a target directory above the profile's").join("tmp");
    std::fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}

/// Nothing that this process was told by environment variables reaches the programs under test.
fn command(name: &str) -> Command {
    let mut command = Command::new(program(name));
    for (variable, _) in env::vars_os() {
        if variable.to_string_lossy().starts_with("SEALIFT_") {
            command.env_remove(variable);
        }
    }
    command
}

fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(|| env::var_os("SEALIFT_BIN_DIR").map_or_else(build, |dir| Ok(dir.into()))) {
        Ok(dir) => dir.join(name),
        Err(cause) => panic!("{cause}"),
    }
}

fn build() -> Result<PathBuf, String> {
    let dir = profile_dir();
    let profile = match dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let target = dir.parent().expect("a target directory above the profile's");
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        // The whole workspace, so that dependencies have the features that `cargo test --workspace` gives them.
        .args(["build", "--quiet", "--workspace", "--bins", "--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .current_dir(workspace())
        .status()
        .map_err(|e| format!("cargo does not start: {e}"))?;
    if status.success() { Ok(dir) } else { Err("the programs under test do not build".to_owned()) }
}

/// The folder of this build: `TARGET/debug` for a test binary `TARGET/debug/deps/api-…`.
fn profile_dir() -> PathBuf {
    let exe = env::current_exe().expect("the path of this program is known");
    let dir = exe.parent().expect("a program lies in a folder");
    if dir.ends_with("deps") {
        dir.parent().expect("deps lies in a folder").to_owned()
    } else {
        dir.to_owned()
    }
}
