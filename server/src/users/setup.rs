//! x
use crate::crypto::random::*;
/// x
pub struct Setup;
impl Setup {
    pub fn generate(_: &dyn SecureRandom) -> Result<Self, RandomError> {
        Ok(Self)
    }
}
