//! Searches by any attributes (management API §3.1).

use std::collections::HashMap;

use chrono::DateTime;
use roaring::RoaringBitmap;

use super::{
    AttributeKey, AttributeScope, AttributeValue, Condition, DeviceInventory, Inventory, InventoryError,
    InventoryOrder, Pattern, Predicate, Test, shown,
};
use crate::ids::DeviceId;
use crate::storage::inventory_search::{self, Criterion};
use crate::storage::{Access, Page};

/// Predicates, orders and words that one search may have.
const MAX_PARTS: usize = 64;

/// Values that all predicates of one search may list together.
const MAX_LISTED_TOGETHER: usize = 5_000;

/// Attributes that a search may sort by, and words that it may look for.
const MAX_ORDERS: usize = 8;

/// Devices that one search may name.
const MAX_IDS: usize = 10_000;

/// What is looked for; all of it must be so.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What attributes must be.
    pub predicates: Vec<Predicate>,
    /// What the devices are sorted by, the most important first.
    pub orders: Vec<InventoryOrder>,
    /// The devices that are asked about; all without.
    pub ids: Option<Vec<DeviceId>>,
    /// Words of which a device mentions at least one; empty for all.
    pub words: Vec<String>,
    /// The attributes that are wanted; all without.
    pub attributes: Option<Vec<AttributeKey>>,
}

/// A part of the devices that were found, and how many there are.
pub type Found = (Vec<DeviceInventory>, u64);

/// A search that asks for too much.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a search has at most {limit} {what}")]
pub struct InvalidSearch {
    limit: usize,
    what: &'static str,
}

impl Search {
    /// Checks that it does not ask for too much.
    pub fn check(&self) -> Result<(), InvalidSearch> {
        let listed: usize = self.predicates.iter().map(listed).sum();
        let ids = self.ids.as_ref().map_or(0, Vec::len);
        for (count, limit, what) in [
            (self.predicates.len(), MAX_PARTS, "filters"),
            (listed, MAX_LISTED_TOGETHER, "values in all its lists"),
            (self.orders.len(), MAX_ORDERS, "attributes to sort by"),
            (self.words.len(), MAX_ORDERS, "words"),
            (ids, MAX_IDS, "device ids"),
        ] {
            if count > limit {
                return Err(InvalidSearch { limit, what });
            }
        }
        Ok(())
    }
}

impl Inventory {
    /// A part of the devices that a search finds, with the attributes that it wants, and how many it finds.
    pub async fn search(&self, search: &Search, page: Page) -> Result<Found, InventoryError> {
        search.check()?;
        let mut criteria = Vec::with_capacity(search.predicates.len());
        for Predicate { key, test } in &search.predicates {
            criteria.push(self.criterion(key, test).await?);
        }
        criteria.extend(search.ids.clone().map(Criterion::Ids));
        if !search.words.is_empty() {
            criteria.push(Criterion::Mentions(search.words.clone()));
        }
        let (found, total) = inventory_search::search(&self.scope, &criteria, &search.orders, page).await?;
        let mut found = self.with_attributes(found).await?;
        if let Some(wanted) = &search.attributes {
            for device in &mut found {
                device.attributes.retain(|attribute| {
                    wanted.iter().any(|key| key.scope == attribute.scope && key.name == attribute.name)
                });
            }
        }
        Ok((found, total))
    }

    /// What cannot be asked of the database is answered here: the last contact is known to memory before it is stored,
    /// and regular expressions are not theirs.
    async fn criterion(&self, key: &AttributeKey, test: &Test) -> Result<Criterion, InventoryError> {
        let is_last_contact = key.scope == AttributeScope::System && key.name == "check_in_time";
        Ok(match test {
            Test::Condition(condition) if is_last_contact => {
                Criterion::Devices(self.last_contacts(|value| condition.holds(value)))
            }
            Test::Condition(condition) => Criterion::Attribute(key.clone(), condition.clone()),
            Test::Matches(pattern) if pattern.is_void() => Criterion::Devices(RoaringBitmap::new()),
            Test::Matches(pattern) if is_last_contact => Criterion::Devices(
                self.last_contacts(|value| value.is_some_and(|value| pattern.matches(value))),
            ),
            Test::Matches(pattern) => Criterion::Devices(self.matching(key, pattern).await?),
        })
    }

    fn last_contacts(&self, fits: impl Fn(Option<&AttributeValue>) -> bool) -> RoaringBitmap {
        // A fleet that polls each half an hour has 1800 different moments.
        let mut known: HashMap<u32, bool> = HashMap::new();
        let mut fits_at = |seen: u32| {
            *known.entry(seen).or_insert_with(|| {
                let moment = DateTime::from_timestamp(i64::from(seen), 0).filter(|_| seen != 0);
                fits(moment.map(|moment| AttributeValue::Text(shown(moment))).as_ref())
            })
        };
        let seen = self.fleet.seen_of(self.scope.tenant());
        seen.into_iter().filter(|(_, seen)| fits_at(*seen)).map(|(number, _)| number.as_u32()).collect()
    }

    async fn matching(&self, key: &AttributeKey, pattern: &Pattern) -> Result<RoaringBitmap, InventoryError> {
        Ok(inventory_search::scan(&self.scope, key, |value| pattern.matches(value)).await?)
    }
}

fn listed(predicate: &Predicate) -> usize {
    match &predicate.test {
        Test::Condition(Condition::AnyOf(values) | Condition::NoneOf(values)) => values.len(),
        Test::Condition(
            Condition::Compare(..)
            | Condition::LessOrMissing(_)
            | Condition::Exists(_)
            | Condition::StartsWith(_),
        )
        | Test::Matches(_) => 0,
    }
}
