//! JSON without ambiguities: no duplicate keys, limited nesting, nothing after the value.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Text that is not acceptable JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, a duplicate key, nested too deep, or bytes after the value.
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    /// A value other than an object at the top.
    #[error("not an object")]
    NotObject,
    /// A control character in a key or a string.
    #[error("control character in a string")]
    Control,
}

/// Parses one object and nothing after it, nested at most `depth` deep.
pub(crate) fn object(bytes: &[u8], depth: usize) -> Result<Map<String, Value>, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    match value {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(JsonError::NotObject)
        }
    }
}

/// Like [`object`], and no key or string contains a control character, not even escaped.
pub(crate) fn plain_object(bytes: &[u8], depth: usize) -> Result<Map<String, Value>, JsonError> {
    let map = object(bytes, depth)?;
    if map.iter().all(|(key, value)| is_plain_text(key) && is_plain(value)) {
        Ok(map)
    } else {
        Err(JsonError::Control)
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => is_plain_text(text),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(map) => map.iter().all(|(key, value)| is_plain_text(key) && is_plain(value)),
    }
}

fn is_plain_text(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Deserializes a value that may nest `depth` more times.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        self.depth.checked_sub(1).map(|depth| Self { depth }).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(inner)?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguities_are_refused() {
        assert!(object(br#"{"a":[{"b":1.5e3,"c":null}]}"#, 3).is_ok());
        for refused in [
            &br#"{"a":1,"a":2}"#[..],
            br#"{"a":[[[1]]]}"#,
            br#"{"a":1} x"#,
            br"[]",
            b"",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\n\"}",
        ] {
            assert!(object(refused, 3).is_err(), "{refused:?}");
        }
        assert!(object(br#"{"a":"\n"}"#, 3).is_ok());
        assert!(matches!(plain_object(br#"{"a":"\u0000"}"#, 3), Err(JsonError::Control)));
    }
}
