//! Names that no other trial uses, so that trials can share a server.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Returns `prefix` followed by a number that is unique in this run.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{prefix}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns a UUID (version 8, RFC 9562 §5.8) that is unique in this run and that no server made.
pub fn unknown_uuid() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{:08x}-0000-8000-8000-{:012x}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
