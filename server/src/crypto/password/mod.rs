//! Passwords of users (user authentication §2).
//!
//! A *policy* says which passwords may be chosen, a *hash* is what is stored, and the *pool* bounds
//! how much memory and time hashing may take, whoever asks for it.

mod common;
mod guess;
mod hash;
mod policy;
mod pool;

pub use hash::{HashCost, HashScheme, MEMORY_KIB_FLOOR, PASSES_FLOOR, PasswordHashError};
pub use policy::{
    MAX_PASSWORD_BYTES, PASSWORD_LENGTH_FLOOR, PasswordLengths, PasswordPolicy, PasswordRefused,
};
pub use pool::{PasswordError, PasswordPool, Verdict};
