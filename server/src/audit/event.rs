//! What was done, before it is stored.

use sha2::{Digest as _, Sha256};

use super::{Action, Hash, Object};

/// Longest text about a change, in bytes; what is longer is cut.
const MAX_TEXT_BYTES: usize = 4096;

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused to who asked for it.
    Refused,
}

impl Outcome {
    /// The spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
        }
    }
}

/// Something that was done. Secrets have no place in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// What was done.
    pub action: Action,
    /// To what.
    pub object: Object,
    /// How it ended.
    pub outcome: Outcome,
    /// What is different now, for people.
    pub change: Option<String>,
    /// The SHA-256 of what was there before.
    pub before: Option<Hash>,
    /// The SHA-256 of what is there now.
    pub after: Option<Hash>,
}

impl Event {
    /// Something that was done.
    #[must_use]
    pub fn new(action: Action, object: Object) -> Self {
        let object = Object {
            id: storable(object.id),
            label: object.label.map(storable),
            detail: object.detail.map(storable),
            kind: object.kind,
        };
        Self { action, object, outcome: Outcome::Success, change: None, before: None, after: None }
    }

    /// Something that was asked for and not done.
    #[must_use]
    pub fn refused(action: Action, object: Object) -> Self {
        Self { outcome: Outcome::Refused, ..Self::new(action, object) }
    }

    /// Says what is different now.
    #[must_use]
    pub fn change(self, text: impl Into<String>) -> Self {
        Self { change: Some(storable(text.into())), ..self }
    }

    /// Proves what was there before and what is now, without keeping it.
    #[must_use]
    pub fn states(self, before: Option<&[u8]>, after: Option<&[u8]>) -> Self {
        let digest = |state: &[u8]| Hash(Sha256::digest(state).into());
        Self { before: before.map(digest), after: after.map(digest), ..self }
    }
}

/// A text as both databases can keep it: short, and without the one character that PostgreSQL has no place for.
fn storable(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
    }
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::{Action, Event, MAX_TEXT_BYTES, Object};

    #[test]
    fn what_cannot_be_stored_is_cut_and_replaced() {
        let event = Event::new(Action::Update, Object::release("a\0b")).change("ä".repeat(MAX_TEXT_BYTES));
        assert_eq!(event.object.label.as_deref(), Some("a\u{fffd}b"));
        let change = event.change.unwrap();
        assert_eq!(change.strip_suffix('…').unwrap(), "ä".repeat(MAX_TEXT_BYTES / 2));
    }
}
