//! The outer tar.

use crate::Case;
use crate::case::case;
use crate::sample::{Sample, entry, entry_with, put, tar};

/// A raw entry in front of the data member.
pub(crate) fn before_data(raw: &[u8]) -> Vec<u8> {
    let mut members = Sample::new().members();
    let data = members.pop().expect("a data member");
    let mut bytes: Vec<u8> =
        members.iter().flat_map(|(name, contents)| entry(name, b'0', contents)).collect();
    bytes.extend(raw);
    bytes.extend(tar(&[data]));
    bytes
}

/// Another header of the data member's entry, which is the last.
fn data_entry(kind: u8, edit: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut members = Sample::new().members();
    let (name, contents) = members.pop().expect("a data member");
    let mut bytes: Vec<u8> =
        members.iter().flat_map(|(name, contents)| entry(name, b'0', contents)).collect();
    bytes.extend(entry_with(&name, kind, &contents, edit));
    bytes.extend([0; 1024]);
    bytes
}

fn pax(kind: u8, records: &str) -> Vec<u8> {
    before_data(&entry("PaxHeaders", kind, records.as_bytes()))
}

/// The sample with its bytes changed.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Sample::new().bytes();
    change(&mut bytes);
    bytes
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = names_and_kinds();
    cases.extend(numbers_and_ends());
    cases
}

fn names_and_kinds() -> Vec<Case> {
    vec![
        case("container-hard-link", "1", "a hard link", ("entry-type", ""), || data_entry(b'1', |_| {})),
        case("container-symlink", "1", "a symbolic link", ("entry-type", ""), || data_entry(b'2', |_| {})),
        case("container-character-device", "1", "a character device", ("entry-type", ""), || {
            data_entry(b'3', |_| {})
        }),
        case("container-block-device", "1", "a block device", ("entry-type", ""), || {
            data_entry(b'4', |_| {})
        }),
        case("container-directory", "1", "a directory", ("entry-type", ""), || data_entry(b'5', |_| {})),
        case("container-fifo", "1", "a FIFO", ("entry-type", ""), || data_entry(b'6', |_| {})),
        case("container-contiguous", "1", "a contiguous file", ("entry-type", ""), || {
            data_entry(b'7', |_| {})
        }),
        case("container-gnu-sparse", "1", "a sparse file of GNU tar", ("entry-type", ""), || {
            data_entry(b'S', |_| {})
        }),
        case("container-gnu-long-link", "1", "a GNU long link name", ("entry-type", ""), || {
            data_entry(b'K', |_| {})
        }),
        case("container-pax-sparse", "1", "a sparse file by PAX records", ("tar-extension", ""), || {
            pax(b'x', "21 GNU.sparse.major=1\n")
        }),
        case(
            "container-pax-sparse-name",
            "1",
            "a name hidden in a sparse record",
            ("tar-extension", ""),
            || pax(b'x', "33 GNU.sparse.name=data/0000.tar\n"),
        ),
        case("container-pax-global-path", "1", "a path for all entries", ("tar-extension", ""), || {
            pax(b'g', "22 path=data/0000.tar\n")
        }),
        case("container-pax-global-size", "1", "a size for all entries", ("tar-extension", ""), || {
            pax(b'g', "10 size=1\n")
        }),
        case(
            "container-pax-malformed",
            "1",
            "a PAX record with a wrong length",
            ("tar-extension", ""),
            || pax(b'x', "999 path=x\n"),
        ),
        case("container-pax-negative-size", "1", "a negative size by PAX", ("tar-extension", ""), || {
            pax(b'x', "11 size=-1\n")
        }),
        case("container-pax-path-twice", "1", "two paths for one entry", ("tar-extension", ""), || {
            pax(b'x', "10 path=a\n10 path=b\n")
        }),
        case("container-two-names", "1", "a GNU and a PAX name for one entry", ("tar-extension", ""), || {
            let pax = entry("x", b'x', b"22 path=data/0001.tar\n");
            before_data(&[entry("L", b'L', b"data/0000.tar\0"), pax].concat())
        }),
        case(
            "container-pax-alone",
            "1",
            "an extension header without an entry",
            ("tar-extension", ""),
            || {
                changed(|bytes| {
                    bytes.truncate(bytes.len() - 1024);
                    bytes.extend(entry("PaxHeaders", b'x', b"13 comment=x\n"));
                    bytes.extend([0; 1024]);
                })
            },
        ),
        case("container-name-empty", "1", "an empty name", ("path", ""), || {
            before_data(&entry("", b'0', b""))
        }),
        case("container-name-absolute", "1", "an absolute name", ("path", ""), || {
            before_data(&entry("/version", b'0', b""))
        }),
        case("container-name-parent", "1", "a name that leaves its folder", ("path", ""), || {
            before_data(&entry("../version", b'0', b""))
        }),
        case("container-name-inner-parent", "1", "`..` inside a name", ("path", ""), || {
            before_data(&entry("data/../version", b'0', b""))
        }),
        case("container-name-dot", "1", "a name that begins with `./`", ("path", ""), || {
            before_data(&entry("./version", b'0', b""))
        }),
        case("container-name-nul", "1", "NUL in a name", ("path", ""), || {
            before_data(&entry("././@LongLink", b'L', b"data\0/0000.tar\0"))
        }),
        case("container-name-not-utf8", "1", "a name that is not UTF-8", ("path", ""), || {
            data_entry(b'0', |header| put(header, 0, b"\xff\xfe"))
        }),
    ]
}

fn numbers_and_ends() -> Vec<Case> {
    vec![
        case("container-checksum", "1", "a wrong checksum of a tar header", ("tar-checksum", ""), || {
            changed(|bytes| bytes[0] = b'V')
        }),
        case("container-magic", "1", "a header of an unknown kind of tar", ("tar-magic", ""), || {
            data_entry(b'0', |header| put(header, 257, b"rustar\0\0"))
        }),
        case("container-no-tar", "1", "a file that is no tar", ("tar-number", ""), || vec![b'x'; 4096]),
        case("container-empty", "1", "an empty file", ("truncated", ""), Vec::new),
        case("container-size-negative", "1", "a size with a minus", ("tar-number", ""), || {
            data_entry(b'0', |header| put(header, 124, b"-0000000001\0"))
        }),
        case(
            "container-size-binary-negative",
            "1",
            "a negative size in base 256",
            ("tar-number", ""),
            || data_entry(b'0', |header| put(header, 124, &[0xff; 12])),
        ),
        case("container-size-too-large", "1", "a size beyond 64 bits", ("tar-number", ""), || {
            data_entry(b'0', |header| put(header, 124, &[0x80, 1]))
        }),
        case("container-size-no-octal", "1", "a size with the digit 9", ("tar-number", ""), || {
            data_entry(b'0', |header| put(header, 124, b"00000000009\0"))
        }),
        case(
            "container-size-beyond-end",
            "12",
            "8 GiB claimed by a small file",
            ("declared-size", ""),
            || data_entry(b'0', |header| put(header, 124, b"77777777777\0")),
        ),
        case("container-size-4-gib", "12", "a header of 4 GiB claimed", ("declared-size", ""), || {
            let (version, manifest) = (Sample::new().version, Sample::new().manifest());
            let huge = |header: &mut [u8; 512]| put(header, 124, b"40000000000\0");
            [
                entry("version", b'0', &version),
                entry("manifest", b'0', manifest.as_bytes()),
                entry_with("header.tar", b'0', &[b'x'; 4096], huge),
            ]
            .concat()
        }),
        case("container-padding", "1", "padding that is not zero", ("padding", "version"), || {
            changed(|bytes| bytes[512 + 31] = 1)
        }),
        case("container-no-end", "1", "no end blocks", ("truncated", ""), || {
            changed(|bytes| bytes.truncate(bytes.len() - 1024))
        }),
        case("container-half-end", "1", "one end block", ("truncated", ""), || {
            changed(|bytes| bytes.truncate(bytes.len() - 512))
        }),
        case("container-broken-end", "1", "a second end block that is not zero", ("end-blocks", ""), || {
            changed(|bytes| *bytes.last_mut().expect("a byte") = 1)
        }),
        case("container-text-after-end", "13", "text after the end", ("trailing-data", ""), || {
            changed(|bytes| bytes.extend([b'x'; 512]))
        }),
        case("container-odd-zeros-after-end", "1", "100 zeros after the end", ("trailing-data", ""), || {
            changed(|bytes| bytes.extend([0; 100]))
        }),
        case(
            "container-second-artifact",
            "13",
            "another artifact after the end",
            ("trailing-data", ""),
            || changed(|bytes| bytes.extend(Sample::new().bytes())),
        ),
        case("container-truncated", "13", "a file cut in its data", ("declared-size", ""), || {
            changed(|bytes| bytes.truncate(bytes.len() - 2048))
        }),
    ]
}
