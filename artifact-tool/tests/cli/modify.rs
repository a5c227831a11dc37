//! `modify`: what is not named stays, and no signature is lost in silence.

use std::fs;

use serde_json::json;

use crate::{described, fails, fixture, folder, key, module, ok};

#[test]
fn everything_that_is_not_named_stays() {
    let folder = folder();
    for name in
        ["module-multi", "rootfs-depends", "module-scripts", "bootstrap", "module-augmented", "v2-rootfs"]
    {
        let file = fixture(&format!("{name}.mender"));
        ok(&folder, &["modify", "-o", "same.mender", &file]);
        let (old, new) = (described(&folder, &file), described(&folder, "same.mender"));
        for field in ["version", "header_info", "compression", "payloads", "manifest_augment", "merged"] {
            let (mut old, mut new) = (old[field].clone(), new[field].clone());
            if field == "payloads" {
                // The old writer's empty type of images is mended.
                old[0]["type_info"]["type"] = serde_json::Value::Null;
                new[0]["type_info"]["type"] = serde_json::Value::Null;
            }
            assert_eq!(new, old, "{name}: {field}");
        }
    }
}

#[test]
fn a_new_name_is_the_new_version() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d", "-p", "other.version:7"]));
    ok(&folder, &["modify", "-n", "app-2.0", "app.mender"]);
    let artifact = described(&folder, "app.mender");
    assert_eq!(artifact["artifact_name"], "app-2.0");
    let provides = json!({"other.version": "7", "rootfs-image.single-file.version": "app-2.0"});
    assert_eq!(artifact["payloads"][0]["type_info"]["artifact_provides"], provides);
}

#[test]
fn every_flag_changes_what_it_says() {
    let folder = folder();
    fs::write(folder.path().join("meta.json"), r#"{"a": 1}"#).unwrap();
    fs::write(folder.path().join("ArtifactInstall_Enter_00"), "new").unwrap();
    ok(
        &folder,
        &[
            "modify",
            "-N",
            "n1",
            "-N",
            "n2",
            "-G",
            "g1",
            "-g",
            "group",
            "-d",
            "k:v",
            "-p",
            "x:y",
            "-m",
            "meta.json",
            "--delete-clears-provides",
            "old-app.*",
            "--clears-provides",
            "z.*",
            "-s",
            "ArtifactInstall_Enter_00",
            "--compatible-types",
            "new-type",
            "-o",
            "new.mender",
            &fixture("module-scripts.mender"),
        ],
    );
    let artifact = described(&folder, "new.mender");
    assert_eq!(
        artifact["header_info"],
        json!({
            "payloads": [{"type": "single-file"}],
            "artifact_provides": {"artifact_name": "app-1.2", "artifact_group": "group"},
            "artifact_depends": {"artifact_name": ["n1", "n2"], "device_type": ["new-type"], "artifact_group": ["g1"]},
        })
    );
    assert_eq!(
        artifact["payloads"][0]["type_info"],
        json!({
            "type": "single-file",
            "artifact_depends": {"k": "v"},
            "artifact_provides": {"x": "y"},
            "clears_artifact_provides": ["data-part.app.*", "z.*"],
        })
    );
    assert_eq!(artifact["payloads"][0]["meta_data"], json!({"a": 1}));
    assert_eq!(artifact["scripts"][1]["name"], "ArtifactInstall_Enter_00");
    assert_eq!(artifact["scripts"][1]["size"], 3);
    let missing = ["modify", "--delete-clears-provides", "nothing", "new.mender"];
    assert!(fails(&folder, 2, &missing).contains("not among"));
}

#[test]
fn a_signature_is_never_dropped_in_silence() {
    let folder = folder();
    let (private, public) = (key("p256.private.sec1"), key("p256.public"));
    ok(&folder, &module(&["-t", "d", "-k", &private]));
    let before = fs::read(folder.path().join("app.mender")).unwrap();
    assert!(fails(&folder, 2, &["modify", "-n", "b", "app.mender"]).contains("--unsign"));
    assert_eq!(fs::read(folder.path().join("app.mender")).unwrap(), before);
    ok(&folder, &["modify", "-n", "b", "-k", &private, "-o", "b.mender", "app.mender"]);
    ok(&folder, &["validate", "-k", &public, "b.mender"]);
    ok(&folder, &["modify", "-n", "b", "--unsign", "-o", "c.mender", "app.mender"]);
    assert_eq!(described(&folder, "c.mender")["signature"], json!({"present": false}));
    assert_eq!(described(&folder, "c.mender")["artifact_name"], "b");
}

#[test]
fn payloads_are_compressed_again() {
    let folder = folder();
    for name in ["module-multi", "rootfs-gzip", "rootfs-zstd", "v2-rootfs", "bootstrap"] {
        let file = fixture(&format!("{name}.mender"));
        for kind in ["none", "gzip:9", "lzma", "zstd:19"] {
            ok(&folder, &["modify", "--compression", kind, "-o", "new.mender", &file]);
            let (old, new) = (described(&folder, &file), described(&folder, "new.mender"));
            assert_eq!(new["payloads"][0]["files"], old["payloads"][0]["files"], "{name} {kind}");
            assert_eq!(new["compression"], kind.split(':').next().unwrap());
        }
    }
    let augmented = fixture("module-augmented.mender");
    fails(&folder, 2, &["modify", "--compression", "none", "-o", "x.mender", &augmented]);
}

#[test]
fn what_would_not_be_valid_is_not_written() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d"]));
    let before = fs::read(folder.path().join("app.mender")).unwrap();
    fs::write(folder.path().join("bad.json"), "[]").unwrap();
    for args in
        [&["-n", ""][..], &["-p", "artifact_name:x"], &["-m", "bad.json"], &["--clears-provides", "a\\"]]
    {
        fails(&folder, 2, &[&["modify"], args, &["app.mender"]].concat());
        assert_eq!(fs::read(folder.path().join("app.mender")).unwrap(), before);
    }
    fails(&folder, 1, &["modify", "-n", "x", "app.bin"]);
    fails(&folder, 2, &["modify", "-g", "x", "-o", "x.mender", &fixture("v2-rootfs.mender")]);
}
