//! Members of the outer tar and `version` (artifact format §1, §2).

use artifact::Rule;

use crate::{refused, verdict};
use hostile_artifacts::sample::{File, Sample, VERSION, file, tar};

fn edited(edit: impl FnOnce(&mut Vec<File>)) -> Vec<u8> {
    let mut members = Sample::new().members();
    edit(&mut members);
    tar(&members)
}

#[test]
fn order() {
    for position in 0..3 {
        refused!(edited(|members| members.swap(position, position + 1)), Rule::MemberOrder { .. });
    }
}

#[test]
fn missing() {
    for position in 0..3 {
        refused!(edited(|members| drop(members.remove(position))), Rule::MemberOrder { .. });
    }
    refused!(edited(|members| drop(members.pop())), Rule::ListedButMissing(_));
    refused!(edited(|members| members.truncate(2)), Rule::MissingMember(_));
    refused!(edited(Vec::clear), Rule::MissingMember("version"));
}

#[test]
fn duplicates() {
    for position in 0..4 {
        refused!(
            edited(|members| members.insert(position, members[position].clone())),
            Rule::MemberOrder { .. }
        );
    }
}

#[test]
fn unknown_members() {
    for position in 0..=4 {
        refused!(
            edited(|members| members.insert(position, file("notes.txt", "x"))),
            Rule::MemberOrder { .. }
        );
    }
    for name in
        ["data/0000", "data/0000.tar.bz2", "data/00.tar", "data/0000.tar.gz.gz", "Data/0000.tar", "scripts"]
    {
        refused!(edited(|members| members[3].0 = name.to_owned()), Rule::MemberOrder { .. });
    }
}

#[test]
fn data_indices() {
    refused!(edited(|members| members[3].0 = "data/0001.tar".to_owned()), Rule::Payloads(_));
    let mut two = Sample::new()
        .with_header("header-info", &hostile_artifacts::sample::INFO.replace("[{", r#"[{"type":"module"},{"#))
        .insert_header(3, "headers/0001/type-info", hostile_artifacts::sample::TYPE_INFO);
    two.data.push(vec![file("b", "b")]);
    verdict(&two.bytes()).unwrap();
    let mut members = two.members();
    members.swap(3, 4);
    refused!(tar(&members), Rule::MemberOrder { .. });
}

#[test]
fn versions() {
    let version = |text: &str| Sample { version: text.into(), ..Sample::new() }.bytes();
    verdict(&version("{ \"version\" : 3,\n \"format\" : \"mender\" }\n")).unwrap();
    for number in [0, 1, 4, 99] {
        let bytes = version(&VERSION.replace('3', &number.to_string()));
        refused!(bytes, Rule::UnsupportedVersion(_));
    }
    for text in [
        "",
        "3",
        r#"{"format":"mender"}"#,
        r#"{"version":3}"#,
        r#"{"format":"other","version":3}"#,
        r#"{"format":"mender","version":"3"}"#,
        r#"{"format":"mender","version":3.0}"#,
        r#"{"format":"mender","version":-3}"#,
        r#"{"format":"mender","version":3,"extra":1}"#,
        r#"{"format":"mender","version":2,"version":3}"#,
        r#"{"format":"mender","version":3}x"#,
        r#"{"Format":"mender","version":3}"#,
    ] {
        refused!(version(text), Rule::Version(_));
    }
}

#[test]
fn version_1_says_that_it_is_over() {
    let bytes = Sample { version: VERSION.replace('3', "1").into(), ..Sample::new() }.bytes();
    let message = verdict(&bytes).unwrap_err().to_string();
    assert_eq!(message, "version: format version 1 is not supported any longer (at byte 543)");
}

#[test]
fn version_checksum() {
    let spaced = VERSION.replace(':', ": ");
    refused!(Sample::new().with_member("version", spaced), Rule::Checksum(_));
}
