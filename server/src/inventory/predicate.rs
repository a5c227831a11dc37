//! What a search asks of one attribute, by the rules of document stores (management API §3.1): a text never equals a
//! number, values are ordered within one type only, and an array fits when any of its elements does.
//!
//! [`Condition::holds`] is these rules; what the database is asked has to agree with it.

use serde_json::Value;

use super::{AttributeKey, AttributeScope, AttributeValue, Pattern, UnknownScope, moments};

/// Values that one condition may list.
pub const MAX_LISTED: usize = 1_000;

/// What is asked of an attribute.
#[derive(Clone, Debug)]
pub struct Predicate {
    /// The attribute.
    pub key: AttributeKey,
    /// What must be true of it.
    pub test: Test,
}

/// What must be true of an attribute.
#[derive(Clone, Debug)]
pub enum Test {
    /// A condition that the database knows.
    Condition(Condition),
    /// A text of it matches.
    Matches(Pattern),
}

/// What must be true of an attribute, as far as databases can tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It equals one of these.
    AnyOf(Vec<AttributeValue>),
    /// It equals none of these, or is missing.
    NoneOf(Vec<AttributeValue>),
    /// It is so ordered to this text or number.
    Compare(Comparison, AttributeValue),
    /// It is less than this text or number, or missing.
    LessOrMissing(AttributeValue),
    /// It is there, or it is not.
    Exists(bool),
    /// A text of it begins so.
    StartsWith(String),
}

/// An order between two values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// Before.
    Less,
    /// Before, or equal.
    LessOrEqual,
    /// After.
    Greater,
    /// After, or equal.
    GreaterOrEqual,
}

/// What cannot be asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPredicate {
    /// Not a scope of attributes.
    #[error(transparent)]
    Scope(#[from] UnknownScope),
    /// Not an operator.
    #[error("{0:?} is not an operator")]
    Operator(String),
    /// The name of the attribute is too long, empty, or holds a NUL.
    #[error("an attribute has a name of 1 to 1024 bytes without NUL")]
    Name,
    /// The operator takes another kind of value.
    #[error("{operator} takes {expected}")]
    Value {
        /// The operator.
        operator: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// The attribute is a moment, and the value is none.
    #[error("{0} is compared with a moment as RFC 3339 writes it")]
    Moment(String),
}

impl Predicate {
    /// Takes an operator and a value as clients write them.
    pub fn new(key: AttributeKey, operator: &str, value: &Value) -> Result<Self, InvalidPredicate> {
        if key.name.is_empty() || key.name.len() > super::MAX_NAME_BYTES || key.name.contains('\0') {
            return Err(InvalidPredicate::Name);
        }
        let mut test = test(operator, value)?;
        if key.scope == AttributeScope::System && moments::is_moment(&key.name) {
            moments::normalize(&key.name, &mut test)?;
        }
        Ok(Self { key, test })
    }
}

fn test(operator: &str, value: &Value) -> Result<Test, InvalidPredicate> {
    let condition = match operator {
        "$eq" => Condition::AnyOf(comparable("$eq", value)?.into_iter().collect()),
        "$ne" => Condition::NoneOf(comparable("$ne", value)?.into_iter().collect()),
        "$gt" => Condition::Compare(Comparison::Greater, scalar("$gt", value)?),
        "$gte" => Condition::Compare(Comparison::GreaterOrEqual, scalar("$gte", value)?),
        "$lt" => Condition::Compare(Comparison::Less, scalar("$lt", value)?),
        "$lte" => Condition::Compare(Comparison::LessOrEqual, scalar("$lte", value)?),
        "$ltne" => Condition::LessOrMissing(scalar("$ltne", value)?),
        "$in" => Condition::AnyOf(listed("$in", value)?),
        "$nin" => Condition::NoneOf(listed("$nin", value)?),
        "$exists" => Condition::Exists(
            value
                .as_bool()
                .ok_or(InvalidPredicate::Value { operator: "$exists", expected: "true or false" })?,
        ),
        "$regex" => {
            let text = value.as_str().filter(|text| !text.contains('\0'));
            let expected = "a text without NUL";
            let text = text.ok_or(InvalidPredicate::Value { operator: "$regex", expected })?;
            return Ok(Test::Matches(Pattern::new(text)));
        }
        other => return Err(InvalidPredicate::Operator(other.chars().take(64).collect())),
    };
    Ok(Test::Condition(condition))
}

/// A value that attributes can have; `None` for one that none has.
fn comparable(operator: &'static str, value: &Value) -> Result<Option<AttributeValue>, InvalidPredicate> {
    let wrong = || InvalidPredicate::Value { operator, expected: "a value without NUL" };
    if value.is_null() {
        return Err(wrong());
    }
    let value = AttributeValue::from_json(value);
    if value.as_ref().is_some_and(AttributeValue::has_nul) { Err(wrong()) } else { Ok(value) }
}

fn scalar(operator: &'static str, value: &Value) -> Result<AttributeValue, InvalidPredicate> {
    match comparable(operator, value)? {
        Some(value @ (AttributeValue::Text(_) | AttributeValue::Number(_))) => Ok(value),
        Some(AttributeValue::Texts(_) | AttributeValue::Numbers(_)) | None => {
            Err(InvalidPredicate::Value { operator, expected: "a text or a number" })
        }
    }
}

fn listed(operator: &'static str, value: &Value) -> Result<Vec<AttributeValue>, InvalidPredicate> {
    let expected = "an array of at most 1000 texts or numbers";
    let items = value.as_array().filter(|items| items.len() <= MAX_LISTED);
    let items = items.ok_or(InvalidPredicate::Value { operator, expected })?;
    items.iter().map(|item| scalar(operator, item)).collect()
}

impl Condition {
    /// Answers whether an attribute with this value fits; `None` is an attribute that is missing.
    #[must_use]
    pub fn holds(&self, value: Option<&AttributeValue>) -> bool {
        match self {
            Self::AnyOf(wanted) => value.is_some_and(|value| equals_any(value, wanted)),
            Self::NoneOf(unwanted) => !value.is_some_and(|value| equals_any(value, unwanted)),
            Self::Compare(comparison, other) => {
                value.is_some_and(|value| compares(*comparison, value, other))
            }
            Self::LessOrMissing(other) => value.is_none_or(|value| compares(Comparison::Less, value, other)),
            Self::Exists(wanted) => value.is_some() == *wanted,
            Self::StartsWith(start) => {
                value.is_some_and(|value| value.texts().any(|text| text.starts_with(start)))
            }
        }
    }
}

impl Comparison {
    /// How databases spell it.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Answers whether two values are so ordered.
    pub fn holds<T: PartialOrd + ?Sized>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

fn equals_any(value: &AttributeValue, others: &[AttributeValue]) -> bool {
    others.iter().any(|other| {
        value == other
            || match other {
                AttributeValue::Text(other) => value.texts().any(|text| text == other),
                // As texts of JSON, where minus zero is zero.
                AttributeValue::Number(_) => {
                    value.numbers().any(|number| AttributeValue::Number(number) == *other)
                }
                AttributeValue::Texts(_) | AttributeValue::Numbers(_) => false,
            }
    })
}

fn compares(comparison: Comparison, value: &AttributeValue, other: &AttributeValue) -> bool {
    match other {
        AttributeValue::Text(other) => value.texts().any(|text| comparison.holds(text, other.as_str())),
        AttributeValue::Number(other) => value.numbers().any(|number| comparison.holds(&number, other)),
        AttributeValue::Texts(_) | AttributeValue::Numbers(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AttributeKey, AttributeScope, AttributeValue, InvalidPredicate, Predicate, Test};

    fn predicate(operator: &str, value: &Value) -> Result<Test, InvalidPredicate> {
        let key = AttributeKey { scope: AttributeScope::Inventory, name: "a".to_owned() };
        Predicate::new(key, operator, value).map(|predicate| predicate.test)
    }

    #[test]
    fn values_are_compared_as_in_document_stores() {
        let missing = Value::Null;
        for (operator, wanted, fits, other) in [
            (
                "$eq",
                json!("1"),
                vec![json!("1"), json!(["0", "1"])],
                vec![json!(1), json!([1]), missing.clone()],
            ),
            ("$eq", json!(1), vec![json!(1), json!(1.0), json!([0, 1])], vec![json!("1"), missing.clone()]),
            ("$eq", json!(["a", "b"]), vec![json!(["a", "b"])], vec![json!(["b", "a"]), json!("a")]),
            ("$eq", json!(true), vec![], vec![json!("true"), json!(1), missing.clone()]),
            (
                "$ne",
                json!("1"),
                vec![json!(1), json!("2"), json!([]), missing.clone()],
                vec![json!("1"), json!(["1"])],
            ),
            (
                "$gt",
                json!(2),
                vec![json!(3), json!([1, 3])],
                vec![json!(2), json!("3"), json!([1]), missing.clone()],
            ),
            ("$gte", json!("b"), vec![json!("b"), json!("ba")], vec![json!("B"), json!(9), missing.clone()]),
            ("$lt", json!("b"), vec![json!("a"), json!("B")], vec![json!("b"), json!(1), missing.clone()]),
            ("$lte", json!(-1), vec![json!(-1), json!(-2)], vec![json!(0), json!("-2"), missing.clone()]),
            ("$ltne", json!("b"), vec![json!("a"), missing.clone()], vec![json!("c"), json!(1)]),
            (
                "$in",
                json!(["a", 1]),
                vec![json!("a"), json!(1), json!(["x", "a"])],
                vec![json!("1"), missing.clone()],
            ),
            ("$in", json!([]), vec![], vec![json!("a"), missing.clone()]),
            ("$nin", json!(["a"]), vec![json!("b"), missing.clone()], vec![json!("a"), json!(["a"])]),
            ("$exists", json!(true), vec![json!(""), json!([])], vec![missing.clone()]),
            ("$exists", json!(false), vec![missing.clone()], vec![json!("")]),
        ] {
            let Test::Condition(condition) = predicate(operator, &wanted).unwrap() else { unreachable!() };
            for (values, expected) in [(fits, true), (other, false)] {
                for value in values {
                    let value = AttributeValue::from_json(&value);
                    assert_eq!(condition.holds(value.as_ref()), expected, "{operator} {wanted} of {value:?}");
                }
            }
        }
    }

    #[test]
    fn operators_take_what_they_can_compare() {
        for (operator, value) in [
            ("$type", json!("string")),
            ("eq", json!("a")),
            ("", json!("a")),
            ("$eq", json!(null)),
            ("$gt", json!(["a"])),
            ("$lt", json!(true)),
            ("$ltne", json!({})),
            ("$in", json!("a")),
            ("$in", json!([["a"]])),
            ("$in", json!([null])),
            ("$nin", json!(vec!["a"; 1_001])),
            ("$exists", json!("true")),
            ("$exists", json!(1)),
            ("$regex", json!(1)),
            ("$eq", json!("a\0")),
            ("$regex", json!("a\0")),
        ] {
            assert!(predicate(operator, &value).is_err(), "{operator} {value}");
        }
    }

    #[test]
    fn moments_are_compared_with_moments() {
        let of = |name: &str, value: &Value| {
            let key = AttributeKey { scope: AttributeScope::System, name: name.to_owned() };
            Predicate::new(key, "$lt", value).map(|predicate| predicate.test)
        };
        let Ok(Test::Condition(condition)) = of("check_in_time", &json!("2026-01-01T02:00:00+02:00")) else {
            unreachable!()
        };
        let text = |text: &str| AttributeValue::Text(text.to_owned());
        assert!(condition.holds(Some(&text("2025-12-31T23:59:59.999Z"))));
        assert!(!condition.holds(Some(&text("2026-01-01T00:00:00.000Z"))));
        assert!(of("created_ts", &json!("2026-01-01")).is_ok());
        assert!(of("created_ts", &json!("yesterday")).is_err());
        assert!(of("group", &json!("yesterday")).is_ok());
    }
}
