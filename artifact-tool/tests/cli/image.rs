//! `cat`, `cp`, `install`, `rm` and the settings of `modify`, on real file systems.
//!
//! They need e2fsprogs; without it they have nothing to do, except where peers are required: there they fail.

use std::fs;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::{command, described, fails, fed, files, fixture, folder, key, ok};

/// A folder with an artifact around an ext4 file system and with that file system itself; nothing without e2fsprogs.
fn image() -> Option<TempDir> {
    let is_there = ["debugfs", "/usr/sbin/debugfs", "/sbin/debugfs"]
        .iter()
        .any(|program| Command::new(program).arg("-V").output().is_ok());
    if !is_there {
        let is_required = std::env::var_os("SEALIFT_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!is_required, "debugfs is not installed");
        return None;
    }
    let folder = folder();
    fs::copy(fixture("rootfs-ext4-gzip.mender"), folder.path().join("system.mender")).unwrap();
    ok(&folder, &["dump", "--files", ".", "system.mender"]);
    fs::rename(folder.path().join("ext4.img"), folder.path().join("plain.img")).unwrap();
    Some(folder)
}

#[test]
fn files_are_put_in_taken_out_and_removed() {
    let Some(folder) = image() else { return };
    for image in ["system.mender", "plain.img"] {
        let at = |path: &str| format!("{image}:{path}");
        assert_eq!(ok(&folder, &["cat", &at("/etc/mender/artifact_info")]), "artifact_name=rootfs-ext4-1.0");
        fs::write(folder.path().join("hosts"), "127.0.0.1 localhost\n").unwrap();
        ok(&folder, &["cp", "hosts", &at("/etc/hosts")]);
        ok(&folder, &["cp", "hosts", &at("/etc/mender/")]);
        ok(&folder, &["cp", "hosts", &at("/etc/mender")]);
        ok(&folder, &["cp", &at("/etc/mender/hosts"), "out"]);
        assert_eq!(fs::read(folder.path().join("out")).unwrap(), b"127.0.0.1 localhost\n");
        let piped = fed(&folder, &["copy", "-", &at("/etc/hosts")], b"from a pipe");
        assert!(piped.status.success(), "{piped:?}");
        assert_eq!(ok(&folder, &["cat", &at("/etc/hosts")]), "from a pipe");

        ok(&folder, &["install", "-d", &at("/opt")]);
        ok(&folder, &["install", "-d", "-m", "0700", &at("/opt/a b")]);
        ok(&folder, &["install", "-m", "755", "app.bin", &at("/opt/a b/app")]);
        ok(&folder, &["install", "-m", "4711", "app.bin", &at("/opt/app")]);
        fails(&folder, 1, &["rm", &at("/opt")]);
        ok(&folder, &["rm", "-r", &at("/opt")]);
        fails(&folder, 1, &["rm", "-r", &at("/opt")]);
        ok(&folder, &["rm", &at("/etc/hosts")]);
        fails(&folder, 1, &["cat", &at("/etc/hosts")]);
        fails(&folder, 1, &["cat", &at("/etc")]);
        fails(&folder, 1, &["cp", "hosts", &at("/no/such/folder")]);
        fails(&folder, 2, &["rm", "-r", &at("/")]);
        fails(&folder, 2, &["cp", "hosts", "out"]);
        fails(&folder, 3, &["cp", "missing", &at("/etc/hosts")]);
    }
    ok(&folder, &["validate", "system.mender"]);
    let here = files(folder.path());
    assert_eq!(here, ["app.bin", "hosts", "out", "plain.img", "system.mender"], "no temporary file stays");
}

#[test]
fn modes_are_octal() {
    let Some(folder) = image() else { return };
    ok(&folder, &["install", "-m", "755", "app.bin", "plain.img:/etc/one"]);
    ok(&folder, &["install", "-m", "0640", "app.bin", "plain.img:/etc/two"]);
    let debugfs = |path: &str| {
        let program =
            ["/usr/sbin/debugfs", "/sbin/debugfs"].into_iter().find(|path| fs::exists(path).unwrap());
        let request = format!("stat {path}");
        let image = folder.path().join("plain.img");
        let output =
            Command::new(program.unwrap_or("debugfs")).args(["-R", &request]).arg(image).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(debugfs("/etc/one").contains("Mode:  0755"));
    assert!(debugfs("/etc/two").contains("Mode:  0640"));
    fails(&folder, 2, &["install", "-m", "789", "app.bin", "plain.img:/etc/three"]);
}

#[test]
fn a_change_is_in_the_checksum_and_voids_the_signature() {
    let Some(folder) = image() else { return };
    let (private, public) = (key("rsa3072.private.pkcs1"), key("rsa3072.public"));
    let old = described(&folder, "system.mender");
    ok(&folder, &["sign", "-k", &private, "system.mender"]);
    assert!(fails(&folder, 2, &["rm", "system.mender:/etc/hostname"]).contains("--unsign"));
    ok(&folder, &["rm", "-k", &private, "system.mender:/etc/hostname"]);
    ok(&folder, &["validate", "-k", &public, "system.mender"]);
    let new = described(&folder, "system.mender");
    let checksum = |artifact: &serde_json::Value| {
        let payload = &artifact["payloads"][0];
        let digest = payload["files"][0]["sha256"].clone();
        assert_eq!(payload["type_info"]["artifact_provides"]["rootfs-image.checksum"], digest);
        digest
    };
    assert_ne!(checksum(&old), checksum(&new));
    ok(&folder, &["install", "--unsign", "--compression", "zstd", "app.bin", "system.mender:/etc/app"]);
    let unsigned = described(&folder, "system.mender");
    assert_eq!(unsigned["signature"], json!({"present": false}));
    assert_eq!(unsigned["compression"], "zstd");
}

#[test]
fn settings_of_the_client_are_changed_in_the_image() {
    let Some(folder) = image() else { return };
    fs::write(folder.path().join("ca.crt"), "a certificate").unwrap();
    fs::write(folder.path().join("token"), "the token\n").unwrap();
    let public = key("p256.public");
    let settings =
        ["-u", "https://ota.example.com", "-c", "ca.crt", "-v", &public, "-t", "token", "-n", "rootfs-2.0"];
    for image in ["system.mender", "plain.img"] {
        ok(&folder, &[&["modify"], &settings[..], &[image]].concat());
        let cat = |path: &str| ok(&folder, &["cat", &format!("{image}:{path}")]);
        let configuration: serde_json::Value = serde_json::from_str(&cat("/etc/mender/mender.conf")).unwrap();
        assert_eq!(configuration["ServerURL"], "https://ota.example.com");
        assert_eq!(configuration["TenantToken"], "the token");
        assert_eq!(cat(configuration["ServerCertificate"].as_str().unwrap()), "a certificate");
        assert_eq!(
            cat(configuration["ArtifactVerifyKey"].as_str().unwrap()),
            fs::read_to_string(&public).unwrap()
        );
        assert_eq!(cat("/etc/mender/artifact_info"), "artifact_name=rootfs-2.0\n");
    }
    let artifact = described(&folder, "system.mender");
    assert_eq!(artifact["artifact_name"], "rootfs-2.0");
    assert_eq!(artifact["payloads"][0]["effective_provides"]["rootfs-image.version"], "rootfs-2.0");
    fails(&folder, 2, &["modify", "-g", "x", "plain.img"]);
}

#[test]
fn other_payloads_are_refused() {
    let Some(folder) = image() else { return };
    fs::write(folder.path().join("empty.img"), "").unwrap();
    for name in ["rootfs-gzip", "module-multi", "bootstrap"] {
        fs::copy(fixture(&format!("{name}.mender")), folder.path().join("x.mender")).unwrap();
        let before = fs::read(folder.path().join("x.mender")).unwrap();
        fails(&folder, 2, &["cat", "x.mender:/etc/passwd"]);
        fails(&folder, 2, &["rm", "x.mender:/etc/passwd"]);
        assert_eq!(fs::read(folder.path().join("x.mender")).unwrap(), before);
    }
    assert!(fails(&folder, 2, &["cat", "empty.img:/x"]).contains("ext4"));
    fails(&folder, 3, &["cat", "missing.img:/x"]);
    // An image that is full stays as it was.
    let before = fs::read(folder.path().join("plain.img")).unwrap();
    fs::write(folder.path().join("large"), vec![1; 2_000_000]).unwrap();
    fails(&folder, 1, &["cp", "large", "plain.img:/etc/large"]);
    assert_eq!(fs::read(folder.path().join("plain.img")).unwrap(), before);
}

#[test]
fn a_missing_program_is_named() {
    let folder = folder();
    fs::copy(fixture("rootfs-ext4-gzip.mender"), folder.path().join("system.mender")).unwrap();
    if ["/usr/sbin/debugfs", "/sbin/debugfs"].iter().any(|path| fs::exists(path).unwrap()) {
        // It is found there whatever PATH says, for users whose PATH lacks root's folders.
        let output =
            command(&folder, &["cat", "system.mender:/etc/hostname"]).env("PATH", "/nowhere").output();
        assert!(output.unwrap().status.success());
    } else {
        assert!(fails(&folder, 3, &["cat", "system.mender:/etc/hostname"]).contains("e2fsprogs"));
    }
}
