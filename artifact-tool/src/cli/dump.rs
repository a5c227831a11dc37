use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use artifact::read::{PayloadSink, Reader};
use artifact::{Artifact, DependsValue, FormatVersion, Payload, PayloadFile, ReadOptions};
use serde_json::json;

use super::{Failure, files, print};

/// Take an artifact apart: its files, scripts and meta-data, and the command that writes it again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
artifact-tool dump --files files --scripts scripts --meta-data meta --print-cmdline app.mender")]
pub(crate) struct Args {
    /// Folder for the files of the payload
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
    /// Folder for the meta-data
    #[arg(long, value_name = "FOLDER")]
    meta_data: Option<PathBuf>,
    /// Folder for the state scripts
    #[arg(long, value_name = "FOLDER")]
    scripts: Option<PathBuf>,
    /// Print arguments that write the same again, quoted for a shell where it matters
    #[arg(long)]
    print_cmdline: bool,
    /// The same, each argument followed by a NUL
    #[arg(long, conflicts_with = "print_cmdline")]
    print0_cmdline: bool,
    /// Print what was dumped and the arguments as JSON
    #[arg(long, conflicts_with_all = ["print_cmdline", "print0_cmdline"])]
    json: bool,
    /// Artifact; `-` is standard input
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (file, size) = files::artifact(&args.file)?;
    let options = ReadOptions { size, allow_augmented: true, scripts: true, ..ReadOptions::default() };
    let failed = |error| Failure::of(&args.file, error);
    let reader = Reader::open(file, &options).map_err(failed)?;
    if reader.header().payloads.len() != 1 {
        return Err(Failure::usage(format!("{}: it has several payloads", args.file.display())));
    }
    let mut dumped = Dumped::default();
    let artifact = match &args.files {
        Some(folder) => {
            make_folder(folder)?;
            let mut sink = Extract { folder, current: None, written: &mut dumped.files };
            reader.payloads(&mut sink)
        }
        None => reader.payloads(&mut artifact::read::Discard),
    };
    // What was written of an artifact that turns out to be bad is worth nothing.
    let artifact = artifact.map_err(failed).inspect_err(|_| remove(&dumped.files))?;
    let rest = dump_rest(args, &artifact, &mut dumped);
    rest.inspect_err(|_| remove(&dumped.all()))?;
    let line = command_line(&artifact, &dumped);
    if args.print_cmdline {
        let words: Vec<_> = line.iter().map(|word| quoted(word)).collect();
        print::data(&format!("{}\n", words.join(" ")))
    } else if args.print0_cmdline {
        print::data(&line.iter().flat_map(|word| [word, "\0"]).collect::<String>())
    } else if args.json {
        print::json(&json!({
            "files": dumped.files,
            "scripts": dumped.scripts,
            "meta_data": dumped.meta_data,
            "augment_meta_data": dumped.augment_meta_data,
            "command_line": line,
        }))
    } else {
        Ok(())
    }
}

/// Paths of what was written.
#[derive(Default)]
struct Dumped {
    files: Vec<PathBuf>,
    scripts: Vec<PathBuf>,
    meta_data: Option<PathBuf>,
    augment_meta_data: Option<PathBuf>,
}

impl Dumped {
    fn all(&self) -> Vec<PathBuf> {
        let single = [&self.meta_data, &self.augment_meta_data].into_iter().flatten();
        self.files.iter().chain(&self.scripts).chain(single).cloned().collect()
    }
}

fn dump_rest(args: &Args, artifact: &Artifact, dumped: &mut Dumped) -> Result<(), Failure> {
    if let Some(folder) = &args.scripts {
        make_folder(folder)?;
        for script in &artifact.header.scripts {
            let path = folder.join(&script.name);
            write_new(&path, script.contents.as_deref().unwrap_or_default(), script.mode)?;
            dumped.scripts.push(path);
        }
    }
    let Some((folder, payload)) = args.meta_data.as_ref().zip(artifact.header.payloads.first()) else {
        return Ok(());
    };
    make_folder(folder)?;
    let write = |name: &str, bytes: Option<&Vec<u8>>| {
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
        let path = folder.join(name);
        write_new(&path, bytes, 0o644)?;
        Ok::<_, Failure>(Some(path))
    };
    dumped.meta_data = write("0000.meta-data", payload.meta_data_bytes.as_ref())?;
    let augment = payload.augment.as_ref().and_then(|augment| augment.meta_data_bytes.as_ref());
    dumped.augment_meta_data = write("0000.meta-data-augment", augment)?;
    Ok(())
}

/// Writes payload files into a folder.
struct Extract<'a> {
    folder: &'a Path,
    current: Option<File>,
    written: &'a mut Vec<PathBuf>,
}

impl PayloadSink for Extract<'_> {
    fn begin(&mut self, file: &PayloadFile) -> io::Result<()> {
        let path = self.folder.join(&file.name);
        self.current = Some(create(&path, file.mode)?);
        self.written.push(path);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.current.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    fn end(&mut self, _: &PayloadFile) -> io::Result<()> {
        self.current = None;
        Ok(())
    }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::unreachable(folder, &error))
}

fn write_new(path: &Path, contents: &[u8], mode: u32) -> Result<(), Failure> {
    create(path, mode)
        .and_then(|mut file| file.write_all(contents))
        .map_err(|error| Failure::unreachable(path, &error))
}

/// Makes a file that does not exist yet; set-user-id and the like are not taken over.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode & 0o777 | 0o600).open(path)
}

fn remove(paths: &[PathBuf]) {
    for path in paths {
        // It is reported why they are worth nothing; that one stays is not more important.
        let _unremovable = fs::remove_file(path);
    }
}

/// Returns arguments that write the artifact again out of what was dumped, with long options only.
fn command_line(artifact: &Artifact, dumped: &Dumped) -> Vec<String> {
    let header = &artifact.header;
    let payload = header.payloads.first();
    let kind = payload.and_then(|payload| payload.kind.as_deref());
    let command = if kind.is_some() { "module-image" } else { "bootstrap-artifact" };
    let mut line = vec!["write".to_owned(), command.to_owned()];
    let mut add = |flag: &str, value: &str| line.extend([flag.to_owned(), value.to_owned()]);
    add("--artifact-name", &header.name);
    header.group.iter().for_each(|group| add("--provides-group", group));
    header.depends_names.iter().for_each(|name| add("--artifact-name-depends", name));
    header.device_types.iter().for_each(|kind| add("--device-type", kind));
    header.depends_groups.iter().for_each(|group| add("--depends-groups", group));
    if let Some(kind) = kind {
        add("--type", kind);
        line.push("--no-default-software-version".to_owned());
    }
    if let Some(payload) = payload.filter(|_| header.version == FormatVersion::V3) {
        payload_flags(payload, &mut line);
    }
    let mut add = |flag: &str, path: &Path| line.extend([flag.to_owned(), path.display().to_string()]);
    dumped.scripts.iter().for_each(|path| add("--script", path));
    dumped.meta_data.iter().for_each(|path| add("--meta-data", path));
    dumped.augment_meta_data.iter().for_each(|path| add("--augment-meta-data", path));
    for (file, path) in artifact.files.iter().zip(&dumped.files) {
        add(if file.is_augmented { "--augment-file" } else { "--file" }, path);
    }
    line
}

fn payload_flags(payload: &Payload, line: &mut Vec<String>) {
    let pairs = |map: &serde_json::Map<String, serde_json::Value>, key: &str| -> Vec<String> {
        let object = map.get(key).and_then(serde_json::Value::as_object);
        let text = |value: &serde_json::Value| match value.as_str() {
            Some(text) => text.to_owned(),
            // A list of values has no place on the command line.
            None => value.to_string(),
        };
        object.into_iter().flatten().map(|(key, value)| format!("{key}:{}", text(value))).collect()
    };
    let mut add = |flag: &str, values: Vec<String>| {
        line.extend(values.into_iter().flat_map(|value| [flag.to_owned(), value]));
    };
    add("--provides", pairs(&payload.type_info, "artifact_provides"));
    add("--depends", pairs(&payload.type_info, "artifact_depends"));
    if let Some(augment) = &payload.augment {
        add("--augment-type", payload.kind.iter().cloned().collect());
        add("--augment-provides", pairs(&augment.type_info, "artifact_provides"));
        add("--augment-depends", pairs(&augment.type_info, "artifact_depends"));
    }
    let clears = payload.type_info.get("clears_artifact_provides").and_then(serde_json::Value::as_array);
    let clears = clears.into_iter().flatten().filter_map(|glob| glob.as_str().map(str::to_owned)).collect();
    if payload.kind.is_some() {
        line.push("--no-default-clears-provides".to_owned());
    }
    line.extend(Vec::into_iter(clears).flat_map(|glob| ["--clears-provides".to_owned(), glob]));
    if payload.depends.values().any(|value| matches!(value, DependsValue::AnyOf(_))) {
        print::warning("a depends with several values cannot be given on the command line");
    }
}

/// Quotes a word for a shell, if it needs it. Globs stay bare, as the original tool prints them: the line is also used
/// in `$(…)`, where quotes would be taken as they are.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "_-./:,=+@%*?".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
