//! Second factors (user authentication §3).
//!
//! A *TOTP secret* is shared with the user's authenticator, which makes a *code* of it every 30 seconds (RFC 6238); a
//! *recovery code* stands in for one, once. The secret is sealed in the database, and of recovery codes only a MAC is
//! kept.

mod keys;
mod picture;
mod recovery;
mod totp;

pub use keys::FactorKeys;
pub use picture::{PictureError, qr_png};
pub use recovery::{RECOVERY_CODES, RecoveryCode};
pub use totp::{STEP_SECS, TotpSecret};
