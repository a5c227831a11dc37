//! Identity data and its canonical form.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::strict_json;
use crate::ids::TenantId;

/// Longest identity data, in bytes of JSON.
pub const MAX_IDENTITY_BYTES: usize = 16 * 1024;

/// Deepest nesting in identity data.
const MAX_DEPTH: usize = 8;

/// Why identity data is not acceptable.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Longer than [`MAX_IDENTITY_BYTES`].
    #[error("identity data is longer than {MAX_IDENTITY_BYTES} bytes")]
    TooLong,
    /// Not JSON, a key twice, or nested too deeply.
    #[error("identity data is not acceptable JSON: {0}")]
    NotJson(#[from] strict_json::StrictJsonError),
    /// A NUL in a name or a value: not every database can hold it.
    #[error("identity data must not contain the character NUL")]
    Nul,
    /// Not an object, or an object without members.
    #[error("identity data must be a JSON object with at least one attribute")]
    NotAnObject,
}

/// Who a device claims to be: a non-empty JSON object, kept in canonical form.
///
/// The form is the one that existing servers hash: keys sorted bytewise, no white space, `<`, `>`, `&`,
/// U+2028 and U+2029 escaped, every number as a 64-bit float (device protocol §1.6). Two devices are the same
/// device if and only if these bytes are equal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    canonical: String,
}

impl Identity {
    /// Parses identity data as a device sends it.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        if text.len() > MAX_IDENTITY_BYTES {
            return Err(IdentityError::TooLong);
        }
        Self::from_value(&strict_json::parse(text.as_bytes(), MAX_DEPTH)?)
    }

    /// Takes identity data that was parsed as part of a larger document.
    pub fn from_value(value: &Value) -> Result<Self, IdentityError> {
        let is_filled_object = value.as_object().is_some_and(|map| !map.is_empty());
        if !is_filled_object {
            return Err(IdentityError::NotAnObject);
        }
        if has_nul(value) {
            return Err(IdentityError::Nul);
        }
        let mut canonical = String::new();
        write_value(&mut canonical, value);
        if canonical.len() > MAX_IDENTITY_BYTES {
            return Err(IdentityError::TooLong);
        }
        Ok(Self { canonical })
    }

    /// Takes back what storage kept.
    pub(crate) const fn from_stored(canonical: String) -> Self {
        Self { canonical }
    }

    /// The canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// SHA-256 of the canonical form: unique within a tenant.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.canonical.as_bytes()).into()
    }

    /// The attributes.
    #[must_use]
    pub fn attributes(&self) -> BTreeMap<String, Value> {
        serde_json::from_str(&self.canonical).unwrap_or_default()
    }
}

/// Names a pair of identity and key inside a tenant: the first 128 bits of a SHA-256.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CredentialDigest(u128);

impl CredentialDigest {
    /// Digests tenant, identity hash and the SHA-256 of the key's `SubjectPublicKeyInfo` (RFC 5280 §4.1).
    #[must_use]
    pub fn new(tenant: TenantId, identity_hash: &[u8; 32], spki_sha256: &[u8; 32]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tenant.as_uuid().as_bytes());
        hasher.update(identity_hash);
        hasher.update(spki_sha256);
        let digest: [u8; 32] = hasher.finalize().into();
        Self(first_u128(&digest))
    }

    /// The 128 bits.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

pub(crate) fn first_u128(digest: &[u8; 32]) -> u128 {
    digest.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
    }
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number.as_f64().unwrap_or(0.0)),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let sorted: BTreeMap<&str, &Value> =
                map.iter().map(|(key, value)| (key.as_str(), value)).collect();
            out.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

/// Whole numbers without exponent up to 1e21, as the original's encoder does; others in shortest form.
fn write_number(out: &mut String, number: f64) {
    let size = number.abs();
    let written = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // Go pads nothing and signs the exponent: 1e+21, 1e-7.
        let text = format!("{number:e}");
        match text.split_once('e') {
            Some((digits, power)) if !power.starts_with('-') => write!(out, "{digits}e+{power}"),
            Some((digits, power)) => write!(out, "{digits}e{power}"),
            None => write!(out, "{text}"),
        }
    } else {
        write!(out, "{number}")
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{0}'..='\u{1f}' => {
                let written = write!(out, "\\u{:04x}", u32::from(character));
                debug_assert!(written.is_ok(), "writing to a string cannot fail");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{CredentialDigest, Identity};
    use crate::ids::TenantId;

    #[test]
    fn order_and_white_space_do_not_matter() {
        let one = Identity::parse(r#"{"sn":"1","mac":"a"}"#).unwrap();
        let two = Identity::parse("{ \"mac\" : \"a\",\n\"sn\":\"1\" }").unwrap();
        assert_eq!(one, two);
        assert_eq!(one.as_str(), r#"{"mac":"a","sn":"1"}"#);
        assert_ne!(one, Identity::parse(r#"{"mac":"a","sn":"1","x":""}"#).unwrap());
    }

    #[test]
    fn escapes_and_numbers_follow_the_original() {
        let identity =
            Identity::parse(r#"{"a":"<&>\u2028","n":1.0,"big":1e30,"i":12345678901234567890}"#).unwrap();
        assert_eq!(
            identity.as_str(),
            r#"{"a":"\u003c\u0026\u003e\u2028","big":1e+30,"i":12345678901234567000,"n":1}"#
        );
    }

    #[test]
    fn refuses_what_is_no_identity() {
        for text in ["", "{}", "[]", "\"x\"", r#"{"a":1,"a":2}"#, "{\"a\":", r#"{"a":"\u0000"}"#] {
            assert!(Identity::parse(text).is_err(), "{text}");
        }
        assert!(Identity::parse(&format!("{{\"a\":\"{}\"}}", "x".repeat(20_000))).is_err());
    }

    #[test]
    fn digests_differ_by_tenant_identity_and_key() {
        let base = CredentialDigest::new(TenantId::DEFAULT, &[1; 32], &[2; 32]);
        assert_ne!(base, CredentialDigest::new(TenantId::generate(), &[1; 32], &[2; 32]));
        assert_ne!(base, CredentialDigest::new(TenantId::DEFAULT, &[2; 32], &[1; 32]));
    }

    proptest! {
        #[test]
        fn canonical_form_is_a_fixed_point(key in any::<String>(), value in any::<String>(), number in any::<f64>()) {
            let (key, value) = (key.replace('\0', "0"), value.replace('\0', "0"));
            let document = serde_json::json!({ key: value, "number": number });
            let once = Identity::from_value(&document).unwrap();
            let twice = Identity::parse(once.as_str()).unwrap();
            assert_eq!(once, twice);
        }
    }
}
