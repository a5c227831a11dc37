use std::fmt;
use std::io;

use super::Rule;

/// Why an artifact was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not an acceptable artifact.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The input itself failed; says nothing about the artifact.
    #[error("failed to read the artifact after byte {offset}")]
    Input {
        /// Bytes read until then.
        offset: u64,
        /// What the input said.
        source: io::Error,
    },
    /// The [`PayloadSink`](super::PayloadSink) failed.
    #[error("failed to store the payload file {file:?}")]
    Sink {
        /// Name of the payload file.
        file: String,
        /// What the sink said.
        source: io::Error,
    },
}

/// Which rule an artifact breaks, and where.
#[derive(Debug)]
pub struct Refusal {
    /// Outer member that was being read; empty between members.
    pub member: String,
    /// Entry inside that member, if it is known.
    pub entry: Option<String>,
    /// Bytes of the file consumed when the fault was noticed.
    pub offset: u64,
    /// The rule.
    pub rule: Rule,
}

impl ReadError {
    /// Returns the broken rule, if the artifact was refused.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Refused(refusal) => Some(&refusal.rule),
            Self::Input { .. } | Self::Sink { .. } => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.member.is_empty() {
            write!(f, "{}: ", self.member)?;
        }
        if let Some(entry) = &self.entry {
            write!(f, "{entry}: ")?;
        }
        write!(f, "{} (at byte {})", self.rule, self.offset)
    }
}

/// A fault before its position is known.
#[derive(Debug)]
pub(crate) enum Fault {
    Rule(Rule),
    /// From the input or from a decoder; the position tells which.
    Io(io::Error),
    Sink {
        file: String,
        source: io::Error,
    },
}

/// Marks the I/O error of a tar that ends inside an entry, whatever reads it.
#[derive(Debug, thiserror::Error)]
#[error("{}", Rule::Truncated)]
pub(crate) struct Cut;

impl From<Rule> for Fault {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Cut>() {
            Ok(Cut) => Self::Rule(Rule::Truncated),
            Err(error) => Self::Io(error),
        }
    }
}
