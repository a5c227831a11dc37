//! The server as programs that nobody here wrote see it: `mender-client` 3.4, `mender-cli` 1.9,
//! `mender-artifact` 3.9, `tuspy`; and a fleet of simulated devices.
//!
//! Slow trials wait for the client's own pauses of 60 seconds; they run with `SEALIFT_LONG=1`,
//! `--ignored` or `--include-ignored`.

mod artifact_tool;
mod fleet;
mod mender_artifact;
mod mender_cli;
mod mender_client;
mod tuspy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = mender_client::trials();
    trials.extend(mender_cli::trials());
    trials.extend(mender_artifact::trials());
    trials.extend(artifact_tool::trials());
    trials.extend(tuspy::trials());
    trials.extend(fleet::trials());
    // A client mostly waits for its next poll: more than one a core is no burden.
    harness::suite::run(4, trials)
}
