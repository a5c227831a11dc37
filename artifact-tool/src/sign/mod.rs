//! Signing of a finished artifact: `manifest.sig` is put in, everything else is copied as it is.

mod copy;
mod signing;

pub use signing::{Existing, SignError, manifest, sign, sign_file};
