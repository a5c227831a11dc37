//! What a device sends as its inventory: a JSON array of attributes (device protocol §4).

use serde_json::{Map, Value};

use super::{AttributeSet, AttributeValue, Described};
use crate::devices::strict_json::{self, StrictJsonError};

/// Longest name of an attribute.
pub const MAX_NAME_BYTES: usize = 1024;

/// Longest description of an attribute.
pub const MAX_DESCRIPTION_BYTES: usize = 4096;

/// The array, an attribute, its value, an item of that.
const MAX_DEPTH: usize = 4;

/// Why an inventory is not acceptable.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or nested too deeply.
    #[error("inventory is not acceptable JSON: {0}")]
    NotJson(#[from] StrictJsonError),
    /// Not an array.
    #[error("inventory must be a JSON array of attributes")]
    NotAnArray,
    /// More attributes than a device may have.
    #[error("inventory has more than {limit} attributes")]
    TooMany {
        /// What is allowed.
        limit: usize,
    },
    /// One attribute is wrong.
    #[error("attribute {index} ({name:?}) {why}")]
    Attribute {
        /// Its place in the array, from 0.
        index: usize,
        /// Its name, as far as it has one.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Parses the attributes; of several with the same name the last one counts. A scope that the device names is
/// ignored: devices write only their own.
pub fn parse(body: &[u8], limit: usize) -> Result<AttributeSet, DocumentError> {
    let Value::Array(items) = strict_json::parse(body, MAX_DEPTH)? else {
        return Err(DocumentError::NotAnArray);
    };
    let mut set = AttributeSet::default();
    for (index, item) in items.iter().enumerate() {
        let (name, described) = attribute(item).map_err(|why| DocumentError::Attribute {
            index,
            name: item.get("name").and_then(Value::as_str).unwrap_or_default().chars().take(64).collect(),
            why,
        })?;
        set.put(name, described);
        if set.len() > limit {
            return Err(DocumentError::TooMany { limit });
        }
    }
    Ok(set)
}

fn attribute(item: &Value) -> Result<(String, Described), &'static str> {
    let fields = item.as_object().ok_or("is not an object")?;
    let name = fields.get("name").and_then(Value::as_str).ok_or("has no name")?;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('\0') {
        return Err("has a name that is not of 1 to 1024 bytes without NUL");
    }
    let value = fields.get("value").ok_or("has no value")?;
    let value = AttributeValue::from_json(value)
        .ok_or("has a value that is neither a string nor a number nor an array of one of them")?;
    if value.has_nul() {
        return Err("has a value with a NUL");
    }
    Ok((name.to_owned(), Described { value, description: description(fields)? }))
}

fn description(fields: &Map<String, Value>) -> Result<Option<String>, &'static str> {
    match fields.get("description") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_DESCRIPTION_BYTES && !text.contains('\0') => {
            Ok(Some(text.clone()).filter(|text| !text.is_empty()))
        }
        Some(_) => Err("has a description that is not a string of at most 4096 bytes without NUL"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::{AttributeValue, DocumentError, parse};

    #[test]
    fn takes_what_clients_send() {
        let body = br#"[{"name":"device_type","value":"board"},{"name":"ips","value":["::1","127.0.0.1"]},
            {"name":"mem","value":2048,"description":"kB","scope":"system","timestamp":"x"},{"name":"empty","value":""}]"#;
        let set = parse(body, 100).unwrap();
        assert_eq!(set.len(), 4);
        assert_eq!(set.get("mem").unwrap().value, AttributeValue::Number(2048.0));
        assert_eq!(set.get("mem").unwrap().description.as_deref(), Some("kB"));
        assert!(parse(b"[]", 100).unwrap().is_empty());
    }

    #[test]
    fn names_the_attribute_that_is_wrong() {
        for (body, part) in [
            (r#"[{"name":"a","value":"1"},{"name":"b","value":true}]"#, r#"attribute 1 ("b")"#),
            (r#"[{"name":"a","value":null}]"#, r#"attribute 0 ("a")"#),
            (r#"[{"name":"a","value":{}}]"#, "neither"),
            (r#"[{"name":"a","value":["x",1]}]"#, "neither"),
            (r#"[{"name":"a"}]"#, "no value"),
            (r#"[{"value":"x"}]"#, "no name"),
            (r#"[{"name":"","value":"x"}]"#, "1 to 1024"),
            (r#"[{"name":"a","value":"\u0000"}]"#, "NUL"),
            (r#"[{"name":"a","value":"x","description":1}]"#, "description"),
            ("[1]", "not an object"),
            ("{}", "must be a JSON array"),
            ("[", "not acceptable JSON"),
            (r#"[{"name":"a","name":"b","value":"x"}]"#, "occurs twice"),
        ] {
            let message = parse(body.as_bytes(), 100).unwrap_err().to_string();
            assert!(message.contains(part), "{body}: {message}");
        }
    }

    #[test]
    fn attributes_are_limited() {
        let body = |count: usize| {
            let items: Vec<_> = (0..count).map(|at| format!(r#"{{"name":"n{at}","value":"v"}}"#)).collect();
            format!("[{}]", items.join(","))
        };
        assert!(parse(body(100).as_bytes(), 100).is_ok());
        assert!(matches!(parse(body(101).as_bytes(), 100), Err(DocumentError::TooMany { limit: 100 })));
        assert!(parse(format!(r#"[{{"name":"{}","value":1}}]"#, "n".repeat(1025)).as_bytes(), 9).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(body in vec(any::<u8>(), 0..256)) {
            let _ = parse(&body, 10);
        }
    }
}
