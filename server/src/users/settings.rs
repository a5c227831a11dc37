//! Settings: what consoles keep for themselves, for a tenant and for each of its users (management API §1.3). The server
//! gives them back as they came, and knows nothing of their meaning.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::audit::{Action, Event, Object, ObjectKind};
use crate::clock::Clock;
use crate::ids::UserId;
use crate::storage::{Access as _, Scope, StorageError, settings};

/// Members of the object.
const MAX_KEYS: usize = 1024;
/// Longest name of a member, in characters.
const MAX_KEY: usize = 128;
/// Longest text, in characters.
const MAX_TEXT: usize = 4096;

/// Whose settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SettingsOwner {
    /// Those that all users of the tenant share.
    Tenant,
    /// Those of one user in the tenant.
    User(UserId),
}

/// What is stored for an owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A JSON object.
    pub content: Map<String, Value>,
    /// Another one after each change; clients know it as the entity tag.
    pub edition: Uuid,
}

/// Why settings were not stored.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There are too many members.
    #[error("settings have at most {MAX_KEYS} members")]
    TooMany,
    /// The name of a member is too long.
    #[error("the name of a setting has at most {MAX_KEY} characters")]
    Key,
    /// A text is too long.
    #[error("setting {0:?} is a text of more than {MAX_TEXT} characters")]
    Text(String),
    /// They are not those that the caller has seen.
    #[error("the settings were changed in the meantime: get them again")]
    Changed,
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The settings of a tenant and its users.
pub struct SettingsService {
    scope: Scope,
    clock: Arc<dyn Clock>,
}

impl SettingsService {
    /// Wires the service.
    #[must_use]
    pub fn new(scope: Scope, clock: Arc<dyn Clock>) -> Self {
        Self { scope, clock }
    }

    /// The owner's settings; none before the first are stored.
    pub async fn get(&self, owner: SettingsOwner) -> Result<Option<Settings>, StorageError> {
        settings::find(&self.scope, owner).await
    }

    /// Puts others into their place; only if they are still the edition `seen`, if that is given.
    pub async fn put(
        &self,
        owner: SettingsOwner,
        content: Map<String, Value>,
        seen: Option<&str>,
    ) -> Result<(), SettingsError> {
        check(&content)?;
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let before = settings::find(&tx, owner).await?;
        let edition = before.as_ref().map(|settings| settings.edition.to_string());
        if seen.is_some() && seen != edition.as_deref() {
            return Err(SettingsError::Changed);
        }
        settings::put(&tx, owner, &Settings { content, edition: Uuid::new_v4() }, now).await?;
        let object = match owner {
            SettingsOwner::Tenant => Object::of_tenant(ObjectKind::Settings, tx.tenant()),
            SettingsOwner::User(user) => Object::new(ObjectKind::Settings, user),
        };
        tx.audit(Event::new(Action::Update, object));
        Ok(transaction.commit(now).await?)
    }
}

fn check(content: &Map<String, Value>) -> Result<(), SettingsError> {
    if content.len() > MAX_KEYS {
        return Err(SettingsError::TooMany);
    }
    for (key, value) in content {
        if key.chars().count() > MAX_KEY {
            return Err(SettingsError::Key);
        }
        if value.as_str().is_some_and(|text| text.chars().count() > MAX_TEXT) {
            return Err(SettingsError::Text(key.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{SettingsError, check};

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn sizes_are_limited() {
        let many: Map<String, Value> = (0..1025).map(|at| (at.to_string(), Value::Null)).collect();
        assert!(matches!(check(&many), Err(SettingsError::TooMany)));
        let long = "k".repeat(129);
        assert!(matches!(check(&object(&json!({ long: 1 }))), Err(SettingsError::Key)));
        let text = "ä".repeat(4097);
        assert!(matches!(check(&object(&json!({ "a": text }))), Err(SettingsError::Text(key)) if key == "a"));
        let fits = json!({ "k".repeat(128): "ä".repeat(4096), "nested": { "a": [null, 1.5] } });
        assert!(check(&object(&fits)).is_ok());
    }
}
