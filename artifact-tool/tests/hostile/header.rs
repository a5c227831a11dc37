//! The header (artifact format §5, §6, §9).

use artifact::Rule;

use crate::{refused, verdict};
use hostile_artifacts::sample::{INFO, Sample, TYPE_INFO, entry, file, tar};

const SCRIPT: &str = "scripts/ArtifactInstall_Enter_00";

fn with_info(info: &str) -> Vec<u8> {
    Sample::new().with_header("header-info", info).bytes()
}

fn with_type_info(type_info: &str) -> Vec<u8> {
    Sample::new().with_header("headers/0000/type-info", type_info).bytes()
}

fn with_entry(position: usize, name: &str) -> Vec<u8> {
    Sample::new().insert_header(position, name, "{}").bytes()
}

#[test]
fn order_and_names_of_entries() {
    verdict(&with_entry(1, SCRIPT)).unwrap();
    for (position, name) in [
        (0, "header-info-x"),
        (0, SCRIPT),
        (1, "header-info"),
        (1, "headers/0000/meta-data"),
        (1, "headers/0001/type-info"),
        (2, "headers/0000/type-info"),
        (3, "headers/0000/meta-data"),
        (3, "headers/0002/type-info"),
        (2, SCRIPT),
        (3, "headers/0000/checksums"),
        (3, "headers/0/type-info"),
        (3, "evil/0000/type-info"),
        (3, "headers/0000/type-info/x"),
        (3, "extra"),
    ] {
        refused!(with_entry(position, name), Rule::HeaderEntry { .. });
    }
}

#[test]
fn missing_entries() {
    refused!(Sample::new().without_header("header-info").bytes(), Rule::HeaderEntry { .. });
    refused!(Sample::new().without_header("headers/0000/type-info").bytes(), Rule::HeaderEntry { .. });
    let alone = Sample { header: vec![file("header-info", INFO)], ..Sample::new() };
    refused!(alone.bytes(), Rule::Payloads(_));
    refused!(Sample { header: Vec::new(), ..Sample::new() }.bytes(), Rule::HeaderLacks(_));
}

#[test]
fn more_or_fewer_buckets_than_payloads() {
    refused!(with_entry(3, "headers/0001/type-info"), Rule::Payloads(_));
    refused!(with_info(&INFO.replace("[{", r#"[{"type":"module"},{"#)), Rule::Payloads(_));
}

#[test]
fn special_entries() {
    for kind in *b"123456" {
        let mut member = tar(&Sample::new().header);
        member.truncate(member.len() - 1024);
        member.extend(entry(SCRIPT, kind, b""));
        member.extend([0; 1024]);
        refused!(Sample::new().with_header_member(&member), Rule::EntryType(_));
    }
}

#[test]
fn script_names() {
    for name in [
        "install.sh",
        "Download_Enter_00",
        "Idle_Enter_00",
        "ArtifactInstall_Enter_0",
        "x-ArtifactInstall_Enter_00 evil",
        "ArtifactInstall_Enter_00/x",
        "ArtifactInstall_Enter_00_",
    ] {
        refused!(with_entry(1, &format!("scripts/{name}")), Rule::ScriptName(_));
    }
    let twice = Sample::new().insert_header(1, SCRIPT, "a").insert_header(1, SCRIPT, "b");
    refused!(twice.bytes(), Rule::ScriptName(_));
}

#[test]
fn header_info_that_is_not_json() {
    for info in [
        "",
        "[]",
        "null",
        "{",
        &format!("{INFO}x"),
        &INFO.replace('d', "\u{1}"),
        &INFO.replace("\"d\"", r#""\u0000""#),
    ] {
        refused!(with_info(info), Rule::Json { .. });
    }
    let duplicate = INFO.replacen('{', r#"{"payloads":[{"type":"other"}],"#, 1);
    refused!(with_info(&duplicate), Rule::Json { .. });
    let mut invalid = Sample::new();
    invalid.header[0].1 = INFO
        .replace("\"d\"", "\"?\"")
        .into_bytes()
        .iter()
        .map(|b| if *b == b'?' { 0xff } else { *b })
        .collect();
    refused!(invalid.bytes(), Rule::Json { .. });
}

#[test]
fn header_info_fields() {
    for (from, to) in [
        (r#""artifact_name":"a""#, r#""artifact_name":"""#),
        (r#""artifact_name":"a""#, r#""artifact_name":7"#),
        (r#""artifact_name":"a""#, r#""Artifact_Name":"a""#),
        (r#""artifact_name":"a""#, r#""artifact_name":"a","extra":"b""#),
        (r#""artifact_name":"a""#, r#""artifact_name":"a","artifact_group":"""#),
        (r#""artifact_name":"a""#, r#""artifact_name":"a","artifact_group":[]"#),
        (r#""artifact_provides":{"artifact_name":"a"},"#, ""),
        (r#","artifact_depends":{"device_type":["d"]}"#, ""),
        (r#"["d"]"#, "[]"),
        (r#"["d"]"#, r#""d""#),
        (r#"["d"]"#, r#"["d",""]"#),
        (r#"["d"]"#, r#"["d",1]"#),
        (r#"["d"]"#, r#"["d"],"artifact_name":"x""#),
        (r#"[{"type":"module"}]"#, "[]"),
        (r#"[{"type":"module"}]"#, "{}"),
        (r#"[{"type":"module"}]"#, r#"["module"]"#),
        (r#"[{"type":"module"}]"#, "[{}]"),
        (r#"[{"type":"module"}]"#, r#"[{"type":"module","x":1}]"#),
        (r#"[{"type":"module"}]"#, r#"[{"type":""}]"#),
        (r#"[{"type":"module"}]"#, r#"[{"type":1}]"#),
        (r#"[{"type":"module"}]"#, r#"[{"type":"../../bin/sh"}]"#),
        (r#"{"payloads":"#, r#"{"extra":1,"payloads":"#),
        (r#"{"payloads":"#, r#"{"updates":"#),
    ] {
        let info = INFO.replace(from, to);
        assert_ne!(info, INFO, "{from}");
        refused!(with_info(&info), Rule::HeaderInfo(_));
    }
    let long = "x".repeat(257);
    refused!(with_info(&INFO.replace(r#":"a""#, &format!(r#":"{long}""#))), Rule::HeaderInfo(_));
}

#[test]
fn type_info_type() {
    for type_info in [r#"{"type":"other"}"#, r#"{"type":""}"#, r#"{"type":null}"#, "{}", r#"{"type":1}"#] {
        refused!(with_type_info(type_info), Rule::TypeInfo { .. });
    }
    let rootfs = |type_info: &str| {
        let mut sample = Sample::new()
            .with_header("header-info", &INFO.replace("module", "rootfs-image"))
            .with_header("headers/0000/type-info", type_info);
        sample.data[0].truncate(1);
        sample.bytes()
    };
    verdict(&rootfs(r#"{"type":""}"#)).unwrap();
    verdict(&rootfs(r#"{"type":"rootfs-image"}"#)).unwrap();
    refused!(rootfs(r#"{"type":"module"}"#), Rule::TypeInfo { .. });
}

#[test]
fn type_info_fields() {
    for fields in [
        r#""artifact_provides":[]"#,
        r#""artifact_provides":{"k":1}"#,
        r#""artifact_provides":{"k":["v"]}"#,
        r#""artifact_provides":{"":"v"}"#,
        r#""artifact_provides":{"artifact_name":"x"}"#,
        r#""artifact_provides":{"artifact_group":"x"}"#,
        r#""artifact_provides":{"device_type":"x"}"#,
        r#""artifact_depends":{"device_type":"x"}"#,
        r#""artifact_depends":{"k":1}"#,
        r#""artifact_depends":{"k":[1]}"#,
        r#""artifact_depends":{"k":{}}"#,
        r#""clears_artifact_provides":"x""#,
        r#""clears_artifact_provides":[1]"#,
        r#""clears_artifact_provides":["x\\"]"#,
    ] {
        refused!(with_type_info(&format!(r#"{{"type":"module",{fields}}}"#)), Rule::TypeInfo { .. });
    }
    for type_info in ["", "[]", r#"{"type":"module","type":"module"}"#, r#"{"type":"module"} x"#] {
        refused!(with_type_info(type_info), Rule::Json { .. });
    }
    verdict(&with_type_info(r#"{"type":"module","artifact_depends":{"k":"v","l":["a","b"]},"unknown":1}"#))
        .unwrap();
}

#[test]
fn two_payloads_with_one_key() {
    let type_info = r#"{"type":"module","artifact_provides":{"k":"v"}}"#;
    let mut sample = Sample::new()
        .with_header("header-info", &INFO.replace("[{", r#"[{"type":"module"},{"#))
        .with_header("headers/0000/type-info", type_info)
        .insert_header(3, "headers/0001/type-info", type_info);
    sample.data.push(Vec::new());
    refused!(sample.bytes(), Rule::TypeInfo { index: 1, .. });
}

#[test]
fn meta_data() {
    let with = |text: &str| Sample::new().with_header("headers/0000/meta-data", text).bytes();
    verdict(&with("")).unwrap();
    verdict(&with("{\n \"a\": [[{}]]\n}\n")).unwrap();
    for text in ["[]", "1", "{", "{} x", r#"{"a":1,"a":2}"#, "x"] {
        refused!(with(text), Rule::Json { .. });
    }
}

#[test]
fn several_files_in_a_rootfs_image() {
    let sample = Sample::new()
        .with_header("header-info", &INFO.replace("module", "rootfs-image"))
        .with_header("headers/0000/type-info", r#"{"type":"rootfs-image"}"#);
    refused!(sample.bytes(), Rule::Payloads(_));
}

#[test]
fn an_empty_payload_with_content() {
    let empty = Sample::new()
        .with_header("header-info", &INFO.replace(r#""module""#, "null"))
        .with_header("headers/0000/type-info", &TYPE_INFO.replace(r#""module""#, "null"))
        .without_header("headers/0000/meta-data");
    refused!(empty.bytes(), Rule::Payloads(_)); // files
    let empty = Sample { data: vec![Vec::new()], ..empty };
    verdict(&empty.bytes()).unwrap();
    verdict(&Sample { data: Vec::new(), ..empty.clone() }.bytes()).unwrap();
    refused!(empty.clone().insert_header(1, SCRIPT, "x").bytes(), Rule::Payloads(_));
    refused!(empty.insert_header(2, "headers/0000/meta-data", r#"{"a":1}"#).bytes(), Rule::Payloads(_));
}

#[test]
fn format_version_2() {
    let info = r#"{"artifact_name":"a","updates":[{"type":"rootfs-image"}],"device_types_compatible":["d"]}"#;
    let good = Sample {
        version: hostile_artifacts::sample::VERSION.replace('3', "2").into(),
        header: vec![
            file("header-info", info),
            file("headers/0000/files", r#"{"files":["app.bin"]}"#),
            file("headers/0000/type-info", r#"{"type":"rootfs-image"}"#),
        ],
        data: vec![vec![file("app.bin", "contents")]],
        suffix: "",
    };
    verdict(&good.bytes()).unwrap();
    refused!(good.clone().with_header("header-info", INFO).bytes(), Rule::HeaderInfo(_));
    refused!(
        good.clone().with_header("header-info", &info.replace("rootfs-image", "module")).bytes(),
        Rule::HeaderInfo(_)
    );
    refused!(good.clone().without_header("headers/0000/files").bytes(), Rule::Payloads(_));
    refused!(good.with_header("headers/0000/files", r#"{"files":["other"]}"#).bytes(), Rule::Payloads(_));
    refused!(Sample::new().insert_header(1, "headers/0000/files", "{}").bytes(), Rule::Payloads(_));
}
