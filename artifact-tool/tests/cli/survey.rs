//! `validate` tells everything that is wrong, not only what comes first.

use std::fs;

use crate::{fails, folder, key, module, ok, tool};

fn faults(folder: &tempfile::TempDir, args: &[&str]) -> Vec<String> {
    let output = tool(folder, &[&["validate", "--json"], args].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["valid"], false);
    answer["errors"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect()
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    bytes[at..at + new.len()].copy_from_slice(new);
}

#[test]
fn every_file_and_the_signature_are_judged() {
    let folder = folder();
    for (name, contents) in
        [("one.bin", "contents of one"), ("two.bin", "contents of two"), ("three.bin", "fine")]
    {
        fs::write(folder.path().join(name), contents).unwrap();
    }
    let private = key("p256.private.sec1");
    let more = [
        "-f",
        "one.bin",
        "-f",
        "two.bin",
        "-f",
        "three.bin",
        "-t",
        "d",
        "--compression",
        "none",
        "-k",
        &private,
    ];
    ok(&folder, &module(&more));
    let path = folder.path().join("app.mender");
    let mut bytes = fs::read(&path).unwrap();
    replace(&mut bytes, b"contents of one", b"CONTENTS OF ONE");
    replace(&mut bytes, b"contents of two", b"CONTENTS OF TWO");
    fs::write(&path, bytes).unwrap();
    let found = faults(&folder, &["-k", &key("p256-other.public"), "app.mender"]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains("does not fit any"), "{found:#?}");
    assert!(found[1].contains("data/0000/one.bin") && found[2].contains("data/0000/two.bin"), "{found:#?}");
    let said = fails(&folder, 1, &["validate", "-k", &key("p256-other.public"), "app.mender"]);
    assert_eq!(said.lines().filter(|line| line.starts_with("error: app.mender: ")).count(), 3, "{said}");
    // The reader itself stops at the first.
    assert_eq!(
        fails(&folder, 1, &["read", "-k", &key("p256-other.public"), "app.mender"]).lines().count(),
        1
    );
}

#[test]
fn data_is_judged_behind_a_bad_header() {
    let folder = folder();
    ok(&folder, &module(&["-t", "device", "--compression", "none"]));
    let path = folder.path().join("app.mender");
    let mut bytes = fs::read(&path).unwrap();
    replace(&mut bytes, br#""device_type""#, br#""device-type""#);
    let payload = bytes.windows(16).position(|window| window == [7; 16]).unwrap();
    bytes[payload] = 8;
    fs::write(&path, bytes).unwrap();
    let found = faults(&folder, &["app.mender"]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains("header.tar") && found[0].contains("checksum"), "{found:#?}");
    assert!(found[1].contains("device-type"), "{found:#?}");
    assert!(found[2].contains("data/0000/app.bin"), "{found:#?}");
}

#[test]
fn a_good_artifact_has_no_faults_and_a_cut_one_says_so() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d"]));
    let path = folder.path().join("app.mender");
    let bytes = fs::read(&path).unwrap();
    for length in [0, 100, 600, 2000, bytes.len() - 1500, bytes.len() - 512, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(!faults(&folder, &["app.mender"]).is_empty(), "{length}");
    }
}
