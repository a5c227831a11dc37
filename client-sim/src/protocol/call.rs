//! The calls that a device makes, and how they look as HTTP requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hyper::body::Bytes;
use serde::Serialize;

use super::attributes::{self, Attribute};
use super::deployments::{self, LogMessage, NextBody, NextForm, Status};
use super::http::{HttpError, Request};
use super::{Generation, SessionToken};

/// One call of the device API that needs a session token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Call {
    /// Replaces the inventory.
    Inventory(Vec<Attribute>),
    /// Asks for a deployment.
    Next {
        /// `artifact_name`, `device_type` and every stored provide.
        provides: BTreeMap<String, String>,
        /// At which endpoint.
        form: NextForm,
    },
    /// Reports the progress of a deployment.
    Status {
        /// Which deployment.
        deployment: String,
        /// What to report.
        status: Status,
    },
    /// Sends the log of a failed deployment.
    Log {
        /// Which deployment.
        deployment: String,
        /// The lines.
        messages: Vec<LogMessage>,
    },
}

/// Kinds of requests, for counting.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RequestKind {
    /// `auth_requests`.
    Login,
    /// Inventory.
    Inventory,
    /// `next`.
    Next,
    /// Status reports.
    Status,
    /// Deployment logs.
    Log,
    /// Whole downloads, from the request to the last byte.
    Download,
}

impl Call {
    /// What it counts as.
    #[must_use]
    pub fn kind(&self) -> RequestKind {
        match self {
            Self::Inventory(_) => RequestKind::Inventory,
            Self::Next { .. } => RequestKind::Next,
            Self::Status { .. } => RequestKind::Status,
            Self::Log { .. } => RequestKind::Log,
        }
    }

    /// Writes the HTTP request in the form of a client generation.
    ///
    /// # Errors
    ///
    /// [`HttpError::InvalidRequest`] if a body cannot be written as JSON; none of ours can't.
    pub fn to_request(&self, token: &SessionToken, generation: Generation) -> Result<Request, HttpError> {
        let request = match self {
            Self::Inventory(attributes) => {
                json(Request::put(attributes::PATH), attributes, Newline::Yes, generation)
            }
            Self::Next { provides, form } => next(provides, *form, generation),
            Self::Status { deployment, status } => {
                let body = StatusBody { status: *status };
                json(Request::put(deployments::status_path(deployment)), &body, Newline::Yes, generation)
            }
            Self::Log { deployment, messages } => {
                let request = Request::put(deployments::log_path(deployment));
                json(request, &LogBody { messages }, Newline::No, generation)
            }
        }?;
        let request = request.bearer(token.expose());
        Ok(match generation {
            Generation::V3 => request,
            Generation::V5 => request.header("accept", "application/json"),
        })
    }
}

fn next(
    provides: &BTreeMap<String, String>,
    form: NextForm,
    generation: Generation,
) -> Result<Request, HttpError> {
    match form {
        NextForm::PostV2 => {
            let update_control_map = (generation == Generation::V3).then_some(true);
            let body = NextBody { device_provides: provides, update_control_map };
            json(Request::post(form.path()), &body, Newline::No, generation)
        }
        NextForm::PostV1 => json(Request::post(form.path()), provides, Newline::No, generation),
        NextForm::GetV1 => {
            let value = |name: &str| percent_encode(provides.get(name).map_or("", String::as_str));
            let (artifact_name, device_type) = (value("artifact_name"), value("device_type"));
            let path = form.path();
            Ok(Request::get(format!("{path}?artifact_name={artifact_name}&device_type={device_type}")))
        }
    }
}

/// Whether client 3.4.0 ends this body with a newline (device protocol §8).
#[derive(Clone, Copy, Eq, PartialEq)]
enum Newline {
    Yes,
    No,
}

/// 3.4.0 sends all bodies but the login chunked, 5.x with their length (device protocol §0 rule 9).
fn json(
    request: Request,
    value: &impl Serialize,
    newline: Newline,
    generation: Generation,
) -> Result<Request, HttpError> {
    let mut body = serde_json::to_vec(value).map_err(|err| HttpError::InvalidRequest(err.to_string()))?;
    let request = request.header("content-type", "application/json");
    Ok(match generation {
        Generation::V3 => {
            if newline == Newline::Yes {
                body.push(b'\n');
            }
            request.chunked(vec![Bytes::from(body)])
        }
        Generation::V5 => request.body(body),
    })
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[derive(Serialize)]
struct StatusBody {
    status: Status,
}

#[derive(Serialize)]
struct LogBody<'a> {
    messages: &'a [LogMessage],
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn query_values_are_encoded() {
        assert_eq!(percent_encode("a b/c&d=ü"), "a%20b%2Fc%26d%3D%C3%BC");
    }
}
