//! `manifest` (artifact format §3).

use artifact::Rule;

use crate::refused;
use hostile_artifacts::sample::{Sample, line};

#[test]
fn forms_that_other_readers_tolerate() {
    let sample = Sample::new();
    let good = sample.manifest();
    for manifest in [
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("\n{good}"),
        format!(" {good}"),
        good.replace('\n', "\r\n"),
        good.replace("  ", " "),
        good.replace("  ", "\t"),
        good.replace("  ", " *"),
        good.replace("  version", "  ./version"),
        good.to_uppercase(),
        format!("{good}0000"),
        format!("{good}{}", line("other", b"x").trim_end()),
    ] {
        refused!(sample.with_manifest(&manifest), Rule::Manifest { .. });
    }
}

#[test]
fn names_that_do_not_belong() {
    let sample = Sample::new();
    for name in [
        "manifest",
        "manifest.sig",
        "header-augment.tar",
        "data/0000",
        "data/0000/",
        "data/0/x",
        "data/0000/a/b",
        "data/0000/..",
        "data/0000/a b",
        "data/0000/\u{e9}",
    ] {
        refused!(sample.with_manifest(&(sample.manifest() + &line(name, b"x"))), Rule::Manifest { .. });
    }
}

#[test]
fn duplicates() {
    let sample = Sample::new();
    for name in ["version", "data/0000/app.bin", "header.tar", "header.tar.gz"] {
        refused!(sample.with_manifest(&(sample.manifest() + &line(name, b"x"))), Rule::Manifest { .. });
    }
}

#[test]
fn required_lines() {
    let sample = Sample::new();
    let without = |name: &str| {
        let lines = sample.manifest();
        sample.with_manifest(
            &lines.split_inclusive('\n').filter(|line| !line.ends_with(name)).collect::<String>(),
        )
    };
    refused!(without("version\n"), Rule::ManifestLacks(_));
    refused!(without("header.tar\n"), Rule::ManifestLacks(_));
    refused!(without("app.bin\n"), Rule::NotListed(_));
    refused!(sample.with_manifest(""), Rule::ManifestLacks(_));
}

#[test]
fn listed_but_missing() {
    let sample = Sample::new();
    let manifest = sample.manifest() + &line("data/0000/absent", b"x");
    refused!(sample.with_manifest(&manifest), Rule::ListedButMissing(_));
}

#[test]
fn files_of_payloads_that_do_not_exist() {
    let sample = Sample::new();
    refused!(sample.with_manifest(&(sample.manifest() + &line("data/0001/x", b"x"))), Rule::Payloads(_));
}

#[test]
fn header_under_another_suffix() {
    let sample = Sample::new();
    let manifest = sample.manifest().replace("header.tar", "header.tar.gz");
    refused!(sample.with_manifest(&manifest), Rule::NotListed(_));
}

#[test]
fn checksums() {
    let sample = Sample::new();
    let manifest = sample.manifest();
    let other = |name: &str, contents: &[u8]| {
        sample.with_manifest(&manifest.replace(&line(name, contents), &line(name, b"something else")))
    };
    refused!(other("version", &sample.version), Rule::Checksum(_));
    refused!(other("header.tar", &sample.header_member()), Rule::Checksum(_));
    refused!(other("data/0000/app.bin", b"contents"), Rule::Checksum(_));
}
