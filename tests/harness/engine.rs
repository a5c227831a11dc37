//! Which database a trial is about.

use std::cell::Cell;

use crate::peers::Peer;

/// A database engine that the server runs on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Engine {
    /// A file in the data directory, the server's default.
    #[default]
    Sqlite,
    /// A database of the process's shared cluster.
    Postgres,
}

impl Engine {
    /// All of them, in the order in which their trials run.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// Returns the engine of the trial that runs on this thread: servers that say nothing else are started on it.
    pub fn of_trial() -> Self {
        OF_TRIAL.get()
    }

    /// Returns its name in the names of trials.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Returns what has to be installed for it.
    pub(crate) const fn needs(self) -> &'static [Peer] {
        match self {
            Self::Sqlite => &[],
            Self::Postgres => &[Peer::Postgres],
        }
    }

    /// Makes it the engine of what runs on this thread from here on.
    pub(crate) fn begin(self) {
        OF_TRIAL.set(self);
    }
}

thread_local! {
    static OF_TRIAL: Cell<Engine> = const { Cell::new(Engine::Sqlite) };
}
