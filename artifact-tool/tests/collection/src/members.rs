//! Members of the outer tar, and `version`.

use crate::Case;
use crate::case::case;
use crate::sample::{File, INFO, Sample, TYPE_INFO, VERSION, file, tar};

fn edited(edit: impl FnOnce(&mut Vec<File>)) -> Vec<u8> {
    let mut members = Sample::new().members();
    edit(&mut members);
    tar(&members)
}

fn version(text: &str) -> Vec<u8> {
    Sample { version: text.into(), ..Sample::new() }.bytes()
}

/// An artifact of two payloads whose data members come in this order.
fn two_payloads(order: [usize; 2]) -> Vec<u8> {
    let mut two = Sample::new()
        .with_header("header-info", &INFO.replace("[{", r#"[{"type":"module"},{"#))
        .insert_header(3, "headers/0001/type-info", TYPE_INFO);
    two.data.push(vec![file("b", "b")]);
    let mut members = two.members();
    let data = members.split_off(3);
    members.extend(order.map(|index| data[index].clone()));
    tar(&members)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = orders();
    cases.extend(versions());
    cases
}

fn orders() -> Vec<Case> {
    vec![
        case("members-manifest-first", "1", "manifest before version", ("member-order", ""), || {
            edited(|members| members.swap(0, 1))
        }),
        case("members-header-before-manifest", "1", "header before manifest", ("member-order", ""), || {
            edited(|members| members.swap(1, 2))
        }),
        case("members-data-before-header", "1", "data before header", ("member-order", ""), || {
            edited(|members| members.swap(2, 3))
        }),
        case("members-no-version", "1", "no version", ("member-order", ""), || {
            edited(|members| drop(members.remove(0)))
        }),
        case("members-no-manifest", "1", "no manifest", ("member-order", ""), || {
            edited(|members| drop(members.remove(1)))
        }),
        case("members-no-header", "1", "no header", ("member-order", ""), || {
            edited(|members| drop(members.remove(2)))
        }),
        case("members-nothing", "1", "no member at all", ("missing-member", ""), || edited(Vec::clear)),
        case("members-only-two", "1", "the end after the manifest", ("missing-member", ""), || {
            edited(|members| members.truncate(2))
        }),
        case("members-no-data", "13", "no data for the listed files", ("listed-but-missing", ""), || {
            edited(|members| drop(members.pop()))
        }),
        case("members-version-twice", "13", "a second version", ("member-order", ""), || {
            edited(|members| members.insert(1, members[0].clone()))
        }),
        case("members-manifest-twice", "13", "a second manifest", ("member-order", ""), || {
            edited(|members| members.insert(2, members[1].clone()))
        }),
        case("members-header-twice", "13", "a second header", ("member-order", ""), || {
            edited(|members| members.insert(3, members[2].clone()))
        }),
        case("members-data-twice", "13", "second data for a payload", ("member-order", ""), || {
            edited(|members| members.push(members[3].clone()))
        }),
        case(
            "members-unknown-before-data",
            "1",
            "an unknown member before data",
            ("member-order", ""),
            || edited(|members| members.insert(3, file("notes.txt", "x"))),
        ),
        case("members-unknown-last", "1", "an unknown member at the end", ("member-order", ""), || {
            edited(|members| members.push(file("notes.txt", "x")))
        }),
        case("members-unknown-suffix", "11", "data with an unknown suffix", ("member-order", ""), || {
            edited(|members| members[3].0 = "data/0000.tar.bz2".into())
        }),
        case("members-short-index", "1", "an index of two digits", ("member-order", ""), || {
            edited(|members| members[3].0 = "data/00.tar".into())
        }),
        case("members-no-such-payload", "13", "data for a payload that is not", ("payloads", ""), || {
            edited(|members| members[3].0 = "data/0001.tar".into())
        }),
        case("members-data-disordered", "1", "data not in order", ("member-order", ""), || {
            two_payloads([1, 0])
        }),
    ]
}

fn versions() -> Vec<Case> {
    vec![
        case("version-1", "10", "format version 1", ("unsupported-version", "version"), || {
            version(&VERSION.replace('3', "1"))
        }),
        case("version-4", "2", "format version 4", ("unsupported-version", "version"), || {
            version(&VERSION.replace('3', "4"))
        }),
        case("version-empty", "2", "an empty version", ("version", "version"), || version("")),
        case("version-text", "2", "a version in quotes", ("version", "version"), || {
            version(r#"{"format":"mender","version":"3"}"#)
        }),
        case("version-fraction", "2", "a version with a fraction", ("version", "version"), || {
            version(r#"{"format":"mender","version":3.0}"#)
        }),
        case("version-other-format", "2", "another format", ("version", "version"), || {
            version(r#"{"format":"other","version":3}"#)
        }),
        case("version-no-format", "2", "no format", ("version", "version"), || version(r#"{"version":3}"#)),
        case("version-unknown-key", "2", "an unknown key", ("version", "version"), || {
            version(r#"{"format":"mender","version":3,"extra":1}"#)
        }),
        case("version-key-twice", "2", "a key twice", ("version", "version"), || {
            version(r#"{"format":"mender","version":2,"version":3}"#)
        }),
        case("version-other-case", "2", "a key in another case", ("version", "version"), || {
            version(r#"{"Format":"mender","version":3}"#)
        }),
        case("version-text-after", "2", "text after the JSON", ("version", "version"), || {
            version(&format!("{VERSION}x"))
        }),
        case("version-checksum", "13", "a version that is not the listed one", ("checksum", ""), || {
            Sample::new().with_member("version", VERSION.replace(':', ": "))
        }),
    ]
}
