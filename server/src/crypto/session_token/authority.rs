//! Signing and checking of session tokens.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Header, Validation};

use super::claims::Claims;
use super::key::SigningKeySet;

/// The longest token that is looked at; ours have about 600 bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("failed to sign a session token")]
pub struct SignTokenError(#[source] jsonwebtoken::errors::Error);

/// Why a token is not one of ours, or not any more. Callers answer all of these alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidToken {
    /// Not a JWT with the claims of this audience.
    #[error("token is malformed")]
    Malformed,
    /// Signed with a key that is not in the set.
    #[error("token names an unknown key")]
    UnknownKey,
    /// Not signed by the key it names.
    #[error("token signature is wrong")]
    BadSignature,
    /// A token, but for someone else.
    #[error("token is for another audience")]
    WrongAudience,
    /// It was valid once.
    #[error("token has expired")]
    Expired,
    /// It will be valid later.
    #[error("token is not valid yet")]
    NotYetValid,
}

/// Signs and checks the tokens of the audience that `C` stands for.
#[derive(Clone, Debug)]
pub struct TokenAuthority<C> {
    keys: SigningKeySet,
    validation: Validation,
    claims: PhantomData<fn(C) -> C>,
}

impl<C: Claims> TokenAuthority<C> {
    /// Takes the keys of this audience; no other audience may have them.
    #[must_use]
    pub fn new(keys: SigningKeySet) -> Self {
        // Times and audience are checked below, where the clock is an argument.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { keys, validation, claims: PhantomData }
    }

    /// The keys of this audience.
    #[must_use]
    pub fn keys(&self) -> &SigningKeySet {
        &self.keys
    }

    /// Signs a token.
    pub fn sign(&self, claims: &C) -> Result<String, SignTokenError> {
        let key = self.keys.current();
        let header = Header {
            typ: Some(C::TYPE.to_owned()),
            kid: Some(key.verifying().kid().to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, key.encoding()).map_err(SignTokenError)
    }

    /// Returns what a token says if it is ours and valid at `now`.
    ///
    /// It says nothing about what happened since it was signed: the caller compares the generation of
    /// the device, or reads the session of the user.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<C, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken::Malformed)?;
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(InvalidToken::Malformed);
        }
        if header.typ.as_deref() != Some(C::TYPE) {
            return Err(InvalidToken::WrongAudience);
        }
        let kid = header.kid.ok_or(InvalidToken::UnknownKey)?;
        let key = self.keys.verifying().find(|key| key.kid() == kid).ok_or(InvalidToken::UnknownKey)?;
        let claims =
            jsonwebtoken::decode::<C>(token, key.decoding(), &self.validation).map_err(refusal)?.claims;
        check(&claims, now.timestamp())?;
        Ok(claims)
    }
}

fn check<C: Claims>(claims: &C, now: i64) -> Result<(), InvalidToken> {
    if claims.audience() != C::AUDIENCE || !claims.is_marked() {
        return Err(InvalidToken::WrongAudience);
    }
    if claims.expires_at().is_some_and(|end| now >= end) {
        return Err(InvalidToken::Expired);
    }
    if claims.not_before().is_some_and(|start| now < start) {
        return Err(InvalidToken::NotYetValid);
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn refusal(error: jsonwebtoken::errors::Error) -> InvalidToken {
    if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::InvalidSignature) {
        InvalidToken::BadSignature
    } else {
        InvalidToken::Malformed
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::{InvalidToken, TokenAuthority};
    use crate::crypto::random::SystemRandom;
    use crate::crypto::session_token::{Claims, DeviceClaims, SigningKey, SigningKeySet, UserClaims};

    const ISSUED: i64 = 1_800_000_000;

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
            iat: ISSUED,
            exp: ISSUED + 100,
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
            iat: ISSUED,
            nbf: ISSUED,
            exp: None,
            scp: "mender.*".to_owned(),
            sid: Some(Uuid::from_u128(1)),
            amr: vec!["pwd".to_owned()],
            auth_time: Some(ISSUED),
            tenant: Uuid::from_u128(3),
            is_user: true,
        }
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_expires() {
        let authority = TokenAuthority::<DeviceClaims>::new(SigningKeySet::new(key(), vec![]));
        let token = authority.sign(&device()).unwrap();
        assert_eq!(authority.verify(&token, at(ISSUED)), Ok(device()));
        assert_eq!(authority.verify(&token, at(ISSUED + 99)), Ok(device()));
        assert_eq!(authority.verify(&token, at(ISSUED + 100)), Err(InvalidToken::Expired));
    }

    #[test]
    fn a_user_token_may_live_for_ever_but_not_before_its_time() {
        let authority = TokenAuthority::<UserClaims>::new(SigningKeySet::new(key(), vec![]));
        let token = authority.sign(&user()).unwrap();
        assert_eq!(authority.verify(&token, at(ISSUED + 1_000_000_000)), Ok(user()));
        assert_eq!(authority.verify(&token, at(ISSUED - 1)), Err(InvalidToken::NotYetValid));
    }

    #[test]
    fn the_names_on_the_wire_are_those_of_mender() {
        let value = serde_json::to_value(device()).unwrap();
        assert_eq!(value["mender.device"], true);
        assert_eq!(value["mender.tenant"], "00000000-0000-0000-0000-000000000003");
        assert_eq!(value["gen"], 7);
        let value = serde_json::to_value(user()).unwrap();
        assert_eq!((&value["mender.user"], &value["scp"]), (&true.into(), &"mender.*".into()));
        assert!(value.get("exp").is_none());
    }

    #[test]
    fn older_keys_still_verify_and_unknown_ones_do_not() {
        let (old, new) = (key(), key());
        let before = TokenAuthority::<DeviceClaims>::new(SigningKeySet::new(old.clone(), vec![]));
        let token = before.sign(&device()).unwrap();
        let after = SigningKeySet::new(new.clone(), vec![old.verifying().clone()]);
        assert!(TokenAuthority::<DeviceClaims>::new(after).verify(&token, at(ISSUED)).is_ok());
        let later = TokenAuthority::<DeviceClaims>::new(SigningKeySet::new(new, vec![]));
        assert_eq!(later.verify(&token, at(ISSUED)), Err(InvalidToken::UnknownKey));
    }

    #[test]
    fn one_audience_never_passes_for_the_other() {
        // Even if someone configured one key for both.
        let keys = SigningKeySet::new(key(), vec![]);
        let devices = TokenAuthority::<DeviceClaims>::new(keys.clone());
        let users = TokenAuthority::<UserClaims>::new(keys);
        let token = devices.sign(&device()).unwrap();
        assert_eq!(users.verify(&token, at(ISSUED)), Err(InvalidToken::WrongAudience));
        let token = users.sign(&user()).unwrap();
        assert_eq!(devices.verify(&token, at(ISSUED)), Err(InvalidToken::WrongAudience));
        let token = devices.sign(&DeviceClaims { aud: "management".to_owned(), ..device() }).unwrap();
        assert_eq!(devices.verify(&token, at(ISSUED)), Err(InvalidToken::WrongAudience));
        let token = devices.sign(&DeviceClaims { is_device: false, ..device() }).unwrap();
        assert_eq!(devices.verify(&token, at(ISSUED)), Err(InvalidToken::WrongAudience));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let authority = TokenAuthority::<DeviceClaims>::new(SigningKeySet::new(key(), vec![]));
        let token = authority.sign(&device()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let verify = |token: &str| authority.verify(token, at(ISSUED)).unwrap_err();

        let richer = serde_json::to_vec(&DeviceClaims { generation: 8, ..device() }).unwrap();
        let richer = URL_SAFE_NO_PAD.encode(richer);
        assert_eq!(verify(&format!("{header}.{richer}.{signature}")), InvalidToken::BadSignature);
        assert_eq!(verify(&format!("{signed}.")), InvalidToken::BadSignature);

        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert_eq!(verify(&format!("{none}.{richer}.")), InvalidToken::Malformed);
        let kid = authority.keys().current().verifying().kid();
        let hmac = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#));
        assert_eq!(verify(&format!("{hmac}.{richer}.{signature}")), InvalidToken::Malformed);

        for nonsense in ["", ".", "..", "a.b.c", "opaque-token-123", &"a".repeat(5000)] {
            assert_eq!(verify(nonsense), InvalidToken::Malformed);
        }
    }
}
