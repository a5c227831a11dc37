//! Waiting for what another process does: always by asking again until a deadline, never by hoping.

use std::thread;
use std::time::{Duration, Instant};

/// The time between two looks.
const STEP: Duration = Duration::from_millis(50);

/// Asks until there is an answer and returns it.
///
/// # Panics
///
/// When `limit` is over, naming `what` was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain for {what}");
        thread::sleep(STEP);
    }
}

/// Asks until the answer is yes.
///
/// # Panics
///
/// When `limit` is over, naming `what` was waited for.
#[track_caller]
pub fn until(what: &str, limit: Duration, mut look: impl FnMut() -> bool) {
    eventually(what, limit, || look().then_some(()));
}

/// Asks for the whole of `span` and expects no each time.
///
/// For things that must not happen; choose a span in which they would have.
///
/// # Panics
///
/// As soon as the answer is yes.
#[track_caller]
pub fn never(what: &str, span: Duration, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + span;
    while Instant::now() < deadline {
        assert!(!look(), "this must not happen: {what}");
        thread::sleep(STEP);
    }
}
