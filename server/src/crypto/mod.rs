//! Keys, signatures and secrets.
//!
//! A *device key* is the public key a device proves itself with. A *signing key* signs the session
//! tokens that the server hands out. The *master key* seals what the database must not show in the
//! clear; it is the only secret outside the database.

pub mod device_key;
pub mod digest;
pub mod hex;
pub mod password;
pub mod random;
pub mod seal;
pub mod second_factor;
pub mod session_token;
pub mod signed_link;

pub use device_key::{BadSignature, DeviceKey, DeviceKeyError, KeyAlgorithm};
pub use digest::first_u64;
pub use hex::hex;
pub use random::{RandomError, SecureRandom, SystemRandom};
pub use seal::{Cell, MasterKey, MasterKeyError, Purpose, SealError};
