//! What the devices of a tenant have, all in all: for menus and counters.

use std::collections::BTreeMap;

use super::{AttributeScope, Inventory, InventoryError};
use crate::devices::DeviceStatus;
use crate::storage::inventory_overview;

/// Devices that are asked which attributes they have: the newest.
const SAMPLE: u64 = 5_000;

/// Attributes that are listed at most: those of most devices.
const MAX_LISTED: usize = 500;

/// An attribute that devices have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownAttribute {
    /// Where it comes from.
    pub scope: AttributeScope,
    /// Its name.
    pub name: String,
    /// How many devices have it, of those that were asked.
    pub count: u64,
}

impl Inventory {
    /// The attributes that devices have, those of most devices first. Of a large fleet the newest 5000 devices are asked.
    pub async fn known_attributes(&self) -> Result<Vec<KnownAttribute>, InventoryError> {
        let mut counts: BTreeMap<(AttributeScope, String), u64> = BTreeMap::new();
        for (scope, name, count) in inventory_overview::attributes_of_newest(&self.scope, SAMPLE).await? {
            counts.insert((scope, name), count);
        }
        for device in inventory_overview::newest(&self.scope, SAMPLE).await? {
            let mut has = |scope, name: &str| *counts.entry((scope, name.to_owned())).or_default() += 1;
            for (name, _) in device.identity.attributes() {
                if name != "status" {
                    has(AttributeScope::Identity, &name);
                }
            }
            has(AttributeScope::Identity, "status");
            has(AttributeScope::System, "created_ts");
            has(AttributeScope::System, "updated_ts");
            if device.is_grouped {
                has(AttributeScope::System, "group");
            }
            if self.fleet.seen_at(device.number).is_some() {
                has(AttributeScope::System, "check_in_time");
            }
        }
        let mut known: Vec<KnownAttribute> =
            counts.into_iter().map(|((scope, name), count)| KnownAttribute { scope, name, count }).collect();
        known.sort_by_key(|attribute| std::cmp::Reverse(attribute.count));
        known.truncate(MAX_LISTED);
        Ok(known)
    }

    /// How many devices have each status; those that none has are missing.
    pub async fn statuses(&self) -> Result<Vec<(DeviceStatus, u64)>, InventoryError> {
        Ok(inventory_overview::statuses(&self.scope).await?)
    }
}
