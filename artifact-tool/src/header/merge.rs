//! Merging of unsigned additions into what they add to (artifact format §8).

use serde_json::{Map, Value};

use crate::read::Rule;

/// Overrides `base` per key; objects merge recursively, values of different shape conflict.
pub(super) fn merge(base: &mut Map<String, Value>, additions: &Map<String, Value>) -> Result<(), Rule> {
    for (key, addition) in additions {
        match (base.get_mut(key), addition) {
            (Some(Value::Object(inner)), Value::Object(additions)) => merge(inner, additions)?,
            (Some(old), new) if shape(old) != shape(new) => return Err(Rule::AugmentConflict(key.clone())),
            _ => {
                base.insert(key.clone(), addition.clone());
            }
        }
    }
    Ok(())
}

/// Tells lists, objects and single values apart.
const fn shape(value: &Value) -> u8 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        Value::Array(_) => 1,
        Value::Object(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(base: &Value, additions: &Value) -> Option<Value> {
        let mut base = base.as_object().unwrap().clone();
        merge(&mut base, additions.as_object().unwrap()).ok()?;
        Some(Value::Object(base))
    }

    #[test]
    fn objects_merge_and_shapes_conflict() {
        let base = json!({"a": 1, "b": {"c": 2, "d": 3}, "l": [1]});
        let additions = json!({"a": "x", "b": {"c": 4}, "l": [2], "n": {}});
        let expected = json!({"a": "x", "b": {"c": 4, "d": 3}, "l": [2], "n": {}});
        assert_eq!(merged(&base, &additions), Some(expected));
        for conflict in [json!({"a": [1]}), json!({"b": 1}), json!({"l": {}}), json!({"b": {"c": [0]}})] {
            assert_eq!(merged(&base, &conflict), None, "{conflict}");
        }
    }
}
