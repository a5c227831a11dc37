//! Tags: the attributes that users write (management API §3).

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AttributeScope, AttributeSet, AttributeValue, Described, Inventory, InventoryError,
    MAX_DESCRIPTION_BYTES, MAX_NAME_BYTES,
};
use crate::audit::{Action, Event, Object};
use crate::devices::Device;
use crate::ids::{DeviceId, DeviceNumber};
use crate::storage::{Access, Change, StorageError, devices, inventory};

/// Tags of a device.
const MAX_TAGS: usize = 20;

/// Longest value of a tag, in bytes.
const MAX_VALUE_BYTES: usize = 4096;

/// A tag as a user writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// Its name, unique among the tags of the device.
    pub name: String,
    /// Its value, possibly empty.
    pub value: String,
    /// What is said about it.
    pub description: Option<String>,
}

/// What becomes of the tags that are not named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TagMode {
    /// They go.
    Replace,
    /// They stay.
    Merge,
}

/// Why tags cannot be a device's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidTags {
    /// There are too many.
    #[error("a device has at most {MAX_TAGS} tags: remove some first")]
    TooMany,
    /// The name is empty or too long.
    #[error("tag {0:?} must have a name of 1 to {MAX_NAME_BYTES} bytes without NUL")]
    Name(String),
    /// The value is too long.
    #[error("tag {0:?} must have a value of at most {MAX_VALUE_BYTES} bytes without NUL")]
    Value(String),
    /// The description is too long.
    #[error("tag {0:?} must have a description of at most {MAX_DESCRIPTION_BYTES} bytes without NUL")]
    Description(String),
}

impl Inventory {
    /// Writes tags of a device; only if those that it has are still the edition `seen`, if that is given. Of several
    /// with the same name the last one counts. Returns the edition that they are now.
    pub async fn write_tags(
        &self,
        id: DeviceId,
        mode: TagMode,
        tags: Vec<Tag>,
        seen: Option<&str>,
    ) -> Result<Uuid, InventoryError> {
        let written = set(tags)?;
        let transaction = self.scope.begin().await?;
        let (tx, now) = (transaction.scope(), self.clock.now());
        let device = devices::find(&tx, id).await?.ok_or(InventoryError::DeviceNotFound(id))?;
        let edition = device.tags_edition.map(|edition| edition.to_string());
        if seen.is_some() && seen != edition.as_deref() {
            return Err(InventoryError::TagsChanged(id));
        }
        let before = stored(&tx, device.number).await?;
        let after = match mode {
            TagMode::Replace => written,
            TagMode::Merge => before.clone().merged(written),
        };
        if after.len() > MAX_TAGS {
            return Err(InvalidTags::TooMany.into());
        }
        let difference = before.difference(&after);
        if let Some(edition) = device.tags_edition.filter(|_| difference.is_empty()) {
            return Ok(edition);
        }
        let edition = Uuid::new_v4();
        inventory::apply(&tx, AttributeScope::Tags, &[(device.number, difference)], now).await?;
        devices::set_tags_edition(&tx, device.number, Some(edition), now).await?;
        let (old, new) = (json_of(&before), json_of(&after));
        let event = Event::new(Action::Update, object(&device));
        let event = event.states(Some(old.as_bytes()), Some(new.as_bytes()));
        tx.audit(event.change(format!("tags: {old} -> {new}")));
        transaction.commit(now).await?;
        Ok(edition)
    }

    /// Forgets what a device reported and its tags; it reports again by itself. One that is not there is forgotten
    /// already. Its group stays, because deployments and roles go by it.
    pub async fn forget(&self, id: DeviceId) -> Result<(), InventoryError> {
        let transaction = self.scope.begin().await?;
        let (tx, now) = (transaction.scope(), self.clock.now());
        let Some(device) = devices::find(&tx, id).await? else { return Ok(()) };
        inventory::delete_of_device(&tx, device.number).await?;
        devices::set_inventory_digest(&tx, device.number, NO_DIGEST, now).await?;
        devices::set_tags_edition(&tx, device.number, None, now).await?;
        tx.record(Change::Inventory { number: device.number, digest: NO_DIGEST });
        tx.audit(Event::new(Action::Delete, object(&device)).change("inventory and tags"));
        transaction.commit(now).await?;
        Ok(())
    }
}

/// Recognises no inventory (see [`AttributeSet::digest`]), so that the next report is stored.
const NO_DIGEST: u64 = 0;

fn set(tags: Vec<Tag>) -> Result<AttributeSet, InvalidTags> {
    let mut set = AttributeSet::default();
    for Tag { name, value, description } in tags {
        let fits = |text: &str, limit: usize| text.len() <= limit && !text.contains('\0');
        if name.is_empty() || !fits(&name, MAX_NAME_BYTES) {
            return Err(InvalidTags::Name(name.chars().take(64).collect()));
        }
        if !fits(&value, MAX_VALUE_BYTES) {
            return Err(InvalidTags::Value(name));
        }
        let description = description.filter(|text| !text.is_empty());
        if description.as_ref().is_some_and(|text| !fits(text, MAX_DESCRIPTION_BYTES)) {
            return Err(InvalidTags::Description(name));
        }
        set.put(name, Described { value: AttributeValue::Text(value), description });
        if set.len() > MAX_TAGS {
            return Err(InvalidTags::TooMany);
        }
    }
    Ok(set)
}

async fn stored(scope: &impl Access, number: DeviceNumber) -> Result<AttributeSet, StorageError> {
    let stored = inventory::of_devices(scope, &[number], &[AttributeScope::Tags]).await?;
    let described = stored.into_iter().map(|(_, attribute)| {
        (attribute.name, Described { value: attribute.value, description: attribute.description })
    });
    Ok(described.collect())
}

/// Names and values, for the audit trail.
fn json_of(set: &AttributeSet) -> String {
    let members: serde_json::Map<String, Value> =
        set.iter().map(|(name, tag)| (name.to_owned(), tag.value.to_json())).collect();
    json!(members).to_string()
}

fn object(device: &Device) -> Object {
    Object::device(device.id, device.identity.as_str())
}

#[cfg(test)]
mod tests {
    use super::{InvalidTags, MAX_DESCRIPTION_BYTES, MAX_VALUE_BYTES, Tag, set};

    fn tag(name: &str, value: &str) -> Tag {
        Tag { name: name.to_owned(), value: value.to_owned(), description: None }
    }

    #[test]
    fn of_one_name_the_last_counts() {
        let many = (0..100).map(|at| tag("site", &at.to_string())).collect();
        let set = set(many).unwrap();
        assert_eq!(set.len(), 1);
        assert_eq!(set.get("site").unwrap().value.to_json(), "99");
    }

    #[test]
    fn sizes_are_limited() {
        let numbered = |count: usize| (0..count).map(|at| tag(&at.to_string(), "")).collect();
        assert_eq!(set(numbered(20)).unwrap().len(), 20);
        assert_eq!(set(numbered(21)), Err(InvalidTags::TooMany));
        let described = |length: usize| Tag { description: Some("d".repeat(length)), ..tag("a", "b") };
        for (tags, fits) in [
            (tag(&"n".repeat(1024), &"v".repeat(MAX_VALUE_BYTES)), true),
            (described(MAX_DESCRIPTION_BYTES), true),
            (tag("", "v"), false),
            (tag(&"n".repeat(1025), "v"), false),
            (tag("n\0", "v"), false),
            (tag("n", "v\0"), false),
            (tag("n", &"v".repeat(MAX_VALUE_BYTES + 1)), false),
            (described(MAX_DESCRIPTION_BYTES + 1), false),
        ] {
            assert_eq!(set(vec![tags.clone()]).is_ok(), fits, "{tags:?}");
        }
    }
}
