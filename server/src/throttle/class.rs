//! Kinds of requests, in the order in which they give way.

use super::Level;

/// What a request is to the server when it cannot serve all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// A device asks for an update and has none in progress: it asks again.
    Poll,
    /// A device reports its inventory: it reports again.
    Inventory,
    /// A device that is not accepted asks to be.
    Registration,
    /// A user.
    Management,
    /// An accepted device asks for a session.
    Login,
    /// A device sends the log of a failed deployment.
    Log,
}

impl Class {
    /// All classes, those that give way first in front. Status reports are none of them: they are refused only when
    /// the writer's queue is full, because a report that is refused too often rolls a good update back.
    pub const ALL: [Self; 6] =
        [Self::Poll, Self::Inventory, Self::Registration, Self::Management, Self::Login, Self::Log];

    /// The level from which on it is shed.
    #[must_use]
    pub const fn shed_from(self) -> Level {
        match self {
            Self::Poll | Self::Inventory => Level::Busy,
            Self::Registration | Self::Management => Level::Overloaded,
            Self::Login | Self::Log => Level::Critical,
        }
    }

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Inventory => "inventory",
            Self::Registration => "registration",
            Self::Management => "management",
            Self::Login => "login",
            Self::Log => "log",
        }
    }

    /// Seconds after which it may come again, at least.
    #[must_use]
    pub const fn retry_secs(self) -> u32 {
        match self {
            Self::Poll | Self::Inventory => 60,
            Self::Registration | Self::Login | Self::Log => 30,
            Self::Management => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Level};

    #[test]
    fn classes_give_way_in_order() {
        assert!(Class::ALL.is_sorted_by_key(|class| class.shed_from()));
        assert!(Class::ALL.iter().all(|class| class.shed_from() > Level::Calm));
    }
}
