//! Unsigned additions; the tool reads them, so that these break the rules about them.

use crate::Case;
use crate::case::case;
use crate::sample::{File, INFO, Sample, TYPE_INFO, file, line, tar};

/// The members of a sample with one unsigned file and this unsigned header.
pub fn augmented_members(header: &[File]) -> Vec<File> {
    let mut sample = Sample::new();
    let header = tar(header);
    let manifest = line("data/0000/delta", b"delta") + &line("header-augment.tar", &header);
    let signed = sample.manifest();
    sample.data[0].push(file("delta", "delta"));
    let mut members = sample.members();
    members[1].1 = signed.into_bytes();
    members.insert(2, ("manifest-augment".to_owned(), manifest.into_bytes()));
    members.insert(4, ("header-augment.tar".to_owned(), header));
    members
}

/// An unsigned header with these documents.
pub fn additions(type_info: &str, meta_data: &str) -> Vec<File> {
    vec![
        file("header-info", INFO),
        file("headers/0000/type-info", type_info),
        file("headers/0000/meta-data", meta_data),
    ]
}

fn augmented(header: &[File], edit: impl FnOnce(&mut Vec<File>)) -> Vec<u8> {
    let mut members = augmented_members(header);
    edit(&mut members);
    tar(&members)
}

/// Good additions whose members are edited.
fn edited(edit: impl FnOnce(&mut Vec<File>)) -> Vec<u8> {
    augmented(&additions(TYPE_INFO, "{}"), edit)
}

fn replace(members: &mut [File], from: &str, to: &str) {
    let text = String::from_utf8(members[2].1.clone()).expect("a manifest");
    members[2].1 = text.replace(from, to).into_bytes();
}

pub(crate) fn cases() -> Vec<Case> {
    const CONFLICT: (&str, &str) = ("augment-conflict", "");
    vec![
        case("augment-no-manifest", "8", "an unsigned header alone", ("augment-pair", ""), || {
            edited(|members| drop(members.remove(2)))
        }),
        case("augment-no-header", "8", "an unsigned manifest alone", ("augment-pair", ""), || {
            edited(|members| drop(members.remove(4)))
        }),
        case(
            "augment-listed-twice",
            "8",
            "a file in both manifests",
            ("listed-twice", "manifest-augment"),
            || edited(|members| replace(members, "delta\n", "app.bin\n")),
        ),
        case(
            "augment-lists-version",
            "8",
            "version among the unsigned",
            ("manifest-line", "manifest-augment"),
            || edited(|members| members[2].1.extend(line("version", b"x").as_bytes())),
        ),
        case("augment-checksum", "8", "another unsigned header", ("checksum", "header-augment.tar"), || {
            edited(|members| members[4].1.extend([0; 512]))
        }),
        case("augment-file-checksum", "8", "another unsigned file", ("checksum", "data/0000.tar"), || {
            edited(|members| {
                replace(members, &line("data/0000/delta", b"delta"), &line("data/0000/delta", b"x"));
            })
        }),
        case("augment-type", "8", "another type", CONFLICT, || {
            augmented(&additions(r#"{"type":"other"}"#, "{}"), |_| {})
        }),
        case("augment-shape", "8", "a list in the place of a text", CONFLICT, || {
            augmented(&additions(TYPE_INFO, r#"{"k":["v"]}"#), |_| {})
        }),
        case("augment-script", "8", "an unsigned script", CONFLICT, || {
            let mut header = additions(TYPE_INFO, "{}");
            header.insert(1, file("scripts/ArtifactInstall_Enter_00", "x"));
            augmented(&header, |_| {})
        }),
        case("augment-name", "8", "another name", ("type-info", ""), || {
            let type_info = r#"{"type":"module","artifact_provides":{"artifact_name":"x"}}"#;
            augmented(&additions(type_info, "{}"), |_| {})
        }),
    ]
}
