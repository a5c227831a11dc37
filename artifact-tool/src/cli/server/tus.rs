//! Uploads in parts, by tus 1.0.0: what breaks off goes on where it was.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::ProgressBar;
use serde_json::Value;
use ureq::SendBody;

use super::super::{Failure, files, print};
use super::Client;
use super::client::{Answer, Refused};

const UPLOADS: &str = "/api/management/v1/deployments/artifacts/uploads";
const VERSION: (&str, &str) = ("tus-resumable", "1.0.0");
/// Bytes in one request: a server that refuses them reads so many before it hangs up, so that its answer is seen.
const PART: u64 = 4 << 20;
/// The first pause before an upload goes on; each further one without progress is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A file on its way to a server.
pub(super) struct Upload<'a> {
    pub(super) client: &'a Client,
    pub(super) file: &'a Path,
    pub(super) size: u64,
    /// SHA-256 of the file: finds it again among unfinished uploads.
    pub(super) sha256: String,
    pub(super) description: Option<&'a str>,
    /// How often in a row it goes on after a break without progress.
    pub(super) retries: u32,
    pub(super) bar: &'a ProgressBar,
}

/// Answers whether the server takes uploads in parts.
pub(super) fn is_offered(client: &Client) -> bool {
    client.ask("OPTIONS", UPLOADS, &[], SendBody::none()).is_ok_and(|answer| {
        answer.header("tus-version").is_some_and(|all| all.split(',').any(|one| one.trim() == VERSION.1))
    })
}

impl Upload<'_> {
    /// Sends the file; returns the id of the artifact. `resume` looks for an earlier upload of it first.
    pub(super) fn run(&self, resume: bool) -> Result<String, Failure> {
        let known = if resume { self.find()? } else { None };
        let path = match known {
            Some(path) => path,
            None => self.begin()?,
        };
        let mut failures = 0;
        let (mut at, mut is_sure) = (0, !resume);
        loop {
            let step = if is_sure { self.send(&path, at) } else { self.look(&path) };
            match step {
                Ok(Step::Done(artifact)) => return Ok(artifact),
                Ok(Step::At(offset)) => {
                    if offset > at {
                        failures = 0;
                    }
                    (at, is_sure) = (offset, true);
                    self.bar.set_position(at);
                }
                Err(refused) if refused.is_passing() && failures < self.retries => {
                    let pause = LONGEST_PAUSE.min(PAUSE * 2_u32.saturating_pow(failures));
                    failures += 1;
                    is_sure = false;
                    let message = format!("{}; going on in {} s", refused.failure.message, pause.as_secs());
                    self.bar.suspend(|| print::warning(&message));
                    std::thread::sleep(pause);
                }
                Err(refused) => return Err(explain(refused)),
            }
        }
    }

    fn begin(&self) -> Result<String, Failure> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let pair = |(key, value): (&str, &str)| format!("{key} {}", STANDARD.encode(value));
        let mut metadata = vec![pair(("filename", &name)), pair(("sha256", &self.sha256))];
        metadata.extend(self.description.map(|text| pair(("description", text))));
        let (length, metadata) = (self.size.to_string(), metadata.join(","));
        let headers = [
            VERSION,
            ("upload-length", length.as_str()),
            ("upload-metadata", metadata.as_str()),
            ("content-length", "0"),
        ];
        let mut left = self.retries;
        loop {
            match self.client.ask("POST", UPLOADS, &headers, SendBody::none()) {
                Ok(answer) => {
                    // Of the address only the id counts: the token is for the server that was logged in to.
                    let id =
                        answer.location.as_deref().and_then(|url| url.rsplit('/').next()).map(str::to_owned);
                    let id = id.filter(|id| is_id(id));
                    return id
                        .map(|id| format!("{UPLOADS}/{id}"))
                        .ok_or_else(|| self.client.failed("no upload was begun"));
                }
                Err(refused) if refused.failure.status == 3 && left > 0 => {
                    self.bar
                        .suspend(|| print::warning(&format!("{}; trying again", refused.failure.message)));
                    left -= 1;
                    std::thread::sleep(PAUSE);
                }
                Err(refused) => return Err(refused.failure),
            }
        }
    }

    /// Finds an unfinished upload of the same bytes.
    fn find(&self) -> Result<Option<String>, Failure> {
        let uploads = self.client.get(UPLOADS)?;
        let mark = format!("sha256 {}", STANDARD.encode(&self.sha256));
        let is_same = |upload: &&Value| {
            let metadata = upload.get("metadata").and_then(Value::as_str).unwrap_or_default();
            let length = upload.get("length").and_then(Value::as_u64);
            length == Some(self.size) && metadata.split(',').any(|pair| pair.trim() == mark)
        };
        let all = uploads.as_array().map(Vec::as_slice).unwrap_or_default();
        let id = all.iter().rfind(is_same).and_then(|upload| upload.get("id")).and_then(Value::as_str);
        Ok(id.filter(|id| is_id(id)).map(|id| format!("{UPLOADS}/{id}")))
    }

    fn look(&self, path: &str) -> Result<Step, Refused> {
        let answer = self.client.ask("HEAD", path, &[VERSION], SendBody::none())?;
        self.step(&answer)
    }

    fn send(&self, path: &str, at: u64) -> Result<Step, Refused> {
        let length = PART.min(self.size.saturating_sub(at));
        let mut file = files::open(self.file)?;
        file.seek(SeekFrom::Start(at)).map_err(|error| Failure::unreachable(self.file, &error))?;
        let mut part = Part { file: file.take(length), bar: self.bar };
        let (offset, length) = (at.to_string(), length.to_string());
        let headers = [
            VERSION,
            ("upload-offset", offset.as_str()),
            ("content-type", "application/offset+octet-stream"),
            ("content-length", length.as_str()),
        ];
        let answer = self.client.ask("PATCH", path, &headers, SendBody::from_reader(&mut part))?;
        self.step(&answer)
    }

    fn step(&self, answer: &Answer) -> Result<Step, Refused> {
        if let Some(artifact) = answer.header("artifact-id") {
            return Ok(Step::Done(artifact.to_owned()));
        }
        let offset = answer.header("upload-offset").and_then(|text| text.parse().ok());
        let offset = offset.filter(|offset| *offset <= self.size);
        Ok(Step::At(offset.ok_or_else(|| self.client.failed("did not say where the upload goes on"))?))
    }
}

enum Step {
    /// The server has so many bytes.
    At(u64),
    /// The upload became this artifact.
    Done(String),
}

/// Says what to do about a refusal.
fn explain(refused: Refused) -> Failure {
    let Refused { mut failure, http, .. } = refused;
    if matches!(http, Some(404 | 410)) {
        failure.message += "; the server has ended this upload: upload the file again to learn why";
    } else if failure.status == 3 {
        failure.message += "; `artifact-tool upload --resume` goes on with it";
    }
    failure
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A part of the file.
struct Part<'a> {
    file: Take<File>,
    bar: &'a ProgressBar,
}

impl Read for Part<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf)?;
        self.bar.inc(u64::try_from(read).unwrap_or_default());
        Ok(read)
    }
}
