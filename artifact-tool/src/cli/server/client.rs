use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, RequestBuilder, SendBody};

use super::super::{Failure, files};
use super::session::Session;

/// Certificates that the system trusts.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const MAX_CERTIFICATES: u64 = 8 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(30);
/// How long a server may take to judge an artifact of which it has every byte.
const ANSWER: Duration = Duration::from_mins(5);
/// Largest answer that is looked at.
const MAX_ANSWER: u64 = 1024 * 1024;

/// Which server, and how it is trusted.
#[derive(Debug, clap::Args)]
#[group(id = "connection")]
pub(crate) struct Connection {
    /// The server [default: that of the last log-in]
    #[arg(long, env = "SEALIFT_SERVER", value_name = "URL")]
    pub(super) server: Option<String>,
    /// Certificates that are trusted, PEM [default: that of the last log-in, else the system's]
    #[arg(long, env = "SEALIFT_CA", value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
}

/// Speaks to one server.
pub(crate) struct Client {
    agent: Agent,
    server: String,
    token: Option<String>,
}

/// An answer of success.
pub(super) struct Answer {
    pub(super) location: Option<String>,
    pub(super) body: String,
    headers: HeaderMap,
}

impl Answer {
    /// A header of it, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A refusal, or no answer.
pub(super) struct Refused {
    pub(super) failure: Failure,
    /// The status of the answer, if there was one.
    pub(super) http: Option<u16>,
    /// The server's word for it.
    code: Option<String>,
}

impl Refused {
    /// Whether the same may succeed later, or from another byte on.
    pub(super) fn is_passing(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        self.failure.status == 3
            || matches!(code, "offset_mismatch" | "upload_locked" | "checksum_mismatch" | "request_timeout")
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, http: None, code: None }
    }
}

impl Connection {
    /// Returns the server's address without a slash at its end, and what the last log-in left for it.
    fn target(&self) -> Result<(String, Option<Session>), Failure> {
        let session = Session::load();
        let server = match (&self.server, &session) {
            (Some(server), _) => server.trim_end_matches('/').to_owned(),
            (None, Some(session)) => session.server.clone(),
            (None, None) => {
                return Err(Failure::usage("no server: log in first, or give --server or SEALIFT_SERVER"));
            }
        };
        if !server.starts_with("https://") {
            return Err(Failure::usage(format!("{server} does not start with https://")));
        }
        // A token is for the server that gave it, and for no other.
        Ok((server.clone(), session.filter(|session| session.server == server)))
    }

    /// Makes a client without a session.
    pub(super) fn anonymous(&self) -> Result<Client, Failure> {
        let (server, session) = self.target()?;
        Client::new(server, self.ca.clone().or(session.and_then(|session| session.ca)), None)
    }

    /// Makes a client with the token of `SEALIFT_TOKEN` or of the last log-in.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let (server, session) = self.target()?;
        let token = std::env::var("SEALIFT_TOKEN").ok().filter(|token| !token.trim().is_empty());
        let token = token.or_else(|| session.as_ref().map(|session| session.token.clone()));
        let token = token.ok_or_else(|| {
            Failure::usage(format!("no session at {server}: log in first, or set SEALIFT_TOKEN"))
        })?;
        let ca = self.ca.clone().or(session.and_then(|session| session.ca));
        Client::new(server, ca, Some(token.trim().to_owned()))
    }
}

impl Client {
    fn new(server: String, ca: Option<PathBuf>, token: Option<String>) -> Result<Self, Failure> {
        let path = ca.unwrap_or_else(|| PathBuf::from(SYSTEM_CERTIFICATES));
        let pem = files::bytes(&path, MAX_CERTIFICATES)?;
        let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                Ok(_) | Err(_) => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(Failure::usage(format!("{} holds no certificate in PEM form", path.display())));
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(certificates)))
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .user_agent(concat!("artifact-tool/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, server, token })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Sends a POST request with these headers.
    pub(super) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: SendBody<'_>,
    ) -> Result<Answer, Failure> {
        let request = self.agent.post(format!("{}{path}", self.server));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = self.authorized(request).send(body);
        self.judge(answer).map_err(|refused| refused.failure)
    }

    /// Sends a request of any method.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: SendBody<'_>,
    ) -> Result<Answer, Refused> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        let request = request.body(body).map_err(|error| self.failed(&error.to_string()))?;
        self.judge(self.agent.run(request))
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        let answer = self.authorized(self.agent.get(format!("{}{path}", self.server))).call();
        let answer = self.judge(answer).map_err(|refused| refused.failure)?;
        serde_json::from_str(&answer.body)
            .map_err(|error| self.failed(&format!("answered with something else than JSON: {error}")))
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Tells success from refusal (status 1) and from a server that cannot answer (status 3).
    fn judge(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Answer, Refused> {
        let mut answer = answer.map_err(|error| self.failed(&error.to_string()))?;
        let status = answer.status();
        let header = |answer: &Response<Body>, name: &str| {
            answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let location = header(&answer, "location");
        let retry_after = header(&answer, "retry-after");
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let body = body.map_err(|error| self.failed(&error.to_string()))?;
        if status.is_success() {
            return Ok(Answer { location, body, headers: answer.headers().clone() });
        }
        let message = refusal(status, &body, retry_after.as_deref());
        let failure = if status.is_server_error() { self.failed(&message) } else { Failure::no(message) };
        let code = serde_json::from_str::<Value>(&body).ok();
        let code = code.and_then(|body| body.get("code")?.as_str().map(str::to_owned));
        Err(Refused { failure, http: Some(status.as_u16()), code })
    }

    pub(super) fn failed(&self, why: &str) -> Failure {
        Failure { status: 3, message: format!("{}: {why}", self.server) }
    }
}

/// Says why a request was refused, in the server's words, and what can be done.
fn refusal(status: StatusCode, body: &str, retry_after: Option<&str>) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    let words = field("error").or(status.canonical_reason()).unwrap_or("no reason was given");
    let mut details = vec![format!("HTTP {}", status.as_u16())];
    for (name, label) in [("code", "code"), ("request_id", "request")] {
        details.extend(field(name).map(|value| format!("{label} {value}")));
    }
    let mut parts = vec![format!("the server refused: {words} ({})", details.join(", "))];
    let existing = body.pointer("/metadata/conflict/artifact_id").and_then(Value::as_str);
    parts.extend(existing.map(|existing| format!("it conflicts with the artifact {existing}")));
    match status {
        StatusCode::UNAUTHORIZED => parts.push("log in again, or check SEALIFT_TOKEN".to_owned()),
        StatusCode::FORBIDDEN => parts.push("the user or the token lacks the permission".to_owned()),
        _ => {}
    }
    parts.extend(retry_after.map(|seconds| format!("try again in {seconds} seconds")));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_in_the_words_of_the_server() {
        let body = r#"{"error":"an artifact fits","code":"conflict","request_id":"r1","metadata":{"conflict":{"artifact_id":"a1"}}}"#;
        assert_eq!(
            refusal(StatusCode::CONFLICT, body, None),
            "the server refused: an artifact fits (HTTP 409, code conflict, request r1); it conflicts with the \
             artifact a1"
        );
        assert_eq!(
            refusal(StatusCode::TOO_MANY_REQUESTS, "", Some("7")),
            "the server refused: Too Many Requests (HTTP 429); try again in 7 seconds"
        );
        assert!(refusal(StatusCode::UNAUTHORIZED, "<html>", None).contains("log in again"));
    }
}
