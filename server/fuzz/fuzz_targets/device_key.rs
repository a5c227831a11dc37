//! Public keys of devices: PEM, and the DER in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::crypto::{DeviceKey, KeyAlgorithm};

const RSA_MIN_BITS: usize = 2048;

fuzz_target!(|data: &[u8]| {
    let from_text = std::str::from_utf8(data).ok().map(|text| DeviceKey::from_pem(text, RSA_MIN_BITS));
    for key in from_text.into_iter().chain([DeviceKey::from_spki_der(data, RSA_MIN_BITS)]).flatten() {
        // One key has one spelling, and with that one name.
        let again = DeviceKey::from_pem(&key.to_pem(), RSA_MIN_BITS).expect("its own text");
        assert_eq!((&again, again.spki_sha256()), (&key, key.spki_sha256()));
        let again = DeviceKey::from_spki_der(key.spki_der(), RSA_MIN_BITS).expect("its own form");
        assert_eq!((&again, again.algorithm()), (&key, key.algorithm()));
        if let KeyAlgorithm::Rsa { bits } = key.algorithm() {
            assert!((RSA_MIN_BITS..=8192).contains(&bits));
        }
        assert!(key.verify(b"nobody signed this", data).is_err());
    }
});
