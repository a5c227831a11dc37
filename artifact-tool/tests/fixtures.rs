//! Every sample artifact is read exactly as its description says.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Names of the samples, without their suffix.
fn samples() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(".mender").map(str::to_owned)
        })
        .collect();
    names.sort();
    assert_eq!(names.len(), 24, "samples are missing");
    names
}

fn expected(name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder().join(format!("{name}.expected.json"))).unwrap()).unwrap()
}

fn tool(args: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_artifact-tool")).current_dir(folder()).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_sample_is_read_as_described() {
    for name in samples() {
        let expected = expected(&name);
        let file = format!("{name}.mender");
        let key = expected["signature"]["verified_by"].as_str();
        let mut args = vec!["read", "--json", file.as_str()];
        args.extend(key.into_iter().flat_map(|key| ["-k", key]));
        let (status, output, errors) = tool(&args);
        assert_eq!(status, Some(0), "{name}: {errors}");
        let found: Value = serde_json::from_str(&output).unwrap();
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&found[field], value, "{name}: {field}");
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_wrong_key_is_refused_for_every_signed_sample() {
    let mut signed = 0;
    for name in samples() {
        let file = format!("{name}.mender");
        let Some(key) = expected(&name)["signature"]["verified_by"].as_str().map(str::to_owned) else {
            let (status, _, errors) = tool(&["validate", "-k", "keys/p256.public.pem", &file]);
            assert_eq!(status, Some(1), "{name}");
            assert!(errors.contains("not signed"), "{name}: {errors}");
            continue;
        };
        signed += 1;
        assert_eq!(tool(&["validate", "-k", &key, &file]).0, Some(0), "{name}");
        for other in ["rsa3072", "p256", "ed25519"] {
            let other = format!("keys/{other}-other.public.pem");
            let (status, _, errors) = tool(&["validate", "-k", &other, &file]);
            assert_eq!(status, Some(1), "{name}");
            assert!(errors.contains("does not fit any"), "{name}: {errors}");
            assert_eq!(
                tool(&["validate", "-k", &other, "-k", &key, &file]).0,
                Some(0),
                "{name}: any one fits"
            );
        }
        let (status, _, errors) = tool(&["validate", &file]);
        assert_eq!(status, Some(1), "{name}: signed, but not verified");
        assert!(errors.contains("-k"), "{name}: {errors}");
    }
    assert_eq!(signed, 6);
}

#[test]
fn exit_statuses_tell_no_from_wrong_use_from_unreachable() {
    assert_eq!(tool(&["validate", "README.md"]).0, Some(1));
    assert_eq!(tool(&["validate"]).0, Some(2));
    assert_eq!(tool(&["validate", "-k", "README.md", "rootfs-none.mender"]).0, Some(2));
    assert_eq!(tool(&["validate", "missing.mender"]).0, Some(3));
    assert_eq!(tool(&["validate", "-k", "missing.pem", "rootfs-none.mender"]).0, Some(3));
}
