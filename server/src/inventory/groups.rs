//! Groups: a device is in at most one, and a group exists while it has members.

use std::fmt;
use std::str::FromStr;

use super::{Inventory, InventoryError};
use crate::audit::{Action, Event, Object};
use crate::devices::{Device, DeviceStatus};
use crate::ids::DeviceId;
use crate::storage::{Access as _, Page, WriteScope, devices};

/// Longest name of a group, in bytes.
const MAX_GROUP_NAME_BYTES: usize = 256;

/// The name of a group: letters, digits, `-` and `_`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupName(String);

/// A text that cannot name a group.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a group name has 1 to {MAX_GROUP_NAME_BYTES} of the characters A-Z, a-z, 0-9, - and _")]
pub struct InvalidGroupName;

/// What came of putting devices into a group or taking them out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Regrouped {
    /// Devices that exist among those named.
    pub matched: u64,
    /// Devices that were elsewhere before.
    pub updated: u64,
}

impl GroupName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Inventory {
    /// The groups that have members, optionally members of one status, by name.
    pub async fn groups(&self, status: Option<DeviceStatus>) -> Result<Vec<String>, InventoryError> {
        Ok(devices::groups(&self.scope, status).await?)
    }

    /// A part of a group's members, and how many it has.
    pub async fn members(
        &self,
        group: &GroupName,
        page: Page,
    ) -> Result<(Vec<DeviceId>, u64), InventoryError> {
        let (members, total) = devices::group_members(&self.scope, group.as_str(), page).await?;
        if total == 0 {
            return Err(InventoryError::GroupNotFound(group.clone()));
        }
        Ok((members, total))
    }

    /// The group that a device is in.
    pub async fn group_of(&self, id: DeviceId) -> Result<Option<String>, InventoryError> {
        let device = devices::find(&self.scope, id).await?;
        Ok(device.ok_or(InventoryError::DeviceNotFound(id))?.group)
    }

    /// Puts a device into a group, out of any other.
    pub async fn put_into_group(&self, id: DeviceId, group: &GroupName) -> Result<(), InventoryError> {
        match self.put_many_into_group(&[id], group).await?.matched {
            0 => Err(InventoryError::DeviceNotFound(id)),
            _ => Ok(()),
        }
    }

    /// Puts devices into a group, out of any other; those that do not exist are ignored.
    pub async fn put_many_into_group(
        &self,
        ids: &[DeviceId],
        group: &GroupName,
    ) -> Result<Regrouped, InventoryError> {
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let now = self.clock.now();
        require_groups(&tx, Some(group))?;
        let found = devices::find_many(&tx, ids).await?;
        let matched = count(found.len());
        let moved: Vec<Device> =
            found.into_iter().filter(|device| device.group.as_deref() != Some(group.as_str())).collect();
        if moved.is_empty() {
            return Ok(Regrouped { matched, updated: 0 });
        }
        let updated = devices::set_group(&tx, ids, Some(group.as_str()), now).await?;
        for device in &moved {
            audit(&tx, device, Some(group));
        }
        transaction.commit(now).await?;
        Ok(Regrouped { matched, updated })
    }

    /// Takes a device out of a group.
    pub async fn take_out_of_group(&self, id: DeviceId, group: &GroupName) -> Result<(), InventoryError> {
        self.group_of(id).await?;
        match self.take_many_out_of_group(&[id], group).await?.updated {
            0 => Err(InventoryError::NotInGroup { device: id, group: group.clone() }),
            _ => Ok(()),
        }
    }

    /// Takes devices out of a group; those that are not in it are ignored.
    pub async fn take_many_out_of_group(
        &self,
        ids: &[DeviceId],
        group: &GroupName,
    ) -> Result<Regrouped, InventoryError> {
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let now = self.clock.now();
        require_groups(&tx, None)?;
        let members: Vec<Device> = devices::find_many(&tx, ids)
            .await?
            .into_iter()
            .filter(|device| device.group.as_deref() == Some(group.as_str()))
            .collect();
        if members.is_empty() {
            return Ok(Regrouped { matched: 0, updated: 0 });
        }
        let ids: Vec<DeviceId> = members.iter().map(|device| device.id).collect();
        let updated = devices::set_group(&tx, &ids, None, now).await?;
        for device in &members {
            audit(&tx, device, None);
        }
        transaction.commit(now).await?;
        Ok(Regrouped { matched: count(members.len()), updated })
    }

    /// Takes all members out of a group, so that it is no more; returns how many there were.
    pub async fn clear_group(&self, group: &GroupName) -> Result<u64, InventoryError> {
        let transaction = self.scope.begin().await?;
        let now = self.clock.now();
        let tx = transaction.scope();
        require_groups(&tx, None)?;
        let updated = devices::clear_group(&tx, group.as_str(), now).await?;
        if updated == 0 {
            return Ok(0);
        }
        let event = Event::new(Action::Delete, Object::group(group.as_str()));
        tx.audit(event.change(format!("devices: {updated} -> 0")));
        transaction.commit(now).await?;
        Ok(updated)
    }
}

/// Who may change some groups only moves devices between these: what is in no group is nobody's but theirs who may
/// change all.
fn require_groups(tx: &WriteScope<'_>, to: Option<&GroupName>) -> Result<(), InventoryError> {
    let Some(groups) = tx.sight().groups() else { return Ok(()) };
    if to.is_some_and(|group| groups.contains(group.as_str())) {
        return Ok(());
    }
    let names: Vec<_> = groups.iter().map(String::as_str).collect();
    Err(InventoryError::BeyondGroups(names.join(", ")))
}

impl FromStr for GroupName {
    type Err = InvalidGroupName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=MAX_GROUP_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidGroupName)
        }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tells of a device that goes from its group to another, or to none.
fn audit(tx: &WriteScope<'_>, device: &Device, to: Option<&GroupName>) {
    let from = device.group.as_deref().unwrap_or("none");
    let change = format!("group: {from} -> {}", to.map_or("none", GroupName::as_str));
    tx.audit(Event::new(Action::Update, Object::device(device.id, device.identity.as_str())).change(change));
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::GroupName;

    #[test]
    fn names_are_letters_digits_hyphens_and_underscores() {
        for name in ["a", "Group_1-b", &"x".repeat(256)] {
            assert!(name.parse::<GroupName>().is_ok(), "{name}");
        }
        for name in ["", "a b", "ä", "a/b", &"x".repeat(257)] {
            assert!(name.parse::<GroupName>().is_err(), "{name}");
        }
    }
}
