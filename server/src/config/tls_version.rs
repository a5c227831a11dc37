//! The oldest TLS that is spoken.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A version of TLS, written as `"1.2"` or `"1.3"`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsVersion {
    /// RFC 5246. With 1.3 beside it that is what Mozilla calls "intermediate".
    #[default]
    V1_2,
    /// RFC 8446. Alone it is what Mozilla calls "modern".
    V1_3,
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = TlsVersion;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"1.2\" or \"1.3\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TlsVersion, E> {
        match text {
            "1.2" => Ok(TlsVersion::V1_2),
            "1.3" => Ok(TlsVersion::V1_3),
            _ => Err(E::custom(format!("{text:?} is not \"1.2\" or \"1.3\""))),
        }
    }

    // A variable comes as the number that it looks like.
    fn visit_f64<E: Error>(self, number: f64) -> Result<TlsVersion, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::json;

    use super::TlsVersion;

    #[test]
    fn a_version_is_a_text_or_a_number() {
        let parse = |value| TlsVersion::deserialize(value).ok();
        assert_eq!(parse(json!("1.2")), Some(TlsVersion::V1_2));
        assert_eq!(parse(json!("1.3")), Some(TlsVersion::V1_3));
        assert_eq!(parse(json!(1.3)), Some(TlsVersion::V1_3));
        for wrong in [json!("1.1"), json!(1.1), json!("TLS 1.3"), json!(3), json!(null)] {
            assert_eq!(parse(wrong), None);
        }
    }
}
