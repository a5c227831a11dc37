//! A checkpoint outside of the server: JSON.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::checkpoint::time;
use super::{Checkpoint, Hash};
use crate::crypto::hex::{hex, unhex};

/// A checkpoint as it is printed, answered and read.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[schema(as = AuditCheckpoint)]
#[serde(deny_unknown_fields)]
pub struct CheckpointFile {
    /// The last record of the trail.
    sequence: i64,
    /// Its hash: 64 hexadecimal digits.
    hash: String,
    /// When this was signed.
    signed_at: String,
    /// The name of the key: its JWK thumbprint (RFC 7638).
    kid: String,
    /// The Ed25519 signature, in base64url.
    signature: String,
}

/// A text that is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// Not JSON of this form.
    #[error("not a checkpoint")]
    Json(#[from] serde_json::Error),
    /// A field cannot be what it is.
    #[error("not a checkpoint: {0} is malformed")]
    Field(&'static str),
}

impl From<&Checkpoint> for CheckpointFile {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            sequence: checkpoint.sequence,
            hash: hex(&checkpoint.hash.0),
            signed_at: time(checkpoint.at),
            kid: checkpoint.kid.clone(),
            signature: URL_SAFE_NO_PAD.encode(&checkpoint.signature),
        }
    }
}

impl TryFrom<CheckpointFile> for Checkpoint {
    type Error = InvalidCheckpoint;

    fn try_from(file: CheckpointFile) -> Result<Self, Self::Error> {
        let field = InvalidCheckpoint::Field;
        let hash = unhex(&file.hash).and_then(|bytes| bytes.try_into().ok()).ok_or(field("hash"))?;
        let at = DateTime::parse_from_rfc3339(&file.signed_at).map_err(|_| field("signed_at"))?;
        let signature = URL_SAFE_NO_PAD.decode(&file.signature).map_err(|_| field("signature"))?;
        Ok(Self {
            sequence: file.sequence,
            hash: Hash(hash),
            at: at.with_timezone(&Utc),
            sealed_at: None,
            kid: file.kid,
            signature,
        })
    }
}

impl std::str::FromStr for CheckpointFile {
    type Err = InvalidCheckpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Checkpoint, CheckpointFile};
    use crate::audit::Hash;
    use crate::crypto::random::SystemRandom;
    use crate::crypto::session_token::SigningKey;

    #[test]
    fn a_copy_is_read_as_it_was_signed() {
        let key = SigningKey::generate(&SystemRandom::new()).unwrap();
        let at = DateTime::from_timestamp_nanos(1_234_567_891_234_567_891);
        let signed = Checkpoint::sign((7, Hash([0xab; 32])), at, None, &key).unwrap();
        let text = serde_json::to_string(&CheckpointFile::from(&signed)).unwrap();
        let read: Checkpoint = text.parse::<CheckpointFile>().unwrap().try_into().unwrap();
        assert_eq!(read, signed);
        assert!(read.is_signed_by([key.verifying()]));
        for (from, to) in
            [("\"sequence\":7", "\"sequence\":\"7\""), ("abab", "ab"), ("T", " at "), ("kid", "id")]
        {
            let file = text.replacen(from, to, 1).parse::<CheckpointFile>();
            assert!(file.is_err() || Checkpoint::try_from(file.unwrap()).is_err(), "{from}");
        }
    }
}
