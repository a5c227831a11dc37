//! When tokens were used, noted in memory until upkeep stores it: a request writes nothing.

use std::collections::HashMap;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use parking_lot::Mutex;

use crate::ids::TokenId;

/// To what uses are told.
const ACCURACY: TimeDelta = TimeDelta::minutes(1);

/// Uses that are not stored yet: no more than there are tokens.
#[derive(Debug, Default)]
pub struct TokenUses {
    noted: Mutex<HashMap<TokenId, DateTime<Utc>>>,
}

impl TokenUses {
    /// Notes that a token was used, unless that is stored already.
    pub fn note(&self, token: TokenId, stored: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let at = now.duration_trunc(ACCURACY).unwrap_or(now);
        if stored.is_none_or(|stored| stored < at) {
            self.noted.lock().insert(token, at);
        }
    }

    /// When a token was last used, if that is not stored yet.
    #[must_use]
    pub fn noted(&self, token: TokenId) -> Option<DateTime<Utc>> {
        self.noted.lock().get(&token).copied()
    }

    /// Takes what is to be stored.
    #[must_use]
    pub fn take(&self) -> Vec<(TokenId, DateTime<Utc>)> {
        std::mem::take(&mut *self.noted.lock()).into_iter().collect()
    }

    /// Gives back what could not be stored; what was noted meanwhile is newer.
    pub fn restore(&self, uses: Vec<(TokenId, DateTime<Utc>)>) {
        let mut noted = self.noted.lock();
        for (token, at) in uses {
            noted.entry(token).or_insert(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::TokenUses;
    use crate::ids::TokenId;

    #[test]
    fn uses_are_noted_to_the_minute_and_once() {
        let (uses, token) = (TokenUses::default(), TokenId::generate());
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        uses.note(token, None, at(59));
        assert_eq!(uses.take(), [(token, at(0))]);
        uses.note(token, Some(at(0)), at(59));
        assert_eq!(uses.take(), [], "the minute is stored");
        uses.note(token, Some(at(0)), at(60));
        let minute = uses.take();
        uses.note(token, Some(at(0)), at(60) + TimeDelta::minutes(1));
        uses.restore(minute);
        assert_eq!(uses.noted(token), Some(at(120)), "what was noted meanwhile is newer");
    }
}
