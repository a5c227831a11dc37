use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::depends::{self, Unmet};
use artifact::{Artifact, ReadOptions};
use serde_json::{Value, json};

use super::write::common::pair;
use super::{Failure, files, print, verifying};

/// Largest file with provides.
const MAX_PROVIDES: u64 = 1024 * 1024;

/// Tell what an artifact would change on a device, and whether the device would take it.
///
/// Give what the device provides: its type, and the keys that it stores. Status 1 if it would refuse the artifact.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool inspect --device-type beaglebone -p artifact_name:app-1.0 app-1.1.mender\n  \
ssh board mender show-provides | artifact-tool inspect --device-type beaglebone --provides-file - app-1.1.mender")]
pub(crate) struct Args {
    /// Type of the device
    #[arg(long, visible_alias = "compatible-type", value_name = "TYPE")]
    device_type: Option<String>,
    /// What the device provides, split at the first colon; may be repeated
    #[arg(short, long, value_name = "KEY:VALUE", value_parser = pair)]
    provides: Vec<(String, String)>,
    /// File with what the device provides, a JSON object or lines of KEY=VALUE; `-` is standard input
    #[arg(long, value_name = "FILE")]
    provides_file: Option<PathBuf>,
    #[command(flatten)]
    verifying: verifying::Args,
    /// List the members of the file, too
    #[arg(long)]
    members: bool,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Artifact
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let device = args.device()?;
    let trusted = args.verifying.trusted()?;
    let (file, size) = files::artifact(&args.file)?;
    let options = ReadOptions { keys: trusted.keys, size, allow_augmented: true, ..ReadOptions::default() };
    let artifact = artifact::read::read(file, &options).map_err(|error| Failure::of(&args.file, error))?;
    let merged = artifact.header.merged();
    let unmet = depends::unmet(&merged.depends, &device);
    let mut after = device.clone();
    depends::install(&mut after, &merged);
    if args.json {
        print::json(&args.json(&artifact, &unmet, &device, &after))?;
    } else {
        print::data(&args.text(&artifact, &unmet, &device, &after))?;
    }
    if unmet.is_empty() { Ok(()) } else { Err(Failure::no("the device would refuse the artifact")) }
}

impl Args {
    fn device(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut device = match &self.provides_file {
            Some(path) => read_provides(path)?,
            None => BTreeMap::new(),
        };
        device.extend(self.provides.iter().cloned());
        device.extend(self.device_type.iter().map(|kind| ("device_type".to_owned(), kind.clone())));
        Ok(device)
    }

    fn json(
        &self,
        artifact: &Artifact,
        unmet: &[Unmet<'_>],
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> Value {
        let unmet: Vec<_> = unmet
            .iter()
            .map(|unmet| json!({"key": unmet.key, "wanted": unmet.wanted.values(), "found": unmet.found}))
            .collect();
        let changes: Vec<_> = changes(before, after)
            .map(|(key, before, after)| json!({"key": key, "before": before, "after": after}))
            .collect();
        let files: Vec<_> = artifact
            .files
            .iter()
            .map(|file| json!({"payload": file.payload, "name": file.name, "size": file.size}))
            .collect();
        let mut answer = json!({
            "artifact_name": artifact.header.name,
            "payloads": artifact.header.payloads.iter().map(|payload| &payload.kind).collect::<Vec<_>>(),
            "accepted": unmet.is_empty(),
            "unmet": unmet,
            "changes": changes,
            "scripts": artifact.header.scripts.iter().map(|script| &script.name).collect::<Vec<_>>(),
            "files": files,
        });
        if let (true, Value::Object(answer)) = (self.members, &mut answer) {
            let member = |member: &artifact::Member| json!({"name": member.name, "start": member.start, "size": member.size});
            answer.insert("members".to_owned(), artifact.members.iter().map(member).collect());
        }
        answer
    }

    fn text(
        &self,
        artifact: &Artifact,
        unmet: &[Unmet<'_>],
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> String {
        let mut lines = vec![format!("Artifact: {}", artifact.header.name)];
        for payload in &artifact.header.payloads {
            let kind = payload.kind.as_deref().unwrap_or("nothing, it only tells what is there");
            lines.push(format!("Installs: {kind}"));
            let files = artifact.files_of(payload.index);
            lines.extend(files.map(|file| format!("  {} ({} bytes)", file.name, file.size)));
        }
        if !artifact.header.scripts.is_empty() {
            lines.push("Runs:".to_owned());
            lines.extend(artifact.header.scripts.iter().map(|script| format!("  {}", script.name)));
        }
        if unmet.is_empty() {
            lines.push("The device takes it.".to_owned());
        } else {
            lines.push("The device refuses it:".to_owned());
            lines.extend(unmet.iter().map(|unmet| {
                let found = unmet.found.unwrap_or("nothing");
                format!("  {} must be {}, it is {found}", unmet.key, unmet.wanted.values().join(" or "))
            }));
        }
        lines.push("Changes to what it provides:".to_owned());
        lines.extend(changes(before, after).flat_map(|(key, before, after)| {
            let line =
                |sign: char, value: Option<&String>| value.map(|value| format!("  {sign} {key}: {value}"));
            [line('-', before), line('+', after)].into_iter().flatten()
        }));
        if self.members {
            lines.push("Members:".to_owned());
            lines.extend(
                artifact
                    .members
                    .iter()
                    .map(|member| format!("  {:>12} {:>12} {}", member.start, member.size, member.name)),
            );
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Returns each key whose value is another afterwards.
fn changes<'a>(
    before: &'a BTreeMap<String, String>,
    after: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a String, Option<&'a String>, Option<&'a String>)> {
    let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let all = keys.into_iter().map(|key| (key, before.get(key), after.get(key)));
    all.filter(|(_, before, after)| before != after)
}

fn read_provides(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let bytes = files::bytes(path, MAX_PROVIDES)?;
    let wrong =
        || Failure::usage(format!("{} holds neither a JSON object of strings nor KEY=VALUE", path.display()));
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(&text).map_err(|_| wrong());
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())))
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}
