use std::path::{Path, PathBuf};
use std::time::Duration;

use artifact::{Artifact, ReadOptions};
use serde_json::json;
use ureq::SendBody;

use super::super::write::progress;
use super::super::{Failure, files, print, verifying};
use super::form::Form;
use super::{Client, Connection, tus};

const ARTIFACTS: &str = "/api/management/v1/deployments/artifacts";
/// Pause before the file is sent again.
const PAUSE: Duration = Duration::from_secs(3);

/// Upload an artifact to a server.
///
/// It is checked whole before anything is sent, with the signature if keys are given. Status 1 if it is not valid or
/// the server refuses it, 3 if the server could not be reached. A connection that breaks is no loss: the upload goes on
/// where it was, as long as the server takes uploads in parts (tus 1.0).
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  artifact-tool upload -k release.public.pem --description 'fixes the clock' app.mender"
)]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    verifying: verifying::Args,
    /// What is said of it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How often in a row it goes on, or is sent again, after a broken connection
    #[arg(long, default_value_t = 5, value_name = "N")]
    retries: u32,
    /// Go on with an earlier upload of the same file, if the server still has it
    #[arg(long)]
    resume: bool,
    /// Never show a progress bar
    #[arg(long)]
    no_progress: bool,
    /// Print id and name of the artifact as JSON
    #[arg(long)]
    json: bool,
    /// Artifact
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let client = args.connection.client()?;
    let trusted = args.verifying.trusted()?;
    let (input, size) = files::artifact(&args.file)?;
    let Some(size) = size.filter(|_| args.file.as_os_str() != "-") else {
        return Err(Failure::usage("only a regular file can be uploaded"));
    };
    let options =
        ReadOptions { keys: trusted.keys, size: Some(size), fingerprints: true, ..ReadOptions::default() };
    let artifact = artifact::read::read(input, &options).map_err(|error| Failure::of(&args.file, error))?;
    let location = if tus::is_offered(&client) {
        let id = in_parts(args, &client, &artifact, size)?;
        format!("{ARTIFACTS}/{id}")
    } else {
        whole(args, &client, &artifact, size)?
    };
    let id = location.rsplit('/').next().unwrap_or_default();
    let name = &artifact.header.name;
    if args.json {
        return print::json(&json!({"id": id, "artifact_name": name, "location": location}));
    }
    print::data(&format!("Uploaded {name} as {id}\n"))
}

/// Sends the file in parts; returns the id of the artifact.
fn in_parts(args: &Args, client: &Client, artifact: &Artifact, size: u64) -> Result<String, Failure> {
    let bar = progress::bar(size, args.no_progress);
    let upload = tus::Upload {
        client,
        file: &args.file,
        size,
        sha256: artifact.sha256.map_or_else(String::new, |digest| digest.to_string()),
        description: args.description.as_deref(),
        retries: args.retries,
        bar: &bar,
    };
    let id = upload.run(args.resume);
    bar.finish_and_clear();
    id
}

/// Sends the file as a form, from its beginning after each break; returns where the server keeps it.
fn whole(args: &Args, client: &Client, artifact: &Artifact, size: u64) -> Result<String, Failure> {
    let mut left = args.retries;
    loop {
        match send(args, client, artifact, size) {
            Err(failure) if failure.status == 3 && left > 0 => {
                print::warning(&format!("{}; sending it again", failure.message));
                left -= 1;
                std::thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Sends the file once; returns where the server keeps it.
fn send(args: &Args, client: &Client, artifact: &Artifact, size: u64) -> Result<String, Failure> {
    let file = files::open(&args.file)?;
    let bar = progress::bar(size, args.no_progress);
    let progress = |bytes| bar.inc(bytes);
    let text = size.to_string();
    let mut fields = vec![("size", text.as_str())];
    fields.extend(args.description.iter().map(|text| ("description", text.as_str())));
    let name = args.file.file_name().unwrap_or(Path::new("artifact.mender").as_os_str()).to_string_lossy();
    let mut form = Form::new(&fields, &name, file, size, artifact.sha256, &progress);
    let (kind, length) = (form.content_type(), form.length().to_string());
    let headers = [("content-type", kind.as_str()), ("content-length", length.as_str())];
    let answer = client.post(ARTIFACTS, &headers, SendBody::from_reader(&mut form));
    bar.finish_and_clear();
    Ok(answer?.location.unwrap_or_default())
}
