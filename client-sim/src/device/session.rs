//! The session of a device: lazy login, and one new login when a call is answered 401.

use std::sync::Arc;

use hyper::body::Bytes;

use super::action::{Action, Event};
use crate::protocol::SessionToken;
use crate::protocol::call::Call;

/// The token in memory, and the call that is under way.
#[derive(Debug, Default)]
pub(super) struct Session {
    token: Option<SessionToken>,
    pending: Option<Pending>,
}

/// How a call ended, seen from above the session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reply {
    /// The server answered; a 401 is the second in a row.
    Answer { code: u16, body: Bytes },
    /// There was no session to be had; the call was not sent (again).
    NoSession,
    /// There was no answer.
    Unreachable,
}

/// What follows from an event.
#[derive(Debug)]
pub(super) enum Turn {
    /// The session goes on by itself.
    Act(Action),
    /// The call is over.
    Over(Reply),
}

#[derive(Debug)]
struct Pending {
    call: Arc<Call>,
    is_repeat: bool,
}

impl Session {
    /// Whether there is a token.
    pub(super) fn is_open(&self) -> bool {
        self.token.is_some()
    }

    /// Starts a call; logs in first if there is no token.
    pub(super) fn call(&mut self, call: Call) -> Action {
        self.pending = Some(Pending { call: Arc::new(call), is_repeat: false });
        self.proceed()
    }

    /// Forgets the token and starts a call, to prove that the device can still log in.
    pub(super) fn call_afresh(&mut self, call: Call) -> Action {
        self.token = None;
        self.call(call)
    }

    /// Takes what became of a login or a call.
    pub(super) fn receive(&mut self, event: Event) -> Turn {
        match event {
            Event::LoggedIn(token) => {
                self.token = Some(token);
                Turn::Act(self.proceed())
            }
            Event::LoginRefused(_) => self.over(Reply::NoSession),
            Event::Answered { code: 401, body } => {
                self.token = None;
                match &mut self.pending {
                    Some(pending) if !pending.is_repeat => {
                        pending.is_repeat = true;
                        Turn::Act(Action::Login)
                    }
                    Some(_) | None => self.over(Reply::Answer { code: 401, body }),
                }
            }
            Event::Answered { code, body } => self.over(Reply::Answer { code, body }),
            Event::Unreachable | Event::Started | Event::Opened(_) | Event::Stored(_) | Event::Elapsed => {
                self.over(Reply::Unreachable)
            }
        }
    }

    fn proceed(&mut self) -> Action {
        match (&self.token, &self.pending) {
            (Some(token), Some(pending)) => {
                Action::Send { call: Arc::clone(&pending.call), token: token.clone() }
            }
            (None, _) | (_, None) => Action::Login,
        }
    }

    fn over(&mut self, reply: Reply) -> Turn {
        self.pending = None;
        Turn::Over(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Bytes, Call, Event, Reply, Session, SessionToken, Turn};

    fn answered(code: u16) -> Event {
        Event::Answered { code, body: Bytes::new() }
    }

    fn token(action: &Action) -> &str {
        let Action::Send { token, .. } = action else { panic!("not a call: {action:?}") };
        token.expose()
    }

    fn act(turn: Turn) -> Action {
        let Turn::Act(action) = turn else { panic!("over: {turn:?}") };
        action
    }

    #[test]
    fn unauthorized_means_one_login_and_one_repeat() {
        let mut session = Session::default();
        assert_eq!(session.call(Call::Inventory(Vec::new())), Action::Login);
        assert_eq!(token(&act(session.receive(Event::LoggedIn(SessionToken::new("T1").unwrap())))), "T1");
        assert_eq!(act(session.receive(answered(401))), Action::Login);
        assert_eq!(token(&act(session.receive(Event::LoggedIn(SessionToken::new("T2").unwrap())))), "T2");
        let Turn::Over(reply) = session.receive(answered(401)) else { panic!("a third login") };
        assert_eq!(reply, Reply::Answer { code: 401, body: Bytes::new() });
        assert!(!session.is_open());
    }

    #[test]
    fn a_refused_login_ends_the_call() {
        let mut session = Session::default();
        session.call(Call::Inventory(Vec::new()));
        let Turn::Over(reply) = session.receive(Event::LoginRefused(401)) else { panic!("goes on") };
        assert_eq!(reply, Reply::NoSession);
    }
}
