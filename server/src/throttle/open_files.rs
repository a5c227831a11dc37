//! How many files and sockets the process may have.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files beside connections: the database, its log, artifacts that are read and written.
const OTHER_FILES: u64 = 512;

/// Raises the limit of open files as far as is allowed, and warns if not all connections fit into it.
pub fn raise_open_files(max_connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(err) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(error = %err, "the limit of open files cannot be raised");
        }
    }
    let Some(allowed) = getrlimit(Resource::Nofile).current else { return };
    let needed = u64::try_from(max_connections).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    if allowed < needed {
        tracing::warn!(
            allowed,
            needed,
            "the limit of open files is too low for `limits.max_connections`: raise it (LimitNOFILE=, ulimit -n), or lower that"
        );
    }
}
