//! Signatures: the text in the artifact, the forms that tools and hardware give them, and checking them.

#![no_main]

use artifact::{VerifyingKey, fuzzing, signature};
use artifact_fuzz::choose;
use libfuzzer_sys::fuzz_target;

const KEYS: [&str; 3] = [
    include_str!("../../tests/fixtures/keys/p256.public.pem"),
    include_str!("../../tests/fixtures/keys/ed25519.public.pem"),
    include_str!("../../tests/fixtures/keys/rsa3072.public.pem"),
];

fuzz_target!(|data: &[u8]| {
    let Some((key, data)) = choose(data, KEYS.len()) else { return };
    let key = VerifyingKey::from_pem(KEYS[key]).expect("a key");
    let raw = if let Some(raw) = fuzzing::signature(data) {
        let text = fuzzing::signature_text(&raw);
        assert_eq!(data.strip_suffix(b"\n").unwrap_or(data), text.as_bytes(), "one text for one signature");
        raw
    } else {
        data.to_vec()
    };
    let normal = signature::normalize(raw);
    assert_eq!(signature::normalize(normal.clone()), normal);
    // A message that no key has signed.
    assert!(!key.verifies(b"nobody signed this", &normal));
});
