//! Exit statuses of every command: 0 done, 1 the answer is no, 2 wrong use, 3 a file could not be reached.

use std::fs;

use crate::{fixture, key, ok, status};

#[test]
fn each_command_tells_what_went_wrong_by_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("app.bin"), "contents").unwrap();
    fs::write(path("bad.mender"), vec![b'x'; 2048]).unwrap();
    fs::write(path("plain.img"), vec![0; 4096]).unwrap();
    fs::write(path("policy.toml"), "name = \"other-*\"\n").unwrap();
    fs::write(path("bad.toml"), "colour = 1\n").unwrap();
    fs::copy(fixture("module-single.mender"), path("good.mender")).unwrap();
    fs::copy(fixture("signed-p256.mender"), path("signed.mender")).unwrap();
    let (public, private) = (key("p256.public"), key("p256.private.sec1"));
    let other = key("p256-other.public");
    let write = ["write", "module-image", "-n", "a", "-t", "d", "-T", "m"];
    let rows: Vec<(i32, Vec<&str>)> = vec![
        (0, vec![]),
        (0, vec!["--version"]),
        (0, vec!["validate", "--help"]),
        (2, vec!["no-such-command"]),
        (0, [&write[..], &["-f", "app.bin", "-o", "new.mender"]].concat()),
        (1, [&write[..], &["-f", "app.bin", "-o", "new.mender", "--max-artifact-size", "1KB"]].concat()),
        (2, [&write[..], &["-d", "no-colon"]].concat()),
        (2, [&write[..], &["-s", "app.bin"]].concat()),
        (2, [&write[..], &["-k", &public]].concat()),
        (2, [&write[..], &["-v", "1"]].concat()),
        (2, [&write[..], &["--compression", "brotli"]].concat()),
        (2, vec!["write", "module-image", "-t", "d", "-T", "m"]),
        (3, [&write[..], &["-f", "absent.bin"]].concat()),
        (3, [&write[..], &["-o", "absent/new.mender"]].concat()),
        (3, [&write[..], &["-k", "absent.pem"]].concat()),
        (0, vec!["validate", "good.mender"]),
        (0, vec!["validate", "-k", &public, "signed.mender"]),
        (1, vec!["validate", "signed.mender"]),
        (1, vec!["validate", "-k", &other, "signed.mender"]),
        (1, vec!["validate", "-k", &public, "good.mender"]),
        (1, vec!["validate", "bad.mender"]),
        (2, vec!["validate", "-k", "app.bin", "signed.mender"]),
        (2, vec!["validate"]),
        (3, vec!["validate", "-k", "absent.pem", "signed.mender"]),
        (3, vec!["validate", "absent.mender"]),
        (0, vec!["read", "signed.mender"]),
        (1, vec!["read", "-k", &other, "signed.mender"]),
        (1, vec!["read", "bad.mender"]),
        (3, vec!["read", "absent.mender"]),
        (1, vec!["sign", "-k", &private, "signed.mender"]),
        (1, vec!["sign", "-k", &private, "bad.mender"]),
        (2, vec!["sign", "good.mender"]),
        (3, vec!["sign", "--signer-command", "exit 1", "good.mender"]),
        (3, vec!["sign", "-k", &private, "absent.mender"]),
        (0, vec!["sign", "-k", &private, "-o", "out.mender", "good.mender"]),
        (0, vec!["sign", "-f", "-k", &private, "-o", "out.mender", "signed.mender"]),
        (0, vec!["modify", "-n", "b", "-o", "out.mender", "good.mender"]),
        (1, vec!["modify", "-n", "b", "bad.mender"]),
        (2, vec!["modify", "-n", "b", "signed.mender"]),
        (3, vec!["modify", "-n", "b", "absent.mender"]),
        (0, vec!["dump", "--files", "dumped", "good.mender"]),
        (1, vec!["dump", "bad.mender"]),
        (3, vec!["dump", "absent.mender"]),
        (0, vec!["diff", "good.mender", "good.mender"]),
        (1, vec!["diff", "good.mender", "signed.mender"]),
        (1, vec!["diff", "good.mender", "bad.mender"]),
        (3, vec!["diff", "good.mender", "absent.mender"]),
        (0, vec!["inspect", "--device-type", "beaglebone", "good.mender"]),
        (1, vec!["inspect", "--device-type", "toaster", "good.mender"]),
        (1, vec!["inspect", "bad.mender"]),
        (3, vec!["inspect", "absent.mender"]),
        (1, vec!["verify", "--policy", "policy.toml", "good.mender"]),
        (2, vec!["verify", "--policy", "bad.toml", "good.mender"]),
        (3, vec!["verify", "--policy", "absent.toml", "good.mender"]),
        (0, vec!["pubkey", "-k", &private]),
        (2, vec!["pubkey", "-k", &public]),
        (3, vec!["pubkey", "-k", "absent.pem"]),
        (0, vec!["keygen", "--out", "made"]),
        (2, vec!["keygen", "--out", "made"]),
        (2, vec!["keygen", "--type", "dsa", "--out", "made"]),
        (3, vec!["keygen", "--out", "absent/made"]),
        (2, vec!["cat", "good.mender"]),
        (2, vec!["cat", "plain.img:/etc/hosts"]),
        (3, vec!["cat", "absent.img:/etc/hosts"]),
        (2, vec!["cp", "app.bin", "app.bin"]),
        (3, vec!["cp", "app.bin", "absent.img:/app"]),
        (3, vec!["install", "-m", "0644", "app.bin", "absent.img:/app"]),
        (3, vec!["rm", "absent.img:/app"]),
        (0, vec!["completions", "bash"]),
        (2, vec!["completions", "no-shell"]),
    ];
    let wrong: Vec<String> = rows
        .into_iter()
        .map(|(expected, args)| (expected, status(&folder, &args), args))
        .filter(|(expected, found, _)| expected != found)
        .map(|(expected, found, args)| format!("{found} and not {expected}: {}", args.join(" ")))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    ok(&folder, &["validate", "good.mender"]);
}
