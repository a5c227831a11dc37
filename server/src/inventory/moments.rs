//! Attributes of the server itself that are moments, and what they are compared with.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

use super::{AttributeValue, Condition, InvalidPredicate, Test};

/// Answers whether a `system` attribute is a moment.
pub(super) fn is_moment(name: &str) -> bool {
    matches!(name, "created_ts" | "updated_ts" | "check_in_time")
}

/// A moment as attributes show it.
#[must_use]
pub fn shown(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The moment that a text means: RFC 3339, or a date for its begin in UTC.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let date = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    text.parse().ok().or_else(date)
}

/// Writes all moments in a condition as attributes show them, so that they are ordered as texts.
pub(super) fn normalize(name: &str, test: &mut Test) -> Result<(), InvalidPredicate> {
    let Test::Condition(condition) = test else { return Ok(()) };
    let values: &mut [AttributeValue] = match condition {
        Condition::AnyOf(values) | Condition::NoneOf(values) => values,
        Condition::Compare(_, value) | Condition::LessOrMissing(value) => std::slice::from_mut(value),
        Condition::Exists(_) | Condition::StartsWith(_) => &mut [],
    };
    for value in values {
        if let AttributeValue::Text(text) = value {
            let moment = parse(text).ok_or_else(|| InvalidPredicate::Moment(name.to_owned()))?;
            *text = shown(moment);
        }
    }
    Ok(())
}
