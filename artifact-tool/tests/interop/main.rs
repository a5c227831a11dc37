//! Interoperation with the original tool and with OpenSSL.
//!
//! A test whose peer program is not installed counts as ignored, and its name says why; with
//! `SEALIFT_REQUIRE_PEERS=1` it fails.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod matrix;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;

const MENDER: &str = "mender-artifact";
const OPENSSL: &str = "openssl";

/// Samples with one payload. Those compressed with zstd are beyond 3.9 until they are compressed otherwise.
const FIXTURES: [&str; 18] = [
    "bootstrap",
    "module-lzma",
    "module-multi",
    "module-none",
    "module-scripts",
    "module-single",
    "module-zstd",
    "rootfs-depends",
    "rootfs-ext4-gzip",
    "rootfs-gzip",
    "rootfs-legacy-checksum",
    "rootfs-lzma",
    "rootfs-no-provides",
    "rootfs-none",
    "rootfs-scripts",
    "rootfs-zstd",
    "signed-rootfs-p256-lzma",
    "v2-rootfs-signed-scripts",
];

type Runner = fn() -> Result<(), Failed>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for cell in matrix::cells() {
        trials.push(trial(cell.name(), MENDER, move || cell.run()));
    }
    for kind in ["module-image", "rootfs-image"] {
        let name = format!("ours_{kind}_is_described_there");
        trials.push(trial(name, MENDER, move || ours_is_described_there(kind)));
    }
    for name in FIXTURES {
        trials.push(trial(
            format!("fixture_{name}_recompressed_and_signed_here_is_valid_there"),
            MENDER,
            move || rewritten_is_valid_there(name),
        ));
    }
    let others: [(&str, Runner); 6] = [
        ("generated_keys_work_there", generated_keys_work_there),
        ("descriptions_are_the_same", descriptions_are_the_same),
        ("bootstrap_artifacts_are_valid_there", bootstrap_is_valid_there),
        ("format_version_2_is_valid_there", version_2_is_valid_there),
        ("unsigned_additions_are_valid_there", additions_are_valid_there),
        ("dumped_there_is_written_here", dumped_there_is_written_here),
    ];
    for (name, runner) in others {
        trials.push(trial(name.to_owned(), MENDER, runner));
    }
    for key in ["rsa3072", "p256", "ed25519"] {
        let name = format!("openssl_verifies_signatures_of_{key}");
        trials.push(trial(name, OPENSSL, move || openssl_verifies(key)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(
    name: String,
    peer: &'static str,
    runner: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let is_installed = Command::new(peer).arg("version").output().is_ok();
    let is_required = std::env::var_os("SEALIFT_REQUIRE_PEERS").is_some_and(|value| value == "1");
    match (is_installed, is_required) {
        (true, _) => Trial::test(name, runner),
        (false, true) => Trial::test(name, move || Err(format!("{peer} is not installed").into())),
        (false, false) => {
            Trial::test(format!("{name} (skipped: {peer} is not installed)"), runner).with_ignored_flag(true)
        }
    }
}

/// A folder with inputs: an image, two files, a script, meta-data.
fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: &[u8]| fs::write(folder.path().join(name), contents).unwrap();
    let image: Vec<u8> = (0..300_000_u32).flat_map(|index| (index / 7).to_le_bytes()).collect();
    write("rootfs.img", &image);
    write("app.bin", &image[..20_000]);
    write("empty.txt", b"");
    write("meta.json", br#"{"dest":"/opt/app","list":["a","b"]}"#);
    write("ArtifactInstall_Enter_00", b"#!/bin/sh\nexit 0\n");
    write("ArtifactCommit_Leave_10_x", b"#!/bin/sh\nexit 0\n");
    folder
}

fn key(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys").join(name);
    path.to_str().unwrap().to_owned()
}

fn private_key(kind: &str) -> String {
    key(match kind {
        "rsa3072" => "rsa3072.private.pkcs1.pem",
        "p256" => "p256.private.sec1.pem",
        _ => "ed25519.private.pkcs8.pem",
    })
}

fn public_key(kind: &str) -> String {
    key(&format!("{kind}.public.pem"))
}

/// Runs a program; its output, or an error with all it said.
fn run(program: &str, folder: &Path, args: &[&str]) -> Result<String, Failed> {
    let output = Command::new(program).current_dir(folder).args(args).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout) + &text(&output.stderr));
    }
    Err(format!("{program} {args:?}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
        .into())
}

fn ours(folder: &Path, args: &[&str]) -> Result<String, Failed> {
    run(env!("CARGO_BIN_EXE_artifact-tool"), folder, args)
}

fn theirs(folder: &Path, args: &[&str]) -> Result<String, Failed> {
    run(MENDER, folder, args)
}

fn validate_there(folder: &Path, file: &str, key: &str) -> Result<(), Failed> {
    let output = match key {
        "none" => theirs(folder, &["validate", file])?,
        key => theirs(folder, &["validate", "-k", &public_key(key), file])?,
    };
    // It says success for some failures, so the words count as well.
    if output.contains("validated successfully") { Ok(()) } else { Err(output.into()) }
}

fn write_args<'a>(kind: &'a str, file: &'a str) -> Vec<&'a str> {
    let mut args = vec!["write", kind, "-n", "rel-1.0", "-t", "beaglebone", "-t", "qemu", "-o", file];
    args.extend([
        "-s",
        "ArtifactInstall_Enter_00",
        "-s",
        "ArtifactCommit_Leave_10_x",
        "-N",
        "rel-0.9",
        "-G",
        "alpha",
    ]);
    args.extend([
        "-g",
        "beta",
        "-d",
        "site:north:1",
        "-p",
        "vendor.build:4711",
        "--clears-provides",
        "old.*",
    ]);
    match kind {
        "module-image" => {
            args.extend(["-T", "dir-tree", "-f", "app.bin", "-f", "empty.txt", "-m", "meta.json"]);
            args.extend(["--software-name", "app", "--software-version", "3"]);
        }
        _ => args.extend(["-f", "rootfs.img"]),
    }
    args
}

fn ours_is_described_there(kind: &str) -> Result<(), Failed> {
    let folder = workspace();
    ours(folder.path(), &[&write_args(kind, "a.mender")[..], &["--compression", "gzip:9"]].concat())?;
    validate_there(folder.path(), "a.mender", "none")?;
    let description = theirs(folder.path(), &["read", "a.mender"])?;
    for expected in ["Name: rel-1.0", "beaglebone qemu", "ArtifactCommit_Leave_10_x", "site: north:1"] {
        if !description.contains(expected) {
            return Err(format!("{expected:?} is missing in\n{description}").into());
        }
    }
    Ok(())
}

/// Every compression and kind of key that both tools have, over one sample.
fn rewritten_is_valid_there(name: &str) -> Result<(), Failed> {
    let folder = workspace();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.mender"));
    let sample = sample.to_str().unwrap();
    for compression in ["none", "gzip", "lzma"] {
        let modify = ["modify", "--compression", compression, "-o", "r.mender", sample];
        ours(folder.path(), &[&modify[..], &["--unsign"]].concat())?;
        validate_there(folder.path(), "r.mender", "none")?;
        for key in ["rsa3072", "p256"] {
            let private = private_key(key);
            ours(folder.path(), &[&modify[..], &["-k", &private]].concat())?;
            validate_there(folder.path(), "r.mender", key)?;
            theirs(folder.path(), &["sign", "-f", "-k", &private, "r.mender"])?;
            ours(folder.path(), &["validate", "-k", &public_key(key), "r.mender"])?;
        }
    }
    Ok(())
}

fn bootstrap_is_valid_there() -> Result<(), Failed> {
    let folder = workspace();
    let args = [
        "write",
        "bootstrap-artifact",
        "-n",
        "b",
        "-t",
        "d",
        "-g",
        "g",
        "-N",
        "n",
        "-d",
        "k:v",
        "-p",
        "a:b:c",
    ];
    for key in ["none", "rsa3072", "p256"] {
        for compression in ["none", "gzip", "lzma"] {
            let private = private_key(key);
            let mut args = [&args[..], &["--compression", compression, "-o", "b.mender"]].concat();
            if key != "none" {
                args.extend(["-k", &private]);
            }
            ours(folder.path(), &args)?;
            validate_there(folder.path(), "b.mender", key)?;
        }
    }
    let text = theirs(folder.path(), &["read", "b.mender"])?;
    if text.contains("Empty type") && text.contains("a: b:c") { Ok(()) } else { Err(text.into()) }
}

fn version_2_is_valid_there() -> Result<(), Failed> {
    let folder = workspace();
    let args = ["write", "rootfs-image", "-v", "2", "-n", "n", "-t", "d", "-f", "rootfs.img"];
    let more = ["-s", "ArtifactInstall_Enter_00", "-o", "v2.mender"];
    for key in ["none", "rsa3072", "p256"] {
        let private = private_key(key);
        let mut args = [&args[..], &more].concat();
        if key != "none" {
            args.extend(["-k", &private]);
        }
        ours(folder.path(), &args)?;
        validate_there(folder.path(), "v2.mender", key)?;
    }
    let text = theirs(folder.path(), &["read", "v2.mender"])?;
    if text.contains("Version: 2") { Ok(()) } else { Err(text.into()) }
}

/// The same arguments to both tools give the same description by the original.
fn additions_are_valid_there() -> Result<(), Failed> {
    let folder = workspace();
    let args = |file| {
        let mut args =
            vec!["write", "module-image", "-n", "n", "-t", "d", "-T", "m", "-f", "app.bin", "-o", file];
        args.extend(["--augment-type", "m", "--augment-file", "empty.txt", "--augment-provides", "a:1"]);
        args.extend(["--augment-depends", "b:2", "--augment-meta-data", "meta.json"]);
        args
    };
    let private = private_key("p256");
    ours(folder.path(), &[&args("ours.mender")[..], &["-k", &private]].concat())?;
    validate_there(folder.path(), "ours.mender", "p256")?;
    theirs(folder.path(), &[&args("theirs.mender")[..], &["-k", &private]].concat())?;
    let description = |file| -> Result<Vec<String>, Failed> {
        let text = theirs(folder.path(), &["read", file])?;
        let mut lines: Vec<_> =
            text.lines().filter(|line| !line.contains("modified:")).map(str::to_owned).collect();
        lines.sort();
        Ok(lines)
    };
    let (left, right) = (description("ours.mender")?, description("theirs.mender")?);
    if left == right { Ok(()) } else { Err(format!("{left:#?}\n{right:#?}").into()) }
}

/// The arguments that the original prints are ours, too.
fn dumped_there_is_written_here() -> Result<(), Failed> {
    for name in ["module-multi", "module-scripts", "rootfs-depends"] {
        let folder = workspace();
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.mender"));
        let sample = sample.to_str().unwrap();
        let folders = ["--files", "f", "--scripts", "s", "--meta-data", "m"];
        let line = theirs(folder.path(), &[&["dump", sample, "--print0-cmdline"], &folders[..]].concat())?;
        let mut args: Vec<_> = line.split_terminator('\0').collect();
        args.extend(["-o", "again.mender"]);
        ours(folder.path(), &args)?;
        validate_there(folder.path(), "again.mender", "none")?;
        let info = |file: &str| ours(folder.path(), &["read", file]);
        let text = |file: &str| -> Result<String, Failed> {
            // Times of files are not given on the command line.
            let lines = info(file)?;
            let mut lines: Vec<_> = lines.lines().filter(|line| !line.contains("modified:")).collect();
            lines.sort_unstable(); // their scripts come in random order
            Ok(lines.join("\n"))
        };
        let (old, new) = (text(sample)?, text("again.mender")?);
        if old != new {
            return Err(format!("{name}:\n{old}\n{new}").into());
        }
    }
    Ok(())
}

fn generated_keys_work_there() -> Result<(), Failed> {
    let folder = workspace();
    theirs(folder.path(), &write_args("module-image", "e.mender"))?;
    for kind in ["rsa3072", "p256"] {
        ours(folder.path(), &["keygen", "--type", kind, "--out", kind])?;
        let (private, public) = (format!("{kind}.private.pem"), format!("{kind}.public.pem"));
        theirs(folder.path(), &["sign", "-k", &private, "-o", "signed.mender", "e.mender"])?;
        theirs(folder.path(), &["validate", "-k", &public, "signed.mender"])?;
        ours(folder.path(), &["validate", "-k", &public, "signed.mender"])?;
    }
    Ok(())
}

/// Both tools describe the same file alike, and from the same arguments write files that say the same.
fn descriptions_are_the_same() -> Result<(), Failed> {
    let folder = workspace();
    for kind in ["module-image", "rootfs-image"] {
        ours(folder.path(), &write_args(kind, "ours.mender"))?;
        theirs(folder.path(), &write_args(kind, "theirs.mender"))?;
        let description = |file: &str| {
            let text = theirs(folder.path(), &["read", "--no-progress", file])?;
            let mut lines: Vec<_> =
                text.lines().filter(|line| !line.contains("modified:")).map(str::to_owned).collect();
            lines.sort(); // their scripts and keys come in random order
            Ok::<_, Failed>(lines)
        };
        let (left, right) = (description("ours.mender")?, description("theirs.mender")?);
        if left != right {
            return Err(format!("{kind}:\n{left:#?}\n{right:#?}").into());
        }
        let here = ours(folder.path(), &["read", "ours.mender"])?;
        let here: Vec<_> = here.lines().filter(|line| !line.contains("modified:")).collect();
        if let Some(line) = left.iter().find(|line| line.contains(": ") && !here.contains(&line.as_str())) {
            return Err(format!("{line:?} is not in\n{here:#?}").into());
        }
    }
    Ok(())
}

fn openssl_verifies(kind: &str) -> Result<(), Failed> {
    let folder = workspace();
    let private = private_key(kind);
    let public = public_key(kind);
    let mut args = write_args("module-image", "f.mender");
    args.extend(["-k", &private]);
    ours(folder.path(), &args)?;
    let file = fs::read(folder.path().join("f.mender"))?;
    let artifact = artifact::read::read(file.as_slice(), &artifact::ReadOptions::default())?;
    let member = artifact.members.iter().find(|member| member.name == "manifest").unwrap();
    let start = usize::try_from(member.start)? + 512;
    fs::write(folder.path().join("manifest"), &file[start..start + usize::try_from(member.size)?])?;
    let signature = artifact.header.signature.unwrap().bytes;
    let signature = if kind == "p256" { der_signature(&signature) } else { signature };
    fs::write(folder.path().join("signature"), signature)?;
    let args: &[&str] = match kind {
        "ed25519" => &[
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            &public,
            "-rawin",
            "-in",
            "manifest",
            "-sigfile",
            "signature",
        ],
        _ => &["dgst", "-sha256", "-verify", &public, "-signature", "signature", "manifest"],
    };
    run(OPENSSL, folder.path(), args).map(drop)
}

/// Turns `r ‖ s` into the ASN.1 form that OpenSSL reads (RFC 3279 §2.2.3).
fn der_signature(raw: &[u8]) -> Vec<u8> {
    let integers: Vec<u8> = raw
        .chunks(32)
        .flat_map(|number| {
            let digits = &number[number.iter().position(|byte| *byte != 0).unwrap()..];
            let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
            let length = u8::try_from(digits.len() + sign.len()).unwrap();
            [&[2, length], sign, digits].concat()
        })
        .collect();
    [&[0x30, u8::try_from(integers.len()).unwrap()], integers.as_slice()].concat()
}
