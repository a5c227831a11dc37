//! The hostile collection before the program: each file is refused for the right reason, at little cost.
//!
//! `tests/collection/TABLE.md` says what is wrong with each file, and what was found; `UPDATE_TABLE=1` writes it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::time::Duration;

use artifact::VerifyingKey;
use artifact::read::{ReadError, ReadOptions, read};
use hostile_artifacts::measured::{self, Measured};
use hostile_artifacts::{Case, PUBLIC_KEY, Trust, cases};
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;

/// What the whole process may take: an xz decoder alone needs 65 MiB for the dictionary of real files.
const MEMORY: u64 = 128 << 20;
/// CPU time of all its threads, with any build.
const CPU: Duration = Duration::from_secs(1);

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/collection/TABLE.md");
const HEAD: &str = "\
# The hostile collection

One file a row, made by this crate (`cargo run -p hostile-artifacts -- DIR` writes them). `tests/refusals.rs` gives each to
`artifact-tool validate` and `artifact-tool read`, and the suite `hostile` uploads them. Written by
`UPDATE_TABLE=1 cargo test -p artifact-tool --test refusals`.

| file | § | what is wrong | rule | found in | at byte | message |
|---|---|---|---|---|---|---|
";

fn main() -> ExitCode {
    if let Some(code) = measured::divert() {
        return code;
    }
    let mut trials: Vec<Trial> = cases()
        .into_iter()
        .map(|case| {
            Trial::test(case.name, move || {
                refused_at_little_cost(&case);
                Ok(())
            })
        })
        .collect();
    trials.push(Trial::test("the_table_is_true", || {
        the_table_is_true();
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn refused_at_little_cost(case: &Case) {
    let dir = tempfile::tempdir().unwrap();
    let bytes = case.bytes();
    let path = dir.path().join(case.name).with_extension("mender");
    fs::write(&path, &bytes).unwrap();

    let validated = run(case, &["validate", "--json"], &path, dir.path());
    let answer: Value = serde_json::from_slice(&validated.output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&validated.output.stderr)));
    let first = &answer["broken"][0];
    assert_eq!((&first["rule"], &first["member"]), (&case.rule.into(), &case.member.into()), "{answer}");
    let offset = first["offset"].as_u64().unwrap();
    assert!(offset <= u64::try_from(bytes.len()).unwrap(), "{first}");
    assert_eq!(answer["valid"], false);

    run(case, &["read"], &path, dir.path());
}

/// Runs the program on a file that it has to refuse, and looks at what that took.
fn run(case: &Case, words: &[&str], path: &Path, scratch: &Path) -> Measured {
    let mut command = Command::new(env!("CARGO_BIN_EXE_artifact-tool"));
    command.args(words);
    if case.trust == Trust::Key {
        let key = scratch.join("key.pem");
        fs::write(&key, PUBLIC_KEY).unwrap();
        command.arg("-k").arg(key);
    }
    let measured = measured::run(command.arg(path), scratch);
    let (cpu, peak) = (measured.cpu, measured.peak);
    assert_eq!(
        measured.output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&measured.output.stderr)
    );
    eprintln!("{} {}: {} ms of CPU, {} KiB", words[0], case.name, cpu.as_millis(), peak >> 10);
    assert!(cpu <= CPU, "{cpu:?} of CPU time");
    assert!(peak <= MEMORY, "{peak} bytes at the peak");
    measured
}

/// What is written about the collection is what the reader says.
fn the_table_is_true() {
    let table: String = cases().iter().map(row).collect();
    let expected = format!("{HEAD}{table}");
    if std::env::var_os("UPDATE_TABLE").is_some() {
        fs::write(TABLE, &expected).unwrap();
    }
    let found = fs::read_to_string(TABLE).unwrap_or_default();
    let differ = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
    assert!(expected == found, "UPDATE_TABLE=1 writes the table again; it differs at {differ:?}");
}

fn row(case: &Case) -> String {
    static KEY: OnceLock<VerifyingKey> = OnceLock::new();
    let bytes = case.bytes();
    let mut options = ReadOptions {
        allow_augmented: true,
        size: u64::try_from(bytes.len()).ok(),
        ..ReadOptions::default()
    };
    if case.trust == Trust::Key {
        options.keys.push(KEY.get_or_init(|| VerifyingKey::from_pem(PUBLIC_KEY).unwrap()).clone());
    }
    let Err(ReadError::Refused(refusal)) = read(bytes.as_slice(), &options) else {
        panic!("{} is not refused", case.name)
    };
    let place = match (&refusal.entry, refusal.member.as_str()) {
        (None, member) => member.to_owned(),
        (Some(entry), member) => format!("{member}: {}", short(entry)),
    };
    let message = short(&refusal.rule.to_string()).replace('|', "\\|");
    let Case { name, section, breaks, .. } = case;
    format!(
        "| {name} | {section} | {breaks} | {} | {place} | {} | {message} |\n",
        refusal.rule.code(),
        refusal.offset
    )
}

fn short(text: &str) -> String {
    if text.chars().count() <= 100 { text.to_owned() } else { text.chars().take(99).chain(['…']).collect() }
}
