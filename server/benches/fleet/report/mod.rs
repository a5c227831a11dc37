//! What is kept of a run: JSON for programs, a table for people.

mod row;
mod table;

pub(crate) use row::{Row, figures};

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::{Outcome, files, say};

/// The table's figures.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Results {
    /// What the last run was on.
    pub(crate) machine: Machine,
    /// All rows.
    pub(crate) rows: Vec<Row>,
}

/// The headline's figures.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct HeadlineResults {
    /// What it was on.
    pub(crate) machine: Machine,
    /// What was measured, in the order of the table: a name and a figure.
    pub(crate) figures: Vec<(String, String)>,
    /// Requests that failed.
    pub(crate) errors: u64,
    /// The first of them.
    pub(crate) first_error: Option<String>,
}

/// Keeps the rows of a run, and of rows that it did not measure what was known before.
pub(crate) fn keep_rows(out: &Path, machine: &Machine, rows: Vec<Row>) -> Outcome<()> {
    let path = out.join("results.json");
    let mut results: Results = read(&path).unwrap_or_default();
    results.machine = machine.clone();
    for row in rows {
        match results.rows.iter_mut().find(|old| old.name == row.name) {
            Some(old) => *old = row,
            None => results.rows.push(row),
        }
    }
    files::put(&path, &serde_json::to_vec_pretty(&results)?)?;
    render(out)
}

/// Keeps the headline.
pub(crate) fn keep_headline(out: &Path, headline: &HeadlineResults) -> Outcome<()> {
    files::put(&out.join("headline.json"), &serde_json::to_vec_pretty(headline)?)?;
    render(out)
}

/// Makes the page from what is kept.
fn render(out: &Path) -> Outcome<()> {
    let path = out.join("RESULTS.md");
    let results: Option<Results> = read(&out.join("results.json"));
    let headline: Option<HeadlineResults> = read(&out.join("headline.json"));
    let before = fs::read_to_string(&path).unwrap_or_default();
    let page = table::page(results.as_ref(), headline.as_ref(), &before);
    files::put(&path, page.as_bytes())?;
    say(&format!("results: {}", path.display()));
    Ok(())
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
