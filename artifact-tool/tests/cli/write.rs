//! `write`: every kind, every flag.

use std::fs;

use crate::{described, fails, fed, files, folder, key, module, ok, tool};

#[test]
fn a_bootstrap_artifact_has_an_empty_payload() {
    let folder = folder();
    ok(
        &folder,
        &[
            "write",
            "bootstrap-artifact",
            "-n",
            "boot-1",
            "-c",
            "a",
            "-t",
            "b",
            "-g",
            "beta",
            "-N",
            "old",
            "-G",
            "alpha",
            "-d",
            "site:north:1",
            "-p",
            "rootfs-image.version:v1",
            "--clears-provides",
            "rootfs-image.*",
            "--no-progress",
            "-o",
            "boot.mender",
        ],
    );
    let artifact = described(&folder, "boot.mender");
    assert_eq!(artifact["payloads"][0]["type"], serde_json::Value::Null);
    assert_eq!(artifact["device_types"], serde_json::json!(["a", "b"]));
    let type_info = &artifact["payloads"][0]["type_info"];
    assert_eq!(
        *type_info,
        serde_json::json!({
            "type": null,
            "artifact_depends": {"site": "north:1"},
            "artifact_provides": {"rootfs-image.version": "v1"},
            "clears_artifact_provides": ["rootfs-image.*"],
        })
    );
    assert_eq!(artifact["payloads"][0]["files"], serde_json::json!([]));
    fails(&folder, 2, &["write", "bootstrap-artifact", "-n", "b", "-t", "d", "-v", "2"]);
    fails(&folder, 2, &["write", "bootstrap-artifact", "-n", "b", "-t", "d", "-f", "app.bin"]);
}

#[test]
fn format_version_2_is_for_images_only() {
    let folder = folder();
    let args = ["write", "rootfs-image", "-v", "2", "-n", "n", "-t", "d", "-f", "app.bin", "-o", "v2.mender"];
    let output = tool(&folder, &[&args[..], &["-p", "a:b"]].concat());
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("no place for --provides"));
    let artifact = described(&folder, "v2.mender");
    assert_eq!(artifact["version"], 2);
    let entries = ["header-info", "headers/0000/files", "headers/0000/type-info", "headers/0000/meta-data"];
    assert_eq!(artifact["header_entries"], serde_json::json!(entries));
    assert!(fails(&folder, 2, &module(&["-t", "d", "-v", "2"])).contains("root file system images"));
    assert!(fails(&folder, 2, &module(&["-t", "d", "-v", "1"])).contains("not supported any longer"));
}

#[test]
fn unsigned_additions_are_listed_apart() {
    let folder = folder();
    fs::write(folder.path().join("extra.bin"), "extra").unwrap();
    fs::write(folder.path().join("more.json"), r#"{"retries":5}"#).unwrap();
    let private = key("p256.private.sec1");
    let augment = [
        "-t",
        "d",
        "--augment-type",
        "single-file",
        "--augment-file",
        "extra.bin",
        "--augment-provides",
        "a:1",
        "--augment-depends",
        "b:2",
        "--augment-meta-data",
        "more.json",
        "-k",
        &private,
    ];
    ok(&folder, &module(&augment));
    let artifact = described(&folder, "app.mender");
    assert_eq!(artifact["manifest_augment"][0][0], "data/0000/extra.bin");
    assert_eq!(artifact["payloads"][0]["files"][1]["augmented"], true);
    assert_eq!(artifact["payloads"][0]["effective_meta_data"]["retries"], 5);
    assert_eq!(artifact["payloads"][0]["effective_depends"]["b"], "2");
    ok(&folder, &["validate", "-k", &key("p256.public"), "app.mender"]);
    assert!(
        fails(&folder, 2, &module(&["-t", "d", "--augment-file", "extra.bin"])).contains("--augment-type")
    );
    let other = ["-t", "d", "--augment-type", "other", "--augment-file", "extra.bin"];
    fails(&folder, 2, &module(&other));
    let twice = ["-t", "d", "--augment-type", "single-file", "--augment-file", "app.bin"];
    fails(&folder, 2, &module(&twice));
}

#[test]
fn artifacts_go_through_pipes() {
    let folder = folder();
    let image = fs::read(folder.path().join("app.bin")).unwrap();
    let before = files(folder.path());
    let args = ["write", "rootfs-image", "-n", "n", "-t", "d", "-f", "-", "-o", "-"];
    let piped = fed(&folder, &args, &image);
    assert!(piped.status.success(), "{piped:?}");
    assert_eq!(files(folder.path()), before, "nothing but standard output was written");
    let checked = fed(&folder, &["validate", "-"], &piped.stdout);
    assert!(checked.status.success(), "{checked:?}");

    fs::write(folder.path().join("rootfs.img"), &image).unwrap();
    ok(&folder, &["write", "rootfs-image", "-n", "n", "-t", "d", "-f", "rootfs.img", "-o", "named.mender"]);
    assert_eq!(fs::read(folder.path().join("named.mender")).unwrap(), piped.stdout);

    let named = fed(
        &folder,
        &[
            "write",
            "module-image",
            "-n",
            "n",
            "-t",
            "d",
            "-T",
            "m",
            "-f",
            "-",
            "--stdin-name",
            "x.tar",
            "-o",
            "x.mender",
        ],
        b"abc",
    );
    assert!(named.status.success());
    assert_eq!(described(&folder, "x.mender")["payloads"][0]["files"][0]["name"], "x.tar");
    // What is refused leaves standard output empty.
    let refused =
        fed(&folder, &["write", "rootfs-image", "-n", "a b", "-t", "d", "-f", "-", "-o", "-"], &image);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty());
}

#[test]
fn sizes_are_limited() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d"]));
    let size = folder.path().join("app.mender").metadata().unwrap().len();
    let before = fs::read(folder.path().join("app.mender")).unwrap();
    ok(&folder, &module(&["-t", "d", "--max-artifact-size", &size.to_string()]));
    let small = module(&["-t", "e", "--max-artifact-size", "1KB"]);
    assert!(fails(&folder, 1, &small).contains("larger than 1000 bytes"));
    assert_eq!(fs::read(folder.path().join("app.mender")).unwrap(), before, "the old one stays");
    let less = (size - 1).to_string();
    fails(&folder, 1, &module(&["-t", "d", "--max-artifact-size", &less]));
    let warned = tool(&folder, &module(&["-t", "d", "--warn-artifact-size", "0.5KB"]));
    assert!(warned.status.success());
    assert!(String::from_utf8(warned.stderr).unwrap().starts_with("warning: "));
}

#[test]
fn the_flag_before_the_command_is_weaker() {
    let folder = folder();
    let compression = |args: &[&str]| {
        ok(&folder, args);
        described(&folder, "app.mender")["compression"].as_str().unwrap().to_owned()
    };
    let common = module(&["-t", "d"]);
    assert_eq!(compression(&common), "gzip");
    assert_eq!(compression(&[&["--compression", "lzma"], common.as_slice()].concat()), "lzma");
    let both = [&["--compression", "lzma"], common.as_slice(), &["--compression", "none"]].concat();
    assert_eq!(compression(&both), "none");
}

#[test]
fn the_version_is_recorded_once() {
    let folder = folder();
    let provides = |more: &[&str]| {
        ok(&folder, &module(&[&["-t", "d"], more].concat()));
        described(&folder, "app.mender")["payloads"][0]["type_info"]["artifact_provides"].clone()
    };
    let key = "rootfs-image.single-file.version";
    assert_eq!(provides(&[])[key], "app-1.0");
    assert_eq!(provides(&["-p", "rootfs-image.single-file.version:2"])[key], "2");
    assert_eq!(provides(&["--software-version", "3"])[key], "3");
    assert_eq!(
        provides(&["--software-filesystem", "data", "--software-name", "x"])["data.x.version"],
        "app-1.0"
    );
    assert_eq!(provides(&["--no-default-software-version"]), serde_json::Value::Null);
    let both = ["-t", "d", "-p", "rootfs-image.single-file.version:2", "--software-version", "3"];
    assert!(fails(&folder, 2, &module(&both)).contains("two values"));
}

#[test]
fn every_compression_and_number_of_jobs_gives_the_same_contents() {
    let folder = folder();
    let image: Vec<u8> = (0..700_000_u32).flat_map(|index| (index / 3).to_le_bytes()).collect();
    fs::write(folder.path().join("app.bin"), image).unwrap();
    let kinds = [
        "none",
        "gzip",
        "gzip:1",
        "gzip:9",
        "lzma",
        "lzma:0",
        "xz:3",
        "zstd",
        "zstd:1",
        "zstd:19",
        "zstd_fastest",
        "zstd_fast",
        "zstd_better",
        "zstd_best",
    ];
    let mut digests = Vec::new();
    for kind in kinds {
        let bytes = |jobs: &str| {
            ok(&folder, &module(&["-t", "d", "--compression", kind, "--jobs", jobs, "--tmp", "."]));
            fs::read(folder.path().join("app.mender")).unwrap()
        };
        assert_eq!(bytes("1"), bytes("4"), "{kind}");
        digests.push(described(&folder, "app.mender")["payloads"][0]["files"][0]["sha256"].clone());
    }
    assert!(digests.iter().all(|digest| digest == &digests[0]));
    assert_eq!(files(folder.path()), ["app.bin", "app.mender"], "no temporary file stays");
}

#[test]
fn a_compressed_image_is_warned_of() {
    let folder = folder();
    fs::write(folder.path().join("x.gz"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]).unwrap();
    let output = tool(&folder, &["write", "rootfs-image", "-n", "n", "-t", "d", "-f", "x.gz"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("compressed with gzip"));
}

/// A stand-in for ssh that prints its arguments as the image.
#[test]
fn snapshots_come_through_ssh() {
    let folder = folder();
    let ssh = folder.path().join("ssh");
    fs::write(&ssh, "#!/bin/sh\n[ \"$FAIL\" = 1 ] && exit 255\nprintf '%s\\n' \"$@\"\n").unwrap();
    fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let args = [
        "write",
        "rootfs-image",
        "-n",
        "n",
        "-t",
        "d",
        "-f",
        "ssh://root@board:8022",
        "-S",
        "-o Compression=yes",
        "-o",
        "ssh.mender",
    ];
    let output = crate::command(&folder, &args).env("PATH", &path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    ok(&folder, &["dump", "--files", "out", "ssh.mender"]);
    let said = fs::read_to_string(folder.path().join("out/rootfs.img")).unwrap();
    assert!(said.starts_with("-o\nCompression=yes\n-p\n8022\n--\nroot@board\nsh\n-c\n"), "{said}");
    assert!(said.contains("mender-snapshot dump"), "{said}");
    let failed = crate::command(&folder, &args).env("PATH", &path).env("FAIL", "1").output().unwrap();
    assert_eq!(failed.status.code(), Some(3), "{failed:?}");
}

#[test]
fn services_for_keys_are_refused_with_what_to_do() {
    let folder = folder();
    for flag in ["--gcp-kms-key", "--vault-transit-key", "--azure-key", "--keyfactor-signserver-worker"] {
        let message = fails(&folder, 2, &module(&["-t", "d", flag, "x"]));
        assert!(message.contains(flag) && message.contains("--signer-command"), "{message}");
    }
}

#[test]
fn what_was_written_can_be_described_at_once() {
    let folder = folder();
    let said: serde_json::Value =
        serde_json::from_str(&ok(&folder, &module(&["-t", "d", "--json"]))).unwrap();
    assert_eq!(said, described(&folder, "app.mender"));
    assert!(
        fails(&folder, 2, &["write", "bootstrap-artifact", "-n", "b", "-t", "d", "--json", "-o", "-"])
            .contains("both")
    );
}
