use std::io::Write;
use std::path::{Path, PathBuf};

use artifact::edit::Edit;
use artifact::write::WriteOptions;
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::super::{Failure, files};
use super::debugfs::FileSystem;
use super::opened;

const CONFIGURATION: &str = "/etc/mender/mender.conf";
const ARTIFACT_INFO: &str = "/etc/mender/artifact_info";
const CERTIFICATE: &str = "/etc/mender/server.crt";
const VERIFICATION_KEY: &str = "/etc/mender/artifact-verify-key.pem";
/// Largest file that is put in.
const MAX_FILE: u64 = 1024 * 1024;

/// Settings of the Mender client in an image.
#[derive(Debug, clap::Args)]
#[group(id = "settings")]
#[command(next_help_heading = "Settings of the client in an image of a root file system")]
pub(crate) struct Settings {
    /// Server that devices ask
    #[arg(short = 'u', long, value_name = "URL")]
    server_uri: Option<String>,
    /// Certificate that devices trust
    #[arg(short = 'c', long, value_name = "FILE")]
    server_cert: Option<PathBuf>,
    /// Public key that devices verify artifacts with
    #[arg(short = 'v', long, value_name = "FILE")]
    verification_key: Option<PathBuf>,
    /// File with the tenant token
    #[arg(short = 't', long, value_name = "FILE")]
    tenant_token: Option<PathBuf>,
}

impl Settings {
    /// Returns true if nothing was asked for.
    pub(in crate::cli) const fn are_empty(&self) -> bool {
        self.server_uri.is_none()
            && self.server_cert.is_none()
            && self.verification_key.is_none()
            && self.tenant_token.is_none()
    }

    /// Writes the artifact to `path` with these settings and the name of `rename` in its image.
    pub(in crate::cli) fn write(
        &self,
        edit: &Edit,
        rename: Option<&str>,
        path: &Path,
        options: &WriteOptions<'_>,
    ) -> Result<(), Failure> {
        opened::change_payload(edit, path, options, |image| self.apply(image, rename))
    }

    /// The same for an image that is no artifact.
    pub(in crate::cli) fn change_image(
        &self,
        path: &Path,
        rename: Option<&str>,
        output: &opened::Output,
    ) -> Result<(), Failure> {
        opened::change(path, output, |image| self.apply(image, rename))
    }

    fn apply(&self, image: &FileSystem, rename: Option<&str>) -> Result<(), Failure> {
        if let Some(name) = rename {
            rename_in(image, name)?;
        }
        let mut settings = Vec::new();
        if let Some(url) = &self.server_uri {
            settings.push(("ServerURL", url.clone()));
        }
        for (file, target, key) in [
            (&self.server_cert, CERTIFICATE, "ServerCertificate"),
            (&self.verification_key, VERIFICATION_KEY, "ArtifactVerifyKey"),
        ] {
            if let Some(file) = file {
                put(image, target, &files::bytes(file, MAX_FILE)?)?;
                settings.push((key, target.to_owned()));
            }
        }
        if let Some(file) = &self.tenant_token {
            let token = String::from_utf8(files::bytes(file, MAX_FILE)?)
                .map_err(|_| Failure::usage(format!("{} is not text", file.display())))?;
            settings.push(("TenantToken", token.trim().to_owned()));
        }
        if settings.is_empty() { Ok(()) } else { configure(image, settings) }
    }
}

/// Writes the artifact name, if the image keeps one.
fn rename_in(image: &FileSystem, name: &str) -> Result<(), Failure> {
    if image.find(ARTIFACT_INFO)?.is_none() {
        return Ok(());
    }
    let text = image.read(ARTIFACT_INFO)?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            if line.starts_with("artifact_name=") { format!("artifact_name={name}") } else { line.to_owned() }
        })
        .collect();
    put(image, ARTIFACT_INFO, format!("{}\n", lines.join("\n")).as_bytes())
}

fn configure(image: &FileSystem, settings: Vec<(&str, String)>) -> Result<(), Failure> {
    let mut configuration: Map<String, Value> = match image.find(CONFIGURATION)? {
        None => Map::new(),
        Some(_) => serde_json::from_slice(&image.read(CONFIGURATION)?)
            .map_err(|error| Failure::no(format!("{CONFIGURATION} in the image: {error}")))?,
    };
    for (key, value) in settings {
        configuration.insert(key.to_owned(), value.into());
    }
    let text = serde_json::to_string_pretty(&configuration).unwrap_or_default();
    put(image, CONFIGURATION, format!("{text}\n").as_bytes())
}

/// Writes a file; one that is there keeps its mode.
fn put(image: &FileSystem, path: &str, contents: &[u8]) -> Result<(), Failure> {
    let mode = image.find(path)?.map_or(0o644, |entry| entry.mode);
    let folder = image.file().parent().unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| Failure::unreachable(folder, &error);
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(contents).and_then(|()| file.flush()).map_err(failed)?;
    image.write(file.path(), path, mode)
}
