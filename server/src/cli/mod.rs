//! The command line (design §6).
//!
//! A subcommand a file: its `Args`, literally as typed, and `run`, which gets the checked
//! configuration. Data goes to standard output, everything else to standard error.

mod calibrate_argon2;
mod check;
mod common;
mod demo;
mod error;
mod exit;
mod migrate;
mod openapi;
mod os_user;
mod output;
mod password_prompt;
mod program;
mod serve;
mod stop_signal;
mod survey;
mod user;

pub use common::CommonArgs;
pub use error::CliError;
pub use exit::Exit;
pub use output::{print_error, print_line};
pub use program::main;
