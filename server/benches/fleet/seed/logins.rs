//! Requests of devices that prove their keys, signed beforehand: a signature takes 20 times what checking it does.

use std::fs;

use super::devices::identity;
use super::keys::KeyPool;
use crate::floor::http::{KEY_HEADER, LOGIN_PATH};
use crate::generator::Requests;
use crate::numbers::narrow;
use crate::{Outcome, files, say};

/// Devices of no fleet have numbers from here on.
const UNKNOWN: u64 = 1 << 36;

/// Who logs in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Devices of a fleet of this size, spread over all of it.
    Known {
        /// Devices of the fleet.
        of: u64,
    },
    /// Devices that nobody knows.
    Unknown,
}

/// The requests, whole.
pub(crate) struct SignedRequests {
    requests: Vec<Vec<u8>>,
}

impl SignedRequests {
    /// Takes so many requests, from the cache if it has them.
    pub(crate) fn prepare(kind: Kind, count: u64, keys: &KeyPool) -> Outcome<Self> {
        let name = match kind {
            Kind::Known { of } => format!("known-{of}-{count}-{}", short(keys)),
            Kind::Unknown => format!("unknown-{count}-{}", short(keys)),
        };
        let path = files::cache().join("keys").join(format!("{name}.signatures"));
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let kept: Vec<&str> = kept.lines().collect();
        let mut signatures = Vec::with_capacity(narrow(count));
        let mut requests = Vec::with_capacity(narrow(count));
        if kept.len() != narrow(count) {
            say(&format!("signing {count} requests: {name}"));
        }
        for at in 0..count {
            let device = match kind {
                Kind::Known { of } => at * of / count.max(1),
                Kind::Unknown => UNKNOWN + at,
            };
            let key = keys.of(device)?;
            let body =
                serde_json::json!({ "id_data": identity(device), "pubkey": key.pem, "tenant_token": "" });
            let body = body.to_string();
            let signature = match kept.get(narrow(at)).filter(|_| kept.len() == narrow(count)) {
                Some(signature) => (*signature).to_owned(),
                None => key.sign(body.as_bytes())?,
            };
            requests.push(request(&body, &signature, keys.place_of(device)));
            signatures.push(signature);
        }
        if kept.len() != narrow(count) {
            files::put(&path, signatures.join("\n").as_bytes())?;
        }
        Ok(Self { requests })
    }
}

impl Requests for SignedRequests {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        let at = narrow(number) % self.requests.len().max(1);
        request.extend_from_slice(self.requests.get(at).map_or(&[], Vec::as_slice));
    }
}

fn short(keys: &KeyPool) -> String {
    keys.name().chars().take(8).collect()
}

fn request(body: &str, signature: &str, key: usize) -> Vec<u8> {
    format!(
        "POST {LOGIN_PATH} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Go-http-client/1.1\r\n\
         Content-Type: application/json\r\nX-MEN-Signature: {signature}\r\n{KEY_HEADER}: {key}\r\n\
         Content-Length: {}\r\nAccept-Encoding: gzip\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
