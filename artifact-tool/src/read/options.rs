use crate::key::VerifyingKey;
use crate::limits::Limits;

/// What the reader demands.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Caps on sizes and counts.
    pub limits: Limits,
    /// Trusted keys, any one of which must have signed; empty means that a signature is neither needed nor
    /// verified.
    pub keys: Vec<VerifyingKey>,
    /// Size of the input, if it is known: a member that claims more than is left is refused at once.
    pub size: Option<u64>,
    /// Whether artifacts with unsigned additions (artifact format §8) are read at all.
    pub allow_augmented: bool,
    /// Whether digests of the whole file and of each outer member are computed besides the needed ones.
    pub fingerprints: bool,
    /// Whether the contents of state scripts are kept; the header's limit bounds them.
    pub scripts: bool,
}
