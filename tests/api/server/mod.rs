//! The server as its operator sees it: start, stop, files, certificates, command lines.

mod cli;
mod crowds;
mod durability;
mod health;
mod lifecycle;
mod postgres;
mod postgres_tls;
mod secrets;
mod tls;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = lifecycle::trials();
    trials.extend(durability::trials());
    trials.extend(postgres::trials());
    trials.extend(postgres_tls::trials());
    trials.extend(health::trials());
    trials.extend(tls::trials());
    trials.extend(cli::trials());
    trials.extend(crowds::trials());
    trials.extend(secrets::trials());
    trials
}
