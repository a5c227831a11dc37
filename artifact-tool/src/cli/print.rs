//! Standard output and standard error; a reader that went away is not a failure.

use std::io::{self, ErrorKind, Write};

use super::Failure;

/// Writes text to standard output.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// Writes a JSON document to standard output.
pub(super) fn json(document: &serde_json::Value) -> Result<(), Failure> {
    data(&format!("{document:#}\n"))
}

/// Writes bytes to standard output.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure { status: 3, message: format!("failed to write to standard output: {error}") })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a warning to standard error.
pub(super) fn warning(message: &str) {
    line("warning", message);
}

/// Writes an error to standard error.
pub(super) fn error(message: &str) {
    line("error", message);
}

fn line(kind: &str, message: &str) {
    // Nothing is left to be done if even this fails.
    let _unwritable = writeln!(io::stderr().lock(), "{kind}: {message}");
}
