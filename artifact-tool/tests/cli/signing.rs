//! Keys in every form, and signatures that are made elsewhere.

use std::fs;
use std::process::Command;

use crate::{command, fails, folder, key, module, ok};

fn openssl(folder: &tempfile::TempDir, args: &[&str]) -> bool {
    let Ok(output) = Command::new("openssl").current_dir(folder.path()).args(args).output() else {
        assert!(std::env::var_os("SEALIFT_REQUIRE_PEERS").is_none_or(|value| value != "1"), "no openssl");
        return false;
    };
    assert!(output.status.success(), "{args:?}: {output:?}");
    true
}

#[test]
fn encrypted_keys_are_opened_by_their_passphrase() {
    let folder = folder();
    for kind in ["rsa3072", "p256", "ed25519"] {
        let private = key(&format!("{kind}.private.pkcs8"));
        for cipher in
            [&["-v2", "aes-256-cbc"][..], &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"], &["-scrypt"]]
        {
            let convert =
                ["pkcs8", "-topk8", "-in", &private, "-passout", "pass:open sesame", "-out", "e.pem"];
            if !openssl(&folder, &[&convert[..], cipher].concat()) {
                return;
            }
            fs::write(folder.path().join("word"), "open sesame\n").unwrap();
            fs::write(folder.path().join("wrong"), "sesame\n").unwrap();
            ok(&folder, &module(&["-t", "d", "-k", "e.pem", "--passphrase-file", "word"]));
            ok(&folder, &["validate", "-k", &key(&format!("{kind}.public")), "app.mender"]);
            let wrong = module(&["-t", "d", "-k", "e.pem", "--passphrase-file", "wrong"]);
            assert!(fails(&folder, 2, &wrong).contains("passphrase"));
            assert!(fails(&folder, 2, &module(&["-t", "d", "-k", "e.pem"])).contains("--passphrase-file"));
            let by_variable = command(&folder, &["sign", "-f", "-k", "e.pem", "app.mender"])
                .env("SEALIFT_KEY_PASSPHRASE", "open sesame")
                .status()
                .unwrap();
            assert!(by_variable.success());
        }
    }
}

#[test]
fn sizes_of_rsa_are_limited() {
    let folder = folder();
    for (bits, expected) in [("1024", 2), ("2048", 0), ("4096", 0)] {
        if !openssl(&folder, &["genrsa", "-traditional", "-out", "r.pem", bits]) {
            return;
        }
        let output = crate::tool(&folder, &module(&["-t", "d", "-k", "r.pem"]));
        assert_eq!(output.status.code(), Some(expected), "{bits}: {output:?}");
        if expected == 0 {
            fs::write(folder.path().join("r.pub"), ok(&folder, &["pubkey", "-k", "r.pem"])).unwrap();
            ok(&folder, &["validate", "-k", "r.pub", "app.mender"]);
        }
    }
}

#[test]
fn public_keys_come_in_certificates_and_pkcs1_too() {
    let folder = folder();
    for kind in ["rsa3072", "p256"] {
        let private = key(&format!("{kind}.private.pkcs8"));
        ok(&folder, &module(&["-t", "d", "-k", &private]));
        let request =
            ["req", "-x509", "-key", &private, "-subj", "/CN=release", "-days", "1", "-out", "cert.pem"];
        if !openssl(&folder, &request) {
            return;
        }
        ok(&folder, &["validate", "-k", "cert.pem", "app.mender"]);
    }
    openssl(
        &folder,
        &["rsa", "-in", &key("rsa3072.private.pkcs8"), "-RSAPublicKey_out", "-out", "pkcs1.pem"],
    );
    ok(&folder, &module(&["-t", "d", "-k", &key("rsa3072.private.pkcs8")]));
    ok(&folder, &["validate", "-k", "pkcs1.pem", "app.mender"]);
    fails(&folder, 1, &["validate", "-k", "cert.pem", "app.mender"]);
}

#[test]
fn the_old_encryption_of_keys_is_named() {
    let folder = folder();
    let private = key("rsa3072.private.pkcs8");
    let convert =
        ["rsa", "-in", &private, "-traditional", "-aes256", "-passout", "pass:x", "-out", "old.pem"];
    if openssl(&folder, &convert) {
        assert!(fails(&folder, 2, &module(&["-t", "d", "-k", "old.pem"])).contains("pkcs8 -topk8"));
    }
}

#[test]
fn public_halves_are_printed() {
    let folder = folder();
    for kind in ["rsa3072", "p256", "ed25519"] {
        let printed = ok(&folder, &["pubkey", "-k", &key(&format!("{kind}.private.pkcs8"))]);
        assert_eq!(printed, fs::read_to_string(key(&format!("{kind}.public"))).unwrap());
    }
    let json = ok(&folder, &["pubkey", "--json", "-k", &key("p256.private.sec1")]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["algorithm"], "ecdsa-p256-sha256-raw-rs");
    assert_eq!(json["fingerprint"].as_str().unwrap().len(), 64);
}

#[test]
fn a_signature_made_elsewhere_is_attached() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d"]));
    let manifest = crate::tool(&folder, &["sign", "--print-manifest", "app.mender"]);
    fs::write(folder.path().join("manifest"), &manifest.stdout).unwrap();
    for kind in ["rsa3072", "p256"] {
        let (private, public) = (key(&format!("{kind}.private.pkcs8")), key(&format!("{kind}.public")));
        if !openssl(&folder, &["dgst", "-sha256", "-sign", &private, "-out", "sig", "manifest"]) {
            return;
        }
        let other = key(&format!("{kind}-other.public"));
        let attach = ["sign", "--signature", "sig", "-o", "signed.mender"];
        ok(&folder, &[&attach[..], &["--verify-key", &public, "app.mender"]].concat());
        ok(&folder, &["validate", "-k", &public, "signed.mender"]);
        fails(&folder, 1, &[&attach[..], &["--verify-key", &other, "app.mender"]].concat());
        ok(&folder, &["validate", "-k", &public, "signed.mender"]);
    }
    fs::write(folder.path().join("empty"), "").unwrap();
    fails(&folder, 2, &["sign", "--signature", "empty", "app.mender"]);
    fails(&folder, 2, &["sign", "app.mender"]);
    fails(&folder, 2, &["sign", "--signature", "sig", "-k", &key("p256.private.sec1"), "app.mender"]);
}

#[test]
fn a_program_signs() {
    let folder = folder();
    let (private, public) = (key("p256.private.pkcs8"), key("p256.public"));
    if !openssl(&folder, &["version"]) {
        return;
    }
    let signer = format!("openssl dgst -sha256 -sign '{private}'");
    ok(&folder, &module(&["-t", "d", "--signer-command", &signer, "--verify-key", &public]));
    ok(&folder, &["validate", "-k", &public, "app.mender"]);
    ok(&folder, &["sign", "-f", "--signer-command", &signer, "app.mender"]);
    ok(&folder, &["validate", "-k", &public, "app.mender"]);
    let before = fs::read(folder.path().join("app.mender")).unwrap();
    for (command, status, words) in [
        ("exit 3", 3, "exit status: 3"),
        ("true", 3, "printed nothing"),
        ("no-such-program-anywhere", 3, "127"),
        // It does not read its input.
        ("exec <&-; echo x; exit 1", 3, "exit status: 1"),
    ] {
        let message = fails(&folder, status, &["sign", "-f", "--signer-command", command, "app.mender"]);
        assert!(message.contains(words), "{command}: {message}");
    }
    let wrong = ["sign", "-f", "--signer-command", "echo nonsense", "--verify-key", &public, "app.mender"];
    assert!(fails(&folder, 1, &wrong).contains("does not fit"));
    assert_eq!(fs::read(folder.path().join("app.mender")).unwrap(), before);
}

#[test]
fn signed_artifacts_can_be_required() {
    let folder = folder();
    ok(&folder, &module(&["-t", "d"]));
    ok(&folder, &["validate", "app.mender"]);
    assert!(fails(&folder, 1, &["validate", "--require-signature", "app.mender"]).contains("not signed"));
    let json = crate::tool(&folder, &["validate", "--require-signature", "--json", "app.mender"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["errors"].as_array().unwrap().len(), 1);
    ok(&folder, &["sign", "-k", &key("p256.private.sec1"), "app.mender"]);
    let (right, wrong) = (key("p256.public"), key("rsa3072.public"));
    let several = ["validate", "--require-signature", "--json", "-k", &wrong, "-k", &right, "app.mender"];
    let json: serde_json::Value = serde_json::from_str(&ok(&folder, &several)).unwrap();
    assert_eq!(json["verified_by"], *right);
}

#[test]
fn signing_changes_nothing_but_the_signature() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let read = |name: &str| fs::read(path(name)).unwrap();
    // Zeros at every end: of the file, of a buffer, of all there is.
    let contents: [Vec<u8>; 5] = [
        Vec::new(),
        vec![0; 200_000],
        [vec![7; 65_536], vec![0; 65_536], vec![7; 512]].concat(),
        [vec![0; 70_000], vec![1]].concat(),
        (0..300_000_u32).map(|index| u8::try_from(index / 7 % 256).unwrap()).collect(),
    ];
    let (private, other) = (key("p256.private.sec1"), key("rsa3072.private.pkcs1"));
    for (index, contents) in contents.iter().enumerate() {
        fs::write(path("app.bin"), contents).unwrap();
        for compression in ["none", "gzip", "lzma:0", "zstd"] {
            let write = module(&["-t", "d", "--compression", compression]);
            ok(&folder, &[&write[..], &["-k", &private]].concat());
            let expected = read("app.mender");
            ok(&folder, &write);
            // What follows the end is not copied.
            fs::write(path("tail.mender"), [read("app.mender"), vec![0; 100 * 512]].concat()).unwrap();
            for input in ["app.mender", "tail.mender"] {
                ok(&folder, &["sign", "-k", &private, "-o", "signed.mender", input]);
                assert!(read("signed.mender") == expected, "{index} {compression} {input}");
                // Another signature and back again.
                ok(&folder, &["sign", "-f", "-k", &other, "signed.mender"]);
                assert!(read("signed.mender") != expected);
                ok(&folder, &["sign", "-f", "-k", &private, "signed.mender"]);
                assert!(read("signed.mender") == expected, "{index} {compression} {input}");
            }
        }
    }
    // Payloads are compared when it is asked for; what is found to be broken at its end leaves what was there.
    let mut broken = read("app.mender");
    let length = broken.len();
    let data = broken.windows(10).position(|window| window == b"data/0000.").unwrap();
    broken[data + 512 + 30] ^= 1;
    fs::write(path("broken.mender"), &broken).unwrap();
    let before = read("signed.mender");
    fails(&folder, 1, &["sign", "--check", "-k", &private, "-o", "signed.mender", "broken.mender"]);
    fails(&folder, 1, &["sign", "--check", "-k", &private, "broken.mender"]);
    ok(&folder, &["sign", "-k", &private, "-o", "unchecked.mender", "broken.mender"]);
    fails(&folder, 1, &["validate", "unchecked.mender"]);
    ok(&folder, &["sign", "-f", "--check", "-k", &private, "signed.mender"]);
    // The form of the whole file is checked always.
    let contents = data + 512;
    for cut in [
        contents,
        contents + 1,
        usize::midpoint(contents, length),
        length - 2000,
        length - 1024,
        length - 512,
    ] {
        fs::write(path("cut.mender"), &broken[..cut]).unwrap();
        fails(&folder, 1, &["sign", "-k", &private, "-o", "signed.mender", "cut.mender"]);
    }
    fs::write(path("longer.mender"), [&broken[..], b"more"].concat()).unwrap();
    fails(&folder, 1, &["sign", "-k", &private, "-o", "signed.mender", "longer.mender"]);
    assert!(read("signed.mender") == before && read("broken.mender") == broken);
}
