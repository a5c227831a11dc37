use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use artifact::{KeyType, SigningKey};

use super::{Failure, print};

/// Make a key pair for signing artifacts.
///
/// Writes PREFIX.private.pem (PKCS#1 or SEC1, which all versions of mender-artifact read; PKCS#8 for Ed25519;
/// readable only by the owner) and PREFIX.public.pem.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool keygen --type p256 --out release")]
pub(crate) struct Args {
    /// Kind of key: rsa3072, p256 or ed25519
    #[arg(long = "type", default_value = "p256", value_name = "TYPE")]
    kind: KeyType,
    /// Where the files go: PREFIX.private.pem and PREFIX.public.pem
    #[arg(short, long, value_name = "PREFIX")]
    out: PathBuf,
    /// Replace files that exist
    #[arg(short, long)]
    force: bool,
    /// Print the names of the files as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let private = with_suffix(&args.out, ".private.pem");
    let public = with_suffix(&args.out, ".public.pem");
    if !args.force
        && let Some(path) = [&private, &public].into_iter().find(|path| path.exists())
    {
        return Err(Failure::usage(format!("{} exists; use --force to replace it", path.display())));
    }
    if args.kind == KeyType::Ed25519 {
        print::warning("no Mender client accepts Ed25519 signatures, they are an extension");
    }
    let failed = |error: artifact::KeyError| Failure::no(error.to_string());
    let key = SigningKey::generate(args.kind).map_err(failed)?;
    let public_pem = key.verifying_key().map_err(failed)?.to_pem();
    write(&private, key.to_pem().map_err(failed)?.as_bytes(), 0o600, args.force)?;
    write(&public, public_pem.as_bytes(), 0o644, args.force)?;
    if args.json {
        let (private, public) = (private.display().to_string(), public.display().to_string());
        return print::json(&serde_json::json!({"private_key": private, "public_key": public}));
    }
    print::data(&format!("{}\n{}\n", private.display(), public.display()))
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Writes a new file; with `force` one that exists is removed first, so that its old mode does not stay.
fn write(path: &Path, contents: &[u8], mode: u32, force: bool) -> Result<(), Failure> {
    let failed = |error| Failure::unreachable(path, &error);
    if force && path.exists() {
        std::fs::remove_file(path).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(contents).and_then(|()| file.sync_all()).map_err(failed)
}
