//! Filters that a tenant keeps under names (management API §3): what decides who is in a dynamic group.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AttributeKey, AttributeScope, Found, InvalidPredicate, Inventory, InventoryError, Predicate, Search,
};
use crate::audit::{Action, Event, Object, ObjectKind};
use crate::ids::FilterId;
use crate::storage::{Access as _, Page, StorageError, WriteScope, saved_filters};

/// Longest name of a filter, in characters.
const MAX_NAME_CHARS: usize = 256;

/// Filters that a tenant may keep: consoles ask for all of them at once.
const MAX_FILTERS: u64 = 500;

/// Longest form of all terms of a filter as JSON, in bytes.
const MAX_TERMS_BYTES: usize = 64 * 1024;

/// One thing that must be true of a device, as clients write it and as it is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Term {
    /// The spelling of an [`AttributeScope`].
    pub scope: String,
    /// The attribute's name.
    pub attribute: String,
    /// The operator, for example `$eq`.
    #[serde(rename = "type")]
    pub operator: String,
    /// What the operator compares with.
    pub value: Value,
}

/// A filter under a name. What the caller may not see, it does not find for them.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedFilter {
    /// Its id.
    pub id: FilterId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// All of these must be true.
    pub terms: Vec<Term>,
}

/// Why something could not be done with a saved filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// There is no such filter.
    #[error("filter {0} does not exist")]
    NotFound(FilterId),
    /// There is another one of this name.
    #[error("there is a filter named {0:?} already: choose another name, or change that one")]
    NameTaken(String),
    /// The name is too long, empty, or holds control characters.
    #[error("a filter has a name of 1 to {MAX_NAME_CHARS} characters, none of them a control character")]
    InvalidName,
    /// It would be all devices.
    #[error("a filter has at least one term")]
    NoTerms,
    /// Its terms are too long.
    #[error("the terms of a filter have at most {MAX_TERMS_BYTES} bytes together")]
    TooLong,
    /// One of its terms cannot be asked.
    #[error("terms: {0}")]
    Term(#[from] InvalidPredicate),
    /// There are too many.
    #[error("there are {MAX_FILTERS} filters, and no more are kept: delete one first")]
    TooMany,
    /// Filters are the whole tenant's, and the caller may change some groups only.
    #[error("saved filters belong to all groups, and your role is limited to some")]
    BeyondGroups,
    /// The search failed.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

impl Term {
    /// What it asks.
    pub fn predicate(&self) -> Result<Predicate, InvalidPredicate> {
        let scope: AttributeScope = self.scope.parse()?;
        let key = AttributeKey { scope, name: self.attribute.clone() };
        Predicate::new(key, &self.operator, &self.value)
    }
}

impl SavedFilter {
    /// Checks a filter before it is kept.
    fn check(&self) -> Result<(), FilterError> {
        let length = self.name.chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&length) || self.name.chars().any(char::is_control) {
            return Err(FilterError::InvalidName);
        }
        if self.terms.is_empty() {
            return Err(FilterError::NoTerms);
        }
        let bytes: usize = self.terms.iter().map(|term| json(term).len()).sum();
        if bytes > MAX_TERMS_BYTES {
            return Err(FilterError::TooLong);
        }
        self.search()?.check().map_err(InventoryError::from)?;
        Ok(())
    }

    fn search(&self) -> Result<Search, InvalidPredicate> {
        let predicates = self.terms.iter().map(Term::predicate).collect::<Result<_, _>>()?;
        Ok(Search { predicates, ..Search::default() })
    }

    fn object(&self) -> Object {
        Object::named(ObjectKind::Filter, self.id, self.name.as_str())
    }
}

impl Inventory {
    /// A part of the filters that the tenant keeps, by name, and how many there are.
    pub async fn filters(&self, page: Page) -> Result<(Vec<SavedFilter>, u64), FilterError> {
        Ok(saved_filters::list(&self.scope, page).await?)
    }

    /// A filter by its id.
    pub async fn filter(&self, id: FilterId) -> Result<SavedFilter, FilterError> {
        saved_filters::find(&self.scope, id).await?.ok_or(FilterError::NotFound(id))
    }

    /// A part of the devices that a filter finds, and how many it finds.
    pub async fn filtered(&self, id: FilterId, page: Page) -> Result<Found, FilterError> {
        let search = self.filter(id).await?.search()?;
        Ok(self.search(&search, page).await?)
    }

    /// Keeps a filter.
    pub async fn add_filter(&self, name: String, terms: Vec<Term>) -> Result<SavedFilter, FilterError> {
        let filter = SavedFilter { id: FilterId::generate(), name, terms };
        filter.check()?;
        let transaction = self.scope.begin().await?;
        let (tx, now) = (transaction.scope(), self.clock.now());
        require_all_groups(&tx)?;
        if saved_filters::count(&tx).await? >= MAX_FILTERS {
            return Err(FilterError::TooMany);
        }
        saved_filters::insert(&tx, &filter, now).await.map_err(|err| taken(err, &filter))?;
        let event = Event::new(Action::Create, filter.object());
        tx.audit(event.change(json(&filter.terms)));
        transaction.commit(now).await?;
        Ok(filter)
    }

    /// Gives a filter another name or other terms; what is absent stays.
    pub async fn change_filter(
        &self,
        id: FilterId,
        name: Option<String>,
        terms: Option<Vec<Term>>,
    ) -> Result<(), FilterError> {
        let transaction = self.scope.begin().await?;
        let (tx, now) = (transaction.scope(), self.clock.now());
        require_all_groups(&tx)?;
        let before = saved_filters::find(&tx, id).await?.ok_or(FilterError::NotFound(id))?;
        let after = SavedFilter {
            id,
            name: name.unwrap_or_else(|| before.name.clone()),
            terms: terms.unwrap_or_else(|| before.terms.clone()),
        };
        after.check()?;
        if after == before {
            return Ok(());
        }
        saved_filters::update(&tx, &after).await.map_err(|err| taken(err, &after))?;
        let (old, new) = (json(&before.terms), json(&after.terms));
        let event =
            Event::new(Action::Update, after.object()).states(Some(old.as_bytes()), Some(new.as_bytes()));
        tx.audit(event.change(format!("{} {old} -> {} {new}", before.name, after.name)));
        transaction.commit(now).await?;
        Ok(())
    }

    /// Forgets a filter.
    pub async fn delete_filter(&self, id: FilterId) -> Result<(), FilterError> {
        let transaction = self.scope.begin().await?;
        let (tx, now) = (transaction.scope(), self.clock.now());
        require_all_groups(&tx)?;
        let filter = saved_filters::find(&tx, id).await?.ok_or(FilterError::NotFound(id))?;
        saved_filters::delete(&tx, id).await?;
        tx.audit(Event::new(Action::Delete, filter.object()).change(json(&filter.terms)));
        transaction.commit(now).await?;
        Ok(())
    }
}

/// A filter is the whole tenant's: who may change some groups only could take it from the others.
fn require_all_groups(tx: &WriteScope<'_>) -> Result<(), FilterError> {
    if tx.sight().groups().is_some() { Err(FilterError::BeyondGroups) } else { Ok(()) }
}

fn taken(err: StorageError, filter: &SavedFilter) -> FilterError {
    if err.is_unique_violation() { FilterError::NameTaken(filter.name.clone()) } else { err.into() }
}

/// JSON of what came as JSON: cannot fail.
fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
