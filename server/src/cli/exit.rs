//! What a command's end means.

use std::process::ExitCode;

/// The exit status (design §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: the answer is no.
    No,
    /// 2: wrong use.
    WrongUse,
    /// 3: the server or a file could not be reached.
    Unreachable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::WrongUse => 2,
            Exit::Unreachable => 3,
        })
    }
}
