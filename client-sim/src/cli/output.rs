//! Standard output and standard error.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use super::exit::Exit;

/// Writes data. A reader that has gone away has seen enough.
pub(super) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a line for people.
pub(super) fn note(text: &str) {
    // There is nowhere left to complain.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error with its causes and returns the exit status.
pub(super) fn fail(exit: Exit, err: &dyn Error) -> ExitCode {
    let mut text = format!("client-sim: {err}");
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    note(&text);
    exit.into()
}
