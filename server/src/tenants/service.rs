//! Tenants as those of the default tenant manage them.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Tenant, TenantStatus, TenantTokenDigest, TenantTokens};
use crate::audit::{Action, Event, Object, ObjectKind};
use crate::clock::Clock;
use crate::ids::TenantId;
use crate::storage::{Page, Scope, StorageError, tenants};
use crate::users::MemberError;

/// Longest name, in characters.
const MAX_NAME_CHARS: usize = 128;

/// Why something could not be done with a tenant.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// There is no such tenant.
    #[error("tenant {0} does not exist")]
    NotFound(String),
    /// Another one is called so.
    #[error("there is a tenant named {0:?} already: choose another name")]
    NameTaken(String),
    /// The name is too long, empty, or holds control characters.
    #[error("a tenant has a name of 1 to {MAX_NAME_CHARS} characters, none of them a control character")]
    InvalidName,
    /// Whoever manages tenants is in it.
    #[error("the default tenant cannot be suspended")]
    Default,
    /// Its limit is a setting of the server.
    #[error("the device limit of the default tenant is the server's setting device_limit")]
    DefaultLimit,
    /// Devices without a token belong to it.
    #[error("the default tenant has no token: its devices need none")]
    NoToken,
    /// Its members are managed by themselves.
    #[error("members of the default tenant are managed at useradm/users")]
    DefaultMembers,
    /// As of any member.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// What of a tenant becomes different; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct TenantChange {
    /// Its name.
    pub name: Option<String>,
    /// Whether it is served.
    pub status: Option<TenantStatus>,
    /// Devices that may be accepted at once; -1 is no limit.
    pub device_limit: Option<i64>,
    /// Whether all of its members need a second factor.
    pub require_2fa: Option<bool>,
}

/// The tenants of a server.
pub struct Tenants {
    scope: Scope,
    tokens: TenantTokens,
    clock: Arc<dyn Clock>,
}

impl Tenants {
    /// Binds the service to the scope of who manages tenants.
    #[must_use]
    pub const fn new(scope: Scope, tokens: TenantTokens, clock: Arc<dyn Clock>) -> Self {
        Self { scope, tokens, clock }
    }

    /// A part of all tenants, by name, and how many there are.
    pub async fn list(&self, page: Page) -> Result<(Vec<Tenant>, u64), TenantError> {
        Ok(tenants::list(&self.scope, page).await?)
    }

    /// A tenant.
    pub async fn get(&self, id: TenantId) -> Result<Tenant, TenantError> {
        tenants::find(&self.scope, id).await?.ok_or_else(|| TenantError::NotFound(id.to_string()))
    }

    /// Makes a tenant.
    pub async fn add(&self, name: String, change: TenantChange) -> Result<Tenant, TenantError> {
        let now = self.clock.now();
        let id = TenantId::generate();
        let bare = Tenant { token: Some(self.digest(id, 0)), ..Tenant::new(id, name.clone(), now) };
        let tenant = changed(&bare, TenantChange { name: Some(name), ..change })?;
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        tenants::insert(&tx, &tenant).await.map_err(|err| taken(err, &tenant))?;
        tx.audit(Event::new(Action::Create, object(&tenant)).change(told(&tenant)));
        transaction.scope_of(id).record(tenant.change());
        transaction.commit(now).await?;
        Ok(tenant)
    }

    /// Changes a tenant.
    pub async fn change(&self, id: TenantId, change: TenantChange) -> Result<(), TenantError> {
        let transaction = self.scope.begin().await?;
        let (tx, now) = (transaction.scope(), self.clock.now());
        let before = tenants::find(&tx, id).await?.ok_or_else(|| TenantError::NotFound(id.to_string()))?;
        let after = changed(&before, change)?;
        if after == before {
            return Ok(());
        }
        tenants::update(&tx, &after).await.map_err(|err| taken(err, &after))?;
        let text = format!("{} -> {}", told(&before), told(&after));
        tx.audit(Event::new(Action::Update, object(&after)).change(text));
        transaction.scope_of(id).record(after.change());
        Ok(transaction.commit(now).await?)
    }

    /// What the devices of a tenant name it by.
    pub async fn token(&self, id: TenantId) -> Result<SecretString, TenantError> {
        let tenant = self.get(id).await?;
        tenant.token.ok_or(TenantError::NoToken)?;
        Ok(self.tokens.token(id, tenant.token_edition))
    }

    /// Replaces what the devices of a tenant name it by. Devices that log in again with the old one are refused.
    pub async fn renew_token(&self, id: TenantId) -> Result<SecretString, TenantError> {
        let transaction = self.scope.begin().await?;
        let (tx, now) = (transaction.scope(), self.clock.now());
        let before = tenants::find(&tx, id).await?.ok_or_else(|| TenantError::NotFound(id.to_string()))?;
        before.token.ok_or(TenantError::NoToken)?;
        let edition = before.token_edition.saturating_add(1);
        let after = Tenant { token_edition: edition, token: Some(self.digest(id, edition)), ..before };
        tenants::update(&tx, &after).await?;
        tx.audit(Event::new(Action::Rotate, object(&after)).change("tenant token: replaced"));
        transaction.scope_of(id).record(after.change());
        transaction.commit(now).await?;
        Ok(self.tokens.token(id, edition))
    }

    fn digest(&self, id: TenantId, edition: u32) -> TenantTokenDigest {
        TenantTokenDigest::of(self.tokens.token(id, edition).expose_secret())
    }
}

/// A tenant after a change.
fn changed(before: &Tenant, change: TenantChange) -> Result<Tenant, TenantError> {
    let name = change.name.unwrap_or_else(|| before.name.clone());
    if !(1..=MAX_NAME_CHARS).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(TenantError::InvalidName);
    }
    let is_default = before.id == TenantId::DEFAULT;
    let status = change.status.unwrap_or(before.status);
    if is_default && status != TenantStatus::Active {
        return Err(TenantError::Default);
    }
    if is_default && change.device_limit.is_some() {
        return Err(TenantError::DefaultLimit);
    }
    Ok(Tenant {
        name,
        status,
        device_limit: change.device_limit.map_or(before.device_limit, |limit| u64::try_from(limit).ok()),
        require_2fa: change.require_2fa.unwrap_or(before.require_2fa),
        ..before.clone()
    })
}

fn object(tenant: &Tenant) -> Object {
    Object::named(ObjectKind::Tenant, tenant.id, tenant.name.as_str())
}

fn told(tenant: &Tenant) -> String {
    let limit = tenant.device_limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    format!(
        "name: {}, status: {}, device limit: {limit}, second factor for all: {}",
        tenant.name,
        tenant.status.as_str(),
        tenant.require_2fa
    )
}

fn taken(err: StorageError, tenant: &Tenant) -> TenantError {
    if err.is_unique_violation() { TenantError::NameTaken(tenant.name.clone()) } else { err.into() }
}
