//! Exit status.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: a device failed.
    DeviceFailed,
    /// 2: wrong use.
    Usage,
    /// 3: the server or a file could not be reached.
    Unreachable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::DeviceFailed => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
        })
    }
}
