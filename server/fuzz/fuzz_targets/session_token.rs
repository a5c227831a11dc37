//! Session tokens of devices and users.

#![no_main]

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use sealift::clock::Clock;
use sealift::crypto::session_token::{
    Claims as _, DeviceClaims, SigningKey, SigningKeySet, TokenAuthority, UserClaims,
};
use sealift::crypto::{RandomError, SecureRandom, SystemRandom};
use sealift::devices::session::{SessionRefusal, Sessions};
use sealift::fleet::FleetIndex;
use uuid::Uuid;

const NOW: i64 = 1_800_000_000;

struct Parts {
    kid: String,
    devices: TokenAuthority<DeviceClaims>,
    users: TokenAuthority<UserClaims>,
    sessions: Sessions,
}

static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    let key = |number| SigningKey::generate(&Fixed(number)).expect("a key");
    let keys = SigningKeySet::new(key(1), Vec::new());
    let devices = TokenAuthority::new(keys.clone());
    let sessions = Sessions::new(
        devices.clone(),
        Arc::new(FleetIndex::default()),
        Arc::new(Stopped),
        Arc::new(SystemRandom::new()),
        "Sealift".to_owned(),
        3_600,
        60,
    );
    let kid = keys.current().verifying().kid().to_owned();
    Parts { kid, devices, users: TokenAuthority::new(SigningKeySet::new(key(2), Vec::new())), sessions }
});

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).expect("a moment")
    }
}

/// The same keys each time, so that what was found is found again.
#[derive(Debug)]
struct Fixed(u8);

impl SecureRandom for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(self.0);
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parts = &*PARTS;
    refused(parts, text);
    // Header and payload as texts, signed by nobody.
    if let Some((header, payload)) = text.split_once('\n') {
        let header = base64url(header.replace("KID", &parts.kid).as_bytes());
        refused(parts, &format!("{header}.{}.{}", base64url(payload.as_bytes()), "A".repeat(86)));
    }
    // Whatever the server is called and whoever the device is, the server knows its own tokens.
    let number = data.iter().fold(0_u128, |all, byte| all.rotate_left(8) ^ u128::from(*byte));
    let claims = DeviceClaims {
        jti: Uuid::from_u128(number.rotate_left(64)),
        sub: Uuid::from_u128(number),
        iss: text.to_owned(),
        aud: DeviceClaims::AUDIENCE.to_owned(),
        iat: NOW - i64::try_from(data.len()).expect("a length"),
        exp: NOW + 1,
        generation: 1,
        tenant: Uuid::from_u128(!number),
        is_device: true,
    };
    let token = parts.devices.sign(&claims).expect("a signature");
    if token.len() <= 4096 {
        assert_eq!(parts.devices.verify(&token, Stopped.now()), Ok(claims));
        assert_eq!(parts.sessions.check(&token), Err(SessionRefusal::Unknown));
        assert!(parts.users.verify(&token, Stopped.now()).is_err());
    }
});

fn refused(parts: &Parts, token: &str) {
    let now = Stopped.now();
    assert!(parts.devices.verify(token, now).is_err());
    assert!(parts.users.verify(token, now).is_err());
    assert!(parts.sessions.check(token).is_err());
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
