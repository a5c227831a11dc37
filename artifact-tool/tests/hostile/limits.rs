//! Limits (artifact format §12).

use artifact::{Limits, ReadOptions, Rule};

use crate::{refused, refused_with};
use hostile_artifacts::sample::{INFO, Sample, entry, file, gzip, tar};

fn limited(limits: Limits) -> ReadOptions {
    ReadOptions { limits, ..ReadOptions::default() }
}

#[test]
fn every_cap_is_kept() {
    let defaults = Limits::default;
    let scripted = Sample::new().insert_header(1, "scripts/ArtifactInstall_Enter_00", "12345678").bytes();
    for limits in [
        Limits { artifact: 4096, ..defaults() },
        Limits { payload: 11, ..defaults() },
        Limits { version: 30, ..defaults() },
        Limits { manifest: 100, ..defaults() },
        Limits { header_compressed: 1024, ..defaults() },
        Limits { header: 2048, ..defaults() },
        Limits { header_info: 20, ..defaults() },
        Limits { type_info: 10, ..defaults() },
        Limits { meta_data: 8, ..defaults() },
        Limits { script: 7, ..defaults() },
    ] {
        refused_with!(scripted, limited(limits), Rule::TooLarge { .. });
    }
    for limits in [
        Limits { manifest_lines: 3, ..defaults() },
        Limits { scripts: 0, ..defaults() },
        Limits { payloads: 0, ..defaults() },
        Limits { files_per_payload: 1, ..defaults() },
    ] {
        refused_with!(scripted, limited(limits), Rule::TooMany { .. });
    }
    refused_with!(scripted, limited(Limits { name: 0, ..defaults() }), Rule::HeaderInfo(_));
    refused_with!(scripted, limited(Limits { json_depth: 2, ..defaults() }), Rule::Json { .. });
}

#[test]
fn oversized_members_are_refused_by_their_claim_alone() {
    let huge = |name: &str| {
        let mut bytes = Vec::new();
        for (member, contents) in Sample::new().members() {
            if member == name {
                let claim =
                    |header: &mut [u8; 512]| hostile_artifacts::sample::put(header, 124, b"77777777777\0");
                bytes.extend(hostile_artifacts::sample::entry_with(name, b'0', b"", claim));
                return bytes;
            }
            bytes.extend(entry(&member, b'0', &contents));
        }
        bytes
    };
    for name in ["version", "manifest", "header.tar"] {
        refused!(huge(name), Rule::TooLarge { .. });
    }
}

#[test]
fn header_bomb() {
    let mut sample = Sample { suffix: ".gz", ..Sample::new() };
    let member = gzip(&vec![0; 80 << 20]);
    assert!(member.len() < 100_000);
    refused!(sample.with_header_member(&member), Rule::TooLarge { .. });
    sample.header[0].1 = INFO.replace(r#""a""#, &format!(r#""{}""#, "a".repeat(2 << 20))).into_bytes();
    refused!(sample.bytes(), Rule::TooLarge { what: "header-info", .. });
}

#[test]
fn zero_tail_bomb() {
    let sample = Sample { suffix: ".gz", ..Sample::new() };
    let bomb = gzip(&[tar(&sample.data[0]), vec![0; 300 << 20]].concat());
    refused!(sample.with_member("data/0000.tar.gz", bomb), Rule::TooLarge { what: "zero tail", .. });
}

#[test]
fn nesting() {
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
    let sample = Sample::new().with_header("headers/0000/meta-data", &deep);
    refused!(sample.bytes(), Rule::Json { .. });
    let deepest = "[".repeat(500_000);
    refused!(
        Sample::new().with_header("headers/0000/meta-data", &format!("{{\"a\":{deepest}")).bytes(),
        Rule::Json { .. }
    );
}

#[test]
fn tar_extension_header() {
    let long = format!("65564 comment={}\n", "x".repeat(65_536));
    let mut members: Vec<u8> = entry("PaxHeaders", b'x', long.as_bytes());
    members.extend(tar(&[file("version", "")]));
    refused!(members, Rule::TooLarge { what: "tar extension header", .. });
}

#[test]
fn xz_dictionary_larger_than_memory_allows() {
    let sample = Sample { suffix: ".xz", ..Sample::new() };
    let limits = Limits { xz_memory: 1 << 20, ..Limits::default() };
    refused_with!(sample.bytes(), limited(limits), Rule::Corrupt { .. });
}

#[test]
fn what_becomes_too_large_is_refused() {
    let zeros = vec![file("zeros", &"\0".repeat(1 << 20))];
    // As many headers as one likes, none of which is a file.
    let mut headers: Vec<u8> = entry("g", b'g', b"13 comment=x\n").repeat(1_000);
    headers.extend([0; 1024]);
    for suffix in [".gz", ".xz", ".zst"] {
        let sample = Sample { suffix, data: vec![zeros.clone()], ..Sample::new() };
        let bytes = sample.bytes();
        let limits = |payload_unasked| Limits { payload_expansion: 2, payload_unasked, ..Limits::default() };
        crate::verdict(&bytes).unwrap();
        refused_with!(bytes, limited(limits(1 << 19)), Rule::TooLarge { what: "decompressed payload", .. });
        artifact::read::read(&bytes[..], &limited(limits((1 << 20) + 4096))).unwrap();
    }
    let sample = Sample { suffix: ".gz", ..Sample::new() };
    let flood = sample.with_member("data/0000.tar.gz", gzip(&headers));
    let limits = Limits { payload_unasked: 1 << 18, tar_extensions: usize::MAX, ..Limits::default() };
    refused_with!(flood, limited(limits), Rule::TooLarge { what: "decompressed payload", .. });
}
