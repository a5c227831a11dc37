//! What the person at the terminal sees while the demo runs.

use std::sync::Arc;
use std::time::Duration;

use client_sim::fleet::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::cli::output::print_error;

const TICK: Duration = Duration::from_millis(100);

/// Steps as lines, devices as a bar below them; without a terminal only the steps.
pub(super) struct Show {
    bar: ProgressBar,
    painter: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

impl Show {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { bar, painter: parking_lot::Mutex::new(None) }
    }

    /// Tells that a step is done.
    pub(super) fn step(&self, what: &str) {
        self.bar.suspend(|| print_error(&format!("· {what}")));
    }

    /// Draws a fleet's counters from now on.
    pub(super) fn watch(&self, progress: &Arc<Progress>) {
        let (bar, progress) = (self.bar.clone(), Arc::clone(progress));
        let painter = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                let now = progress.snapshot();
                if now.devices == 0 {
                    bar.set_length(now.keys_wanted);
                    bar.set_position(now.keys_ready);
                    bar.set_message("keys");
                } else {
                    bar.set_length(now.devices);
                    bar.set_position(now.settled());
                    bar.set_message(now.to_string());
                }
            }
        });
        if let Some(former) = self.painter.lock().replace(painter) {
            former.abort();
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        if let Some(painter) = self.painter.lock().take() {
            painter.abort();
        }
        self.bar.finish_and_clear();
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.finish();
    }
}
