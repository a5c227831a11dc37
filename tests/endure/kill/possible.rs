//! What a thing can be.

use std::fmt::Debug;

/// A value that is known, but for a change that may or may not have happened.
#[derive(Clone, Debug)]
pub(super) struct Possible<T> {
    certain: T,
    maybe: Option<T>,
}

impl<T: Clone + Debug + PartialEq> Possible<T> {
    pub(super) const fn new(certain: T) -> Self {
        Self { certain, maybe: None }
    }

    /// Returns the value that was acknowledged last.
    pub(super) const fn certain(&self) -> &T {
        &self.certain
    }

    /// Returns whether nothing is open.
    pub(super) const fn is_certain(&self) -> bool {
        self.maybe.is_none()
    }

    /// A change was asked for: until it is acknowledged both are possible.
    pub(super) fn ask(&mut self, value: T) {
        self.maybe = Some(value);
    }

    /// The change was acknowledged.
    pub(super) fn acknowledge(&mut self) {
        if let Some(value) = self.maybe.take() {
            self.certain = value;
        }
    }

    /// Sets what was acknowledged.
    pub(super) fn set(&mut self, value: T) {
        *self = Self::new(value);
    }

    /// Takes what was found after a start.
    ///
    /// # Panics
    ///
    /// If it is none of what is possible: something acknowledged is lost, or something was half done.
    #[track_caller]
    pub(super) fn settle(&mut self, found: T, what: &str) {
        let fits = found == self.certain || self.maybe.as_ref() == Some(&found);
        assert!(fits, "{what}: found {found:?}, possible is {self:?}");
        self.set(found);
    }
}
