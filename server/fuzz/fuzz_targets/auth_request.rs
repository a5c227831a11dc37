//! The body of an authentication request: what anybody may send.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::crypto::DeviceKey;
use sealift::devices::Identity;
use sealift::devices::auth_request::AuthRequest;

const RSA_MIN_BITS: usize = 2048;

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = AuthRequest::parse(data, RSA_MIN_BITS) {
        check(&request.identity);
        let again = DeviceKey::from_pem(&request.key.to_pem(), RSA_MIN_BITS).expect("its own text");
        assert_eq!(again, request.key);
    }
    // The identity alone: inside the request it is a string in a string, which is hard to come by.
    if let Some(identity) = std::str::from_utf8(data).ok().and_then(|text| Identity::parse(text).ok()) {
        check(&identity);
    }
});

/// The canonical form is canonical.
fn check(identity: &Identity) {
    let again = Identity::parse(identity.as_str()).expect("its own form");
    assert_eq!((&again, again.hash()), (identity, identity.hash()));
    assert!(!identity.attributes().is_empty() && !identity.as_str().contains('\0'));
}
