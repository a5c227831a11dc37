//! What commands print.

use std::io::{self, Write as _};

/// Prints one line of data to standard output. Nobody reading any more is no failure.
pub fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    unless_pipe_broke(writeln!(out, "{line}").and_then(|()| out.flush()))
}

/// Prints one line for the person at the terminal to standard error; there is nowhere to report a
/// failure to.
pub fn print_error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn unless_pipe_broke(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::unless_pipe_broke;

    #[test]
    fn only_a_broken_pipe_is_forgiven() {
        assert!(unless_pipe_broke(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(unless_pipe_broke(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
