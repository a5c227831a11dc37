//! The log of a deployment (device protocol §2.5).

use chrono::{DateTime, SecondsFormat, Utc};

use crate::protocol::deployments::LogMessage;

/// Lines kept at most; an update that is tried over and over must not grow.
const MAX_LINES: usize = 256;

/// What happened during an update, for the server to keep if it fails.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    lines: Vec<LogMessage>,
    first_error: Option<String>,
}

impl Log {
    pub(super) fn info(&mut self, now: DateTime<Utc>, message: impl Into<String>) {
        self.push(now, "info", message.into());
    }

    pub(super) fn error(&mut self, now: DateTime<Utc>, message: impl Into<String>) {
        let message = message.into();
        self.first_error.get_or_insert_with(|| message.clone());
        self.push(now, "error", message);
    }

    pub(super) fn lines(&self) -> &[LogMessage] {
        &self.lines
    }

    pub(super) fn first_error(&self) -> Option<&str> {
        self.first_error.as_deref()
    }

    fn push(&mut self, now: DateTime<Utc>, level: &'static str, message: String) {
        if self.lines.len() < MAX_LINES {
            // Whole seconds, as client 3.4.0 writes them.
            let timestamp = now.to_rfc3339_opts(SecondsFormat::Secs, true);
            self.lines.push(LogMessage { timestamp, level, message });
        }
    }
}
