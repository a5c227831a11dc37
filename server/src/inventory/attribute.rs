//! Attributes.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Below this, every whole number is a float, and none is rounded.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Where an attribute comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AttributeScope {
    /// From the identity data; also the admission status.
    Identity,
    /// Reported by the device.
    Inventory,
    /// Reported by a monitor on the device.
    Monitor,
    /// Known to the server.
    System,
    /// Written by users.
    Tags,
}

/// One attribute of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Where it comes from.
    pub scope: AttributeScope,
    /// Its name, unique within the scope.
    pub name: String,
    /// Its value.
    pub value: AttributeValue,
    /// What is said about it.
    pub description: Option<String>,
    /// When it last changed, where that is kept.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// A text, possibly empty.
    Text(String),
    /// A finite number.
    Number(f64),
    /// Texts; an empty array is one of these.
    Texts(Vec<String>),
    /// Finite numbers.
    Numbers(Vec<f64>),
}

/// A word that names no scope.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not an attribute scope")]
pub struct UnknownScope(pub String);

impl AttributeScope {
    const ALL: [Self; 5] = [Self::Identity, Self::Inventory, Self::Monitor, Self::System, Self::Tags];

    /// The spelling on the wire and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Inventory => "inventory",
            Self::Monitor => "monitor",
            Self::System => "system",
            Self::Tags => "tags",
        }
    }
}

impl AttributeValue {
    /// Takes a JSON value: a string, a number, or an array of strings or of numbers; anything else is none.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => number.as_f64().map(Self::Number),
            Value::Array(items) if items.iter().all(Value::is_string) => {
                Some(Self::Texts(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()))
            }
            Value::Array(items) if items.iter().all(Value::is_number) => {
                Some(Self::Numbers(items.iter().filter_map(Value::as_f64).collect()))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The value as JSON: whole numbers without a fraction, so that equal values are equal texts.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => json_number(*number),
            Self::Texts(texts) => texts.iter().map(String::as_str).collect(),
            Self::Numbers(numbers) => numbers.iter().copied().map(json_number).collect(),
        }
    }

    /// The texts in it: itself, or the elements of an array.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::Texts(texts) => texts,
            Self::Number(_) | Self::Numbers(_) => &[],
        };
        texts.iter().map(String::as_str)
    }

    /// The numbers in it: itself, or the elements of an array.
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> {
        let numbers = match self {
            Self::Number(number) => std::slice::from_ref(number),
            Self::Numbers(numbers) => numbers,
            Self::Text(_) | Self::Texts(_) => &[],
        };
        numbers.iter().copied()
    }

    /// Whether it holds a NUL, which a text column cannot.
    #[must_use]
    pub(super) fn has_nul(&self) -> bool {
        match self {
            Self::Text(text) => text.contains('\0'),
            Self::Texts(texts) => texts.iter().any(|text| text.contains('\0')),
            Self::Number(_) | Self::Numbers(_) => false,
        }
    }
}

impl FromStr for AttributeScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        known.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl fmt::Display for AttributeScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn json_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < EXACT_INTEGERS {
        // Minus zero is zero.
        let digits = if number == 0.0 { "0".to_owned() } else { number.to_string() };
        digits.parse().map_or(Value::Null, Value::Number)
    } else {
        number.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::{Value, json};

    use super::{AttributeScope, AttributeValue};

    #[test]
    fn strings_numbers_and_arrays_of_one_kind_are_values() {
        for value in
            [json!(""), json!("a"), json!(1), json!(-1.5), json!([]), json!(["a", ""]), json!([1, 2.5])]
        {
            assert_eq!(AttributeValue::from_json(&value).unwrap().to_json(), value);
        }
        for value in [json!(null), json!(true), json!({}), json!(["a", 1]), json!([[]]), json!([null])] {
            assert_eq!(AttributeValue::from_json(&value), None, "{value}");
        }
    }

    #[test]
    fn equal_numbers_are_equal_texts() {
        let text = |json: &str| {
            let value: Value = serde_json::from_str(json).unwrap();
            AttributeValue::from_json(&value).unwrap().to_json().to_string()
        };
        assert_eq!(text("1.0"), "1");
        assert_eq!(text("1e2"), "100");
        assert_eq!(text("-0.0"), "0");
        assert_eq!(text("0.10"), "0.1");
    }

    #[test]
    fn scopes_are_spelled_as_on_the_wire() {
        for scope in AttributeScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("Inventory".parse::<AttributeScope>().is_err());
    }

    proptest! {
        #[test]
        fn numbers_survive(number in any::<f64>()) {
            if number.is_finite() {
                let json = AttributeValue::Number(number).to_json();
                assert_eq!(json.as_f64(), Some(number));
            }
        }
    }
}
