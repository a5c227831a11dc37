//! Failures of storage and writer, as callers see them.

use std::error::Error;
use std::fmt;

use super::error::{ApiError, Code};
use crate::storage::StorageError;
use crate::throttle::RetryAfter;
use crate::writer::WriteError;

/// Seconds after which a request that was too much may come again.
const RETRY_SECS: u32 = 5;

/// What a failure of storage means to a caller.
#[must_use]
pub fn storage_failure(err: StorageError) -> ApiError {
    match err {
        StorageError::Full => full(),
        StorageError::Unavailable(_)
        | StorageError::InDoubt
        | StorageError::InUse
        | StorageError::Interrupted => outage(err),
        StorageError::Database(_)
        | StorageError::NoAuditChain
        | StorageError::Unrecorded
        | StorageError::Corrupt { .. }
        | StorageError::CorruptRow { .. }
        | StorageError::OutOfRange(_) => ApiError::internal(err),
    }
}

/// What a failure of the group-commit writer means to a device.
#[must_use]
pub fn write_failure(err: WriteError) -> ApiError {
    match err {
        WriteError::Overloaded | WriteError::Stopped => {
            ApiError::retry_after(Code::Unavailable, err.to_string(), RETRY_SECS)
        }
        WriteError::Storage(err) if matches!(*err, StorageError::Full) => full(),
        WriteError::Storage(err) if err.is_outage() => outage(err),
        WriteError::Storage(err) => ApiError::internal(err),
    }
}

/// Too many requests from here, or of this kind.
#[must_use]
pub fn rate_limited(RetryAfter(secs): RetryAfter) -> ApiError {
    ApiError::retry_after(Code::RateLimited, "too many requests", secs)
}

/// Too much to do.
#[must_use]
pub fn unavailable(message: &str, RetryAfter(secs): RetryAfter) -> ApiError {
    ApiError::retry_after(Code::Unavailable, message, secs)
}

/// An outage of the database: it is not the caller's fault, and passes.
fn outage(err: impl Into<Box<dyn Error + Send + Sync>> + fmt::Display) -> ApiError {
    ApiError::retry_after(Code::Unavailable, err.to_string(), RETRY_SECS).with_cause(err)
}

fn full() -> ApiError {
    ApiError::new(Code::InsufficientStorage, "no room is left to store this")
}
