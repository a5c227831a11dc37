//! Trials, and what a suite's `main` does.
//!
//! A trial is a plain function that panics when something is wrong. It is listed with [`trials!`],
//! [`peer_trials!`](crate::peer_trials) or [`slow_trials!`](crate::slow_trials); a function that is not
//! listed is an unused function, which the compiler reports.

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

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

/// Makes a trial of a function.
pub fn trial(module: &str, name: &str, needs: &'static [Peer], run: fn()) -> Trial {
    let module = module.split_once("::").map_or(String::new(), |(_, inner)| format!("{inner}::"));
    Trial::ignorable_test(format!("{module}{name}"), move || {
        if let Some(reason) = needs.iter().find_map(|peer| peer.missing()) {
            return if peers::are_required() {
                Err(reason.into())
            } else {
                Ok(Completion::ignored_with(format!("skipped: {reason}")))
            };
        }
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
/// server that its trials shared.
pub fn run(threads: usize, trials: Vec<Trial>) -> ExitCode {
    let mut args = Arguments::from_args();
    args.test_threads = args.test_threads.or(Some(threads));
    let conclusion = libtest_mimic::run(&args, trials);
    if let Err(fault) = server::stop_shared() {
        eprintln!("the shared server: {fault}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
