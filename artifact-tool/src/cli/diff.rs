use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::ReadOptions;
use serde_json::{Value, json};

use super::{Failure, describe, files, print};

/// What says more about the file than about what a device gets of it.
const CONTAINER: [&str; 7] =
    ["size", "sha256", "members", "manifest", "manifest_augment", "compression", "header_entries"];

/// Tell how two artifacts differ: names, depends, provides, scripts, files.
///
/// Status 0 if they do not, 1 if they do. How they are packed only counts with --bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool diff app-1.0.mender app-1.1.mender")]
pub(crate) struct Args {
    /// Compare compression, order, times, sizes and digests of all members, too
    #[arg(long)]
    bytes: bool,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
    /// The one
    a: PathBuf,
    /// The other
    b: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (left, right) = (facts(&args.a, args.bytes)?, facts(&args.b, args.bytes)?);
    let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let changed: Vec<_> = keys
        .into_iter()
        .map(|key| (key, left.get(key), right.get(key)))
        .filter(|(_, left, right)| left != right)
        .collect();
    if args.json {
        let list: Vec<_> = changed.iter().map(|(key, a, b)| json!({"path": key, "a": a, "b": b})).collect();
        print::json(&json!({"same": list.is_empty(), "differences": list}))?;
    } else {
        let line = |sign: char, key: &str, value: &Value| format!("{sign} {key}: {value}\n");
        let text: String = changed
            .iter()
            .flat_map(|(key, a, b)| [a.map(|a| line('-', key, a)), b.map(|b| line('+', key, b))])
            .flatten()
            .collect();
        print::data(&text)?;
    }
    if changed.is_empty() {
        Ok(())
    } else {
        Err(Failure::no(format!("the artifacts differ in {} places", changed.len())))
    }
}

/// Returns everything that an artifact says, by its place.
fn facts(path: &Path, with_container: bool) -> Result<BTreeMap<String, Value>, Failure> {
    let (file, size) = files::artifact(path)?;
    let options = ReadOptions { size, allow_augmented: true, fingerprints: true, ..ReadOptions::default() };
    let artifact = artifact::read::read(file, &options).map_err(|error| Failure::of(path, error))?;
    let mut description = describe::json(&artifact, "", None);
    if let Value::Object(map) = &mut description {
        map.retain(|key, _| with_container || !CONTAINER.contains(&key.as_str()));
        // Said again elsewhere.
        map.retain(|key, _| !matches!(key.as_str(), "file" | "merged" | "header_info"));
    }
    let mut facts = BTreeMap::new();
    flatten("", &description, with_container, &mut facts);
    Ok(facts)
}

/// Puts the leaves of a document into a map; items with a name are found by it, whatever their position.
fn flatten(path: &str, value: &Value, with_container: bool, facts: &mut BTreeMap<String, Value>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| with_container || *key != "mtime") {
                flatten(&below(key), value, with_container, facts);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                let name = name.map_or_else(|| index.to_string(), str::to_owned);
                flatten(&format!("{path}[{name}]"), item, with_container, facts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            facts.insert(path.to_owned(), value.clone());
        }
    }
}
