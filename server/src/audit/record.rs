//! Events as they are stored, and how one is bound to the one before.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest as _, Sha256};

use super::{Actor, Event};
use crate::crypto::hex::hex;
use crate::ids::TenantId;

/// What the first record follows.
pub const GENESIS: Hash = Hash([0; 32]);

/// Names the form that is hashed; another form gets another name.
const FORM: &str = "sealift-audit-1";

/// A SHA-256.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One record of the trail. Words are kept as they are stored: a later version may know more of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Its place in the trail of all tenants, from 1, without gaps.
    pub sequence: i64,
    /// The tenant in which it happened.
    pub tenant: TenantId,
    /// When, to the microsecond.
    pub at: DateTime<Utc>,
    /// `user`, `device` or `system`.
    pub actor_kind: String,
    /// Who.
    pub actor_id: String,
    /// The address of a user.
    pub actor_email: Option<String>,
    /// The session or the token of a user.
    pub credential: Option<String>,
    /// The address of the peer.
    pub address: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which.
    pub object_id: String,
    /// What people call it.
    pub object_label: Option<String>,
    /// What belongs to its name.
    pub object_detail: Option<String>,
    /// How it ended.
    pub outcome: String,
    /// What is different.
    pub change: Option<String>,
    /// The digest of what was there before.
    pub before: Option<Hash>,
    /// The digest of what is there now.
    pub after: Option<Hash>,
    /// The hash of the record before; [`GENESIS`] for the first.
    pub previous: Hash,
    /// The hash of this record.
    pub hash: Hash,
}

impl Record {
    /// Binds an event to the record before.
    #[must_use]
    pub fn new(
        (sequence, previous): (i64, Hash),
        tenant: TenantId,
        actor: &Actor,
        event: &Event,
        at: DateTime<Utc>,
    ) -> Self {
        let (actor_email, credential) = match &actor.who {
            super::Who::User { email, credential, .. } => (Some(email.clone()), Some(credential.to_string())),
            super::Who::Device(_) | super::Who::Console(_) | super::Who::Holder(_) | super::Who::Server => {
                (None, None)
            }
        };
        let mut record = Self {
            sequence,
            tenant,
            // PostgreSQL keeps no more.
            at: DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at),
            actor_kind: actor.kind().as_str().to_owned(),
            actor_id: actor.id(),
            actor_email,
            credential,
            address: actor.origin.address.map(|address| address.to_canonical().to_string()),
            request_id: actor.origin.request_id.clone(),
            action: event.action.as_str().to_owned(),
            object_kind: event.object.kind.as_str().to_owned(),
            object_id: event.object.id.clone(),
            object_label: event.object.label.clone(),
            object_detail: event.object.detail.clone(),
            outcome: event.outcome.as_str().to_owned(),
            change: event.change.clone(),
            before: event.before,
            after: event.after,
            previous,
            hash: GENESIS,
        };
        record.hash = record.expected_hash();
        record
    }

    /// The moment as it is hashed and shown.
    #[must_use]
    pub fn time(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// The hash that the record must have: of the hash before, as bytes, and then of each field as text in UTF-8 with
    /// its length in four bytes before it, most significant first; a field that is absent is four bytes of ones.
    #[must_use]
    pub fn expected_hash(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(self.previous.0);
        let mut field = |text: Option<&str>| {
            let length = text.map(|text| u32::try_from(text.len()).unwrap_or(u32::MAX - 1));
            hasher.update(length.unwrap_or(u32::MAX).to_be_bytes());
            hasher.update(text.unwrap_or_default());
        };
        field(Some(FORM));
        field(Some(&self.sequence.to_string()));
        field(Some(&self.tenant.to_string()));
        field(Some(&self.time()));
        field(Some(&self.actor_kind));
        field(Some(&self.actor_id));
        field(self.actor_email.as_deref());
        field(self.credential.as_deref());
        field(self.address.as_deref());
        field(self.request_id.as_deref());
        field(Some(&self.action));
        field(Some(&self.object_kind));
        field(Some(&self.object_id));
        field(self.object_label.as_deref());
        field(self.object_detail.as_deref());
        field(Some(&self.outcome));
        field(self.change.as_deref());
        field(self.before.map(|hash| hash.to_string()).as_deref());
        field(self.after.map(|hash| hash.to_string()).as_deref());
        Hash(hasher.finalize().into())
    }
}
