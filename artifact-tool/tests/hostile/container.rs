//! The tar dialect (artifact format §1).

use artifact::Rule;

use crate::{refused, refused_with, verdict};
use hostile_artifacts::sample::{Sample, entry, entry_with, put, tar};

/// Puts a raw entry in front of the data member.
fn before_data(raw: &[u8]) -> Vec<u8> {
    let mut members = Sample::new().members();
    let data = members.pop().unwrap();
    let mut bytes: Vec<u8> =
        members.iter().flat_map(|(name, contents)| entry(name, b'0', contents)).collect();
    bytes.extend(raw);
    bytes.extend(tar(&[data]));
    bytes
}

/// Replaces the header of the data member's entry, which is the last.
fn data_entry(kind: u8, edit: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut members = Sample::new().members();
    let (name, contents) = members.pop().unwrap();
    let mut bytes: Vec<u8> =
        members.iter().flat_map(|(name, contents)| entry(name, b'0', contents)).collect();
    bytes.extend(entry_with(&name, kind, &contents, edit));
    bytes.extend([0; 1024]);
    bytes
}

#[test]
fn the_sample_is_good() {
    assert_eq!(verdict(&Sample::new().bytes()).unwrap().files.len(), 2);
}

#[test]
fn legal_variants_are_read() {
    let pax = |records: &str| entry("PaxHeaders", b'x', records.as_bytes());
    for bytes in [
        before_data(&pax("22 path=data/0000.tar\n")),
        before_data(&pax("12 mtime=42\n")),
        before_data(&entry("././@LongLink", b'L', b"data/0000.tar\0")),
        before_data(&entry("pax_global_header", b'g', b"13 comment=x\n")),
        data_entry(0, |_| {}),
        data_entry(b'0', |header| put(header, 257, b"ustar  \0")),
        data_entry(b'0', |header| put(header, 257, &[0; 8])),
        data_entry(b'0', |header| {
            let size = u64::from_str_radix(str::from_utf8(&header[124..135]).unwrap(), 8).unwrap();
            put(header, 124, &[0x80, 0, 0, 0]);
            put(header, 128, &size.to_be_bytes());
        }),
        [Sample::new().bytes(), vec![0; 5120]].concat(),
    ] {
        verdict(&bytes).unwrap();
    }
}

#[test]
fn wrong_header_checksum() {
    let mut bytes = Sample::new().bytes();
    bytes[0] = b'V';
    refused!(bytes, Rule::TarChecksum);
}

#[test]
fn not_a_tar() {
    refused!(data_entry(b'0', |header| put(header, 257, b"rustar\0\0")), Rule::TarMagic);
    refused!(vec![b'x'; 4096], Rule::TarNumber { .. });
    refused!(Vec::new(), Rule::Truncated);
}

#[test]
fn special_entries() {
    for kind in *b"1234567KSDMNV" {
        refused!(data_entry(kind, |_| {}), Rule::EntryType(_));
    }
}

#[test]
fn sizes_that_are_no_sizes() {
    refused!(data_entry(b'0', |header| put(header, 124, b"-0000000001\0")), Rule::TarNumber { .. });
    refused!(data_entry(b'0', |header| put(header, 124, &[0xff; 12])), Rule::TarNumber { .. });
    refused!(data_entry(b'0', |header| put(header, 124, &[0x80, 1])), Rule::TarNumber { .. });
    refused!(data_entry(b'0', |header| put(header, 124, b"00000000009\0")), Rule::TarNumber { .. });
}

#[test]
fn sizes_that_lie() {
    refused!(data_entry(b'0', |header| put(header, 124, b"77777777777\0")), Rule::Truncated);
    let bytes = data_entry(b'0', |header| put(header, 124, b"77777777777\0"));
    let size = u64::try_from(bytes.len()).ok();
    refused_with!(bytes, artifact::ReadOptions { size, ..Default::default() }, Rule::DeclaredSize { .. });
}

#[test]
fn declared_size_of_the_file() {
    let bytes = Sample::new().bytes();
    let size = u64::try_from(bytes.len()).ok();
    let options = artifact::ReadOptions { size, ..Default::default() };
    refused_with!([bytes, vec![0; 512]].concat(), options, Rule::FileSize { .. });
}

#[test]
fn unsafe_names() {
    for name in
        ["", "/version", "../version", "./version", "data/../version", "data//0000.tar", "data/0000.tar/"]
    {
        refused!(before_data(&entry(name, b'0', b"")), Rule::Path { .. });
    }
    refused!(before_data(&entry("././@LongLink", b'L', b"data\0/0000.tar\0")), Rule::Path { .. });
    refused!(data_entry(b'0', |header| put(header, 0, b"\xff\xfe")), Rule::Path { .. });
}

#[test]
fn pax_tricks() {
    let pax = |kind, records: &str| before_data(&entry("PaxHeaders", kind, records.as_bytes()));
    refused!(pax(b'g', "22 path=data/0000.tar\n"), Rule::Pax(_));
    refused!(pax(b'g', "10 size=1\n"), Rule::Pax(_));
    refused!(pax(b'x', "999 path=x\n"), Rule::Pax(_));
    refused!(pax(b'x', "11 size=-1\n"), Rule::Pax(_));
    refused!(pax(b'x', "10 path=a\n10 path=b\n"), Rule::Pax(_));
    refused!(pax(b'x', "21 GNU.sparse.major=1\n"), Rule::Pax(_));
    refused!(pax(b'x', "8 path=\n"), Rule::Path { .. });
    let twice = [entry("L", b'L', b"data/0000.tar\0"), entry("x", b'x', b"22 path=data/0001.tar\n")].concat();
    refused!(before_data(&twice), Rule::Pax(_));
}

#[test]
fn an_extension_without_an_entry() {
    let mut bytes = Sample::new().bytes();
    bytes.truncate(bytes.len() - 1024);
    bytes.extend(entry("PaxHeaders", b'x', b"13 comment=x\n"));
    bytes.extend([0; 1024]);
    refused!(bytes, Rule::Pax(_));
}

#[test]
fn padding_that_is_not_zero() {
    let mut bytes = Sample::new().bytes();
    bytes[512 + 31] = 1; // just after the contents of `version`
    refused!(bytes, Rule::Padding);
}

#[test]
fn end_blocks() {
    let bytes = Sample::new().bytes();
    let end = bytes.len();
    refused!(bytes[..end - 1024], Rule::Truncated);
    refused!(bytes[..end - 512], Rule::Truncated);
    let mut broken = bytes.clone();
    broken[end - 1] = 1;
    refused!(broken, Rule::EndBlocks);
}

#[test]
fn something_after_the_end() {
    let bytes = Sample::new().bytes();
    refused!([bytes.clone(), b"x".to_vec()].concat(), Rule::TrailingData);
    refused!([bytes.clone(), vec![0; 100]].concat(), Rule::TrailingData);
    refused!([bytes.clone(), vec![0; 512], bytes].concat(), Rule::TrailingData);
}
