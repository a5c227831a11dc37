//! What comes back.

use serde_json::Value;

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body after the transfer coding was undone.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads status line and header fields.
    pub(super) fn parse_head(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let headers = lines
            .filter(|line| !line.is_empty())
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
            .collect::<Option<Vec<_>>>()?;
        Some(Self { status, headers, body: Vec::new() })
    }

    /// Returns the first field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_values(name).first().copied()
    }

    /// Returns all fields of that name, one per line sent.
    pub fn header_values(&self, name: &str) -> Vec<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}) in {self}"))
    }

    /// Passes the response on if it has this status.
    ///
    /// # Panics
    ///
    /// With the whole response when it has another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "unexpected status: {self}");
        self
    }

    /// Passes the response on if it is a success of whatever kind.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!((200..300).contains(&self.status), "no success: {self}");
        self
    }

    /// Passes the response on if it is an error as every client expects it: the status, a JSON object
    /// with `error`, `code` and `request_id`, and the same request id in the header.
    #[track_caller]
    pub fn expect_error(self, status: u16) -> Self {
        let this = self.expect(status);
        let kind = this.header("Content-Type").unwrap_or_default();
        assert!(kind.starts_with("application/json"), "an error of type {kind:?}: {this}");
        let body = this.json();
        for member in ["error", "code", "request_id"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "no {member} in {this}");
        }
        assert_eq!(this.header("X-MEN-RequestID"), body["request_id"].as_str(), "two request ids: {this}");
        this
    }

    /// Passes the response on if it is the refusal of a device's session: 401 and not one byte of body
    /// (device protocol §0, rule 5).
    #[track_caller]
    pub fn expect_session_refused(self) -> Self {
        let this = self.expect(401);
        assert_eq!(this.header("Content-Length"), Some("0"), "a 401 must say that it is empty: {this}");
        assert!(this.body.is_empty(), "a 401 of a session has no body: {this}");
        this
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(600).collect();
        write!(f, "{} {:?} {text}", self.status, self.headers)
    }
}
