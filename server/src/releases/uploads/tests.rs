//! Uploads in parts.
