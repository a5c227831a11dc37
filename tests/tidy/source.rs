//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use harness::binaries::workspace;

/// What is made, not written.
const NOT_OURS: [&str; 3] = [".git", "sealift-data", "target"];

/// A text file.
pub(crate) struct Source {
    /// The path from the root of the repository, with `/`.
    pub(crate) path: String,
    /// The content.
    pub(crate) text: String,
}

impl Source {
    /// Whether it is a file of Rust code.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Returns the numbered lines of code: not comments, and not the tests at the end of the file.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Returns the numbered lines of code that name something as a word.
    pub(crate) fn naming<'a>(&'a self, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        self.code().filter(move |(_, line)| names(line, word))
    }

    /// Whether the file lies in a folder or is that file.
    pub(crate) fn is_below(&self, place: &str) -> bool {
        self.path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Returns the Rust files of the repository.
pub(crate) fn rust_files() -> Vec<Source> {
    files().into_iter().filter(Source::is_rust).collect()
}

/// Returns all text files that belong to the repository, whether or not they are committed yet.
pub(crate) fn files() -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(workspace().join(&folder)).expect("a folder of the repository");
        for entry in entries.map_while(Result::ok) {
            let path = folder.join(entry.file_name());
            if NOT_OURS.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if entry.path().is_dir() {
                folders.push(path);
            } else {
                files.extend(read(&path));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Joins complaints into one failure.
#[track_caller]
pub(crate) fn expect_none(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}:\n  {}", complaints.join("\n  "));
}

/// Describes a place for a complaint.
pub(crate) fn place(file: &Source, line: usize, text: &str) -> String {
    format!("{}:{line}: {}", file.path, text.trim())
}

fn read(path: &Path) -> Option<Source> {
    // Not every file is text.
    let text = fs::read_to_string(workspace().join(path)).ok()?;
    Some(Source { path: path.to_str()?.to_owned(), text })
}

/// Whether a line has this word, not as a part of a longer one.
fn names(line: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next())
    })
}
