//! What a device sends as its inventory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::inventory::{AttributeSet, AttributeValue, parse};

const LIMIT: usize = 100;

fuzz_target!(|data: &[u8]| {
    let Ok(set) = parse(data, LIMIT) else { return };
    assert!(set.len() <= LIMIT);
    let mut again = Vec::new();
    for (name, described) in AttributeSet::default().difference(&set).written {
        assert!(!name.is_empty() && !name.contains('\0'));
        let json = described.value.to_json();
        let value = AttributeValue::from_json(&json).expect("its own form");
        assert_eq!(value.to_json(), json, "a value has one form");
        again.push(serde_json::json!({ "name": name, "value": json, "description": described.description }));
    }
    // What was understood is understood again, as the same: a device that says it once more costs no write.
    let again = serde_json::to_vec(&again).expect("a document");
    assert_eq!(parse(&again, LIMIT).expect("its own form").digest(), set.digest());
});
