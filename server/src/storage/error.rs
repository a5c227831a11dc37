//! What can go wrong below the domain.

/// Storage could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused or could not be reached.
    #[error("the database failed")]
    Database(#[source] sea_orm::DbErr),
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
        } else {
            Self::Database(err)
        }
    }
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
            | Self::Interrupted
            | Self::Corrupt { .. }
            | Self::CorruptRow { .. }
            | Self::OutOfRange(_) => false,
        }
    }
}
