//! What no file says: where it was written, and what is left to do.

use libtest_mimic::Trial;

use crate::source::{expect_none, files, place};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![no_local_paths, no_leftovers]
}

/// The file with the list cannot follow it.
const SELF: &str = "tests/tidy/words.rs";

fn no_local_paths() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let checkout = root.strip_suffix("tests/").unwrap_or(root).to_owned();
    let home = std::env::var("HOME").unwrap_or_default();
    // Too short a path would be found everywhere.
    let local = [checkout, format!("{}/", home.trim_end_matches('/'))];
    let forbidden: Vec<&str> =
        local.iter().map(String::as_str).filter(|path| path.len() > 3).chain(["/home/", "/Users/"]).collect();
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| file.path != SELF && !file.path.ends_with("Cargo.lock")) {
        for (at, line) in file.text.lines().enumerate() {
            if forbidden.iter().any(|path| line.contains(path)) {
                complaints.push(place(file, at + 1, line));
            }
        }
    }
    expect_none("a file knows nothing of the machine that it was written on", &complaints);
}

fn no_leftovers() {
    let forbidden =
        ["todo!(", "unimplemented!(", "dbg!(", "// TODO", "// FIXME", "// XXX", "<<<<<<<", ">>>>>>>"];
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| file.path != SELF && file.is_rust()) {
        for (at, line) in file.text.lines().enumerate() {
            if forbidden.iter().any(|word| line.contains(word)) {
                complaints.push(place(file, at + 1, line));
            }
        }
    }
    expect_none("what is left to do is in the tracker, not in the code", &complaints);
}
