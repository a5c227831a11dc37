//! Small files that would become large, or take long.

use crate::Case;
use crate::case::case;
use crate::sample::{INFO, Sample, TYPE_INFO, entry, entry_with, file, line, put, tar};
use crate::streams;

const GZIP: &str = "data/0000.tar.gz";
const MIB: usize = 1 << 20;
/// Ten gigabytes, and what is left of a million tar entries.
const TEN_GB: u64 = 10_000_000_000;
const MILLION: usize = 1_000_000;

/// The sample with this data member.
fn with_data(suffix: &'static str, member: Vec<u8>) -> Vec<u8> {
    let sample = Sample { suffix, ..Sample::new() };
    sample.with_member(&sample.data_name(0), member)
}

/// The tar header of a listed file that claims ten gigabytes.
fn claim() -> Vec<u8> {
    entry_with("app.bin", b'0', b"", |header| put(header, 124, b"112402762000"))
}

/// The whole data tar, which zeros may follow.
fn whole() -> Vec<u8> {
    tar(&Sample::new().data[0])
}

/// The data tar without its end.
fn open() -> Vec<u8> {
    let mut data = whole();
    data.truncate(data.len() - 1024);
    data
}

fn gzip_zeros(head: &[u8]) -> Vec<u8> {
    with_data(".gz", streams::gzip(head, &vec![0; MIB], 9537))
}

fn xz_zeros(head: &[u8]) -> Vec<u8> {
    with_data(".xz", streams::xz(head, &vec![0; 64 * MIB], 150))
}

fn zstd_zeros(head: &[u8]) -> Vec<u8> {
    with_data(".zst", streams::zstd_of_zeros(head, TEN_GB))
}

/// A data tar with one entry, a million times.
fn flood(entry: &[u8]) -> Vec<u8> {
    with_data(".gz", streams::gzip(&open(), &entry.repeat(1000), MILLION / 1000))
}

/// The sample with a gzip header of these entries, each of them so many times.
fn header_flood(entry: &[u8], times: usize) -> Vec<u8> {
    let sample = Sample { suffix: ".gz", ..Sample::new() };
    let mut head = tar(&sample.header[..1]);
    head.truncate(head.len() - 1024);
    sample.with_header_member(&streams::gzip(&head, &entry.repeat(1000), times / 1000))
}

/// A header of so many payloads, each with this meta-data.
fn payloads(count: usize, meta_data: &str) -> Vec<u8> {
    let list = vec![r#"{"type":"module"}"#; count].join(",");
    let info = INFO.replace(r#"{"type":"module"}"#, &list);
    let mut sample = Sample { suffix: ".gz", header: vec![file("header-info", &info)], ..Sample::new() };
    // What was read is still held when the wrong checksum of the last file is noticed.
    for index in 0..count {
        sample.header.push(file(&format!("headers/{index:04}/type-info"), TYPE_INFO));
        sample.header.push(file(&format!("headers/{index:04}/meta-data"), meta_data));
    }
    let data = tar(&[file("app.bin", "contents"), file("app.cfg", "less")]);
    sample.with_member("data/0000.tar.gz", crate::sample::gzip(&data))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = zeros();
    cases.extend(floods());
    cases.extend(headers());
    cases
}

fn zeros() -> Vec<Case> {
    vec![
        case("zeros-claimed-gzip", "12", "a file of 10 GB of zeros in gzip", ("too-large", GZIP), || {
            gzip_zeros(&claim())
        }),
        case(
            "zeros-claimed-xz",
            "12",
            "a file of 10 GB of zeros in xz",
            ("too-large", "data/0000.tar.xz"),
            || xz_zeros(&claim()),
        ),
        case(
            "zeros-claimed-zstd",
            "12",
            "a file of 10 GB of zeros in zstd",
            ("too-large", "data/0000.tar.zst"),
            || zstd_zeros(&claim()),
        ),
        case("zeros-after-gzip", "12", "10 GB of zeros after the tar in gzip", ("too-large", GZIP), || {
            gzip_zeros(&whole())
        }),
        case(
            "zeros-after-xz",
            "12",
            "10 GB of zeros after the tar in xz",
            ("too-large", "data/0000.tar.xz"),
            || xz_zeros(&whole()),
        ),
        case(
            "zeros-after-zstd",
            "12",
            "10 GB of zeros after the tar in zstd",
            ("too-large", "data/0000.tar.zst"),
            || zstd_zeros(&whole()),
        ),
        case("zeros-header", "12", "a header of 10 GB of zeros", ("too-large", "header.tar.gz"), || {
            let sample = Sample { suffix: ".gz", ..Sample::new() };
            sample.with_header_member(&streams::gzip(&tar(&sample.header), &vec![0; MIB], 9537))
        }),
        case("zeros-in-gzip-in-gzip", "11", "a gzip bomb in gzip", ("tar-checksum", GZIP), || {
            let inner = streams::gzip(&whole(), &vec![0; MIB], 9537);
            with_data(".gz", crate::sample::gzip(&inner))
        }),
        case("zstd-window", "12", "a zstd window of 2 GiB", ("corrupt", "data/0000.tar.zst"), || {
            let mut frame = streams::zstd_of_zeros(&whole(), 0);
            frame[5] = 21 << 3;
            with_data(".zst", frame)
        }),
        case("nested-tars", "7", "tars in tars, a hundred deep", ("not-listed", GZIP), || {
            let nested = (0..100).fold(whole(), |inner, _| tar(&[("nested.tar".to_owned(), inner)]));
            with_data(".gz", crate::sample::gzip(&nested))
        }),
    ]
}

fn floods() -> Vec<Case> {
    vec![
        case("flood-of-files", "12", "a million files that are not listed", ("not-listed", GZIP), || {
            let entries: Vec<u8> = (0..1000).flat_map(|n| entry(&format!("x{n:03}"), b'0', b"")).collect();
            with_data(".gz", streams::gzip(&open(), &entries, MILLION / 1000))
        }),
        case("flood-of-one-file", "12", "a file a million times", ("duplicate-file", GZIP), || {
            flood(&entry("app.bin", b'0', b"contents"))
        }),
        case("flood-of-extensions", "12", "a million extension headers", ("too-many", GZIP), || {
            flood(&entry("g", b'g', b"13 comment=x\n"))
        }),
        case("flood-of-large-extensions", "12", "extension headers of 60 KiB", ("too-many", GZIP), || {
            let record = format!("61440 comment={}\n", "x".repeat(61_440 - 15));
            let chunk = entry("g", b'g', record.as_bytes()).repeat(16);
            with_data(".gz", streams::gzip(&open(), &chunk, 1000))
        }),
        case("flood-of-long-names", "12", "names of 60 KiB, a hundred thousand", ("path", GZIP), || {
            let record = format!("61440 path={}\n", "x".repeat(61_440 - 12));
            let chunk = [entry("x", b'x', record.as_bytes()), entry("y", b'0', b"")].concat().repeat(16);
            with_data(".gz", streams::gzip(&open(), &chunk, 6250))
        }),
        case("flood-of-members", "12", "twenty thousand members", ("member-order", ""), || {
            let mut bytes = Sample::new().bytes();
            bytes.truncate(bytes.len() - 1024);
            bytes.extend(entry("data/0000.tar", b'0', b"").repeat(20_000));
            bytes.extend([0; 1024]);
            bytes
        }),
        case("flood-of-scripts", "12", "a hundred thousand scripts", ("too-many", "header.tar.gz"), || {
            let sample = Sample { suffix: ".gz", ..Sample::new() };
            let mut header = sample.header.clone();
            for n in 0..100_000 {
                let name = format!("scripts/ArtifactInstall_Enter_00_{n}");
                header.insert(header.len() - 2, file(&name, ""));
            }
            sample.with_header_member(&crate::sample::gzip(&tar(&header)))
        }),
        case(
            "flood-of-header-entries",
            "12",
            "a header of a million entries",
            ("script-name", "header.tar.gz"),
            || header_flood(&entry("scripts/ArtifactInstall_Enter_00", b'0', b""), MILLION),
        ),
        case("flood-of-lines", "12", "more lines than a manifest may have", ("too-many", "manifest"), || {
            let sample = Sample::new();
            let lines: String = (0..30_000).map(|n| line(&format!("data/0000/f{n}"), b"")).collect();
            sample.with_manifest(&(sample.manifest() + &lines))
        }),
        case(
            "flood-of-missing-files",
            "3",
            "ten thousand listed files, none there",
            ("listed-but-missing", ""),
            || {
                let sample = Sample::new();
                let lines: String = (0..9_000).map(|n| line(&format!("data/0000/f{n}"), b"")).collect();
                sample.with_manifest(&(sample.manifest() + &lines))
            },
        ),
    ]
}

fn headers() -> Vec<Case> {
    const HEADER: &str = "header.tar.gz";
    vec![
        case("large-version", "12", "a version of 5 KiB", ("too-large", "version"), || {
            Sample { version: vec![b' '; 5 << 10], ..Sample::new() }.bytes()
        }),
        case("large-manifest", "12", "a manifest of 5 MiB", ("too-large", "manifest"), || {
            Sample::new().with_member("manifest", vec![b'a'; 5 * MIB])
        }),
        case("large-header", "12", "a header of 17 MiB as stored", ("too-large", "header.tar"), || {
            Sample::new().with_member("header.tar", vec![b'a'; 17 * MIB])
        }),
        case("large-extension", "12", "an extension header of 100 KiB", ("too-large", ""), || {
            crate::container::before_data(&entry("x", b'x', &vec![b'a'; 100 << 10]))
        }),
        case("large-header-info", "12", "a header-info of 2 MiB", ("too-large", HEADER), || {
            let name = format!(r#""{}""#, "a".repeat(2 * MIB));
            let sample = Sample { suffix: ".gz", ..Sample::new() };
            sample.with_header("header-info", &INFO.replace(r#""a""#, &name)).bytes()
        }),
        case("large-meta-data", "12", "meta-data of 2 MiB", ("too-large", HEADER), || {
            let sample = Sample { suffix: ".gz", ..Sample::new() };
            sample.with_header("headers/0000/meta-data", &format!("{{{}}}", " ".repeat(2 * MIB))).bytes()
        }),
        case("large-script", "12", "a script of 5 MiB", ("too-large", HEADER), || {
            let sample = Sample { suffix: ".gz", ..Sample::new() };
            sample.insert_header(1, "scripts/ArtifactInstall_Enter_00", &"x".repeat(5 * MIB)).bytes()
        }),
        case("deep-meta-data", "5.1", "meta-data 500,000 deep", ("json", ""), || {
            Sample::new()
                .with_header("headers/0000/meta-data", &format!(r#"{{"a":{}"#, "[".repeat(500_000)))
                .bytes()
        }),
        case("deep-header-info", "5.1", "a header-info 65 deep", ("json", ""), || {
            let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
            Sample::new().with_header("header-info", &INFO.replace(r#"["d"]"#, &deep)).bytes()
        }),
        case("wide-meta-data", "12", "meta-data that takes much memory, twice", ("checksum", GZIP), || {
            // Each of the values takes eleven times the bytes of its text.
            payloads(2, &format!(r#"{{"a":[{}0]}}"#, "[],".repeat(349_000)))
        }),
        case("wide-meta-data-of-sixteen", "12", "the same sixteen times", ("too-large", HEADER), || {
            payloads(16, &format!(r#"{{"a":[{}0]}}"#, "[],".repeat(349_000)))
        }),
        case("wide-provides", "12", "eighty-seven thousand provides", ("checksum", GZIP), || {
            let pairs: Vec<String> = (0..87_000).map(|n| format!(r#""{n:x}":"""#)).collect();
            let type_info = format!(r#"{{"type":"module","artifact_provides":{{{}}}}}"#, pairs.join(","));
            let sample = Sample { suffix: ".gz", ..Sample::new() };
            let sample = sample.with_header("headers/0000/type-info", &type_info);
            let data = tar(&[file("app.bin", "contents"), file("app.cfg", "less")]);
            sample.with_member("data/0000.tar.gz", crate::sample::gzip(&data))
        }),
        case("wide-header-info", "12", "a quarter of a million device types", ("checksum", GZIP), || {
            let types = format!("[{}]", vec![r#""d""#; 260_000].join(","));
            let sample = Sample { suffix: ".gz", ..Sample::new() };
            let sample = sample.with_header("header-info", &INFO.replace(r#"["d"]"#, &types));
            let data = tar(&[file("app.bin", "contents"), file("app.cfg", "less")]);
            sample.with_member("data/0000.tar.gz", crate::sample::gzip(&data))
        }),
        case("many-payloads", "12", "more payloads than are read", ("too-many", HEADER), || {
            let info = INFO.replace(r#"{"type":"module"}"#, &vec![r#"{"type":"module"}"#; 17].join(","));
            let mut header = vec![file("header-info", &info)];
            header.extend((0..17).map(|index| file(&format!("headers/{index:04}/type-info"), TYPE_INFO)));
            Sample { suffix: ".gz", header, ..Sample::new() }.bytes()
        }),
    ]
}
