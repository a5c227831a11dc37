//! The page for people.

use std::fmt::Write as _;

use super::{HeadlineResults, Results, Row};
use crate::machine::Machine;
use crate::numbers::{float, readable};

/// What follows this line is written by hand and kept.
const BY_HAND: &str = "## Remarks";

const INTRODUCTION: &str = "\
# What it costs

Made by `cargo bench -p sealift --bench fleet`, with the headline by `… -- --headline`; figures for programs are in
`results.json` and `headline.json`. **Only the ratios count**: floor and product are measured in the same run, in turns,
with the same toolchain, each pinned to one core while the load comes from the other; a value is the median of the
ratios of the rounds, with the least and the greatest behind it. Where the server was not busy all the time, or the
generator was, the ratio is one of processor times (user and system, of all threads), else one of rates. Absolute
figures are those of this machine on that day. Any wrong or missing answer fails a row.
";

/// Makes the page; what was written by hand on the one before stays.
pub(super) fn page(results: Option<&Results>, headline: Option<&HeadlineResults>, before: &str) -> String {
    let mut page = String::from(INTRODUCTION);
    if let Some(results) = results {
        page.push_str("\n## The table\n\n");
        machine(&mut page, &results.machine);
        page.push_str(
            "\n| operation | devices | value | is | budget | verdict |\n|---|---|---|---|---|---|\n",
        );
        for row in &results.rows {
            verdict(&mut page, row);
        }
        page.push_str("\n### Absolute figures\n\n| row | floor | product |\n|---|---|---|\n");
        for row in results.rows.iter().filter(|row| !row.product.is_empty()) {
            let _ = writeln!(page, "| {} | {} | {} |", row.name, row.floor, row.product);
        }
        let remarks: Vec<&Row> = results.rows.iter().filter(|row| !row.remark.is_empty()).collect();
        if !remarks.is_empty() {
            page.push_str("\n### What a reader has to know\n\n");
            for row in remarks {
                let _ = writeln!(page, "- `{}`: {}", row.name, row.remark);
            }
        }
        let dates: std::collections::BTreeSet<&str> =
            results.rows.iter().map(|row| row.date.as_str()).collect();
        if let (Some(first), Some(last)) = (dates.first(), dates.last()) {
            let _ = writeln!(page, "\nRows were measured between {first} and {last}, UTC.");
        }
    }
    if let Some(headline) = headline {
        page.push_str("\n## The headline\n\n");
        machine(&mut page, &headline.machine);
        page.push_str("\n| what | figure |\n|---|---|\n");
        for (what, figure) in &headline.figures {
            let _ = writeln!(page, "| {what} | {figure} |");
        }
        if let Some(error) = &headline.first_error {
            let _ = writeln!(page, "\nThe first error: {error}");
        }
    }
    page.push('\n');
    match before.find(BY_HAND).and_then(|at| before.get(at..)) {
        Some(kept) => page.push_str(kept),
        None => {
            let _ = writeln!(page, "{BY_HAND}\n\nNone yet.");
        }
    }
    page
}

fn verdict(page: &mut String, row: &Row) {
    let value = row.value.map_or_else(|| "–".to_owned(), readable);
    let spread = row.spread.map_or_else(String::new, |[least, greatest]| {
        format!(" ({} … {})", readable(least), readable(greatest))
    });
    let devices = row.devices.map_or_else(String::new, |devices| readable(float(devices)));
    let budget = row.budget.map_or_else(|| "–".to_owned(), |budget| budget.to_string());
    let _ = writeln!(
        page,
        "| {} | {devices} | {value}{spread} | {} | {budget} | {} |",
        row.operation, row.measure, row.verdict
    );
}

fn machine(page: &mut String, machine: &Machine) {
    let Machine { date, cpu, cores, memory_gib, kernel, rustc, disk, commit, load_before, load_after } =
        machine;
    let _ = writeln!(
        page,
        "{date} UTC, commit {commit}. {cpu}, {cores} cores, {memory_gib} GiB; Linux {kernel}; {rustc}; data on {disk}. \
         Load averages before: {load_before}, after: {load_after}."
    );
}
