//! What a device wants done, and what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde::{Deserialize, Serialize};

use crate::protocol::SessionToken;
use crate::protocol::call::Call;

/// The one thing that a device wants done next; its end is told by an [`Event`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Log in. Ends with [`Event::LoggedIn`], [`Event::LoginRefused`] or [`Event::Unreachable`].
    Login,
    /// Send a call. Ends with [`Event::Answered`] or [`Event::Unreachable`].
    Send {
        /// The call.
        call: Arc<Call>,
        /// The session token that goes with it.
        token: SessionToken,
    },
    /// Ask for a download and wait for the head of the answer. Ends with [`Event::Opened`].
    Open {
        /// The link, as offered.
        uri: String,
    },
    /// Read the download that is open, check it and store it. Ends with [`Event::Stored`].
    Store(StoreOrder),
    /// Let time pass. Ends with [`Event::Elapsed`].
    Wait(Duration),
    /// Drop all connections, stay away for this long, come back. Ends with [`Event::Started`].
    Restart(Duration),
}

/// What a device checks while it stores an artifact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreOrder {
    /// The name that the artifact must have; `None` if the client does not compare it (5.x).
    pub artifact_name: Option<String>,
    /// What the artifact's depends are matched against; holds `device_type` and `artifact_name`.
    pub provides: BTreeMap<String, String>,
    /// Break the connection once, somewhere in the middle.
    pub cut: bool,
    /// How long to wait before resuming a broken download.
    pub resume_pause: Duration,
    /// How often to resume.
    pub resume_attempts: u32,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Power is on: the first event, and the one after [`Action::Restart`].
    Started,
    /// The login was answered with a token.
    LoggedIn(SessionToken),
    /// The login was answered with something else.
    LoginRefused(u16),
    /// A call was answered.
    Answered {
        /// The HTTP status code.
        code: u16,
        /// The body.
        body: Bytes,
    },
    /// A login or a call got no answer.
    Unreachable,
    /// The head of a download is there, or why not.
    Opened(Result<(), FetchError>),
    /// The artifact is stored, or why not.
    Stored(Result<StoredArtifact, StoreError>),
    /// The wait is over.
    Elapsed,
}

/// What a device remembers of an artifact that it has stored.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct StoredArtifact {
    /// The artifact's name.
    pub name: String,
    /// What it provides, `artifact_name` and `artifact_group` included.
    pub provides: BTreeMap<String, String>,
    /// Globs over the stored provides that it clears; `None` clears all of them, as artifacts did before
    /// the list was invented.
    pub clears: Option<Vec<String>>,
}

/// Why a download did not begin (device protocol §3).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FetchError {
    /// Another status than 200.
    #[error("the download was answered with {0}")]
    Status(u16),
    /// No `Content-Length`, or a content encoding.
    #[error("the download has an unknown image size")]
    UnknownSize,
    /// Less than the smallest artifact.
    #[error("the download is too small to be an artifact: {0} bytes")]
    TooSmall(u64),
    /// The link cannot be followed.
    #[error("the download link is not usable")]
    Link,
    /// No answer.
    #[error("the download could not be reached")]
    Unreachable,
}

/// Why an artifact was not stored.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The connection broke and could not be resumed.
    #[error("the download broke and could not be resumed")]
    Broken,
    /// The artifact is not valid, or not signed by a trusted key.
    #[error("{0}")]
    Invalid(String),
    /// The artifact has another name than the offer.
    #[error("the artifact is named `{found}`, the deployment said `{offered}`")]
    Name {
        /// In the offer.
        offered: String,
        /// In the artifact.
        found: String,
    },
    /// The device lacks what the artifact depends on, the device type included.
    #[error("the artifact's depends are not met: {0}")]
    Depends(String),
}
