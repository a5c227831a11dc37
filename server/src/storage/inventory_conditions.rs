//! What searches ask of attributes, as SQL. The rules are those of [`Condition::holds`].

use chrono::{DateTime, TimeDelta, Utc};
use roaring::RoaringBitmap;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SimpleExpr, Value};
use sea_orm::{ColumnTrait, Condition as Where, DbBackend};
use uuid::Uuid;

use super::entity::devices::Column;
use super::entity::inventory_attributes;
use super::inventory::value_hash;
use super::inventory_list::column as value_of;
use super::inventory_search::id_text;
use super::sql::Sql;
use crate::ids::TenantId;
use crate::inventory::{AttributeKey, AttributeScope, AttributeValue, Comparison, Condition};

/// The condition that a device's attribute fits.
pub(super) fn predicate(
    tenant: TenantId,
    backend: DbBackend,
    key: &AttributeKey,
    condition: &Condition,
) -> Where {
    let fits = match (key.scope, key.name.as_str()) {
        (AttributeScope::Inventory | AttributeScope::Monitor | AttributeScope::Tags, _) => {
            let stored = Stored { tenant, backend, key };
            return negatable(condition, |condition| stored.fits(condition));
        }
        (AttributeScope::Identity, "id") => {
            return negatable(condition, |condition| id_fits(backend, condition));
        }
        (AttributeScope::Identity, "status") => text_column(backend, Column::Status),
        (AttributeScope::System, "group") => text_column(backend, Column::GroupName),
        (AttributeScope::System, "created_ts") => {
            return negatable(condition, |condition| moment_fits(Column::CreatedAt, condition));
        }
        (AttributeScope::System, "updated_ts") => {
            return negatable(condition, |condition| moment_fits(Column::UpdatedAt, condition));
        }
        // Nothing else is known; the last contact is answered from memory.
        (AttributeScope::System, _) => return negatable(condition, |_| nothing()),
        (AttributeScope::Identity, name) => {
            return negatable(condition, |condition| identity_fits(backend, name, condition));
        }
    };
    negatable(condition, |condition| fits.fits(condition))
}

/// The condition that a device has one of these numbers.
pub(super) fn within(backend: DbBackend, numbers: &RoaringBitmap) -> Where {
    let list: Vec<String> = numbers.iter().map(|number| number.to_string()).collect();
    // One value, however many there are.
    let list = format!("[{}]", list.join(","));
    let sql = if backend == DbBackend::Postgres {
        "devices.number IN (SELECT CAST(value AS integer) FROM json_array_elements_text(CAST($1 AS json)))"
    } else {
        "devices.number IN (SELECT value FROM json_each(?))"
    };
    Where::all().add(Expr::cust_with_values(sql, [list]))
}

/// The condition that a device mentions one of these words, and how many of them it does.
pub(super) fn mentions(backend: DbBackend, words: &[String]) -> (Where, Option<SimpleExpr>) {
    let mut any = Where::any();
    let mut weight: Option<SimpleExpr> = None;
    for word in words {
        let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = format!("%{escaped}%");
        let mut sql = Sql::new(backend);
        let is_like = |sql: &mut Sql, text: &str| {
            let pattern = sql.bind(pattern.clone());
            format!("lower({text}) LIKE lower({pattern}) ESCAPE '\\'")
        };
        let (members, value) = if backend == DbBackend::Postgres {
            ("json_each_text(CAST(devices.identity_data AS json))", "e.value")
        } else {
            ("json_each(devices.identity_data)", "CAST(e.value AS TEXT)")
        };
        let identity = is_like(&mut sql, value);
        let reported = is_like(&mut sql, "a.value");
        let text = format!(
            "(EXISTS (SELECT 1 FROM {members} e WHERE {identity}) OR EXISTS (SELECT 1 FROM inventory_attributes a \
             WHERE a.device_number = devices.number AND a.scope = 'inventory' AND {reported}))"
        );
        let is_of_ids = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let by_id = if is_of_ids {
            id_text(backend).like(format!("{}%", word.to_lowercase()))
        } else {
            Expr::val(1).eq(0)
        };
        let found = sql.finish(&text).or(by_id);
        let point: SimpleExpr = Expr::case(found.clone(), 1).finally(0).into();
        weight = Some(match weight {
            Some(sum) => sum.add(point),
            None => point,
        });
        any = any.add(found);
    }
    (any, weight)
}

/// Negations are what is not so, missing attributes included.
fn negatable(condition: &Condition, fits: impl Fn(&Condition) -> Where) -> Where {
    match condition {
        Condition::NoneOf(unwanted) => fits(&Condition::AnyOf(unwanted.clone())).not(),
        Condition::Exists(false) => fits(&Condition::Exists(true)).not(),
        Condition::LessOrMissing(value) => Where::any()
            .add(fits(&Condition::Compare(Comparison::Less, value.clone())))
            .add(fits(&Condition::Exists(true)).not()),
        Condition::AnyOf(_) | Condition::Compare(..) | Condition::Exists(true) | Condition::StartsWith(_) => {
            fits(condition)
        }
    }
}

/// An attribute that is a row.
struct Stored<'k> {
    tenant: TenantId,
    backend: DbBackend,
    key: &'k AttributeKey,
}

impl Stored<'_> {
    fn fits(&self, condition: &Condition) -> Where {
        use inventory_attributes::Column as Row;
        let any = Where::any();
        match condition {
            Condition::AnyOf(wanted) if wanted.is_empty() => nothing(),
            Condition::AnyOf(wanted) => {
                let values: Vec<String> = wanted.iter().map(|value| value.to_json().to_string()).collect();
                let same = Row::ValueHash
                    .is_in(values.iter().map(|value| value_hash(value)))
                    .and(Row::Value.is_in(values));
                // In the words of the index on arrays.
                let is_array = Expr::cust("substr(value, 1, 1) = '['");
                any.add(self.rows(same)).add(self.rows(is_array.and(self.element(condition))))
            }
            Condition::Exists(_) => any.add(self.rows(Expr::cust("1 = 1"))),
            Condition::Compare(..) | Condition::StartsWith(_) => any.add(self.rows(self.element(condition))),
            Condition::NoneOf(_) | Condition::LessOrMissing(_) => nothing(),
        }
    }

    fn rows(&self, fits: SimpleExpr) -> SimpleExpr {
        use inventory_attributes::Column as Row;
        let devices = Query::select()
            .column(Row::DeviceNumber)
            .from(inventory_attributes::Entity)
            .and_where(Row::TenantId.eq(self.tenant.as_uuid()))
            .and_where(Row::Scope.eq(self.key.scope.as_str()))
            .and_where(Row::Name.eq(self.key.name.as_str()))
            .and_where(fits)
            .to_owned();
        Column::Number.in_subquery(devices)
    }

    fn element(&self, condition: &Condition) -> SimpleExpr {
        let mut sql = Sql::new(self.backend);
        let document = if sql.is_postgres() {
            "CAST(inventory_attributes.value AS json)"
        } else {
            "json_each(inventory_attributes.value)"
        };
        let text = sql.any_element(document, condition);
        sql.finish(&text)
    }
}

/// An attribute of the identity data. What is neither a text nor a number nor an array of these equals nothing.
fn identity_fits(backend: DbBackend, name: &str, condition: &Condition) -> Where {
    // A JSON path cannot spell these.
    if name.contains(['"', '\\']) {
        return nothing();
    }
    let mut sql = Sql::new(backend);
    let document = if sql.is_postgres() {
        let name = sql.bind(name);
        format!("(CAST(devices.identity_data AS json) -> {name})")
    } else {
        let path = sql.bind(format!("$.\"{name}\""));
        if *condition == Condition::Exists(true) {
            format!("json_type(devices.identity_data, {path})")
        } else {
            format!("json_each(devices.identity_data, {path})")
        }
    };
    let text = match condition {
        Condition::Exists(_) => format!("{document} IS NOT NULL"),
        Condition::AnyOf(wanted) if wanted.is_empty() => return nothing(),
        Condition::AnyOf(_)
        | Condition::NoneOf(_)
        | Condition::Compare(..)
        | Condition::LessOrMissing(_)
        | Condition::StartsWith(_) => sql.any_element(&document, condition),
    };
    Where::all().add(sql.finish(&text))
}

/// A column of text.
struct TextColumn {
    value: SimpleExpr,
    is_postgres: bool,
}

fn text_column(backend: DbBackend, column: Column) -> TextColumn {
    TextColumn { value: value_of(column), is_postgres: backend == DbBackend::Postgres }
}

impl TextColumn {
    fn fits(&self, condition: &Condition) -> Where {
        let is_there = self.value.clone().is_not_null();
        let fits = match condition {
            Condition::AnyOf(wanted) => {
                let texts: Vec<&str> = wanted.iter().filter_map(text).collect();
                if texts.is_empty() {
                    return nothing();
                }
                self.value.clone().is_in(texts)
            }
            Condition::Compare(comparison, other) => match text(other) {
                Some(other) => self.compared(*comparison, other),
                None => return nothing(),
            },
            Condition::StartsWith(start) => {
                let length = i64::try_from(start.chars().count()).unwrap_or(i64::MAX);
                Expr::cust_with_exprs(
                    if self.is_postgres {
                        "substr($1, 1, CAST($2 AS integer)) = $3"
                    } else {
                        "substr(?, 1, ?) = ?"
                    },
                    [self.value.clone(), Expr::val(length), Expr::val(start.as_str())],
                )
            }
            Condition::Exists(_) => return Where::all().add(is_there),
            Condition::NoneOf(_) | Condition::LessOrMissing(_) => return nothing(),
        };
        // Never unknown, so that it can be negated.
        Where::all().add(is_there).add(fits)
    }

    fn compared(&self, comparison: Comparison, other: &str) -> SimpleExpr {
        let sign = comparison.sign();
        let sql =
            if self.is_postgres { format!("($1 COLLATE \"C\") {sign} $2") } else { format!("? {sign} ?") };
        Expr::cust_with_exprs(sql, [self.value.clone(), Expr::val(other)])
    }
}

fn id_fits(backend: DbBackend, condition: &Condition) -> Where {
    if let Condition::AnyOf(wanted) = condition {
        // By its index.
        let ids = wanted.iter().filter_map(text).filter(|text| text.len() == 36);
        let ids: Vec<Uuid> = ids.filter_map(|text| text.parse().ok()).collect();
        return if ids.is_empty() { nothing() } else { Where::all().add(Column::Id.is_in(ids)) };
    }
    let column = TextColumn { value: id_text(backend), is_postgres: backend == DbBackend::Postgres };
    column.fits(condition)
}

/// A moment is shown to the millisecond, and compared so.
fn moment_fits(column: Column, condition: &Condition) -> Where {
    let span = |value: &AttributeValue| -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let from: DateTime<Utc> = text(value)?.parse().ok()?;
        Some((from, from.checked_add_signed(TimeDelta::milliseconds(1))?))
    };
    match condition {
        Condition::AnyOf(wanted) => {
            let any = wanted.iter().filter_map(span).fold(nothing_yet(), |any, (from, next)| {
                any.add(Where::all().add(column.gte(from)).add(column.lt(next)))
            });
            if any.is_empty() { nothing() } else { any }
        }
        Condition::Compare(comparison, value) => {
            let Some((from, next)) = span(value) else { return nothing() };
            Where::all().add(match comparison {
                Comparison::Less => column.lt(from),
                Comparison::LessOrEqual => column.lt(next),
                Comparison::Greater => column.gte(next),
                Comparison::GreaterOrEqual => column.gte(from),
            })
        }
        Condition::Exists(_) => Where::all().add(Expr::cust("1 = 1")),
        Condition::NoneOf(_) | Condition::LessOrMissing(_) | Condition::StartsWith(_) => nothing(),
    }
}

fn text(value: &AttributeValue) -> Option<&str> {
    match value {
        AttributeValue::Text(text) => Some(text),
        AttributeValue::Number(_) | AttributeValue::Texts(_) | AttributeValue::Numbers(_) => None,
    }
}

fn nothing_yet() -> Where {
    Where::any()
}

fn nothing() -> Where {
    Where::all().add(Expr::val(Value::from(1)).eq(0))
}
