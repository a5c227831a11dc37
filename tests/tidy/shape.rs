//! How files look.

use libtest_mimic::Trial;

use crate::source::{expect_none, place, rust_files};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![files_are_short, no_globs, tests_are_last, expectations_have_reasons]
}

/// No file is longer than this, its tests not counted.
const LONGEST: usize = 400;

fn files_are_short() {
    let complaints: Vec<String> = rust_files()
        .iter()
        .filter_map(|file| {
            let own = file.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
            // A suite is all tests.
            let is_suite = file.path.split('/').any(|part| part == "tests" || part == "benches");
            let limit = if is_suite { 2 * LONGEST } else { LONGEST };
            (own > limit).then(|| format!("{} has {own} lines", file.path))
        })
        .collect();
    expect_none("a file is about one thing", &complaints);
}

fn no_globs() {
    let mut complaints = Vec::new();
    for file in rust_files() {
        for (line, text) in file.code() {
            let text = text.trim();
            let imports =
                text.starts_with("use ") || text.starts_with("pub use ") || text.starts_with("pub(");
            // What `DeriveEntityModel` expands to takes the whole prelude for granted.
            let is_entity =
                file.is_below("server/src/storage/entity") && text == "use sea_orm::entity::prelude::*;";
            if imports && text.ends_with("::*;") && !is_entity {
                complaints.push(place(&file, line, text));
            }
        }
    }
    expect_none("imports name what they import", &complaints);
}

fn tests_are_last() {
    let mut complaints = Vec::new();
    for file in rust_files().iter().filter(|file| !file.is_below("tests")) {
        // After the tests at the left margin nothing follows but their closing brace.
        let tests = file.text.lines().skip_while(|line| *line != "#[cfg(test)]").skip(1);
        let mut items = tests.filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
        if items.next().is_some_and(|first| first.starts_with("mod ") && !first.ends_with(';')) {
            complaints.extend(items.map(|item| format!("{}: {item}", file.path)));
        }
    }
    expect_none("tests come last in a file", &complaints);
}

fn expectations_have_reasons() {
    let mut complaints = Vec::new();
    for file in rust_files() {
        let text: Vec<(usize, &str)> = file.code().collect();
        for (at, (line, code)) in text.iter().enumerate() {
            let code = code.trim();
            if code.starts_with("#[allow(") || code.starts_with("#![allow(") {
                complaints.push(place(&file, *line, code));
            }
            if code.starts_with("#[expect(") || code.starts_with("#![expect(") {
                let whole: String = text[at..].iter().take(6).map(|(_, line)| *line).collect();
                let whole = whole.split(")]").next().unwrap_or_default();
                if !whole.contains("reason") {
                    complaints.push(place(&file, *line, code));
                }
            }
        }
    }
    expect_none("a lint is switched off with a reason, and only where it fires", &complaints);
}
