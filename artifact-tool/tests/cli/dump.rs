//! `dump`: artifacts taken apart and put together again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{described, fails, files, fixture, folder, ok};

/// Fixtures that `write` can make again from the printed arguments, and whether from `rootfs-image`.
const AGAIN: [&str; 9] = [
    "module-single",
    "module-multi",
    "module-none",
    "module-lzma",
    "module-scripts",
    "module-augmented",
    "rootfs-depends",
    "rootfs-scripts",
    "bootstrap",
];

#[test]
fn the_printed_arguments_write_the_same_again() {
    for name in AGAIN {
        let folder = folder();
        let file = fixture(&format!("{name}.mender"));
        let folders = ["--files", "f", "--scripts", "s", "--meta-data", "m"];
        let line = ok(&folder, &[&["dump", "--print0-cmdline"], &folders[..], &[&file]].concat());
        let mut args: Vec<&str> = line.split_terminator('\0').collect();
        args.extend(["-o", "again.mender"]);
        ok(&folder, &args);
        let (mut old, mut new) = (described(&folder, &file), described(&folder, "again.mender"));
        for field in ["header_info", "artifact_name", "device_types", "manifest_augment", "merged"] {
            if field == "manifest_augment" {
                // Only the files: the digest of the header depends on times and compression.
                old[field] = old[field][0].clone();
                new[field] = new[field][0].clone();
            }
            assert_eq!(new[field], old[field], "{name}: {field}");
        }
        assert_eq!(new["scripts"], old["scripts"], "{name}");
        // An image has meta-data without contents, which no flag says.
        if old["payloads"][0]["type"] != "rootfs-image" {
            assert_eq!(new["payloads"][0]["meta_data"], old["payloads"][0]["meta_data"], "{name}");
        }
        for field in ["type", "effective_meta_data", "clears_artifact_provides"] {
            assert_eq!(new["payloads"][0][field], old["payloads"][0][field], "{name}: {field}");
        }
    }
}

#[test]
fn nothing_is_overwritten_and_a_failure_leaves_nothing() {
    let folder = folder();
    fs::create_dir(folder.path().join("s")).unwrap();
    fs::write(folder.path().join("s/ArtifactInstall_Enter_00"), "mine").unwrap();
    let file = fixture("module-scripts.mender");
    let message = fails(&folder, 3, &["dump", "--files", "f", "--scripts", "s", &file]);
    assert!(message.contains("ArtifactInstall_Enter_00"), "{message}");
    assert_eq!(fs::read(folder.path().join("s/ArtifactInstall_Enter_00")).unwrap(), b"mine");
    assert!(files(&folder.path().join("f")).is_empty());

    let good = fs::read(fixture("module-none.mender")).unwrap();
    let position = good.windows(8).rposition(|bytes| bytes.iter().all(|byte| *byte != 0)).unwrap();
    let mut bad = good.clone();
    bad[position] ^= 1;
    fs::write(folder.path().join("bad.mender"), bad).unwrap();
    assert!(fails(&folder, 1, &["dump", "--files", "g", "bad.mender"]).contains("checksum"));
    assert!(files(&folder.path().join("g")).is_empty());
}

#[test]
fn scripts_can_be_run_and_words_are_quoted() {
    let folder = folder();
    ok(&folder, &["dump", "--scripts", "s", &fixture("rootfs-scripts.mender")]);
    let script = folder.path().join("s/ArtifactInstall_Enter_00");
    assert_eq!(script.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    let args =
        ["write", "module-image", "-n", "it's 1", "-t", "d e", "-T", "m", "-p", "a:b c", "-o", "q.mender"];
    ok(&folder, &args);
    let line = ok(&folder, &["dump", "--print-cmdline", "q.mender"]);
    assert!(line.contains(r"--artifact-name 'it'\''s 1'") && line.contains("'d e'"), "{line}");
    assert!(line.contains("--clears-provides rootfs-image.m.*"), "{line}");
    let json: serde_json::Value =
        serde_json::from_str(&ok(&folder, &["dump", "--json", "q.mender"])).unwrap();
    assert_eq!(json["command_line"][3], "it's 1");
}
