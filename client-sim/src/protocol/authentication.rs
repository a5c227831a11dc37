//! The login of a device (device protocol §1).

use hyper::body::Bytes;
use serde::Serialize;

use super::http::{Request, Response};
use super::{Generation, SessionToken};

/// `POST` here to log in.
pub const PATH: &str = "/api/devices/v1/authentication/auth_requests";

/// The request that logs a device in, signed and ready to be sent any number of times.
///
/// There is no nonce in it, so real devices too send the same bytes each time (device protocol §1.2).
#[derive(Clone)]
pub struct LoginRequest {
    body: Bytes,
    signature: String,
    authorization: String,
}

impl LoginRequest {
    /// Attaches a signature over exactly the bytes of `body`; `signature` is standard base64.
    #[must_use]
    pub fn new(generation: Generation, body: Bytes, signature: String, tenant_token: &str) -> Self {
        // Neither is a credential: client 3.4.0 repeats the tenant token, 5.x sends a constant (§0 rule 2).
        let authorization = match generation {
            Generation::V3 => format!("Bearer {tenant_token}"),
            Generation::V5 => "API_KEY".to_owned(),
        };
        Self { body, signature, authorization }
    }

    /// The HTTP request.
    #[must_use]
    pub fn to_request(&self) -> Request {
        Request::post(PATH)
            .header("content-type", "application/json")
            .header("authorization", self.authorization.trim_end())
            .header("x-men-signature", self.signature.as_str())
            .body(self.body.clone())
    }
}

/// Writes the body of a login in the form of a client generation (device protocol §1.1).
///
/// `identity_json` is the compact, sorted identity object; `public_key_pem` an SPKI PEM with a final
/// newline. Client 3.4.0 always has a `tenant_token` and ends with a newline that is signed as well.
///
/// # Errors
///
/// None in practice: all members are strings.
pub fn login_body(
    generation: Generation,
    identity_json: &str,
    public_key_pem: &str,
    tenant_token: &str,
) -> Result<Bytes, serde_json::Error> {
    let body = match generation {
        Generation::V3 => {
            let body = BodyV3 { id_data: identity_json, tenant_token, pubkey: public_key_pem };
            let mut bytes = serde_json::to_vec(&body)?;
            bytes.push(b'\n');
            bytes
        }
        Generation::V5 => serde_json::to_vec(&BodyV5 {
            id_data: identity_json,
            pubkey: public_key_pem,
            tenant_token,
            tier: "standard",
        })?,
    };
    Ok(Bytes::from(body))
}

/// The session token of a login's answer: the whole body of a 200, taken as it is.
///
/// `None` if the answer is another one, is empty, or could not go into a header.
#[must_use]
pub fn token_of(response: &Response) -> Option<SessionToken> {
    let text = std::str::from_utf8(&response.body).ok()?;
    (response.status == 200).then(|| SessionToken::new(text)).flatten()
}

#[derive(Serialize)]
struct BodyV3<'a> {
    id_data: &'a str,
    tenant_token: &'a str,
    pubkey: &'a str,
}

#[derive(Serialize)]
struct BodyV5<'a> {
    id_data: &'a str,
    pubkey: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tenant_token: &'a str,
    tier: &'a str,
}

#[cfg(test)]
mod tests {
    use super::{Generation, login_body};

    #[test]
    fn bodies_are_those_of_the_real_clients() {
        let v3 = login_body(Generation::V3, r#"{"sn":"1"}"#, "PEM\n", "").unwrap();
        assert_eq!(
            v3,
            "{\"id_data\":\"{\\\"sn\\\":\\\"1\\\"}\",\"tenant_token\":\"\",\"pubkey\":\"PEM\\n\"}\n"
        );
        let v5 = login_body(Generation::V5, r#"{"sn":"1"}"#, "PEM\n", "").unwrap();
        assert_eq!(
            v5,
            "{\"id_data\":\"{\\\"sn\\\":\\\"1\\\"}\",\"pubkey\":\"PEM\\n\",\"tier\":\"standard\"}"
        );
    }
}
