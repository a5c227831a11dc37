//! Trials, and what a suite's `main` does.
//!
//! A trial is a plain function that panics when something is wrong. It is listed with [`trials!`],
//! [`storage_trials!`](crate::storage_trials), [`peer_trials!`](crate::peer_trials) or [`slow_trials!`](crate::slow_trials); a function that is not
//! listed is an unused function, which the compiler reports.

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

use crate::engine::Engine;
use crate::peers::{self, Peer};
use crate::server;

/// Lists trials that need nothing but our own programs.
#[macro_export]
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        vec![$($crate::suite::trial(module_path!(), stringify!($test), &[], $test)),*]
    };
}

/// Lists trials that drive peers: they are skipped, with the reason, where a peer is missing.
#[macro_export]
macro_rules! peer_trials {
    ($peers:expr; $($test:ident),* $(,)?) => {
        vec![$($crate::suite::trial(module_path!(), stringify!($test), $peers, $test)),*]
    };
}

/// Lists trials that drive peers and take a minute or more: ignored unless asked for.
#[macro_export]
macro_rules! slow_trials {
    ($peers:expr; $($test:ident),* $(,)?) => {
        vec![$($crate::suite::slow(
            $crate::suite::trial(module_path!(), stringify!($test), $peers, $test)
        )),*]
    };
}

/// Lists trials twice, once for each database engine: as `sqlite::…` and as `postgres::…`. Servers that such a
/// trial starts or shares are on its engine.
#[macro_export]
macro_rules! storage_trials {
    ($($test:ident),* $(,)?) => {
        $crate::Engine::ALL.into_iter().flat_map(|engine| {
            [$($crate::suite::trial_on(engine, module_path!(), stringify!($test), $test)),*]
        }).collect::<Vec<_>>()
    };
}

/// Makes a trial of a function.
pub fn trial(module: &str, name: &str, needs: &'static [Peer], run: fn()) -> Trial {
    make(path(module, name), needs, Engine::default(), run)
}

/// Makes a trial on an engine of a function.
pub fn trial_on(engine: Engine, module: &str, name: &str, run: fn()) -> Trial {
    make(format!("{}::{}", engine.name(), path(module, name)), engine.needs(), engine, run)
}

/// The name of a trial: the suite's own is not repeated.
fn path(module: &str, name: &str) -> String {
    module.split_once("::").map_or_else(|| name.to_owned(), |(_, inner)| format!("{inner}::{name}"))
}

fn make(name: String, needs: &'static [Peer], engine: Engine, run: fn()) -> Trial {
    Trial::ignorable_test(name, move || {
        let missing = |peer: &Peer| Some((*peer, peer.missing()?));
        if let Some((peer, reason)) = needs.iter().find_map(missing) {
            return if peers::are_required() && !peer.is_optional() {
                Err(reason.into())
            } else {
                Ok(Completion::ignored_with(format!("skipped: {reason}")))
            };
        }
        engine.begin();
        run();
        Ok(Completion::Completed)
    })
}

/// Marks a trial as slow: it is listed as ignored unless it is asked for.
pub fn slow(trial: Trial) -> Trial {
    let wanted = env::var("SEALIFT_LONG").is_ok_and(|value| value == "1");
    trial.with_kind("slow").with_ignored_flag(!wanted)
}

/// Runs a suite, `threads` trials at a time unless the command line says otherwise, and stops the
/// servers that its trials shared.
pub fn run(threads: usize, trials: Vec<Trial>) -> ExitCode {
    let mut args = Arguments::from_args();
    args.test_threads = args.test_threads.or(Some(threads));
    let conclusion = libtest_mimic::run(&args, trials);
    if let Err(fault) = server::stop_shared() {
        eprintln!("a shared server: {fault}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
