//! The server as its devices, users and operators see it, over real TLS. Modules mirror the URL tree.
//!
//! Most trials share one server and keep apart by names of their own; those that change settings, stop
//! it or count everything start another.

mod devices;
mod management;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = devices::trials();
    trials.extend(management::trials());
    trials.extend(server::trials());
    harness::suite::run(4, trials)
}
