//! What the documents say is there.

use std::process::Command;

use harness::binaries::{artifact_tool, client_sim, sealift, workspace};
use harness::process::run;
use libtest_mimic::Trial;

use crate::source::expect_none;

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![commands_of_the_readme_exist, files_of_a_project_exist]
}

/// Makes a command that runs a program.
type Start = fn() -> Command;

/// Every flag that the README gives to one of our programs is one that the program knows.
fn commands_of_the_readme_exist() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("a README");
    let programs: [(&str, Start); 3] =
        [("sealift", sealift), ("artifact-tool", artifact_tool), ("client-sim", client_sim)];
    let mut complaints = Vec::new();
    let mut found = 0;
    for line in commands(&readme) {
        let words: Vec<&str> = line.split_whitespace().collect();
        for (name, program) in &programs {
            let at = words.iter().position(|word| *word == *name || word.ends_with(&format!("/{name}")));
            // Through cargo the arguments follow two dashes.
            let at = at.map(|at| if words.get(at + 1) == Some(&"--") { at + 1 } else { at });
            let Some(at) = at else { continue };
            found += 1;
            let is_name = |word: &&&str| {
                word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.contains(['.', '/', '=', '@'])
            };
            let subcommand: Vec<&str> = words[at + 1..].iter().take_while(is_name).take(2).copied().collect();
            let help = (0..=subcommand.len()).rev().find_map(|depth| {
                let output = run(program().args(&subcommand[..depth]).arg("--help"));
                output.status.success().then(|| (depth, String::from_utf8_lossy(&output.stdout).into_owned()))
            });
            let Some((depth, help)) = help else {
                complaints.push(format!("{line}: no help"));
                continue;
            };
            if depth == 0 && !subcommand.is_empty() {
                complaints.push(format!("{line}: no such subcommand"));
            }
            let until =
                words.iter().position(|word| matches!(*word, "|" | "&&" | ";")).unwrap_or(words.len());
            for flag in words[at + 1..until.max(at + 1)]
                .iter()
                .filter(|word| word.starts_with("--") && word.len() > 2)
            {
                let flag = flag.split('=').next().unwrap_or_default();
                if !help.contains(flag) {
                    complaints.push(format!("{line}: {flag} is unknown"));
                }
            }
        }
    }
    assert!(found >= 3, "the README shows {found} commands of ours only");
    expect_none("commands of the README", &complaints);
}

fn files_of_a_project_exist() {
    for name in
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "deny.toml", "clippy.toml", ".ci/run"]
    {
        assert!(workspace().join(name).is_file(), "no {name}");
    }
}

/// Returns the command lines in the code blocks of a Markdown text, continued lines joined.
fn commands(text: &str) -> Vec<String> {
    let mut inside = false;
    let (mut lines, mut current) = (Vec::new(), String::new());
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside && let Some(start) = line.trim().strip_suffix('\\') {
            current.push_str(start);
        } else if inside {
            current.push_str(line.trim());
            lines.push(std::mem::take(&mut current));
        }
    }
    lines.retain(|line| !line.is_empty() && !line.starts_with('#'));
    lines
}
