//! Lists of devices by what their inventory says.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

use super::devices::device;
use super::entity::devices::{Column, Entity};
use super::entity::{device_sightings, inventory_attributes};
use super::inventory::value_hash;
use super::sight::device_seen;
use super::{Access, Direction, Page, StorageError};
use crate::devices::Device;
use crate::inventory::{AttributeScope, AttributeValue};

/// Names an attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttributeKey {
    /// Where it comes from.
    pub scope: AttributeScope,
    /// Its name.
    pub name: String,
}

/// An attribute that must have a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttributeFilter {
    /// The attribute.
    pub key: AttributeKey,
    /// The value as text: equal to a string, or to a number or a moment that it spells.
    pub value: String,
}

/// Which devices a list holds; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct InventoryFilter {
    /// Attributes that must have a value.
    pub attributes: Vec<AttributeFilter>,
    /// The group that they must be in.
    pub group: Option<String>,
    /// Whether they must be in some group, or in none.
    pub has_group: Option<bool>,
}

/// How a list of devices is sorted: those without the attribute come first when ascending, then numbers, then texts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InventoryOrder {
    /// By which attribute.
    pub key: AttributeKey,
    /// Which end first.
    pub direction: Direction,
}

/// A part of the list of devices, and how many match. Without an order, the oldest come first.
pub async fn list(
    scope: &impl Access,
    filter: &InventoryFilter,
    order: Option<&InventoryOrder>,
    page: Page,
) -> Result<(Vec<Device>, u64), StorageError> {
    let executor = scope.executor();
    let backend = executor.get_database_backend();
    let query = matching(scope, backend, filter);
    let total = query.clone().count(&executor).await?;
    let query = sorted(query, backend, order.map_or(&[], std::slice::from_ref));
    let rows =
        query.order_by_asc(Column::Number).offset(page.offset()).limit(page.per_page).all(&executor).await?;
    Ok((rows.into_iter().map(device).collect::<Result<_, _>>()?, total))
}

/// All devices that the scope may see.
pub(super) fn visible(scope: &impl Access) -> Select<Entity> {
    Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid())).filter(device_seen(scope))
}

fn matching(scope: &impl Access, backend: DbBackend, filter: &InventoryFilter) -> Select<Entity> {
    let tenant = scope.tenant().as_uuid();
    let mut query = visible(scope);
    if let Some(group) = &filter.group {
        query = query.filter(Column::GroupName.eq(group));
    }
    match filter.has_group {
        Some(true) => query = query.filter(Column::GroupName.is_not_null()),
        Some(false) => query = query.filter(Column::GroupName.is_null()),
        None => {}
    }
    for AttributeFilter { key, value } in &filter.attributes {
        query = query.filter(match key.scope {
            AttributeScope::Identity => identity_is(backend, &key.name, value),
            AttributeScope::System => system_is(&key.name, value),
            AttributeScope::Inventory | AttributeScope::Monitor | AttributeScope::Tags => {
                stored_is(tenant, key, value)
            }
        });
    }
    query
}

fn stored_is(tenant: Uuid, key: &AttributeKey, value: &str) -> Condition {
    use inventory_attributes::Column as Stored;
    let mut values = vec![AttributeValue::Text(value.to_owned()).to_json().to_string()];
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    values.extend(number.map(|number| AttributeValue::Number(number).to_json().to_string()));
    let devices = Query::select()
        .column(Stored::DeviceNumber)
        .from(inventory_attributes::Entity)
        .and_where(Stored::TenantId.eq(tenant))
        .and_where(Stored::Scope.eq(key.scope.as_str()))
        .and_where(Stored::Name.eq(key.name.as_str()))
        .and_where(Stored::ValueHash.is_in(values.iter().map(|value| value_hash(value))))
        .and_where(Stored::Value.is_in(values))
        .to_owned();
    Condition::all().add(Column::Number.in_subquery(devices))
}

fn identity_is(backend: DbBackend, name: &str, value: &str) -> Condition {
    let condition = match name {
        "status" => Some(Column::Status.eq(value)),
        "id" => value.parse::<Uuid>().ok().map(|id| Column::Id.eq(id)),
        _ => identity_text(backend, name).map(|text| text.eq(value)),
    };
    condition.map_or_else(nothing, |condition| Condition::all().add(condition))
}

fn system_is(name: &str, value: &str) -> Condition {
    let column = match name {
        "group" => return Condition::all().add(Column::GroupName.eq(value)),
        "created_ts" => Column::CreatedAt,
        "updated_ts" => Column::UpdatedAt,
        _ => return nothing(),
    };
    let Ok(moment) = value.parse::<DateTime<Utc>>() else { return nothing() };
    let Some(next) = moment.checked_add_signed(TimeDelta::seconds(1)) else { return nothing() };
    Condition::all().add(column.gte(moment)).add(column.lt(next))
}

/// A value of the identity data as text; none for names that a JSON path cannot spell.
fn identity_text(backend: DbBackend, name: &str) -> Option<SimpleExpr> {
    if name.contains(['"', '\\', '\0']) {
        return None;
    }
    let (text, name) = if backend == DbBackend::Postgres {
        ("(CAST(devices.identity_data AS json) ->> $1)", name.to_owned())
    } else {
        ("CAST(json_extract(devices.identity_data, ?) AS TEXT)", format!("$.\"{name}\""))
    };
    Some(Expr::cust_with_values(text, [name]))
}

fn nothing() -> Condition {
    Condition::all().add(Expr::val(1).eq(0))
}

/// Sorts by several attributes, the most important first.
pub(super) fn sorted(
    mut query: Select<Entity>,
    backend: DbBackend,
    orders: &[InventoryOrder],
) -> Select<Entity> {
    for (at, order) in orders.iter().enumerate() {
        for key in sort_keys(&mut query, backend, &order.key, at) {
            query = query.order_by(key, order.direction.into());
        }
    }
    query
}

fn sort_keys(
    query: &mut Select<Entity>,
    backend: DbBackend,
    key: &AttributeKey,
    at: usize,
) -> Vec<SimpleExpr> {
    match (key.scope, key.name.as_str()) {
        (AttributeScope::Identity, "status") => vec![column(Column::Status)],
        (AttributeScope::Identity, "id") => vec![column(Column::Id)],
        (AttributeScope::Identity, name) => {
            identity_text(backend, name).map(missing_first).unwrap_or_default()
        }
        (AttributeScope::System, "group") => missing_first(column(Column::GroupName)),
        (AttributeScope::System, "created_ts") => vec![column(Column::CreatedAt)],
        (AttributeScope::System, "updated_ts") => vec![column(Column::UpdatedAt)],
        (AttributeScope::System, "check_in_time") => missing_first(seen_at()),
        (AttributeScope::System, _) => Vec::new(),
        (AttributeScope::Inventory | AttributeScope::Monitor | AttributeScope::Tags, _) => {
            join_attribute(query, key, at)
        }
    }
}

/// Joins the attribute, of which a device has at most one, and returns what to sort by.
fn join_attribute(query: &mut Select<Entity>, key: &AttributeKey, at: usize) -> Vec<SimpleExpr> {
    use inventory_attributes::Column as Stored;
    let alias = format!("sort{at}");
    let of = |column: Stored| Expr::col((Alias::new(&alias), column));
    let same_device = of(Stored::DeviceNumber).equals((Entity, Column::Number));
    let on = Condition::all()
        .add(same_device)
        .add(of(Stored::Scope).eq(key.scope.as_str()))
        .add(of(Stored::Name).eq(key.name.as_str()));
    QueryTrait::query(query).join_as(
        JoinType::LeftJoin,
        inventory_attributes::Entity,
        Alias::new(&alias),
        on,
    );
    vec![of(Stored::Value).is_not_null(), of(Stored::Number).is_null(), of(Stored::Number), of(Stored::Value)]
}

fn missing_first(key: SimpleExpr) -> Vec<SimpleExpr> {
    vec![key.clone().is_not_null(), key]
}

pub(super) fn column(column: Column) -> SimpleExpr {
    Expr::col((Entity, column))
}

fn seen_at() -> SimpleExpr {
    let of_device = Expr::col((device_sightings::Entity, device_sightings::Column::DeviceNumber))
        .equals((Entity, Column::Number));
    let sighting = Query::select()
        .column(device_sightings::Column::SeenAt)
        .from(device_sightings::Entity)
        .and_where(of_device)
        .to_owned();
    SimpleExpr::SubQuery(None, Box::new(sighting.into()))
}
