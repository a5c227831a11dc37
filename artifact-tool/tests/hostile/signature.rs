//! `manifest.sig` (artifact format §4).

use std::fs;

use artifact::{ReadOptions, Rule, SignatureJudge, SigningKey, VerifyingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{refused, refused_with};
use hostile_artifacts::sample::{Sample, line, tar};

fn pem(name: &str) -> String {
    fs::read_to_string(format!("{}/tests/fixtures/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn trusting(names: &[&str]) -> ReadOptions {
    let key = |name: &&str| VerifyingKey::from_pem(&pem(&format!("{name}.public"))).unwrap();
    ReadOptions { keys: names.iter().map(key).collect(), ..ReadOptions::default() }
}

fn signature(manifest: &str) -> Vec<u8> {
    SigningKey::from_pem(&pem("p256.private.sec1")).unwrap().sign(manifest.as_bytes()).unwrap()
}

fn with_signature(sample: &Sample, text: impl Into<Vec<u8>>) -> Vec<u8> {
    let mut members = sample.members();
    members.insert(2, ("manifest.sig".to_owned(), text.into()));
    tar(&members)
}

fn signed(sample: &Sample) -> Vec<u8> {
    with_signature(sample, STANDARD.encode(signature(&sample.manifest())))
}

#[test]
fn any_one_trusted_key_is_enough() {
    let bytes = signed(&Sample::new());
    let artifact =
        artifact::read::read(bytes.as_slice(), &trusting(&["rsa3072", "p256-other", "p256"])).unwrap();
    assert_eq!(artifact.header.signature.unwrap().verified.unwrap().key_index, 2);
}

#[test]
fn absent() {
    refused_with!(Sample::new().bytes(), trusting(&["p256"]), Rule::SignatureMissing);
}

#[test]
fn of_another_key() {
    refused_with!(
        signed(&Sample::new()),
        trusting(&["p256-other", "rsa3072", "ed25519"]),
        Rule::SignatureMismatch
    );
}

#[test]
fn over_another_manifest() {
    let other = signature(&(Sample::new().manifest() + "\n"));
    refused_with!(
        with_signature(&Sample::new(), STANDARD.encode(other)),
        trusting(&["p256"]),
        Rule::SignatureMismatch
    );
}

#[test]
fn altered() {
    let good = signature(&Sample::new().manifest());
    for position in 0..good.len() {
        let mut broken = good.clone();
        broken[position] ^= 0x10;
        refused_with!(
            with_signature(&Sample::new(), STANDARD.encode(broken)),
            trusting(&["p256"]),
            Rule::SignatureMismatch
        );
    }
}

#[test]
fn encodings() {
    let text = STANDARD.encode(signature(&Sample::new().manifest()));
    let accepted = with_signature(&Sample::new(), format!("{text}\n"));
    artifact::read::read(accepted.as_slice(), &trusting(&["p256"])).unwrap();
    for text in [
        String::new(),
        format!("{text}\n\n"),
        format!("{text}\r\n"),
        format!(" {text}"),
        format!("{}\n{}", &text[..64], &text[64..]),
        text.trim_end_matches('=').to_owned(),
        text.replacen(&text[..1], "*", 1),
    ] {
        refused!(with_signature(&Sample::new(), text.clone()), Rule::SignatureEncoding);
        refused_with!(with_signature(&Sample::new(), text), trusting(&["p256"]), Rule::SignatureEncoding);
    }
}

#[test]
fn an_unterminated_line_is_not_smuggled_past_a_good_signature() {
    let sample = Sample::new();
    let mut members = sample.members();
    let manifest = sample.manifest() + line("data/0000/extra", b"x").trim_end();
    let text = STANDARD.encode(signature(&sample.manifest()));
    members[1].1 = manifest.into_bytes();
    members.insert(2, ("manifest.sig".to_owned(), text.into_bytes()));
    refused_with!(tar(&members), trusting(&["p256"]), Rule::Manifest { .. });
}

#[test]
fn a_bad_signature_is_noticed_before_the_header() {
    let sample = Sample::new();
    let mut members = sample.members();
    members[2].1 = b"not a tar at all".to_vec();
    members.insert(2, ("manifest.sig".to_owned(), STANDARD.encode([7; 64]).into_bytes()));
    refused_with!(tar(&members), trusting(&["p256"]), Rule::SignatureMismatch);
    members.remove(2);
    refused_with!(tar(&members), trusting(&["p256"]), Rule::SignatureMissing);
}

#[test]
fn twice() {
    let mut members = Sample::new().members();
    let signature =
        ("manifest.sig".to_owned(), STANDARD.encode(signature(&Sample::new().manifest())).into_bytes());
    members.insert(2, signature.clone());
    members.insert(2, signature);
    refused!(tar(&members), Rule::MemberOrder { .. });
}

#[test]
fn the_judge_of_the_caller_decides_before_the_rest_is_looked_at() {
    let sample = Sample::new();
    let (manifest, expected) = (sample.manifest(), signature(&sample.manifest()));
    let judging = |accepts: bool| ReadOptions {
        judge: Some(SignatureJudge::new(move |bytes, raw| {
            assert_eq!(bytes, manifest.as_bytes());
            assert_eq!(raw, Some(expected.as_slice()));
            if accepts { Ok(()) } else { Err("not by a friend".to_owned()) }
        })),
        ..ReadOptions::default()
    };
    let bytes = signed(&sample);
    assert!(artifact::read::read(bytes.as_slice(), &judging.clone()(true)).is_ok());
    // What follows the signature is damaged, and that is not what the refusal is about.
    let mut members = sample.members();
    members.truncate(2);
    members.push(("manifest.sig".to_owned(), STANDARD.encode(signature(&sample.manifest())).into()));
    members.push(("nonsense".to_owned(), b"x".to_vec()));
    let refusal = artifact::read::read(tar(&members).as_slice(), &judging(false)).unwrap_err();
    assert!(
        matches!(refusal.rule(), Some(Rule::SignatureRefused(why)) if why == "not by a friend"),
        "{refusal}"
    );
    let unsigned = ReadOptions {
        judge: Some(SignatureJudge::new(|_, raw| raw.map(|_| ()).ok_or_else(|| "unsigned".to_owned()))),
        ..ReadOptions::default()
    };
    refused_with!(tar(&sample.members()), unsigned, Rule::SignatureRefused(_));
}
