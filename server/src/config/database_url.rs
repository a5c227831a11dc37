//! Where the database is.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Which engine it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DatabaseKind {
    /// SQLite, a file.
    Sqlite,
    /// PostgreSQL, a server.
    Postgres,
}

/// The URL is of no engine that we know. It is not shown, for it may hold a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must begin with sqlite: or postgres://")]
pub struct UnknownDatabase;

/// The URL of a database, which may hold a password and is therefore never shown.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl {
    kind: DatabaseKind,
    url: SecretString,
}

impl DatabaseUrl {
    /// Which engine it is.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// The URL itself, for the one who connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = UnknownDatabase;

    fn try_from(url: String) -> Result<Self, UnknownDatabase> {
        let kind = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => DatabaseKind::Sqlite,
            Some("postgres" | "postgresql") => DatabaseKind::Postgres,
            _ => return Err(UnknownDatabase),
        };
        Ok(Self { kind, url: url.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseKind, DatabaseUrl};

    #[test]
    fn the_engine_is_known_and_the_password_is_not_shown() {
        let url = DatabaseUrl::try_from("postgres://sealift:hunter2@db/sealift".to_owned()).unwrap();
        assert_eq!(url.kind(), DatabaseKind::Postgres);
        assert!(!format!("{url:?}").contains("hunter2"));
        let url = DatabaseUrl::try_from("sqlite::memory:".to_owned()).unwrap();
        assert_eq!((url.kind(), url.expose()), (DatabaseKind::Sqlite, "sqlite::memory:"));
        let error = DatabaseUrl::try_from("mysql://root:hunter2@db".to_owned()).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
