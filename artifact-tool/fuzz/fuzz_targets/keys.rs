//! Keys in PEM: of all kinds and encodings, public and private, encrypted.

#![no_main]

use artifact::{SigningKey, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = VerifyingKey::from_der(data) {
        check(&key);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = VerifyingKey::from_pem(text) {
        check(&key);
    }
    if let Ok(key) = SigningKey::from_pem(text) {
        let public = key.verifying_key().expect("its public half");
        let again = key.to_pem().expect("its text");
        let again = SigningKey::from_pem(&again).expect("what was written is read");
        assert_eq!(again.verifying_key().expect("its public half"), public);
        let signature = key.sign(b"message").expect("a signature");
        assert!(public.verifies(b"message", &signature));
    }
});

fn check(key: &VerifyingKey) {
    let again = VerifyingKey::from_pem(&key.to_pem()).expect("what was written is read");
    assert_eq!((&again, again.algorithm()), (key, key.algorithm()));
    assert_eq!(VerifyingKey::from_der(key.spki()).as_ref().ok(), Some(key));
}
