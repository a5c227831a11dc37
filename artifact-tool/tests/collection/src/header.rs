//! The header: its entries, header-info, type-info, meta-data, scripts.

use crate::Case;
use crate::case::case;
use crate::sample::{INFO, Sample, TYPE_INFO, entry, file, tar};

const SCRIPT: &str = "scripts/ArtifactInstall_Enter_00";
const HEADER: &str = "header.tar";

fn info(from: &str, to: &str) -> Vec<u8> {
    let info = INFO.replace(from, to);
    assert_ne!(info, INFO, "{from}");
    Sample::new().with_header("header-info", &info).bytes()
}

fn type_info(fields: &str) -> Vec<u8> {
    Sample::new().with_header("headers/0000/type-info", &format!(r#"{{"type":"module",{fields}}}"#)).bytes()
}

fn meta_data(text: &str) -> Vec<u8> {
    Sample::new().with_header("headers/0000/meta-data", text).bytes()
}

fn inserted(position: usize, name: &str) -> Vec<u8> {
    Sample::new().insert_header(position, name, "{}").bytes()
}

fn special(kind: u8) -> Vec<u8> {
    let mut member = tar(&Sample::new().header);
    member.truncate(member.len() - 1024);
    member.extend(entry(SCRIPT, kind, b""));
    member.extend([0; 1024]);
    Sample::new().with_header_member(&member)
}

/// An empty payload, with what may not be in it.
fn empty_payload() -> Sample {
    let sample = Sample::new()
        .with_header("header-info", &INFO.replace(r#""module""#, "null"))
        .with_header("headers/0000/type-info", &TYPE_INFO.replace(r#""module""#, "null"))
        .without_header("headers/0000/meta-data");
    Sample { data: vec![Vec::new()], ..sample }
}

fn rootfs_image(files: usize, type_info: &str) -> Vec<u8> {
    let mut sample = Sample::new()
        .with_header("header-info", &INFO.replace("module", "rootfs-image"))
        .with_header("headers/0000/type-info", type_info);
    sample.data[0].truncate(files);
    sample.bytes()
}

/// An artifact of format version 2, whose parts may be changed.
fn version_2() -> Sample {
    Sample {
        version: crate::sample::VERSION.replace('3', "2").into(),
        header: vec![
            file(
                "header-info",
                r#"{"artifact_name":"a","updates":[{"type":"rootfs-image"}],"device_types_compatible":["d"]}"#,
            ),
            file("headers/0000/files", r#"{"files":["app.bin"]}"#),
            file("headers/0000/type-info", r#"{"type":"rootfs-image"}"#),
        ],
        data: vec![vec![file("app.bin", "contents")]],
        suffix: "",
    }
}

pub(crate) fn cases() -> Vec<Case> {
    [entries(), scripts(), header_info(), type_infos(), others()].into_iter().flatten().collect()
}

fn entries() -> Vec<Case> {
    const ENTRY: (&str, &str) = ("header-entry", HEADER);
    vec![
        case("header-empty", "5", "a header without entries", ("header-lacks", HEADER), || {
            Sample { header: Vec::new(), ..Sample::new() }.bytes()
        }),
        case("header-info-prefix", "5", "`header-info-x` in the place of header-info", ENTRY, || {
            inserted(0, "header-info-x")
        }),
        case("header-info-late", "5", "a script before header-info", ENTRY, || inserted(0, SCRIPT)),
        case("header-info-twice", "5", "header-info twice", ENTRY, || inserted(1, "header-info")),
        case("header-no-info", "5", "no header-info", ENTRY, || {
            Sample::new().without_header("header-info").bytes()
        }),
        case("header-no-type-info", "5", "no type-info", ENTRY, || {
            Sample::new().without_header("headers/0000/type-info").bytes()
        }),
        case("header-meta-data-first", "5", "meta-data before type-info", ENTRY, || {
            inserted(1, "headers/0000/meta-data")
        }),
        case("header-type-info-twice", "5", "type-info twice", ENTRY, || {
            inserted(2, "headers/0000/type-info")
        }),
        case("header-index-skipped", "5", "a bucket left out", ENTRY, || {
            inserted(3, "headers/0002/type-info")
        }),
        case("header-late-script", "5", "a script after the first bucket", ENTRY, || inserted(3, SCRIPT)),
        case("header-unknown-entry", "5", "an unknown entry", ENTRY, || {
            inserted(3, "headers/0000/checksums")
        }),
        case("header-other-folder", "5", "a bucket in another folder", ENTRY, || {
            inserted(3, "evil/0000/type-info")
        }),
        case("header-short-index", "5", "an index of one digit", ENTRY, || {
            inserted(3, "headers/0/type-info")
        }),
        case("header-parent", "5", "a bucket that leaves its folder", ("path", HEADER), || {
            inserted(3, "headers/0000/../../../etc/cron.d/type-info")
        }),
        case("header-symlink", "5.2", "a script that is a symbolic link", ("entry-type", HEADER), || {
            special(b'2')
        }),
        case("header-hard-link", "5.2", "a script that is a hard link", ("entry-type", HEADER), || {
            special(b'1')
        }),
        case("header-text-after", "11", "text after the inner tar", ("trailing-data", HEADER), || {
            let header = Sample::new().header_member();
            Sample::new().with_header_member(&[&header[..], &[b'x'; 512]].concat())
        }),
        case("header-truncated", "11", "an inner tar without its end", ("truncated", HEADER), || {
            let header = Sample::new().header_member();
            Sample::new().with_header_member(&header[..header.len() - 1024])
        }),
        case("header-more-buckets", "13", "more buckets than payloads", ("payloads", ""), || {
            inserted(3, "headers/0001/type-info")
        }),
        case("header-fewer-buckets", "13", "fewer buckets than payloads", ("payloads", ""), || {
            info("[{", r#"[{"type":"module"},{"#)
        }),
    ]
}

fn scripts() -> Vec<Case> {
    const NAME: (&str, &str) = ("script-name", HEADER);
    vec![
        case("script-no-state", "5.2", "a script without a state", NAME, || {
            inserted(1, "scripts/install.sh")
        }),
        case("script-download", "5.2", "a script of the root file system", NAME, || {
            inserted(1, "scripts/Download_Enter_00")
        }),
        case("script-one-digit", "5.2", "an order of one digit", NAME, || {
            inserted(1, "scripts/ArtifactInstall_Enter_0")
        }),
        case("script-blank", "5.2", "a blank in the label", NAME, || {
            inserted(1, "scripts/ArtifactInstall_Enter_00_a b")
        }),
        case("script-prefix", "5.2", "text before the state", NAME, || {
            inserted(1, "scripts/x-ArtifactInstall_Enter_00")
        }),
        case("script-folder", "5.2", "a script in a folder", NAME, || {
            inserted(1, "scripts/ArtifactInstall_Enter_00/x")
        }),
        case("script-twice", "5.2", "a script twice", NAME, || {
            Sample::new().insert_header(1, SCRIPT, "a").insert_header(1, SCRIPT, "b").bytes()
        }),
    ]
}

fn header_info() -> Vec<Case> {
    const INFO_RULE: (&str, &str) = ("header-info", "");
    const JSON: (&str, &str) = ("json", "");
    const NAME: &str = r#""artifact_name":"a""#;
    const TYPES: &str = r#"["d"]"#;
    const PAYLOADS: &str = r#"[{"type":"module"}]"#;
    vec![
        case("info-not-json", "5.1", "header-info that is no JSON", JSON, || info(INFO, "{")),
        case("info-no-object", "5.1", "a list in its place", JSON, || info(INFO, "[]")),
        case("info-key-twice", "5.1", "a key twice", JSON, || {
            info("{\"payloads\"", r#"{"payloads":[{"type":"other"}],"payloads""#)
        }),
        case("info-text-after", "5.1", "text after the JSON", JSON, || info(INFO, &format!("{INFO}x"))),
        case("info-control", "5.1", "a control character", JSON, || info(TYPES, r#"["\u0007"]"#)),
        case("info-nul", "5.1", "NUL in a name", JSON, || info(NAME, r#""artifact_name":"a\u0000b""#)),
        case("info-not-utf8", "5.1", "a byte that is not UTF-8", JSON, || {
            let mut sample = Sample::new();
            let bytes = &mut sample.header[0].1;
            let at = bytes.iter().rposition(|byte| *byte == b'd').expect("a device type");
            bytes[at] = 0xff;
            sample.bytes()
        }),
        case("info-unknown-key", "5.1", "an unknown key", INFO_RULE, || {
            info(r#"{"payloads":"#, r#"{"extra":1,"payloads":"#)
        }),
        case("info-other-case", "5.1", "a key in another case", INFO_RULE, || {
            info(NAME, r#""Artifact_Name":"a""#)
        }),
        case("info-no-provides", "5.1", "no artifact_provides", INFO_RULE, || {
            info(r#""artifact_provides":{"artifact_name":"a"},"#, "")
        }),
        case("info-no-depends", "5.1", "no artifact_depends", INFO_RULE, || {
            info(r#","artifact_depends":{"device_type":["d"]}"#, "")
        }),
        case("info-name-empty", "5.1", "an empty name", INFO_RULE, || info(NAME, r#""artifact_name":"""#)),
        case("info-name-long", "5.1", "a name of 257 bytes", INFO_RULE, || {
            info(NAME, &format!(r#""artifact_name":"{}""#, "a".repeat(257)))
        }),
        case("info-name-number", "5.1", "a number as name", INFO_RULE, || info(NAME, r#""artifact_name":7"#)),
        case("info-group-empty", "5.1", "an empty group", INFO_RULE, || {
            info(NAME, r#""artifact_name":"a","artifact_group":"""#)
        }),
        case("info-no-device-type", "5.1", "no device type", INFO_RULE, || info(TYPES, "[]")),
        case("info-device-type-text", "5.1", "device types that are no list", INFO_RULE, || {
            info(TYPES, r#""d""#)
        }),
        case("info-device-type-empty", "5.1", "an empty device type", INFO_RULE, || {
            info(TYPES, r#"["d",""]"#)
        }),
        case("info-no-payload", "5.1", "no payload", INFO_RULE, || info(PAYLOADS, "[]")),
        case("info-type-empty", "5.1", "an empty type", INFO_RULE, || info(PAYLOADS, r#"[{"type":""}]"#)),
        case("info-type-path", "5.1", "a path as type", INFO_RULE, || {
            info(PAYLOADS, r#"[{"type":"../../bin/sh"}]"#)
        }),
        case("info-type-absent", "5.1", "a payload without a type", INFO_RULE, || info(PAYLOADS, "[{}]")),
        case("info-payload-key", "5.1", "an unknown key in a payload", INFO_RULE, || {
            info(PAYLOADS, r#"[{"type":"module","x":1}]"#)
        }),
        case("info-updates", "5.1", "payloads under their name of version 2", INFO_RULE, || {
            info(r#"{"payloads":"#, r#"{"updates":"#)
        }),
    ]
}

fn type_infos() -> Vec<Case> {
    const RULE: (&str, &str) = ("type-info", "");
    vec![
        case("type-other", "5.3", "another type than in header-info", RULE, || {
            Sample::new().with_header("headers/0000/type-info", r#"{"type":"other"}"#).bytes()
        }),
        case("type-empty", "5.3", "an empty type of a module", RULE, || {
            Sample::new().with_header("headers/0000/type-info", r#"{"type":""}"#).bytes()
        }),
        case("type-null", "5.3", "no type in type-info", RULE, || {
            Sample::new().with_header("headers/0000/type-info", r#"{"type":null}"#).bytes()
        }),
        case("type-not-json", "5.3", "type-info that is no JSON", ("json", ""), || {
            Sample::new().with_header("headers/0000/type-info", "null").bytes()
        }),
        case("type-key-twice", "5.3", "a key twice", ("json", ""), || type_info(r#""type":"module""#)),
        case("type-provides-list", "5.3", "provides that are a list", RULE, || {
            type_info(r#""artifact_provides":[]"#)
        }),
        case("type-provides-number", "5.3", "a number provided", RULE, || {
            type_info(r#""artifact_provides":{"k":1}"#)
        }),
        case("type-provides-name", "5.3", "the artifact's name provided again", RULE, || {
            type_info(r#""artifact_provides":{"artifact_name":"x"}"#)
        }),
        case("type-provides-group", "5.3", "the group provided again", RULE, || {
            type_info(r#""artifact_provides":{"artifact_group":"x"}"#)
        }),
        case("type-depends-device-type", "5.3", "a device type in depends", RULE, || {
            type_info(r#""artifact_depends":{"device_type":"x"}"#)
        }),
        case("type-depends-number", "5.3", "a number depended on", RULE, || {
            type_info(r#""artifact_depends":{"k":[1]}"#)
        }),
        case("type-clears-text", "5.3", "clears that are no list", RULE, || {
            type_info(r#""clears_artifact_provides":"x""#)
        }),
        case("type-clears-escape", "5.3", "a glob that ends with `\\`", RULE, || {
            type_info(r#""clears_artifact_provides":["x\\"]"#)
        }),
        case("type-key-of-two-payloads", "5.3", "two payloads that provide one key", RULE, || {
            let type_info = r#"{"type":"module","artifact_provides":{"k":"v"}}"#;
            let mut sample = Sample::new()
                .with_header("header-info", &INFO.replace("[{", r#"[{"type":"module"},{"#))
                .with_header("headers/0000/type-info", type_info)
                .insert_header(3, "headers/0001/type-info", type_info);
            sample.data.push(Vec::new());
            sample.bytes()
        }),
    ]
}

fn others() -> Vec<Case> {
    const PAYLOADS: (&str, &str) = ("payloads", "");
    vec![
        case("meta-not-json", "5.4", "meta-data that is no JSON", ("json", ""), || meta_data("x")),
        case("meta-no-object", "5.4", "meta-data that is a list", ("json", ""), || meta_data("[]")),
        case("meta-key-twice", "5.4", "a key twice in meta-data", ("json", ""), || {
            meta_data(r#"{"a":1,"a":2}"#)
        }),
        case("rootfs-two-files", "7", "a rootfs-image of two files", PAYLOADS, || {
            rootfs_image(2, r#"{"type":"rootfs-image"}"#)
        }),
        case("rootfs-other-type", "5.3", "a rootfs-image of another type", ("type-info", ""), || {
            rootfs_image(1, r#"{"type":"module"}"#)
        }),
        case("null-with-files", "9", "an empty payload with a file", PAYLOADS, || {
            Sample { data: Sample::new().data, ..empty_payload() }.bytes()
        }),
        case("null-with-script", "9", "an empty payload with a script", PAYLOADS, || {
            empty_payload().insert_header(1, SCRIPT, "x").bytes()
        }),
        case("null-with-meta-data", "9", "an empty payload with meta-data", PAYLOADS, || {
            empty_payload().insert_header(2, "headers/0000/meta-data", r#"{"a":1}"#).bytes()
        }),
        case("v2-header-of-v3", "6", "a header of version 3 in version 2", ("header-info", ""), || {
            version_2().with_header("header-info", INFO).bytes()
        }),
        case("v2-module", "6", "a module image in version 2", ("header-info", ""), || {
            let info =
                r#"{"artifact_name":"a","updates":[{"type":"module"}],"device_types_compatible":["d"]}"#;
            version_2().with_header("header-info", info).bytes()
        }),
        case("v2-no-files", "6", "no list of files in version 2", PAYLOADS, || {
            version_2().without_header("headers/0000/files").bytes()
        }),
        case("v2-other-file", "6", "another file than listed", PAYLOADS, || {
            version_2().with_header("headers/0000/files", r#"{"files":["other"]}"#).bytes()
        }),
        case("v3-with-files", "6", "a list of files in version 3", PAYLOADS, || {
            Sample::new().insert_header(1, "headers/0000/files", "{}").bytes()
        }),
    ]
}
