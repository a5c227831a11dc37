//! Truncation and changed bits, everywhere.

use std::fs;

use artifact::read::{ReadError, ReadOptions, read};
use artifact::{Rule, VerifyingKey};

use crate::{refused, refused_with};
use hostile_artifacts::sample::Sample;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn truncation_anywhere() {
    for suffix in ["", ".gz", ".xz", ".zst"] {
        let bytes = Sample { suffix, ..Sample::new() }.bytes();
        for length in 0..bytes.len() {
            refused!(bytes[..length], Rule::Truncated);
        }
    }
}

#[test]
fn truncation_of_a_signed_sample() {
    let key =
        VerifyingKey::from_pem(&String::from_utf8(fixture("keys/rsa3072.public.pem")).unwrap()).unwrap();
    let options = ReadOptions { keys: vec![key], ..ReadOptions::default() };
    let bytes = fixture("signed-rsa3072.mender");
    read(bytes.as_slice(), &options).unwrap();
    for length in (0..bytes.len()).step_by(37) {
        refused_with!(bytes[..length], options, Rule::Truncated);
    }
}

/// Whatever bit is changed, the artifact is refused, or nothing that matters was changed: fields of tar headers
/// that mean nothing here, and compressed forms of the same contents.
#[test]
fn no_changed_bit_changes_the_meaning() {
    let key = VerifyingKey::from_pem(&String::from_utf8(fixture("keys/p256.public.pem")).unwrap()).unwrap();
    let options = ReadOptions { keys: vec![key], ..ReadOptions::default() };
    let bytes = fixture("signed-p256.mender");
    let good = read(bytes.as_slice(), &options).unwrap();
    let mut accepted = Vec::new();
    for position in (0..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[position] ^= 1 << (position % 8);
        match read(changed.as_slice(), &options) {
            Err(ReadError::Refused(_)) => {}
            Err(other) => panic!("{position}: {other}"),
            Ok(artifact) => {
                assert_eq!(artifact.header, good.header, "{position}");
                assert_eq!(artifact.files, good.files, "{position}");
                accepted.push(position);
            }
        }
    }
    // The checksum of a tar header covers all of it but its own spelling; gzip has fields and bits that mean nothing.
    let data = good.members.last().unwrap();
    for position in accepted {
        let position = u64::try_from(position).unwrap();
        let is_checksum =
            |member: &artifact::Member| (148..156).contains(&position.wrapping_sub(member.start));
        let is_compressed_data = (data.start + 512..data.end).contains(&position);
        assert!(is_compressed_data || good.members.iter().any(is_checksum), "{position}");
    }
}
