//! The inventory as users see it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Attribute, AttributeScope, AttributeValue, GroupName, InvalidGroupName, InvalidSearch, InvalidTags,
    InventoryFilter, InventoryOrder, shown,
};
use crate::clock::Clock;
use crate::devices::Device;
use crate::fleet::FleetIndex;
use crate::ids::{DeviceId, DeviceNumber};
use crate::storage::{Page, Scope, StorageError, devices, inventory, inventory_list};

/// Scopes whose attributes are rows.
const STORED: [AttributeScope; 3] =
    [AttributeScope::Inventory, AttributeScope::Monitor, AttributeScope::Tags];

/// Why something could not be done with the inventory.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// There is no such device.
    #[error("device {0} does not exist")]
    DeviceNotFound(DeviceId),
    /// No device is in the group.
    #[error("group {0} does not exist")]
    GroupNotFound(GroupName),
    /// The device is not in the group.
    #[error("device {device} is not in group {group}")]
    NotInGroup {
        /// The device.
        device: DeviceId,
        /// The group.
        group: GroupName,
    },
    /// Devices would come into, or go out of, what the caller may change.
    #[error("devices can be moved only between the groups {0}")]
    BeyondGroups(String),
    /// The name cannot be a group's.
    #[error(transparent)]
    InvalidGroupName(#[from] InvalidGroupName),
    /// The tags cannot be a device's.
    #[error(transparent)]
    InvalidTags(#[from] InvalidTags),
    /// The tags are not those that the caller has seen.
    #[error("the tags of device {0} were changed in the meantime: get the device again")]
    TagsChanged(DeviceId),
    /// The search asks for too much.
    #[error(transparent)]
    Search(#[from] InvalidSearch),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// A device with its attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInventory {
    /// The device.
    pub id: DeviceId,
    /// Its attributes: identity, then what is stored, then system.
    pub attributes: Vec<Attribute>,
    /// Another one after each change of its tags; none before the first.
    pub tags_edition: Option<Uuid>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The inventory of one tenant.
#[derive(Clone)]
pub struct Inventory {
    pub(super) scope: Scope,
    pub(super) fleet: Arc<FleetIndex>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Inventory {
    /// Binds the inventory to the tenant of a scope.
    #[must_use]
    pub const fn new(scope: Scope, fleet: Arc<FleetIndex>, clock: Arc<dyn Clock>) -> Self {
        Self { scope, fleet, clock }
    }

    /// A part of the devices that match, with their attributes, and how many match.
    pub async fn list(
        &self,
        filter: &InventoryFilter,
        order: Option<&InventoryOrder>,
        page: Page,
    ) -> Result<(Vec<DeviceInventory>, u64), InventoryError> {
        let (found, total) = inventory_list::list(&self.scope, filter, order, page).await?;
        Ok((self.with_attributes(found).await?, total))
    }

    /// One device with its attributes.
    pub async fn get(&self, id: DeviceId) -> Result<DeviceInventory, InventoryError> {
        let not_found = || InventoryError::DeviceNotFound(id);
        let device = devices::find(&self.scope, id).await?.ok_or_else(not_found)?;
        self.with_attributes(vec![device]).await?.pop().ok_or_else(not_found)
    }

    pub(super) async fn with_attributes(
        &self,
        found: Vec<Device>,
    ) -> Result<Vec<DeviceInventory>, InventoryError> {
        let numbers: Vec<DeviceNumber> = found.iter().map(|device| device.number).collect();
        let mut stored: HashMap<DeviceNumber, Vec<Attribute>> = HashMap::new();
        for (number, attribute) in inventory::of_devices(&self.scope, &numbers, &STORED).await? {
            stored.entry(number).or_default().push(attribute);
        }
        let mut list = Vec::with_capacity(found.len());
        for device in found {
            let seen_at = self.fleet.seen_at(device.number);
            let mut attributes = identity_attributes(&device);
            attributes.extend(stored.remove(&device.number).unwrap_or_default());
            attributes.extend(system_attributes(&device, seen_at));
            list.push(DeviceInventory {
                id: device.id,
                attributes,
                tags_edition: device.tags_edition,
                updated_at: device.updated_at,
            });
        }
        Ok(list)
    }
}

/// The identity data, an attribute for each key, and the admission status.
fn identity_attributes(device: &Device) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = device
        .identity
        .attributes()
        .into_iter()
        .filter(|(name, _)| name != "status")
        .map(|(name, value)| Attribute {
            scope: AttributeScope::Identity,
            name,
            value: AttributeValue::from_json(&value).unwrap_or_else(|| text(&value)),
            description: None,
            updated_at: None,
        })
        .collect();
    let status = AttributeValue::Text(device.status.as_str().to_owned());
    attributes.push(known(AttributeScope::Identity, "status", status));
    attributes
}

fn system_attributes(device: &Device, seen_at: Option<DateTime<Utc>>) -> Vec<Attribute> {
    let moment =
        |name: &str, at: DateTime<Utc>| known(AttributeScope::System, name, AttributeValue::Text(shown(at)));
    let mut attributes =
        vec![moment("created_ts", device.created_at), moment("updated_ts", device.updated_at)];
    attributes.extend(seen_at.map(|at| moment("check_in_time", at)));
    attributes.extend(
        device
            .group
            .as_ref()
            .map(|group| known(AttributeScope::System, "group", AttributeValue::Text(group.clone()))),
    );
    attributes
}

fn known(scope: AttributeScope, name: &str, value: AttributeValue) -> Attribute {
    Attribute { scope, name: name.to_owned(), value, description: None, updated_at: None }
}

fn text(value: &Value) -> AttributeValue {
    AttributeValue::Text(value.to_string())
}
