use std::fmt;
use std::sync::Arc;

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
    /// Judges the manifest and its signature before anything after them is looked at; independent of `keys`.
    pub judge: Option<SignatureJudge>,
    /// Size of the input, if it is known: a member that claims more than is left is refused at once.
    pub size: Option<u64>,
    /// Whether artifacts with unsigned additions (artifact format §8) are read at all.
    pub allow_augmented: bool,
    /// Whether digests of the whole file and of each outer member are computed besides the needed ones.
    pub fingerprints: bool,
    /// Whether the contents of state scripts are kept; the header's limit bounds them.
    pub scripts: bool,
}

/// Decides by the exact bytes of the manifest and the raw signature, if there is one, whether reading goes on.
///
/// An `Err` says why it does not; the reader refuses the artifact with it.
#[derive(Clone)]
pub struct SignatureJudge(Arc<Judgement>);

type Judgement = dyn Fn(&[u8], Option<&[u8]>) -> Result<(), String> + Send + Sync;

impl SignatureJudge {
    /// Wraps a judgement over (manifest, signature).
    #[must_use]
    pub fn new(judge: impl Fn(&[u8], Option<&[u8]>) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(judge))
    }

    pub(super) fn judge(&self, manifest: &[u8], signature: Option<&[u8]>) -> Result<(), String> {
        (self.0)(manifest, signature)
    }
}

impl fmt::Debug for SignatureJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureJudge")
    }
}
