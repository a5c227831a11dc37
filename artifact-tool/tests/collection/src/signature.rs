//! `manifest.sig`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;

use crate::Case;
use crate::case::case;
use crate::sample::{File, Sample, line, tar};

fn signature_by(pem: &str, manifest: &str) -> Vec<u8> {
    let key: SigningKey = p256::SecretKey::from_sec1_pem(pem).expect("a key of the fixtures").into();
    let signature: p256::ecdsa::Signature = key.sign(manifest.as_bytes());
    signature.to_bytes().to_vec()
}

fn signature(manifest: &str) -> Vec<u8> {
    signature_by(include_str!("../../fixtures/keys/p256.private.sec1.pem"), manifest)
}

fn text() -> String {
    STANDARD.encode(signature(&Sample::new().manifest()))
}

fn with(text: impl Into<Vec<u8>>, edit: impl FnOnce(&mut Vec<File>)) -> Vec<u8> {
    let mut members = Sample::new().members();
    members.insert(2, ("manifest.sig".to_owned(), text.into()));
    edit(&mut members);
    tar(&members)
}

fn with_text(text: impl Into<Vec<u8>>) -> Vec<u8> {
    with(text, |_| {})
}

const ENCODING: (&str, &str) = ("signature-encoding", "manifest.sig");
const MISMATCH: (&str, &str) = ("signature-mismatch", "manifest.sig");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("signature-absent", "4", "no signature where one is needed", ("signature-missing", ""), || {
            Sample::new().bytes()
        })
        .with_key(),
        case("signature-of-another-key", "4", "a signature by another key", MISMATCH, || {
            let other = include_str!("../../fixtures/keys/p256-other.private.sec1.pem");
            with_text(STANDARD.encode(signature_by(other, &Sample::new().manifest())))
        })
        .with_key(),
        case("signature-of-another-text", "4", "a signature over something else", MISMATCH, || {
            with_text(STANDARD.encode(signature("something else\n")))
        })
        .with_key(),
        case("signature-altered", "4", "a signature with one changed bit", MISMATCH, || {
            let mut bytes = signature(&Sample::new().manifest());
            bytes[40] ^= 1;
            with_text(STANDARD.encode(bytes))
        })
        .with_key(),
        case("signature-asn1", "4", "ECDSA in ASN.1", MISMATCH, || {
            let raw = signature(&Sample::new().manifest());
            let parsed = p256::ecdsa::Signature::from_slice(&raw).expect("a signature");
            with_text(STANDARD.encode(parsed.to_der().as_bytes()))
        })
        .with_key(),
        case(
            "signature-and-unsigned-line",
            "3",
            "a line after what is signed",
            ("manifest-line", "manifest"),
            || {
                let extra = line("data/0000/extra", b"x");
                with(text(), |members| members[1].1.extend(extra.trim_end().as_bytes()))
            },
        )
        .with_key(),
        case("signature-and-changed-manifest", "4", "a manifest changed after signing", MISMATCH, || {
            with(text(), |members| members[1].1.extend(line("data/0000/extra", b"x").as_bytes()))
        })
        .with_key(),
        case("signature-before-broken-header", "13", "a wrong signature and no header", MISMATCH, || {
            with(STANDARD.encode([7; 64]), |members| members[3].1 = b"not a tar".to_vec())
        })
        .with_key(),
        case("signature-empty", "4", "an empty signature", ENCODING, || with_text("")),
        case("signature-two-line-ends", "4", "two line ends after it", ENCODING, || {
            with_text(text() + "\n\n")
        }),
        case("signature-wrapped", "4", "a signature in two lines", ENCODING, || {
            let text = text();
            with_text(format!("{}\n{}", &text[..64], &text[64..]))
        }),
        case("signature-unpadded", "4", "base64 without its padding", ENCODING, || {
            with_text(text().trim_end_matches('='))
        }),
        case("signature-url-alphabet", "4", "the alphabet of URLs", ENCODING, || {
            with_text(format!("-_{}", &text()[2..]))
        }),
        case("signature-leading-blank", "4", "a blank before it", ENCODING, || {
            with_text(format!(" {}", text()))
        }),
        case("signature-twice", "1", "two signatures", ("member-order", ""), || {
            with(text(), |members| members.insert(3, members[2].clone()))
        }),
        case("signature-first", "1", "a signature before the manifest", ("member-order", ""), || {
            with(text(), |members| members.swap(1, 2))
        }),
        case("signature-late", "1", "a signature after the header", ("member-order", ""), || {
            with(text(), |members| members.swap(2, 3))
        }),
        case("signature-too-large", "12", "a signature of 20 KiB", ("too-large", "manifest.sig"), || {
            with_text(vec![b'A'; 20 << 10])
        }),
    ]
}
