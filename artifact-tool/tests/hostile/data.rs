//! Payload files (artifact format §7).

use artifact::Rule;

use crate::{refused, verdict};
use hostile_artifacts::sample::{Sample, entry, file, tar};

fn with_data(raw: &[u8]) -> Vec<u8> {
    Sample::new().with_member("data/0000.tar", raw)
}

/// Puts a raw entry before the end of the data tar.
fn with_entry(raw: &[u8]) -> Vec<u8> {
    let mut data = tar(&Sample::new().data[0]);
    data.truncate(data.len() - 1024);
    data.extend(raw);
    data.extend([0; 1024]);
    with_data(&data)
}

#[test]
fn order_of_files_is_free() {
    let mut files = Sample::new().data[0].clone();
    files.reverse();
    verdict(&with_data(&tar(&files))).unwrap();
}

#[test]
fn special_entries() {
    for kind in *b"1234567S" {
        refused!(with_entry(&entry("x", kind, b"")), Rule::EntryType(_));
    }
}

#[test]
fn unlisted_duplicate_and_missing_files() {
    refused!(with_entry(&entry("x", b'0', b"")), Rule::NotListed(_));
    refused!(with_entry(&entry("app.bin", b'0', b"contents")), Rule::DuplicateFile(_));
    refused!(with_data(&tar(&[file("app.bin", "contents")])), Rule::ListedButMissing(_));
    refused!(with_data(&tar(&[])), Rule::ListedButMissing(_));
}

#[test]
fn names() {
    for name in ["../app.bin", "/app.bin", "./app.bin", "..", "."] {
        refused!(with_entry(&entry(name, b'0', b"")), Rule::Path { .. });
    }
    for name in ["sub/app.bin", "a b", "a:b", "caf\u{e9}"] {
        refused!(with_entry(&entry(name, b'0', b"")), Rule::FileName(_));
    }
}

#[test]
fn contents_that_were_changed() {
    refused!(with_data(&tar(&[file("app.bin", "Contents"), file("app.cfg", "more")])), Rule::Checksum(_));
    refused!(with_data(&tar(&[file("app.bin", "contents "), file("app.cfg", "more")])), Rule::Checksum(_));
    refused!(with_data(&tar(&[file("app.bin", ""), file("app.cfg", "more")])), Rule::Checksum(_));
}

#[test]
fn truncation_and_tails_of_the_inner_tar() {
    let data = tar(&Sample::new().data[0]);
    for length in [0, 100, 511, 512, 515, 1024, data.len() - 1024, data.len() - 512, data.len() - 1] {
        refused!(with_data(&data[..length]), Rule::Truncated);
    }
    verdict(&with_data(&[data.clone(), vec![0; 9216]].concat())).unwrap();
    refused!(with_data(&[data.clone(), b"x".to_vec()].concat()), Rule::TrailingData);
    refused!(with_data(&[data.clone(), data].concat()), Rule::TrailingData);
}

#[test]
fn a_second_data_member_for_one_payload() {
    let mut members = Sample::new().members();
    members.push(("data/0000.tar.gz".to_owned(), hostile_artifacts::sample::gzip(&tar(&[]))));
    refused!(tar(&members), Rule::MemberOrder { .. });
}
