//! How much may happen at the same time.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Slots that the agents of a process share.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Logins on their way: servers answer bursts, but a whole fleet at once would only time out.
    pub(super) logins: Arc<Semaphore>,
    /// Downloads on their way; each has a thread of the blocking pool while it is stored.
    pub(super) downloads: Arc<Semaphore>,
}

impl Limits {
    /// At most `logins` logins and `downloads` downloads at a time.
    #[must_use]
    pub fn new(logins: usize, downloads: usize) -> Self {
        let slots = |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        Self { logins: slots(logins), downloads: slots(downloads) }
    }
}

impl Default for Limits {
    /// 128 logins and 64 downloads.
    fn default() -> Self {
        Self::new(128, 64)
    }
}
