//! The member `manifest.sig` (artifact format §4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Decodes standard base64 with padding and at most one line feed after it.
///
/// Returns the raw signature and the length of its text.
pub(crate) fn parse(member: &[u8]) -> Option<(Vec<u8>, usize)> {
    let text = member.strip_suffix(b"\n").unwrap_or(member);
    let bytes = STANDARD.decode(text).ok()?;
    (!bytes.is_empty()).then_some((bytes, text.len()))
}

/// Encodes a raw signature as the member's contents, without a line end.
pub(crate) fn render(signature: &[u8]) -> String {
    STANDARD.encode(signature)
}

/// Returns the form of a signature that artifacts have: one of ECDSA P-256 in ASN.1 (RFC 3279 §2.2.3), as
/// OpenSSL, key services and hardware modules give it, becomes `r ‖ s`; every other stays as it is.
#[must_use]
pub fn normalize(signature: Vec<u8>) -> Vec<u8> {
    // 64 bytes are r ‖ s or Ed25519 already.
    if signature.len() == 64 {
        return signature;
    }
    match p256::ecdsa::Signature::from_der(&signature) {
        Ok(parsed) => parsed.to_bytes().to_vec(),
        Err(_) => signature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plain_form_is_read() {
        assert_eq!(parse(b"AAEC"), Some((vec![0, 1, 2], 4)));
        assert_eq!(parse(b"AAEC\n"), Some((vec![0, 1, 2], 4)));
        for refused in
            [&b""[..], b"\n", b"AAEC\n\n", b"AA\nEC", b"AAEC ", b"AAE", b"AAE-", b"AA==AA==", b"AB=="]
        {
            assert_eq!(parse(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn signatures_in_asn1_become_fixed() {
        let fixed: Vec<u8> = (1..=64).collect();
        let der = p256::ecdsa::Signature::from_slice(&fixed).unwrap().to_der();
        assert_eq!(normalize(der.as_bytes().to_vec()), fixed);
        assert_eq!(normalize(fixed.clone()), fixed);
        assert_eq!(normalize(vec![0x30; 384]), vec![0x30; 384]);
    }
}
