//! Unsigned additions (artifact format §8).

use artifact::{ReadOptions, Rule};

use crate::{refused, refused_with, verdict};
use hostile_artifacts::augment::{additions, augmented_members};
use hostile_artifacts::sample::{TYPE_INFO, file, line, tar};

fn allowing() -> ReadOptions {
    ReadOptions { allow_augmented: true, ..ReadOptions::default() }
}

#[test]
fn marked_and_merged_if_allowed() {
    let type_info = r#"{"type":"","artifact_provides":{"p":"q"}}"#;
    let bytes = tar(&augmented_members(&additions(type_info, r#"{"k":"w"}"#)));
    let artifact = artifact::read::read(bytes.as_slice(), &allowing()).unwrap();
    assert_eq!(artifact.files.iter().map(|file| file.is_augmented).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(artifact.header.payloads[0].provides["p"], "q");
    assert_eq!(artifact.header.payloads[0].effective_meta_data["k"], "w");
    refused!(bytes, Rule::Augmented);
}

#[test]
fn halves() {
    let whole = augmented_members(&additions(TYPE_INFO, "{}"));
    let without = |position: usize| {
        let mut members = whole.clone();
        members.remove(position);
        tar(&members)
    };
    refused_with!(without(2), allowing(), Rule::AugmentPair);
    refused_with!(without(4), allowing(), Rule::AugmentPair);
}

#[test]
fn overlap_and_checksums() {
    let mut members = augmented_members(&additions(TYPE_INFO, "{}"));
    let manifest = String::from_utf8(members[2].1.clone()).unwrap();
    members[2].1 = manifest.replace("delta\n", "app.bin\n").into_bytes();
    refused_with!(tar(&members), allowing(), Rule::ListedTwice(_));
    members[2].1 =
        manifest.replace(&line("data/0000/delta", b"delta"), &line("data/0000/delta", b"x")).into_bytes();
    refused_with!(tar(&members), allowing(), Rule::Checksum(_));
    members[2].1 = (manifest.clone() + &line("version", b"x")).into_bytes();
    refused_with!(tar(&members), allowing(), Rule::Manifest { .. });
    members[2].1 = manifest.into_bytes();
    members[4].1.extend([0; 512]);
    refused_with!(tar(&members), allowing(), Rule::Checksum(_));
}

#[test]
fn what_additions_may_not_change() {
    for (type_info, meta_data) in [
        (r#"{"type":"other"}"#, "{}"),
        (r#"{"type":"module"}"#, r#"{"k":["v"]}"#),
        (r#"{"type":"module"}"#, r#"{"k":{}}"#),
    ] {
        refused_with!(
            tar(&augmented_members(&additions(type_info, meta_data))),
            allowing(),
            Rule::AugmentConflict(_)
        );
    }
    let mut scripted = additions(TYPE_INFO, "{}");
    scripted.insert(1, file("scripts/ArtifactInstall_Enter_00", "x"));
    refused_with!(tar(&augmented_members(&scripted)), allowing(), Rule::AugmentConflict(_));
    let reserved = r#"{"type":"module","artifact_provides":{"artifact_name":"x"}}"#;
    refused_with!(tar(&augmented_members(&additions(reserved, "{}"))), allowing(), Rule::TypeInfo { .. });
}

#[test]
fn not_in_format_version_2() {
    let mut members = augmented_members(&additions(TYPE_INFO, "{}"));
    let version = hostile_artifacts::sample::VERSION.replace('3', "2");
    let manifest = String::from_utf8(members[1].1.clone()).unwrap();
    let lines = manifest.split_inclusive('\n').filter(|line| !line.ends_with("version\n"));
    members[1].1 = (lines.collect::<String>() + &line("version", version.as_bytes())).into_bytes();
    members[0].1 = version.into_bytes();
    refused_with!(tar(&members), allowing(), Rule::MemberOrder { .. });
    assert!(verdict(&tar(&members)).is_err());
}
