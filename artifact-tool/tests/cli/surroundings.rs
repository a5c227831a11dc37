//! What must not show in an artifact, and what must not show in a pipe.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::{key, ok};

/// A folder with the same inputs, made at another time and by another mode.
fn folder(mtime: u64, mode: u32) -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let image: Vec<u8> = (0..500_000_u32).flat_map(|index| (index / 3).to_le_bytes()).collect();
    let files: [(&str, &[u8]); 4] = [
        ("app.bin", &image),
        ("meta.json", br#"{"k":"v"}"#),
        ("ArtifactInstall_Enter_00", b"#!/bin/sh\n"),
        ("ArtifactCommit_Leave_00", b"#!/bin/sh\n"),
    ];
    for (name, contents) in files {
        let path = folder.path().join(name);
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(mtime);
        File::options().read(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    folder
}

/// Writes an artifact in surroundings, which are set by the shell, and returns it.
fn written(folder: &TempDir, surroundings: &str, args: &[&str]) -> Vec<u8> {
    let script = format!("{surroundings}\nexec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_artifact-tool"), "write", "module-image"]);
    command.args(["-n", "a", "-t", "d", "-T", "m", "-f", "app.bin", "-m", "meta.json", "-o", "out.mender"]);
    let output =
        command.args(args).current_dir(folder.path()).env_remove("SOURCE_DATE_EPOCH").output().unwrap();
    assert!(output.status.success(), "{surroundings}: {output:?}");
    fs::read(folder.path().join("out.mender")).unwrap()
}

#[test]
fn the_same_input_gives_the_same_bytes_anywhere_and_on_any_day() {
    let private = key("p256.private.sec1");
    let scripts = ["-s", "ArtifactInstall_Enter_00", "-s", "ArtifactCommit_Leave_00"];
    let reversed = ["-s", "ArtifactCommit_Leave_00", "-s", "ArtifactInstall_Enter_00"];
    for compression in ["none", "gzip", "lzma:1", "zstd"] {
        let args = |jobs: &'static str, scripts: &[&'static str]| {
            let args = ["--jobs", jobs, "--compression", compression, "-k"];
            [&args[..], &[private.as_str()], scripts]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let bytes = |folder: &TempDir, surroundings: &str, args: Vec<String>| {
            written(folder, surroundings, &args.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let first =
            bytes(&folder(1_000_000_000, 0o644), "umask 022; export TZ=UTC LC_ALL=C", args("1", &scripts));
        for (mtime, mode, surroundings, jobs) in [
            (1_700_000_000, 0o600, "umask 077; export TZ=Pacific/Auckland LC_ALL=tr_TR.UTF-8", "2"),
            (0, 0o664, "umask 000; export TZ=America/St_Johns LANG=de_DE HOME=/nonexistent USER=x", "7"),
            (4_000_000_000, 0o640, "ulimit -n 64; unset TZ LC_ALL LANG HOME USER PATH", "0"),
        ] {
            let other = bytes(&folder(mtime, mode), surroundings, args(jobs, &reversed));
            assert!(first == other, "{compression}: {surroundings}");
        }
        // The one thing that is let in, and only on request.
        let dated = bytes(&folder(0, 0o644), "export SOURCE_DATE_EPOCH=1700000000", args("2", &scripts));
        assert!(first != dated, "{compression}");
        let again = bytes(
            &folder(5, 0o600),
            "export SOURCE_DATE_EPOCH=1700000000 TZ=Asia/Kathmandu",
            args("1", &scripts),
        );
        assert!(dated == again, "{compression}");
    }
}

#[test]
fn there_is_no_progress_in_a_pipe() {
    let folder = folder(0, 0o644);
    let write = ["write", "rootfs-image", "-n", "a", "-t", "d", "-f", "app.bin", "-o", "a.mender"];
    for args in [
        &write[..],
        &["validate", "a.mender"],
        &["read", "a.mender"],
        &["modify", "--compression", "zstd", "-n", "b", "a.mender"],
        &["sign", "-k", &key("rsa3072.private.pkcs1"), "a.mender"],
    ] {
        let output = crate::tool(&folder, args);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{args:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains('\u{1b}') && !said.contains('\r'), "{said:?}");
    }
    // On a terminal there is some.
    let terminal = Command::new("script")
        .args(["-qec", &format!("{} {}", env!("CARGO_BIN_EXE_artifact-tool"), write.join(" ")), "/dev/null"])
        .current_dir(folder.path())
        .env("TERM", "xterm")
        .output();
    if let Ok(output) = terminal {
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains('\u{1b}'), "{output:?}");
    }
    ok(&folder, &["validate", "a.mender"]);
}
