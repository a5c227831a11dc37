//! Live progress on a terminal.

use std::sync::Arc;
use std::time::Duration;

use client_sim::fleet::Progress;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tokio::time::interval;

const TICK: Duration = Duration::from_millis(200);

/// Draws the counters until dropped; nothing if standard error is not a terminal.
pub(super) async fn draw(progress: Arc<Progress>) {
    let bar = ProgressBar::new(0).with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("[{elapsed}] {bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut ticks = interval(TICK);
    loop {
        ticks.tick().await;
        let snapshot = progress.snapshot();
        if snapshot.devices == 0 {
            bar.set_length(snapshot.keys_wanted);
            bar.set_position(snapshot.keys_ready);
            bar.set_message("keys");
        } else {
            bar.set_length(snapshot.devices);
            bar.set_position(snapshot.settled());
            bar.set_message(snapshot.to_string());
        }
    }
}
