//! What can go wrong below the domain.

use sea_orm::{DbErr, RuntimeErr};
use sqlx::sqlite::SqliteError;

/// Storage could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused.
    #[error("the database failed")]
    Database(#[source] sea_orm::DbErr),
    /// The database cannot be reached, or takes no statements now. Nothing was stored.
    #[error("the database cannot be reached")]
    Unavailable(#[source] sea_orm::DbErr),
    /// The database went away while the transaction was committed, and has not come back to tell.
    #[error("the database went away while this was stored: it may or may not be")]
    InDoubt,
    /// Another server writes to the database.
    #[error("another server uses the database")]
    InUse,
    /// No room is left for what should be stored.
    #[error("the disk that holds the database is full")]
    Full,
    /// The server stopped before it was known whether the transaction was committed.
    #[error("the server stopped while the transaction was committed")]
    Interrupted,
    /// A row holds something that this version does not understand.
    #[error("{column} holds the unknown value {value:?}")]
    Corrupt {
        /// Table and column.
        column: &'static str,
        /// What was found there.
        value: String,
    },
    /// A row holds something personal that this version does not understand.
    #[error("{column} of row {row} holds an unknown value")]
    CorruptRow {
        /// Table and column.
        column: &'static str,
        /// The row, since its value must not be told.
        row: uuid::Uuid,
    },
    /// The row that holds the end of the audit trail is gone. Nothing can be recorded, so nothing may be changed.
    #[error("the end of the audit trail is lost")]
    NoAuditChain,
    /// Somebody's change was about to be stored without saying so in the audit trail.
    #[error("a change was not recorded in the audit trail")]
    Unrecorded,
    /// A number does not fit its column.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

impl From<sea_orm::DbErr> for StorageError {
    fn from(err: sea_orm::DbErr) -> Self {
        // SQLITE_FULL (13) and PostgreSQL's 53100 come with these words; sea-orm hides their codes.
        let text = err.to_string();
        if text.contains("database or disk is full") || text.contains("No space left on device") {
            Self::Full
        } else if is_unreachable(&err) {
            Self::Unavailable(err)
        } else {
            Self::Database(err)
        }
    }
}

/// Tells whether the way to the database is broken, rather than what was said to it.
fn is_unreachable(err: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = err else {
        return matches!(err, DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(cause) = cause else { return false };
    if let sqlx::Error::Database(refusal) = &**cause {
        if refusal.try_downcast_ref::<SqliteError>().is_some() {
            return refusal.code().is_some_and(|code| is_locked(&code));
        }
        return refusal.code().is_some_and(|code| is_outage(&code));
    }
    matches!(
        **cause,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

/// SQLite's codes for a file that another process has kept locked for too long: `SQLITE_BUSY`, with or without a reason
/// in its upper bytes.
fn is_locked(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| code & 0xff == 5)
}

/// PostgreSQL's codes for a server that stops, starts, recovers, is a replica or has no connection left
/// (its manual, appendix A).
fn is_outage(code: &str) -> bool {
    code.starts_with("08")
        || matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25006" | "25P03")
}

impl StorageError {
    pub(crate) fn corrupt(column: &'static str, value: impl Into<String>) -> Self {
        Self::Corrupt { column, value: value.into() }
    }

    /// Tells whether the statement failed because a unique index already holds the value.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        match self {
            Self::Database(err) => {
                matches!(err.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
            }
            Self::Full
            | Self::Unavailable(_)
            | Self::InDoubt
            | Self::InUse
            | Self::Interrupted
            | Self::NoAuditChain
            | Self::Unrecorded
            | Self::Corrupt { .. }
            | Self::CorruptRow { .. }
            | Self::OutOfRange(_) => false,
        }
    }

    /// Tells whether the same may work when the database is back.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::InDoubt | Self::InUse | Self::Interrupted)
    }
}
