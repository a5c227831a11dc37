//! Storing what devices report, many devices at once, within the group-commit writer's transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{AttributeScope, AttributeSet, Described};
use crate::ids::DeviceNumber;
use crate::storage::{Change, StorageError, WriteScope, devices, inventory};

/// What a report does with attributes that it does not name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InventoryMode {
    /// They go.
    Replace,
    /// They stay.
    Merge,
}

/// What one device reported.
#[derive(Clone, Debug)]
pub struct InventoryWrite {
    /// The device.
    pub device: DeviceNumber,
    /// What happens to attributes that are not named.
    pub mode: InventoryMode,
    /// The attributes.
    pub attributes: AttributeSet,
    /// A merge that would leave more attributes than this changes nothing.
    pub limit: usize,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InventoryOutcome {
    /// It is stored, or was already; the device may be gone meanwhile.
    Stored,
    /// It would leave more attributes than are allowed, and changed nothing.
    TooMany,
}

/// Stores reports of devices of one tenant, in order; only rows that differ are written. Devices that are gone
/// are skipped.
pub async fn store(
    tx: &WriteScope<'_>,
    writes: &[&InventoryWrite],
    now: DateTime<Utc>,
) -> Result<Vec<InventoryOutcome>, StorageError> {
    let mut numbers: Vec<DeviceNumber> = writes.iter().map(|write| write.device).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let numbers = inventory::existing(tx, &numbers).await?;
    let before = load(tx, &numbers).await?;
    let mut after = before.clone();
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        outcomes.push(after.get_mut(&write.device).map_or(InventoryOutcome::Stored, |set| put(set, write)));
    }
    let mut differences = Vec::new();
    for ((number, old), new) in before.iter().zip(after.values()) {
        let difference = old.difference(new);
        let digest = new.digest();
        // Also without a difference: the index forgot the digest when the report was queued.
        tx.record(Change::Inventory { number: *number, digest });
        if !difference.is_empty() {
            devices::set_inventory_digest(tx, *number, digest, now).await?;
            differences.push((*number, difference));
        }
    }
    inventory::apply(tx, AttributeScope::Inventory, &differences, now).await?;
    Ok(outcomes)
}

async fn load(
    tx: &WriteScope<'_>,
    numbers: &[DeviceNumber],
) -> Result<BTreeMap<DeviceNumber, AttributeSet>, StorageError> {
    let mut sets: BTreeMap<_, _> = numbers.iter().map(|number| (*number, AttributeSet::default())).collect();
    for (number, attribute) in inventory::of_devices(tx, numbers, &[AttributeScope::Inventory]).await? {
        if let Some(set) = sets.get_mut(&number) {
            let described = Described { value: attribute.value, description: attribute.description };
            set.put(attribute.name, described);
        }
    }
    Ok(sets)
}

fn put(set: &mut AttributeSet, write: &InventoryWrite) -> InventoryOutcome {
    match write.mode {
        InventoryMode::Replace => *set = write.attributes.clone(),
        InventoryMode::Merge if set.merged_len(&write.attributes) > write.limit => {
            return InventoryOutcome::TooMany;
        }
        InventoryMode::Merge => *set = std::mem::take(set).merged(write.attributes.clone()),
    }
    InventoryOutcome::Stored
}
