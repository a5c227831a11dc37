//! The command line from outside: files, exit statuses, what is said where.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod compare;
mod dump;
mod image;
mod modify;
mod signing;
mod statuses;
mod surroundings;
mod survey;
mod write;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn command(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_artifact-tool"));
    command
        .current_dir(folder.path())
        .env_remove("SOURCE_DATE_EPOCH")
        .env_remove("SEALIFT_KEY_PASSPHRASE")
        .stdin(Stdio::null())
        .args(args);
    command
}

fn tool(folder: &TempDir, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

/// Runs a command that must succeed; what it prints.
fn ok(folder: &TempDir, args: &[&str]) -> String {
    let output = tool(folder, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail with this status; what it says.
fn fails(folder: &TempDir, expected: i32, args: &[&str]) -> String {
    let output = tool(folder, args);
    assert_eq!(output.status.code(), Some(expected), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Runs a command with this on its standard input.
fn fed(folder: &TempDir, args: &[&str], input: &[u8]) -> Output {
    let mut child = command(folder, args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Describes an artifact.
fn described(folder: &TempDir, file: &str) -> Value {
    serde_json::from_str(&ok(folder, &["read", "--json", file])).unwrap()
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn key(name: &str) -> String {
    fixture(&format!("keys/{name}.pem"))
}

fn status(folder: &TempDir, args: &[&str]) -> i32 {
    let output = tool(folder, args);
    output.status.code().unwrap_or_else(|| panic!("{args:?}: {output:?}"))
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.bin"), [7; 5000]).unwrap();
    folder
}

fn module<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let common =
        ["write", "module-image", "-n", "app-1.0", "-T", "single-file", "-f", "app.bin", "-o", "app.mender"];
    [&common, more].concat()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn keys_are_private_and_never_overwritten_by_accident() {
    for kind in ["rsa3072", "p256", "ed25519"] {
        let folder = folder();
        assert_eq!(status(&folder, &["keygen", "--type", kind, "--out", "release"]), 0);
        let private = folder.path().join("release.private.pem");
        assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let before = fs::read(&private).unwrap();
        assert_eq!(status(&folder, &["keygen", "--type", kind, "--out", "release"]), 2);
        assert_eq!(fs::read(&private).unwrap(), before);
        assert_eq!(status(&folder, &["keygen", "--type", kind, "--out", "release", "--force"]), 0);
        assert_ne!(fs::read(&private).unwrap(), before);
        assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        assert_eq!(status(&folder, &module(&["-t", "d", "-k", "release.private.pem"])), 0);
        assert_eq!(status(&folder, &["validate", "-k", "release.public.pem", "app.mender"]), 0);
        assert_eq!(status(&folder, &["validate", "-k", "release.private.pem", "app.mender"]), 2);
    }
}

#[test]
fn signing_again_needs_force() {
    let folder = folder();
    for key in ["a", "b"] {
        assert_eq!(status(&folder, &["keygen", "--out", key]), 0);
    }
    assert_eq!(status(&folder, &module(&["-t", "d"])), 0);
    let unsigned = fs::read(folder.path().join("app.mender")).unwrap();
    assert_eq!(status(&folder, &["sign", "-k", "a.private.pem", "app.mender"]), 0);
    assert_eq!(status(&folder, &["validate", "-k", "a.public.pem", "app.mender"]), 0);
    let signed = fs::read(folder.path().join("app.mender")).unwrap();
    assert_eq!(signed.len(), unsigned.len() + 1024);
    assert_eq!(status(&folder, &["sign", "-k", "b.private.pem", "app.mender"]), 1);
    assert_eq!(fs::read(folder.path().join("app.mender")).unwrap(), signed);
    assert_eq!(status(&folder, &["sign", "-f", "-k", "b.private.pem", "-o", "b.mender", "app.mender"]), 0);
    assert_eq!(status(&folder, &["validate", "-k", "b.public.pem", "b.mender"]), 0);
    assert_eq!(status(&folder, &["validate", "-k", "b.public.pem", "app.mender"]), 1);
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let folder = folder();
    fs::write(folder.path().join("bad.json"), "[]").unwrap();
    let before = files(folder.path());
    for (args, expected) in [
        (&["-t", "d", "-f", "missing.bin"][..], 3),
        (&["-t", "d", "-f", "app.bin"], 2),
        (&["-t", ""], 2),
        (&[], 2),
        (&["-t", "d", "-m", "bad.json"], 2),
        (&["-t", "d", "-m", "missing.json"], 3),
        (&["-t", "d", "-k", "missing.pem"], 3),
        (&["-t", "d", "-k", "app.bin"], 2),
        (&["-t", "d", "-s", "app.bin"], 2),
        (&["-t", "d", "-p", "nocolon"], 2),
        (&["-t", "d", "-p", "artifact_name:x"], 2),
        (&["-t", "d", "--compression", "gzip:99"], 2),
        (&["-t", "d", "--compression", "brotli"], 2),
    ] {
        assert_eq!(status(&folder, &module(args)), expected, "{args:?}");
        assert_eq!(files(folder.path()), before, "{args:?}");
    }
    let elsewhere = ["write", "module-image", "-n", "a", "-t", "d", "-T", "m", "-o", "missing/a.mender"];
    assert_eq!(status(&folder, &elsewhere), 3);
    let spaced = ["write", "rootfs-image", "-n", "a b", "-t", "d", "-f", "app.bin"];
    assert_eq!(status(&folder, &spaced), 2);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn only_regular_files_are_replaced() {
    let folder = folder();
    let output = |path| ["write", "module-image", "-n", "a", "-t", "d", "-T", "m", "-o", path];
    assert_eq!(status(&folder, &output("/dev/null")), 3);
    assert_eq!(status(&folder, &output(".")), 3);
    assert_eq!(status(&folder, &output("app.bin")), 0);
}

#[test]
fn long_names_are_warned_of() {
    let folder = folder();
    let name = "x".repeat(91);
    fs::write(folder.path().join(&name), "x").unwrap();
    let output = tool(&folder, &module(&["-t", "d", "-f", &name]));
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("over 90 bytes"));
}

#[test]
fn the_time_of_writing_is_not_in_the_file() {
    let folder = folder();
    let bytes = |epoch: &str| {
        let args = module(&["-t", "d", "--mtime", epoch]);
        assert_eq!(status(&folder, &args), 0);
        fs::read(folder.path().join("app.mender")).unwrap()
    };
    let first = bytes("0");
    fs::File::options()
        .append(true)
        .open(folder.path().join("app.bin"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000))
        .unwrap();
    assert_eq!(bytes("0"), first);
    assert_ne!(bytes("1000000"), first);
}

#[test]
fn answers_go_to_standard_output_and_the_rest_to_standard_error() {
    let folder = folder();
    assert_eq!(status(&folder, &module(&["-t", "d"])), 0);
    let good = tool(&folder, &["validate", "--json", "app.mender"]);
    let answer: serde_json::Value = serde_json::from_slice(&good.stdout).unwrap();
    let expected = serde_json::json!(
        {"valid": true, "error": null, "errors": [], "broken": [], "signed": false, "verified_by": null}
    );
    assert_eq!(answer, expected);
    assert!(good.stderr.is_empty());
    let bad = tool(&folder, &["validate", "--json", "app.bin"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8(bad.stdout).unwrap().contains("\"valid\": false"));
    let error = String::from_utf8(bad.stderr).unwrap();
    assert!(error.starts_with("error: app.bin: "), "{error}");
}
