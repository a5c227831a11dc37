//! Migrations make the same schema on both databases.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::Database;
use super::testing::{TestDatabase, database_tests};

database_tests![migrations_are_complete_and_repeatable];

/// A schema as both databases can tell it.
#[derive(Debug, Default, Eq, PartialEq)]
struct Schema {
    /// Table and column: whether it may be null.
    columns: BTreeMap<(String, String), bool>,
    /// Table: the columns of its primary key.
    primary_keys: BTreeMap<String, Vec<String>>,
    /// Table, columns in order, whether values are unique, whether only some rows are indexed.
    indexes: BTreeSet<(String, Vec<String>, bool, bool)>,
}

/// Table, column, type, whether it may be null, and its place in the primary key from 1, or 0.
const SQLITE_COLUMNS: &str = r#"
SELECT t.name AS "table", c.name AS "column", lower(c.type) AS kind,
    c."notnull" = 0 AND c.pk = 0 AS nullable, CAST(c.pk AS INTEGER) AS place
FROM sqlite_master t JOIN pragma_table_info(t.name) c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite~_%' ESCAPE '~'
ORDER BY 1, 5, 2"#;

/// Table, columns joined by commas, whether values are unique, whether only some rows are indexed.
const SQLITE_INDEXES: &str = r#"
SELECT t.name AS "table", i."unique" = 1 AS is_unique, i.partial = 1 AS is_partial,
    (SELECT group_concat(c.name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) c) AS columns
FROM sqlite_master t JOIN pragma_index_list(t.name) i
WHERE t.type = 'table' AND i.origin <> 'pk'"#;

const POSTGRES_COLUMNS: &str = r#"
SELECT c.table_name::text AS "table", c.column_name::text AS "column", c.data_type::text AS kind,
    c.is_nullable = 'YES' AS nullable, coalesce(k.ordinal_position, 0)::bigint AS place
FROM information_schema.columns c
LEFT JOIN information_schema.table_constraints p
    ON p.table_name = c.table_name AND p.constraint_type = 'PRIMARY KEY' AND p.table_schema = c.table_schema
LEFT JOIN information_schema.key_column_usage k
    ON k.constraint_name = p.constraint_name AND k.column_name = c.column_name AND k.table_name = c.table_name
WHERE c.table_schema = 'public'
ORDER BY 1, 5, 2"#;

const POSTGRES_INDEXES: &str = r#"
SELECT t.relname::text AS "table", i.indisunique AS is_unique, i.indpred IS NOT NULL AS is_partial,
    (SELECT string_agg(a.attname::text, ',' ORDER BY k.place)
        FROM unnest(i.indkey::int[]) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) AS columns
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = 'public' AND NOT i.indisprimary"#;

async fn schema(database: &Database) -> (Schema, BTreeMap<(String, String), String>) {
    let connection = database.reader();
    let backend = connection.get_database_backend();
    let (columns, indexes) = if backend == DbBackend::Postgres {
        (POSTGRES_COLUMNS, POSTGRES_INDEXES)
    } else {
        (SQLITE_COLUMNS, SQLITE_INDEXES)
    };
    let (mut schema, mut kinds) = (Schema::default(), BTreeMap::new());
    for row in connection.query_all_raw(Statement::from_string(backend, columns)).await.unwrap() {
        let name: (String, String) = (row.try_get("", "table").unwrap(), row.try_get("", "column").unwrap());
        kinds.insert(name.clone(), row.try_get("", "kind").unwrap());
        if row.try_get::<i64>("", "place").unwrap() > 0 {
            schema.primary_keys.entry(name.0.clone()).or_default().push(name.1.clone());
        }
        schema.columns.insert(name, row.try_get("", "nullable").unwrap());
    }
    for row in connection.query_all_raw(Statement::from_string(backend, indexes)).await.unwrap() {
        let columns: String = row.try_get("", "columns").unwrap();
        schema.indexes.insert((
            row.try_get("", "table").unwrap(),
            columns.split(',').map(str::to_owned).collect(),
            row.try_get("", "is_unique").unwrap(),
            row.try_get("", "is_partial").unwrap(),
        ));
    }
    (schema, kinds)
}

async fn migrations_are_complete_and_repeatable(storage: TestDatabase) {
    let before = schema(&storage.database).await;
    assert_eq!(storage.database.missing_migrations().await.unwrap(), 0);
    assert_eq!(storage.database.migrate().await.unwrap(), 0);
    assert_eq!(schema(&storage.database).await, before);
    assert!(before.0.columns.len() > 80 && before.0.indexes.len() > 10, "{before:?}");
}

#[tokio::test]
async fn both_databases_get_the_same_schema() {
    let Some(postgres) = TestDatabase::on_postgres().await else { return };
    let sqlite = TestDatabase::on_sqlite().await;
    let ((on_sqlite, sqlite_kinds), (on_postgres, postgres_kinds)) =
        (schema(&sqlite.database).await, schema(&postgres.database).await);
    assert_eq!(on_sqlite, on_postgres);
    // A type of one is always the same type of the other.
    let mut pairs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (column, kind) in &postgres_kinds {
        // PostgreSQL keeps no length of bytes.
        let on_sqlite = sqlite_kinds[column].split('(').next().unwrap();
        pairs.entry(kind).or_default().insert(on_sqlite);
    }
    assert!(pairs.values().all(|kinds| kinds.len() == 1), "{pairs:?}");
}
