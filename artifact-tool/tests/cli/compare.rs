//! `diff`, `inspect`, `verify`, and the documents that the command line makes of itself.

use std::fs;

use serde_json::{Value, json};

use crate::{fails, fed, files, fixture, folder, key, module, ok, tool};

fn json_of(output: &[u8]) -> Value {
    serde_json::from_slice(output).unwrap()
}

#[test]
fn differences_are_told_by_place() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d", "-p", "same:1", "-p", "old:1"]));
    fs::rename(folder.path().join("app.mender"), folder.path().join("a.mender")).unwrap();
    fs::write(folder.path().join("app.bin"), "other").unwrap();
    ok(&folder, &module(&["-t", "d", "-t", "e", "-p", "same:1", "-p", "new:2"]));
    let output = tool(&folder, &["diff", "a.mender", "app.mender"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "- device_types: [\"d\"]\n+ device_types: [\"d\",\"e\"]\n",
        "- payloads[0].effective_provides.old: \"1\"\n",
        "+ payloads[0].effective_provides.new: \"2\"\n",
        "- payloads[0].files[app.bin].size: 5000\n+ payloads[0].files[app.bin].size: 5\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    assert!(!text.contains("same"), "{text}");
    let answer = json_of(&tool(&folder, &["diff", "--json", "a.mender", "app.mender"]).stdout);
    assert_eq!(answer["same"], false);
}

#[test]
fn packing_is_no_difference_unless_asked_for() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d"]));
    ok(&folder, &["modify", "--compression", "zstd", "-o", "z.mender", "app.mender"]);
    assert_eq!(ok(&folder, &["diff", "app.mender", "z.mender"]), "");
    let output = tool(&folder, &["diff", "--bytes", "app.mender", "z.mender"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("+ compression: \"zstd\"\n"));
    fails(&folder, 1, &["diff", "app.mender", "app.bin"]);
    fails(&folder, 3, &["diff", "app.mender", "missing.mender"]);
}

#[test]
fn a_device_that_takes_it_and_what_changes() {
    let folder = folder();
    let file = fixture("rootfs-depends.mender");
    let checksum = "rootfs-image.checksum:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let device = [
        "inspect",
        "--json",
        "--device-type",
        "beaglebone",
        "-p",
        "artifact_name:rootfs-1.0",
        "-p",
        "artifact_group:alpha",
        "-p",
        "site:north:1",
        "-p",
        checksum,
        "-p",
        "rootfs-image.old:x",
        "-p",
        "kept:y",
    ];
    let answer = json_of(&tool(&folder, &[&device[..], &[&file]].concat()).stdout);
    assert_eq!(answer["accepted"], true);
    let changes = answer["changes"].as_array().unwrap();
    assert!(
        changes.contains(&json!({"key": "artifact_name", "before": "rootfs-1.0", "after": "rootfs-2.0"}))
    );
    assert!(changes.contains(&json!({"key": "rootfs-image.old", "before": "x", "after": null})));
    assert!(changes.contains(&json!({"key": "rootfs-image.version", "before": null, "after": "2.0.3"})));
    assert!(!changes.iter().any(|change| change["key"] == "kept"));
    let mut text = device;
    text[1] = "--members";
    let text = ok(&folder, &[&text[..], &[&file]].concat());
    assert!(text.contains("The device takes it.\n") && text.contains("  - rootfs-image.old: x\n"), "{text}");
    assert!(text.contains(" header.tar.gz\n"), "{text}");
}

#[test]
fn a_device_that_refuses_it_is_told_why() {
    let folder = folder();
    let file = fixture("module-single.mender");
    let output = tool(&folder, &["inspect", "--device-type", "other", &file]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("  device_type must be beaglebone, it is other\n"), "{text}");
    let provides =
        fed(&folder, &["inspect", "--provides-file", "-", &file], b"device_type=beaglebone\na=b=c\n");
    assert!(provides.status.success(), "{provides:?}");
    let provides =
        fed(&folder, &["inspect", "--provides-file", "-", &file], br#"{"device_type": "beaglebone"}"#);
    assert!(provides.status.success(), "{provides:?}");
    let nonsense = fed(&folder, &["inspect", "--provides-file", "-", &file], b"nonsense");
    assert_eq!(nonsense.status.code(), Some(2));
}

#[test]
fn every_rule_of_a_policy_is_kept_or_told() {
    let folder = folder();
    let policy = |text: &str| fs::write(folder.path().join("policy.toml"), text).unwrap();
    let verify = ["verify", "--policy", "policy.toml", "app.mender"];
    let public = key("p256.public");
    ok(&folder, &module(&["-t", "d", "-k", &key("p256.private.sec1")]));
    let good = format!(
        "keys = [{public:?}]\ndevice_types = [\"d\", \"e\"]\nname = \"app-*\"\n\
         payload_types = [\"single-file\"]\nmax_size = \"1MB\"\n"
    );
    policy(&good);
    ok(&folder, &verify);
    let other = key("p256-other.public");
    policy(&format!(
        "keys = [{other:?}]\ndevice_types = [\"x\"]\nname = \"sys-*\"\npayload_types = []\nmax_size = \"1KB\"\n"
    ));
    assert!(fails(&folder, 1, &verify).contains("does not fit any"));
    policy("device_types = [\"x\"]\nname = \"sys-*\"\npayload_types = [\"y\"]\nmax_size = \"1KB\"\n");
    let answer = tool(&folder, &["verify", "--json", "--policy", "policy.toml", "app.mender"]);
    assert_eq!(answer.status.code(), Some(1));
    assert_eq!(json_of(&answer.stdout)["breaches"].as_array().unwrap().len(), 4);

    ok(&folder, &module(&["-t", "d"]));
    policy(&good);
    assert!(fails(&folder, 1, &verify).contains("not signed"));
    policy("require_signature = true\n");
    assert!(fails(&folder, 1, &verify).contains("not signed"));
    policy(&format!("require_signature = false\n{good}"));
    ok(&folder, &verify);
    policy(&format!("require_signature = false\nkeys = [{public:?}]\nname = \"no\"\n"));
    assert!(fails(&folder, 1, &verify).contains("does not match"), "an unsigned one is judged, too");
    policy("");
    ok(&folder, &verify);
    let augmented = fixture("module-augmented.mender");
    assert!(
        fails(&folder, 1, &["verify", "--policy", "policy.toml", &augmented]).contains("unsigned additions")
    );
    policy("allow_unsigned_additions = true\n");
    ok(&folder, &["verify", "--policy", "policy.toml", &augmented]);
    for wrong in ["unknown = 1\n", "keys = 1\n", "max_size = \"x\"\n", "[", "keys = [\"app.bin\"]\n"] {
        policy(wrong);
        fails(&folder, 2, &verify);
    }
    fails(&folder, 3, &["verify", "--policy", "missing.toml", "app.mender"]);
}

#[test]
fn completions_and_pages_name_every_command() {
    let folder = folder();
    let commands =
        ["keygen", "write", "sign", "validate", "read", "dump", "modify", "diff", "verify", "upload"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = ok(&folder, &["completions", shell]);
        assert!(commands.iter().all(|command| text.contains(command)), "{shell}");
    }
    assert!(ok(&folder, &["man"]).contains(".TH artifact-tool 1"));
    ok(&folder, &["man", "--out", "man"]);
    let pages = files(&folder.path().join("man"));
    for command in commands {
        assert!(pages.contains(&format!("artifact-tool-{command}.1")), "{command}: {pages:?}");
    }
}
