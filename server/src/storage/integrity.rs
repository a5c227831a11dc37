//! Whether the database's file is what the database wrote.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{Access, StorageError};

/// Faults that are named; one damaged page can cause thousands.
const NAMED: usize = 20;

/// SQLite's words for a file that it did not write so; sea-orm hides the code.
const MALFORMED: &str = "database disk image is malformed";

/// Reads the whole file of a SQLite database, indexes included, and names what is wrong with it. PostgreSQL checks its
/// pages itself.
pub async fn faults(scope: &impl Access) -> Result<Vec<String>, StorageError> {
    let executor = scope.executor();
    if executor.get_database_backend() != DbBackend::Sqlite {
        return Ok(Vec::new());
    }
    let statement = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA integrity_check({NAMED})"));
    let rows = match executor.query_all_raw(statement).await {
        // Damage at the root of a tree ends the check itself (SQLITE_CORRUPT).
        Err(err) if err.to_string().contains(MALFORMED) => return Ok(vec![MALFORMED.to_owned()]),
        other => other?,
    };
    let mut faults = Vec::new();
    for row in rows {
        let found: String = row.try_get_by_index(0)?;
        if found != "ok" {
            faults.push(found);
        }
    }
    Ok(faults)
}
