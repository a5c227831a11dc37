use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// Makes a progress bar over `bytes`: on a terminal, unless it is unwanted.
pub(in crate::cli) fn bar(bytes: u64, is_unwanted: bool) -> ProgressBar {
    if is_unwanted || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
