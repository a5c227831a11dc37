//! The walls of the house, kept by reading its source; see ARCHITECTURE.md for what they are.
//!
//! A rule here is about names in files: cheap, exact, and never in the way of how something is done.

mod documents;
mod layers;
mod openapi;
mod shape;
mod source;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = layers::trials();
    trials.extend(shape::trials());
    trials.extend(words::trials());
    trials.extend(openapi::trials());
    trials.extend(documents::trials());
    harness::suite::run(2, trials)
}
