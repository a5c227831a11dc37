//! What is known to be tried on JWTs (RFC 8725 §2), each for both audiences; none may pass.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Claims, DeviceClaims, InvalidToken, SigningKey, SigningKeySet, TokenAuthority, UserClaims};
use crate::crypto::random::SystemRandom;

const NOW: i64 = 1_800_000_000;

/// Changed tokens that are tried on each audience.
const MUTATIONS: usize = 10_000;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn key() -> SigningKey {
    SigningKey::generate(&SystemRandom::new()).unwrap()
}

fn device() -> DeviceClaims {
    DeviceClaims {
        jti: Uuid::from_u128(1),
        sub: Uuid::from_u128(2),
        iss: "Sealift".to_owned(),
        aud: DeviceClaims::AUDIENCE.to_owned(),
        iat: NOW,
        exp: NOW + 1000,
        generation: 7,
        tenant: Uuid::from_u128(3),
        is_device: true,
    }
}

fn user() -> UserClaims {
    UserClaims {
        jti: Uuid::from_u128(1),
        sub: Uuid::from_u128(2),
        iss: "Sealift".to_owned(),
        aud: UserClaims::AUDIENCE.to_owned(),
        iat: NOW,
        nbf: NOW,
        exp: Some(NOW + 1000),
        scp: "mender.*".to_owned(),
        sid: Some(Uuid::from_u128(1)),
        amr: vec!["pwd".to_owned()],
        auth_time: Some(NOW),
        tenant: Uuid::from_u128(3),
        is_user: true,
    }
}

/// An audience with its keys, and what it would take.
struct Target<C> {
    authority: TokenAuthority<C>,
    claims: C,
}

impl<C: Claims> Target<C> {
    fn new(claims: C) -> Self {
        Self { authority: TokenAuthority::new(SigningKeySet::new(key(), vec![])), claims }
    }

    fn kid(&self) -> &str {
        self.authority.keys().current().verifying().kid()
    }

    fn header(&self, changes: Value) -> Value {
        let mut header = json!({ "alg": "EdDSA", "typ": C::TYPE, "kid": self.kid() });
        let Value::Object(changes) = changes else { panic!("a map") };
        for (name, value) in changes {
            header[name] = value;
        }
        header
    }

    /// The signed part of a token with another header.
    fn unsigned(&self, header: &Value) -> String {
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}", encode(header.to_string()), encode(serde_json::to_string(&self.claims).unwrap()))
    }

    /// Signed with the very key of the audience, which no attacker has.
    fn signed(&self, header: &Value) -> String {
        let pair = Ed25519KeyPair::from_pkcs8(self.authority.keys().current().pkcs8()).unwrap();
        sign(&self.unsigned(header), &pair)
    }

    #[track_caller]
    fn refuses(&self, what: &str, token: &str) {
        assert!(self.authority.verify(token, at(NOW)).is_err(), "{what}: {token}");
    }
}

fn sign(unsigned: &str, pair: &Ed25519KeyPair) -> String {
    format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(pair.sign(unsigned.as_bytes())))
}

fn attack<C: Claims>(target: &Target<C>) {
    let genuine = target.signed(&target.header(json!({})));
    assert!(target.authority.verify(&genuine, at(NOW)).is_ok(), "the test signs as the server does");
    let genuine_signature = genuine.rsplit('.').next().unwrap();

    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let unsigned = target.unsigned(&target.header(json!({ "alg": alg })));
        for signature in ["", genuine_signature] {
            target.refuses("no algorithm", &format!("{unsigned}.{signature}"));
        }
        target.refuses("two parts", &unsigned);
    }

    let public = target.authority.keys().current().verifying().public_bytes();
    // The SPKI structure of an Ed25519 key (RFC 8410 §4).
    let spki =
        [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&spki));
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(public) });
    for secret in [
        public.to_vec(),
        spki,
        pem.clone().into_bytes(),
        pem.trim().into(),
        jwk.to_string().into_bytes(),
        vec![],
    ] {
        for alg in ["HS256", "HS384", "HS512", "EdDSA"] {
            let unsigned = target.unsigned(&target.header(json!({ "alg": alg })));
            let mac = hmac::sign(&hmac::Key::new(HMAC_SHA256, &secret), unsigned.as_bytes());
            target.refuses(
                "a MAC keyed with what is public",
                &format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(mac)),
            );
        }
    }
    for alg in ["RS256", "PS256", "ES256", "ES384", "Ed25519", "eddsa"] {
        target.refuses("another algorithm", &target.signed(&target.header(json!({ "alg": alg }))));
    }

    let kid = target.kid();
    for kid in [
        "../../../../dev/null",
        "/dev/null",
        "' OR '1'='1",
        "x' UNION SELECT 'key' --",
        "",
        &format!("{kid} "),
        &format!("{kid}\u{0}"),
        &kid.to_uppercase(),
    ] {
        target.refuses("a strange key id", &target.signed(&target.header(json!({ "kid": kid }))));
    }
    for kid in [json!(null), json!(1), json!([kid]), json!({ "kid": kid })] {
        target.refuses("a key id that is no text", &target.signed(&target.header(json!({ "kid": kid }))));
    }

    let theirs = Ed25519KeyPair::generate().unwrap();
    let their_jwk = {
        use aws_lc_rs::signature::KeyPair as _;
        json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(theirs.public_key()), "kid": kid })
    };
    for changes in [
        json!({}),
        json!({ "jwk": their_jwk }),
        json!({ "jku": "https://attacker.example/jwks.json" }),
        json!({ "x5u": "https://attacker.example/chain.pem" }),
        json!({ "x5c": [STANDARD.encode([0x30, 0x00])] }),
        json!({ "jwk": their_jwk, "kid": "theirs" }),
    ] {
        target.refuses("a key that came along", &sign(&target.unsigned(&target.header(changes)), &theirs));
    }

    for typ in [json!("JOSE"), json!("dpop+jwt"), json!(""), json!(null), json!(format!("{} ", C::TYPE))] {
        target.refuses("another type", &target.signed(&target.header(json!({ "typ": typ }))));
    }
    target.refuses("something critical", &target.signed(&target.header(json!({ "crit": ["exp"] }))));
}

fn mutate<C: Claims>(target: &Target<C>) {
    let genuine = target.authority.sign(&target.claims).unwrap().into_bytes();
    let mut random = StdRng::seed_from_u64(8725);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
    for _ in 0..MUTATIONS {
        let mut token = genuine.clone();
        for _ in 0..random.random_range(1..=3) {
            if token.len() < 2 {
                break;
            }
            let at = random.random_range(0..token.len());
            let letter = alphabet[random.random_range(0..alphabet.len())];
            match random.random_range(0..5) {
                0 => token[at] = letter,
                1 => token[at] ^= 1 << random.random_range(0..7),
                2 => drop(token.remove(at)),
                3 => token.insert(at, letter),
                _ => token.truncate(at.max(1)),
            }
        }
        if token == genuine {
            continue;
        }
        let text = String::from_utf8_lossy(&token);
        assert!(target.authority.verify(&text, at(NOW)).is_err(), "{text}");
    }
}

#[test]
fn no_known_attack_on_tokens_passes() {
    attack(&Target::new(device()));
    attack(&Target::new(user()));
}

#[test]
fn no_changed_token_passes() {
    mutate(&Target::new(device()));
    mutate(&Target::new(user()));
}

#[test]
fn tokens_of_one_audience_are_nothing_to_the_other() {
    let (devices, users) = (Target::new(device()), Target::new(user()));
    let (device_token, user_token) =
        (devices.authority.sign(&device()).unwrap(), users.authority.sign(&user()).unwrap());
    assert_eq!(users.authority.verify(&device_token, at(NOW)), Err(InvalidToken::WrongAudience));
    assert_eq!(devices.authority.verify(&user_token, at(NOW)), Err(InvalidToken::WrongAudience));
}

#[test]
fn times_hold_to_the_second() {
    let (devices, users) = (Target::new(device()), Target::new(user()));
    let (device_token, user_token) =
        (devices.authority.sign(&device()).unwrap(), users.authority.sign(&user()).unwrap());
    let ended = NOW + 1000;
    for (second, is_taken) in [(ended - 61, true), (ended - 1, true), (ended, false), (ended + 61, false)] {
        assert_eq!(devices.authority.verify(&device_token, at(second)).is_ok(), is_taken, "{second}");
        assert_eq!(users.authority.verify(&user_token, at(second)).is_ok(), is_taken, "{second}");
    }
    for (second, is_taken) in [(NOW - 61, false), (NOW - 1, false), (NOW, true)] {
        assert_eq!(users.authority.verify(&user_token, at(second)).is_ok(), is_taken, "{second}");
    }
}
