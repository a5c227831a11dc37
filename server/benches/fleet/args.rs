//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::floor::inserts::Table;

const NOTES: &str = "\
Without a flag everything is measured with 1,000 and with 1,000,000 devices. The seeded data and the keys are kept
in the target folder (tmp/fleet-bench) and used again; delete it to begin afresh. Results go to server/benches:
results.json, headline.json and, made from both, RESULTS.md. They are figures of a machine that does nothing else.

Exit status: 0 measured, 1 something could not be measured or answered with errors. A missed budget is a result.";

/// Measure the server against bare floors
#[derive(Debug, Parser)]
#[command(name = "fleet", after_help = NOTES)]
pub(crate) struct Args {
    /// Given by cargo, means nothing
    #[arg(long, hide = true)]
    bench: bool,
    /// Take small numbers, to see that the bench itself works: its figures mean little
    #[arg(long)]
    pub(crate) quick: bool,
    /// Serve a million devices at default polling from one core, instead of the table
    #[arg(long)]
    pub(crate) headline: bool,
    /// How long the headline takes
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) minutes: u64,
    /// Measure only rows whose name begins so; may be repeated. The others keep their last result
    #[arg(long, value_name = "ROW")]
    pub(crate) only: Vec<String>,
    /// Write the results there [default: server/benches, with --quick the target folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// What the bench starts itself as.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Answers 204 to everything, and logs devices in
    #[command(name = "floor-http", hide = true)]
    Answer {
        /// Where keys are found, and its certificate is made
        directory: PathBuf,
    },
    /// Inserts rows
    #[command(name = "floor-inserts", hide = true)]
    Insert {
        /// Where its database is made
        directory: PathBuf,
        /// How long
        millis: u64,
        /// Which
        table: Table,
    },
    /// Reads what a start reads
    #[command(name = "floor-read", hide = true)]
    Read {
        /// The database
        database: PathBuf,
    },
}
