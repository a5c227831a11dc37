//! What devices say when they ask for an update.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::http::fuzzing;

fuzz_target!(|data: &[u8]| {
    let [first, second] = fuzzing::questions(data);
    if let Some(provides) = first {
        // The two forms differ in nothing but the name around it.
        let wrapped = serde_json::json!({ "device_provides": provides });
        let wrapped = serde_json::to_vec(&wrapped).expect("a document");
        assert_eq!(fuzzing::questions(&wrapped)[1].as_ref(), Some(&provides));
    }
    if let Some(provides) = second {
        let bare = serde_json::to_vec(&provides).expect("a document");
        assert_eq!(fuzzing::questions(&bare)[0].as_ref(), Some(&provides));
    }
});
