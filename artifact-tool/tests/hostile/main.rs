//! Hostile artifacts: one test for each way to break a rule, each refused for the right reason.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod augment;
mod compression;
mod container;
mod data;
mod header;
mod limits;
mod manifest;
mod members;
mod signature;
mod tampering;

use artifact::read::{ReadError, ReadOptions, Rule, read};

/// Reads with no keys and the default limits.
fn verdict(bytes: &[u8]) -> Result<artifact::Artifact, ReadError> {
    read(bytes, &ReadOptions::default())
}

/// Returns the rule for which `bytes` are refused.
fn refused_by(bytes: &[u8], options: &ReadOptions) -> Rule {
    match read(bytes, options) {
        Err(ReadError::Refused(refusal)) => refusal.rule,
        Err(other) => panic!("failed otherwise: {other}"),
        Ok(_) => panic!("was accepted"),
    }
}

/// Asserts that bytes are refused by a rule of this pattern.
macro_rules! refused {
    ($bytes:expr, $pattern:pat) => {
        $crate::refused_with!($bytes, artifact::ReadOptions::default(), $pattern)
    };
}
use refused;

/// Asserts that bytes are refused by a rule of this pattern when they are read with these options.
macro_rules! refused_with {
    ($bytes:expr, $options:expr, $pattern:pat) => {{
        let rule = $crate::refused_by(&$bytes, &$options);
        assert!(matches!(rule, $pattern), "{rule:?}");
    }};
}
use refused_with;
