//! The server among people who wish it ill: bad bodies, bad heads, bombs, floods, scanners.
//!
//! What they send may be refused in many ways. It may not cause an answer of the 5xx kind (but for a
//! 503 that says when to come again), a panic, a hang, or a change of what others see.
//!
//! Long forms run with `SEALIFT_LONG=1`; `RESULTS.md` keeps what they have shown.

mod bodies;
mod bombs;
mod collection;
mod guesses;
mod limits_admission;
mod limits_chunks;
mod limits_connections;
mod limits_load;
mod limits_slow;
mod refusal;
mod scanner;
mod schema;
mod secrets;
mod smuggling;
mod targets;
mod timing;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = bodies::trials();
    trials.extend(bombs::trials());
    trials.extend(collection::trials());
    trials.extend(targets::trials());
    trials.extend(smuggling::trials());
    trials.extend(scanner::trials());
    trials.extend(schema::trials());
    trials.extend(secrets::trials());
    trials.extend(guesses::trials());
    trials.extend(timing::trials());
    trials.extend(limits_admission::trials());
    trials.extend(limits_chunks::trials());
    trials.extend(limits_connections::trials());
    trials.extend(limits_load::trials());
    trials.extend(limits_slow::trials());
    harness::suite::run(2, trials)
}
