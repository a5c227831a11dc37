//! Requests whose answer may never come.

use std::thread;
use std::time::Duration;

use harness::http::Connection;
use harness::{HttpClient, Request, Response};

/// No answer came: what was asked for has happened, or it has not.
#[derive(Debug)]
pub(super) struct Cut;

/// How often a request that was too much is sent again.
const RETRIES: usize = 600;

/// What a 503 means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unavailable {
    /// Too much at once, or the database is on its way back: the same request is sent again.
    Wait,
    /// The database may be gone: what was asked for has happened, or it has not.
    Cut,
}

/// A kept connection to a server that may be killed at any moment.
pub(super) struct Line {
    http: HttpClient,
    connection: Option<Connection>,
    unavailable: Unavailable,
}

impl Line {
    pub(super) const fn new(http: HttpClient, unavailable: Unavailable) -> Self {
        Self { http, connection: None, unavailable }
    }

    /// Sends a request and returns the answer.
    ///
    /// # Panics
    ///
    /// On a 5xx but 503: nothing that the server did to itself is the fault of a kill.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Response, Cut> {
        for _ in 0..RETRIES {
            let response = self.send(request)?;
            match response.status {
                503 if self.unavailable == Unavailable::Cut => return Err(Cut),
                429 | 503 => thread::sleep(Duration::from_millis(50)),
                500.. => panic!("{} {}: {response}", request.method, request.target),
                _ => return Ok(response),
            }
        }
        panic!("{} {}: too much, again and again", request.method, request.target);
    }

    /// Sends a request and expects a status, if there is an answer.
    #[track_caller]
    pub(super) fn expect(&mut self, request: &Request, status: u16) -> Result<Response, Cut> {
        let response = self.ask(request)?;
        assert_eq!(response.status, status, "{} {}: {response}", request.method, request.target);
        Ok(response)
    }

    fn send(&mut self, request: &Request) -> Result<Response, Cut> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.http.connect().map_err(|_| Cut)?,
        };
        let response = connection.send(request).map_err(|_| Cut)?;
        if response.header("Connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(response)
    }
}
