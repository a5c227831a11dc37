//! What is asked of releases.

use serde::{Deserialize, Deserializer, de};

use crate::releases::SignaturePolicy;

/// The section `[releases]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Releases {
    /// What is asked of signatures until somebody asks something else over the API.
    #[serde(deserialize_with = "policy")]
    pub signature_policy: SignaturePolicy,
}

fn policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignaturePolicy, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}
