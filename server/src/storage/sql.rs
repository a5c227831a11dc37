//! Pieces of SQL about JSON that both databases have, and spell differently.

use sea_orm::DbBackend;
use sea_orm::sea_query::{Expr, SimpleExpr, Value};

use crate::inventory::{AttributeValue, Condition};

/// SQL that is being written, and the values in it, in the order in which they occur.
pub(super) struct Sql {
    backend: DbBackend,
    values: Vec<Value>,
}

impl Sql {
    pub(super) const fn new(backend: DbBackend) -> Self {
        Self { backend, values: Vec::new() }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// Adds a value and returns what stands for it. In SQLite it can stand in one place only.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        if self.is_postgres() { format!("${}", self.values.len()) } else { "?".to_owned() }
    }

    /// The text with its values.
    pub(super) fn finish(self, text: &str) -> SimpleExpr {
        Expr::cust_with_values(text.to_owned(), self.values)
    }

    /// The condition that an element fits, or the whole if it is no array. A document is an expression of JSON in
    /// PostgreSQL, and a call of `json_each` in SQLite.
    pub(super) fn any_element(&mut self, document: &str, condition: &Condition) -> String {
        let elements = if self.is_postgres() {
            format!(
                "json_array_elements(CASE json_typeof({document}) WHEN 'array' THEN {document} \
                 ELSE json_build_array({document}) END) e(value)"
            )
        } else {
            format!("{document} e")
        };
        let fits = match condition {
            Condition::AnyOf(wanted) => {
                let tests: Vec<String> = wanted.iter().map(|value| self.element(value, "=")).collect();
                tests.join(" OR ")
            }
            Condition::Compare(comparison, value) => self.element(value, comparison.sign()),
            Condition::StartsWith(start) => self.begins(start),
            Condition::NoneOf(_) | Condition::LessOrMissing(_) | Condition::Exists(_) => "1 = 0".to_owned(),
        };
        format!("EXISTS (SELECT 1 FROM {elements} WHERE {fits})")
    }

    fn element(&mut self, value: &AttributeValue, sign: &str) -> String {
        match (value, self.is_postgres()) {
            (AttributeValue::Text(text), true) => {
                let text = self.bind(text.as_str());
                format!(
                    "(json_typeof(e.value) = 'string' AND (e.value #>> '{{}}') COLLATE \"C\" {sign} {text})"
                )
            }
            (AttributeValue::Text(text), false) => {
                let text = self.bind(text.as_str());
                format!("(e.type = 'text' AND e.value {sign} {text})")
            }
            // What is no number must not be cast, and only CASE says in which order things happen.
            (AttributeValue::Number(number), true) => {
                let number = self.bind(*number);
                format!(
                    "(CASE WHEN json_typeof(e.value) = 'number' \
                     THEN CAST(e.value #>> '{{}}' AS double precision) {sign} {number} ELSE FALSE END)"
                )
            }
            (AttributeValue::Number(number), false) => {
                let number = self.bind(*number);
                format!("(e.type IN ('integer', 'real') AND e.value {sign} {number})")
            }
            (AttributeValue::Texts(_) | AttributeValue::Numbers(_), _) => "1 = 0".to_owned(),
        }
    }

    fn begins(&mut self, start: &str) -> String {
        let length = i32::try_from(start.chars().count()).unwrap_or(i32::MAX);
        if self.is_postgres() {
            let (length, start) = (self.bind(length), self.bind(start));
            format!("(json_typeof(e.value) = 'string' AND substr(e.value #>> '{{}}', 1, {length}) = {start})")
        } else {
            let (length, start) = (self.bind(length), self.bind(start));
            format!("(e.type = 'text' AND substr(e.value, 1, {length}) = {start})")
        }
    }
}
