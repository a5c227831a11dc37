use std::error::Error;
use std::io;
use std::path::Path;

use artifact::edit::EditError;
use artifact::sign::SignError;
use artifact::write::WriteError;
use artifact::{KeyError, ReadError};

/// Why a command did not succeed, and its exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: u8,
    pub(crate) message: String,
}

impl Failure {
    /// The answer is no: status 1.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self { status: 1, message: message.into() }
    }

    /// The command makes no sense: status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { status: 2, message: message.into() }
    }

    /// A file could not be reached: status 3.
    pub(crate) fn unreachable(path: &Path, error: &io::Error) -> Self {
        Self { status: 3, message: format!("{}: {error}", path.display()) }
    }

    /// Puts the name of the file before the message.
    pub(crate) fn of(path: &Path, error: ReadError) -> Self {
        Self::from(error).about(path)
    }

    /// Puts the name of the file before the message.
    pub(crate) fn about(self, path: &Path) -> Self {
        Self { message: format!("{}: {}", path.display(), self.message), ..self }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let status = match &error {
            ReadError::Refused(_) => 1,
            ReadError::Input { .. } | ReadError::Sink { .. } => 3,
        };
        Self { status, message: chain(&error) }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let status = match &error {
            WriteError::TooLarge(_) | WriteError::Key(KeyError::Mismatch) => 1,
            WriteError::Read { .. } | WriteError::Output { .. } | WriteError::Key(KeyError::External(_)) => 3,
            WriteError::Refused(_) | WriteError::Input(_) | WriteError::Key(_) => 2,
        };
        Self { status, message: chain(&error) }
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Read(error) => error.into(),
            SignError::Write(error) => error.into(),
            SignError::AlreadySigned => {
                Self::no("the artifact is signed already; use --force to replace the signature")
            }
            SignError::Key(KeyError::External(_)) => Self { status: 3, message: chain(&error) },
            SignError::Key(KeyError::Mismatch) => Self::no(chain(&error)),
            SignError::Key(_) => Self::usage(chain(&error)),
            SignError::Changed | SignError::Input { .. } | SignError::Output(_) => {
                Self { status: 3, message: chain(&error) }
            }
        }
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Read(error) => error.into(),
            EditError::Write(error) => error.into(),
            EditError::Unsupported(_) => Self::usage(chain(&error)),
            EditError::Changed | EditError::Input { .. } => Self { status: 3, message: chain(&error) },
        }
    }
}

/// Returns the message of an error and those of its sources.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        source = error.source();
    }
    text
}
