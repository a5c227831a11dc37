//! Signing of a finished artifact: `manifest.sig` is put in, everything else is copied as it is.

mod copy;
mod signing;

pub use signing::{Existing, Payloads, SignError, manifest, sign, sign_file};
