//! What comes with an upload: `key base64` pairs, joined by commas (tus 1.0.0, `Upload-Metadata`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ids::ArtifactId;

/// Bytes of all pairs.
const MAX_BYTES: usize = 8 * 1024;

/// A text that is not such a list.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidMetadata {
    /// Longer than is kept.
    #[error("the metadata is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// A key has no bytes, or bytes that a key cannot have.
    #[error("the metadata has a malformed key")]
    Key,
    /// A key occurs twice.
    #[error("the metadata has the key {0:?} twice")]
    Twice(String),
    /// A value is not base64, or not UTF-8 where it is a text.
    #[error("the metadata has a malformed value of {0:?}")]
    Value(String),
}

/// What the server makes use of; other keys are kept and told back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct UploadMetadata {
    /// What is said of the artifact.
    pub(super) description: String,
    /// The id that the artifact shall have.
    pub(super) artifact_id: Option<ArtifactId>,
}

impl UploadMetadata {
    /// Reads the list.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidMetadata> {
        if text.len() > MAX_BYTES {
            return Err(InvalidMetadata::TooLong);
        }
        let (mut this, mut seen) = (Self::default(), Vec::new());
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(InvalidMetadata::Key);
            }
            if seen.contains(&key) {
                return Err(InvalidMetadata::Twice(key.to_owned()));
            }
            seen.push(key);
            let malformed = || InvalidMetadata::Value(key.to_owned());
            let value = STANDARD.decode(value.trim()).map_err(|_| malformed())?;
            match key {
                "description" => this.description = String::from_utf8(value).map_err(|_| malformed())?,
                "artifact_id" => {
                    let id = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                    this.artifact_id = Some(id.ok_or_else(malformed)?);
                }
                _ => {}
            }
        }
        Ok(this)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidMetadata, UploadMetadata};

    #[test]
    fn known_keys_are_read_and_others_kept_out() {
        let id = "0192f0a0-0000-7000-8000-000000000001";
        let text = "filename YS5tZW5kZXI=, description Y2kgYnVpbGQ=,is_confidential,artifact_id \
                    MDE5MmYwYTAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAx";
        let read = UploadMetadata::parse(text).unwrap();
        assert_eq!(read.description, "ci build");
        assert_eq!(read.artifact_id.unwrap().to_string(), id);
        assert_eq!(UploadMetadata::parse("").unwrap(), UploadMetadata::default());
    }

    #[test]
    fn malformed_lists_are_refused() {
        let refused = |text: &str| UploadMetadata::parse(text).unwrap_err();
        assert_eq!(refused("a YQ==,a YQ=="), InvalidMetadata::Twice("a".to_owned()));
        assert_eq!(refused("a Y"), InvalidMetadata::Value("a".to_owned()));
        assert_eq!(refused("description /w=="), InvalidMetadata::Value("description".to_owned()));
        assert_eq!(refused("artifact_id YQ=="), InvalidMetadata::Value("artifact_id".to_owned()));
        assert_eq!(refused("k\u{e9}y YQ=="), InvalidMetadata::Key);
        assert_eq!(refused(&"a".repeat(super::MAX_BYTES + 1)), InvalidMetadata::TooLong);
    }
}
