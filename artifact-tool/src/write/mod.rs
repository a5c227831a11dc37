//! The deterministic writer.
