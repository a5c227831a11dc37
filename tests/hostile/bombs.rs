//! Uploads that are small and would become large, or never end. Each is refused at little cost, and nothing
//! of it stays behind.

use std::fs;

use harness::binaries::artifact_tool;
use harness::process::run_ok;
use harness::{ServerSetup, TestServer};
use libtest_mimic::Trial;

use crate::refusal::{assert_empty, refused};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        zeros_are_refused_by_their_claim,
        archives_that_lie_are_refused_at_once,
        entries_without_end_are_refused_at_the_first,
    ]
}

const VERSION: &[u8] = br#"{"format":"mender","version":3}"#;

/// An artifact of zeros, written by our own tool from a file that takes no room.
#[track_caller]
fn zeros(server: &TestServer, size: u64, compression: &str) -> Vec<u8> {
    let (plain, path) = (server.scratch().join("zeros"), server.scratch().join("zeros.mender"));
    fs::File::create(&plain).and_then(|file| file.set_len(size)).expect("a sparse file");
    run_ok(
        artifact_tool()
            .args([
                "write",
                "module-image",
                "-T",
                "e2e",
                "-t",
                "bomb",
                "-n",
                "zeros",
                "--compression",
                compression,
                "-f",
            ])
            .arg(&plain)
            .arg("-o")
            .arg(&path),
    );
    fs::read(&path).expect("the artifact is readable")
}

fn zeros_are_refused_by_their_claim() {
    let server = ServerSetup::default().start();
    refused(&server, "2 GiB of zeros", &zeros(&server, 2 << 30, "zstd_fastest"));
    assert_empty(&server);
}

/// A tar header with a correct sum, and the contents with their padding.
fn entry(name: &str, kind: u8, size_field: &[u8], contents: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(124, size_field);
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(contents);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, contents: &[u8]) -> Vec<u8> {
    entry(name, b'0', format!("{:011o}\0", contents.len()).as_bytes(), contents)
}

fn archives_that_lie_are_refused_at_once() {
    let server = ServerSetup::default().start();
    let version = file("version", VERSION);
    let after_version = |rest: Vec<u8>| [version.clone(), rest].concat();
    // 4 GiB in octal, 8 GiB in octal, and all that base 256 can say.
    let sizes: [&[u8]; 4] =
        [b"40000000000\0", b"77777777777\0", &[0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], &[0xff; 12]];
    for size in sizes {
        for name in ["version", "manifest", "header.tar", "header.tar.gz", "data/0000.tar"] {
            let lie = entry(name, b'0', size, &[b'x'; 4096]);
            let bytes = if name == "version" { lie } else { after_version(lie) };
            refused(&server, &format!("{name} of {size:?}"), &bytes);
        }
        for kind in [b'x', b'g', b'L', b'K'] {
            refused(
                &server,
                &format!("an extension {} of {size:?}", char::from(kind)),
                &after_version(entry("x", kind, size, b"")),
            );
        }
    }
    for name in [
        "../version",
        "/etc/passwd",
        "data/../../x",
        "./version",
        "version/",
        "",
        "version\0x",
        "manifest\u{202e}",
    ] {
        refused(&server, &format!("a member {name:?}"), &file(name, VERSION));
        refused(&server, &format!("a second member {name:?}"), &after_version(file(name, b"")));
    }
    // Hard link, symbolic link, device, directory, FIFO, sparse file, continued volume.
    for kind in *b"12345678SMNVD" {
        refused(
            &server,
            &format!("an entry of type {}", char::from(kind)),
            &after_version(entry("manifest", kind, b"00000000000\0", b"")),
        );
    }
    for record in [
        "21 GNU.sparse.size=9\n",
        "29 size=18446744073709551615\n",
        "999999999 path=x\n",
        "20 path=../../etc/x\n",
    ] {
        let pax = entry("x", b'x', format!("{:011o}\0", record.len()).as_bytes(), record.as_bytes());
        refused(&server, &format!("PAX {record:?}"), &after_version([pax, file("manifest", b"")].concat()));
    }
    let inner = [version.clone(), vec![0; 1024]].concat();
    let nested = (0..10).fold(inner, |inner, _| [file("nested.tar", &inner), vec![0; 1024]].concat());
    refused(&server, "a tar in a tar", &nested);
    refused(&server, "nothing but zeros", &vec![0; 4 << 20]);
    refused(&server, "a manifest of 5 MiB", &after_version(file("manifest", &vec![b'a'; 5 << 20])));
    assert_empty(&server);
}

fn entries_without_end_are_refused_at_the_first() {
    let server = ServerSetup::default().start();
    let empty = file("manifest", b"");
    // So few that the answer arrives before the rest is sent: an answer to a sender who does not listen is lost.
    let many = [file("version", VERSION), empty.repeat(8_000)].concat();
    refused(&server, "8,000 members", &many);
    let extension = entry("g", b'g', b"00000000015\0", b"13 comment=x\n");
    refused(
        &server,
        "4,000 extension headers",
        &[file("version", VERSION), extension.repeat(4_000)].concat(),
    );
    assert_empty(&server);
}
