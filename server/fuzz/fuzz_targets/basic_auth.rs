//! `Authorization: Basic`, and addresses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::http::fuzzing;
use sealift::users::Email;

fuzz_target!(|data: &[u8]| {
    let Some((email, password)) = fuzzing::basic(data) else { return };
    assert!(!email.contains(':'));
    assert!(email.len() + password.len() < data.len(), "decoding makes nothing longer");
    if let Ok(email) = email.parse::<Email>() {
        let text = email.to_string();
        assert_eq!(text.parse::<Email>().expect("its own text"), email);
    }
});
