//! Payload files.

use crate::Case;
use crate::case::case;
use crate::sample::{Sample, entry, file, tar};

const DATA: &str = "data/0000.tar";

fn with_data(raw: &[u8]) -> Vec<u8> {
    Sample::new().with_member(DATA, raw)
}

/// A raw entry before the end of the data tar.
fn with_entry(raw: &[u8]) -> Vec<u8> {
    let mut data = tar(&Sample::new().data[0]);
    data.truncate(data.len() - 1024);
    data.extend(raw);
    data.extend([0; 1024]);
    with_data(&data)
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("data-hard-link", "7", "a hard link", ("entry-type", DATA), || {
            with_entry(&entry("x", b'1', b""))
        }),
        case("data-symlink", "7", "a symbolic link", ("entry-type", DATA), || {
            with_entry(&entry("x", b'2', b""))
        }),
        case("data-device", "7", "a device", ("entry-type", DATA), || with_entry(&entry("x", b'4', b""))),
        case("data-directory", "7", "a directory", ("entry-type", DATA), || {
            with_entry(&entry("x", b'5', b""))
        }),
        case("data-sparse", "7", "a sparse file", ("entry-type", DATA), || {
            with_entry(&entry("x", b'S', b""))
        }),
        case("data-sparse-by-pax", "7", "a sparse file by PAX records", ("tar-extension", DATA), || {
            let records = b"21 GNU.sparse.major=1\n25 GNU.sparse.name=app.bin\n";
            with_entry(&[entry("x", b'x', records), entry("y", b'0', b"contents")].concat())
        }),
        case("data-unlisted", "7", "a file that is not listed", ("not-listed", DATA), || {
            with_entry(&entry("x", b'0', b""))
        }),
        case("data-twice", "7", "a file twice", ("duplicate-file", DATA), || {
            with_entry(&entry("app.bin", b'0', b"contents"))
        }),
        case("data-missing", "7", "a listed file is missing", ("listed-but-missing", ""), || {
            with_data(&tar(&[file("app.bin", "contents")]))
        }),
        case("data-changed", "13", "changed contents", ("checksum", DATA), || {
            with_data(&tar(&[file("app.bin", "Contents"), file("app.cfg", "more")]))
        }),
        case("data-parent", "7", "a file that leaves its folder", ("path", DATA), || {
            with_entry(&entry("../app.bin", b'0', b""))
        }),
        case("data-absolute", "7", "an absolute name", ("path", DATA), || {
            with_entry(&entry("/etc/passwd", b'0', b""))
        }),
        case("data-dot", "7", "a name with `./`", ("path", DATA), || with_entry(&entry("./x", b'0', b""))),
        case("data-folder", "7", "a file in a folder", ("file-name", DATA), || {
            with_entry(&entry("sub/app.bin", b'0', b""))
        }),
        case("data-blank", "7", "a blank in a name", ("file-name", DATA), || {
            with_entry(&entry("a b", b'0', b""))
        }),
        case("data-not-ascii", "7", "a letter that is not ASCII", ("file-name", DATA), || {
            with_entry(&entry("caf\u{e9}", b'0', b""))
        }),
        case("data-nested", "7", "a tar in the tar, with the listed files", ("not-listed", DATA), || {
            let inner = tar(&Sample::new().data[0]);
            with_data(&tar(&[("nested.tar".to_owned(), inner)]))
        }),
        case("data-truncated", "13", "an inner tar cut in a file", ("truncated", DATA), || {
            with_data(&tar(&Sample::new().data[0])[..515])
        }),
        case("data-no-end", "13", "an inner tar without its end", ("truncated", DATA), || {
            let data = tar(&Sample::new().data[0]);
            with_data(&data[..data.len() - 1024])
        }),
        case("data-text-after", "11", "text after the inner tar", ("trailing-data", DATA), || {
            with_data(&[&tar(&Sample::new().data[0])[..], &[b'x'; 512]].concat())
        }),
        case("data-padding", "1", "padding that is not zero", ("padding", DATA), || {
            let mut data = tar(&Sample::new().data[0]);
            data[512 + 100] = 1;
            with_data(&data)
        }),
    ]
}
