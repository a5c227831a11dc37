//! An actor that logs in and out, as a user.

use std::collections::VecDeque;

use harness::Request;
use harness::management::{DEVAUTH, login_request};
use harness::server::PASSWORD;
use rand::RngExt;
use rand::rngs::StdRng;

use super::line::{Cut, Line};
use super::possible::Possible;
use super::summary::Summary;

/// Sessions that a user can have; older ones end.
const MAX: usize = 10;
/// Ended sessions that are asked for after each start.
const REMEMBERED: usize = 20;

/// A user.
pub(super) struct Sessions {
    email: String,
    rng: StdRng,
    /// Oldest first; without a token where the answer to a login was lost.
    open: VecDeque<(Option<String>, Possible<bool>)>,
    ended: VecDeque<String>,
}

impl Sessions {
    pub(super) const fn new(email: String, rng: StdRng) -> Self {
        Self { email, rng, open: VecDeque::new(), ended: VecDeque::new() }
    }

    pub(super) fn run(&mut self, line: &mut Line, summary: &mut Summary) {
        while self.step(line, summary).is_ok() {}
    }

    fn step(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        if self.open.len() < 3 || self.rng.random_bool(0.4) {
            let answer = line.expect(&login_request(&self.email, PASSWORD), 200);
            let token = answer.as_ref().ok().map(harness::Response::text);
            self.open.push_back((token, Possible::new(true)));
            if self.open.len() > MAX {
                // Ended if each of the newer logins happened, open if not.
                self.open.pop_front();
            }
            return count(summary, "user login", answer.map(drop));
        }
        let at = self.rng.random_range(0..self.open.len());
        let (Some(token), is_open) = &mut self.open[at] else { return Ok(()) };
        let request = Request::new("POST", "/api/management/v1/useradm/auth/logout").bearer(token);
        is_open.ask(false);
        let answer = line.expect(&request, 202);
        if answer.is_ok() {
            self.ended.push_back(token.clone());
            self.open.remove(at);
            if self.ended.len() > REMEMBERED {
                self.ended.pop_front();
            }
        }
        count(summary, "user logout", answer.map(drop))
    }

    pub(super) fn verify(&mut self, line: &mut Line) {
        let mut holds = |token: &str| {
            let answer = line.ask(&Request::get(format!("{DEVAUTH}?per_page=1")).bearer(token));
            let answer = answer.expect("the server is up");
            assert!(matches!(answer.status, 200 | 401), "{answer}");
            answer.status == 200
        };
        for (token, is_open) in &mut self.open {
            if let Some(token) = token {
                is_open.settle(holds(token), &format!("a session of {}", self.email));
            }
        }
        self.open.retain(|(_, is_open)| *is_open.certain());
        for token in &self.ended {
            assert!(!holds(token), "a session of {} was ended and holds again", self.email);
        }
    }
}

/// Counts a request by whether it was answered.
pub(super) fn count<T>(summary: &mut Summary, what: &'static str, answer: Result<T, Cut>) -> Result<T, Cut> {
    if answer.is_ok() {
        summary.acknowledge(what);
    } else {
        summary.miss(what);
    }
    answer
}
