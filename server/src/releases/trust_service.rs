//! Keys and policy as users see and change them.

use std::sync::Arc;

use artifact::{KeyError, VerifyingKey};
use chrono::{DateTime, SubsecRound as _, Utc};

use super::compare::compare;
use super::verification::VerificationKey;
use super::{ReleaseError, SignaturePolicy, Validity};
use crate::audit::{Action, Event, Object, ObjectKind};
use crate::clock::Clock;
use crate::ids::{KeyId, UserId};
use crate::storage::blobs::BlobStore;
use crate::storage::{Access as _, Change, Page, Scope, StorageError, signature_policies, verification_keys};

/// Keys that a tenant may have, revoked ones included: each upload is compared with all of them.
pub const MAX_KEYS: u64 = 256;

/// Longest name of a key, in characters.
pub const MAX_KEY_NAME: usize = 256;

/// Why something cannot be done with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefusal {
    /// Not a public key that artifacts can be signed with.
    #[error("public_key: {0}")]
    Key(#[from] KeyError),
    /// Not a name.
    #[error("name: must have 1 to {MAX_KEY_NAME} characters and no control characters")]
    Name,
    /// It would never be valid.
    #[error("not_after: is before not_before")]
    Window,
    /// The tenant trusts this very key already.
    #[error("the same key is trusted already, as {0:?}")]
    Known(String),
    /// No further key may be added.
    #[error("there are {MAX_KEYS} keys already")]
    TooMany,
    /// There is no such key.
    #[error("key {0} does not exist")]
    NotFound(KeyId),
    /// Artifacts that are stored cannot be compared with it.
    #[error("failed to compare stored artifacts with the key")]
    Compare(#[source] Box<ReleaseError>),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// A key to be trusted.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people shall call it.
    pub name: String,
    /// The key, PEM of an SPKI structure.
    pub pem: String,
    /// Not before this moment.
    pub not_before: Option<DateTime<Utc>>,
    /// Not after this moment.
    pub not_after: Option<DateTime<Utc>>,
}

/// Whom a tenant trusts to sign artifacts.
#[derive(Clone)]
pub struct ReleaseTrust {
    scope: Scope,
    blobs: BlobStore,
    clock: Arc<dyn Clock>,
}

impl ReleaseTrust {
    /// Binds the service to the tenant of a scope.
    #[must_use]
    pub const fn new(scope: Scope, blobs: BlobStore, clock: Arc<dyn Clock>) -> Self {
        Self { scope, blobs, clock }
    }

    /// A part of the list of keys, newest first, and how many there are.
    pub async fn keys(&self, page: Page) -> Result<(Vec<VerificationKey>, u64), KeyRefusal> {
        Ok(verification_keys::list(&self.scope, page).await?)
    }

    /// One key.
    pub async fn key(&self, id: KeyId) -> Result<VerificationKey, KeyRefusal> {
        verification_keys::find(&self.scope, id).await?.ok_or(KeyRefusal::NotFound(id))
    }

    /// Trusts a key from now on, and finds the stored artifacts that it signed. Both hold when this returns.
    pub async fn add(&self, new: &NewKey, by: UserId) -> Result<VerificationKey, KeyRefusal> {
        let now = self.clock.now();
        let key = checked(new, by, now)?;
        let id = key.id;
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let known = verification_keys::all(&tx).await?;
        if let Some(same) = known.iter().find(|other| other.revocation.is_none() && other.key == key.key) {
            return Err(KeyRefusal::Known(same.name.clone()));
        }
        if verification_keys::count(&tx).await? >= MAX_KEYS {
            return Err(KeyRefusal::TooMany);
        }
        verification_keys::insert(&tx, &key).await?;
        tx.record(Change::VerificationKey { id, validity: key.validity });
        let event = Event::new(Action::Create, Object::named(ObjectKind::VerificationKey, id, &key.name));
        tx.audit(event.states(None, Some(new.pem.as_bytes())));
        transaction.commit(now).await?;
        // Uploads see the key from here on. In a task of its own, so that a client who goes away does not delay
        // what it asked for; a stop leaves the rest to the next start.
        let (scope, blobs, clock) = (self.scope.unattended(), self.blobs.clone(), Arc::clone(&self.clock));
        tokio::spawn(async move { compare(&scope, &blobs, &*clock, id).await })
            .await
            .map_err(|_| KeyRefusal::Compare(Box::new(ReleaseError::Interrupted)))?
            .map_err(|err| KeyRefusal::Compare(Box::new(err)))?;
        self.key(id).await
    }

    /// Ends the trust in a key, for good; one that is revoked stays as it is.
    pub async fn revoke(&self, id: KeyId, by: UserId) -> Result<VerificationKey, KeyRefusal> {
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let key = verification_keys::find(&tx, id).await?.ok_or(KeyRefusal::NotFound(id))?;
        if verification_keys::revoke(&tx, id, by, now).await? {
            tx.record(Change::VerificationKey { id, validity: Validity { revoked: true, ..key.validity } });
            let object = Object::named(ObjectKind::VerificationKey, id, &key.name);
            tx.audit(Event::new(Action::Revoke, object));
            transaction.commit(now).await?;
        } else {
            drop(transaction);
        }
        self.key(id).await
    }

    /// What the tenant asks of signatures.
    pub async fn policy(&self) -> Result<SignaturePolicy, StorageError> {
        Ok(signature_policies::find(&self.scope).await?.unwrap_or_default())
    }

    /// Asks something else of signatures, of all that is stored and offered too.
    pub async fn set_policy(&self, policy: SignaturePolicy, by: UserId) -> Result<(), StorageError> {
        set_policy(&self.scope, policy, Some(by), self.clock.now()).await
    }

    /// Gives the tenant the policy of the configuration, unless it has one.
    pub async fn set_first_policy(&self, policy: SignaturePolicy) -> Result<(), StorageError> {
        if signature_policies::find(&self.scope).await?.is_some() {
            return Ok(());
        }
        set_policy(&self.scope, policy, None, self.clock.now()).await
    }
}

async fn set_policy(
    scope: &Scope,
    policy: SignaturePolicy,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let transaction = scope.begin().await?;
    let tx = transaction.scope();
    let before = signature_policies::find(&tx).await?;
    signature_policies::set(&tx, policy, by, now).await?;
    let was = before.map_or("none", SignaturePolicy::as_str);
    let event = Event::new(Action::Update, Object::of_tenant(ObjectKind::SignaturePolicy, tx.tenant()));
    tx.audit(event.change(format!("{was} -> {policy}")));
    tx.record(Change::SignaturePolicy(policy));
    transaction.commit(now).await
}

fn checked(new: &NewKey, by: UserId, now: DateTime<Utc>) -> Result<VerificationKey, KeyRefusal> {
    let length = new.name.chars().count();
    if length == 0 || length > MAX_KEY_NAME || new.name.chars().any(char::is_control) {
        return Err(KeyRefusal::Name);
    }
    // As exactly as every database keeps them.
    let exact = |moment: Option<DateTime<Utc>>| moment.map(|moment| moment.trunc_subsecs(3));
    let validity =
        Validity { not_before: exact(new.not_before), not_after: exact(new.not_after), revoked: false };
    if validity.not_before.zip(validity.not_after).is_some_and(|(start, end)| end < start) {
        return Err(KeyRefusal::Window);
    }
    Ok(VerificationKey {
        id: KeyId::generate(),
        name: new.name.clone(),
        key: VerifyingKey::from_pem(&new.pem)?,
        validity,
        created_at: now,
        created_by: by,
        revocation: None,
        compared: false,
    })
}
