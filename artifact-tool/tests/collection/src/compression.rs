//! Compressed members.

use crate::Case;
use crate::case::case;
use crate::sample::{Sample, gzip};

fn sample(suffix: &'static str) -> Sample {
    Sample { suffix, ..Sample::new() }
}

fn data(sample: &Sample) -> Vec<u8> {
    sample.members().pop().expect("a data member").1
}

/// The sample with another data member.
fn with_data(suffix: &'static str, edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let sample = sample(suffix);
    let mut bytes = data(&sample);
    edit(&mut bytes);
    sample.with_member(&sample.data_name(0), bytes)
}

fn cut(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() / 2);
}

fn flip_trailer(bytes: &mut [u8]) {
    let position = bytes.len() - 6;
    bytes[position] ^= 1;
}

pub(crate) fn cases() -> Vec<Case> {
    const GZIP: &str = "data/0000.tar.gz";
    const XZ: &str = "data/0000.tar.xz";
    const ZSTD: &str = "data/0000.tar.zst";
    vec![
        case("gzip-is-plain", "11", "a plain tar named gzip", ("corrupt", GZIP), || {
            with_data(".gz", |bytes| *bytes = data(&sample("")))
        }),
        case("gzip-is-xz", "11", "xz named gzip", ("corrupt", GZIP), || {
            with_data(".gz", |bytes| *bytes = data(&sample(".xz")))
        }),
        case("xz-is-gzip", "11", "gzip named xz", ("corrupt", XZ), || {
            with_data(".xz", |bytes| *bytes = data(&sample(".gz")))
        }),
        case("zstd-is-gzip", "11", "gzip named zstd", ("corrupt", ZSTD), || {
            with_data(".zst", |bytes| *bytes = data(&sample(".gz")))
        }),
        case("plain-is-gzip", "11", "gzip named plain", ("truncated", "data/0000.tar"), || {
            with_data("", |bytes| *bytes = data(&sample(".gz")))
        }),
        case("gzip-cut", "11", "half a gzip stream", ("truncated", GZIP), || with_data(".gz", cut)),
        case("xz-cut", "11", "half an xz stream", ("truncated", XZ), || with_data(".xz", cut)),
        case("zstd-cut", "11", "half a zstd frame", ("truncated", ZSTD), || with_data(".zst", cut)),
        case("gzip-checksum", "11", "a wrong CRC of gzip", ("corrupt", GZIP), || {
            with_data(".gz", |bytes| flip_trailer(bytes))
        }),
        case("xz-checksum", "11", "a wrong footer of xz", ("corrupt", XZ), || {
            with_data(".xz", |bytes| flip_trailer(bytes))
        }),
        case("gzip-text-after", "11", "a byte after the gzip stream", ("after-stream", GZIP), || {
            with_data(".gz", |bytes| bytes.push(b'x'))
        }),
        case("gzip-two-streams", "11", "two gzip streams", ("after-stream", GZIP), || {
            with_data(".gz", |bytes| bytes.extend(gzip(b"")))
        }),
        case("xz-text-after", "11", "a byte after the xz stream", ("after-stream", XZ), || {
            with_data(".xz", |bytes| bytes.push(b'x'))
        }),
        case("xz-padding", "11", "padding after the xz stream", ("after-stream", XZ), || {
            with_data(".xz", |bytes| bytes.extend([0; 4]))
        }),
        case("zstd-two-frames", "11", "two zstd frames", ("after-stream", ZSTD), || {
            with_data(".zst", |bytes| bytes.extend(bytes.clone()))
        }),
        case("zstd-skippable-frame", "11", "a skippable frame after it", ("after-stream", ZSTD), || {
            with_data(".zst", |bytes| bytes.extend([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, b'x']))
        }),
        case(
            "header-text-after-stream",
            "11",
            "a byte after the header's stream",
            ("after-stream", "header.tar.gz"),
            || {
                let sample = sample(".gz");
                sample.with_header_member(&[&sample.header_member()[..], b"x"].concat())
            },
        ),
        case("header-is-xz", "11", "an xz header named gzip", ("corrupt", "header.tar.gz"), || {
            let xz = sample(".xz").header_member();
            sample(".gz").with_header_member(&xz)
        }),
    ]
}
