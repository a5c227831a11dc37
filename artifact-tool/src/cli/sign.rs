use std::path::PathBuf;

use artifact::sign::{Existing, Payloads, manifest, sign_file};
use artifact::{KeyError, Signer, signature};

use super::{Failure, files, print, read, signing};

/// Largest signature: the reader's limit.
const MAX_SIGNATURE: u64 = 16 * 1024;

/// Add a signature to an artifact, or replace it.
///
/// Everything but the signature is copied as it is. What is signed is the manifest, with the digests of all else: header
/// and form of the artifact are checked, payloads are unpacked and compared only with --check. A signature can also be
/// made elsewhere: --print-manifest prints what has to be signed, --signature attaches the result.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool sign -k release.private.pem -o signed.mender app.mender\n  \
artifact-tool sign --print-manifest app.mender > manifest\n  \
openssl dgst -sha256 -sign key.pem -out manifest.bin manifest\n  \
artifact-tool sign --signature manifest.bin --verify-key release.public.pem app.mender")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Args {
    #[command(flatten)]
    signing: signing::Args,
    /// File with a raw signature that was made elsewhere; one of ECDSA may be in ASN.1
    #[arg(long, value_name = "FILE", conflicts_with = "signer")]
    signature: Option<PathBuf>,
    /// Print the bytes that a signature covers, and change nothing
    #[arg(long, conflicts_with_all = ["signer", "signature", "output_path"])]
    print_manifest: bool,
    /// Where the signed artifact goes; without it the input is replaced
    #[arg(short, long, value_name = "FILE")]
    output_path: Option<PathBuf>,
    /// Replace a signature that is there
    #[arg(short, long)]
    force: bool,
    /// Compare the payloads with the manifest as well, as validate does
    #[arg(long, conflicts_with = "print_manifest")]
    check: bool,
    /// Describe the signed artifact as JSON
    #[arg(long, conflicts_with = "print_manifest")]
    json: bool,
    /// Artifact
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.print_manifest {
        return print::bytes(&manifest(&args.file)?);
    }
    let signer: Box<dyn Signer> = match &args.signature {
        Some(path) => {
            let bytes = signature::normalize(files::bytes(path, MAX_SIGNATURE)?);
            if bytes.is_empty() {
                return Err(Failure::usage(format!("{} is empty", path.display())));
            }
            Box::new(Attached { bytes, verify_key: args.signing.verify_key()? })
        }
        None => args.signing.signer()?.ok_or_else(|| {
            Failure::usage("nothing to sign with: give -k, --signer-command or --signature")
        })?,
    };
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let output = args.output_path.as_ref().unwrap_or(&args.file);
    let payloads = if args.check { Payloads::Checked } else { Payloads::Copied };
    sign_file(&args.file, output, signer.as_ref(), existing, payloads)?;
    if args.json { read::describe_json(output) } else { Ok(()) }
}

/// A signature that exists already.
struct Attached {
    bytes: Vec<u8>,
    verify_key: Option<artifact::VerifyingKey>,
}

impl Signer for Attached {
    fn sign(&self, manifest: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.verify_key {
            Some(key) if !key.verifies(manifest, &self.bytes) => Err(KeyError::Mismatch),
            Some(_) | None => Ok(self.bytes.clone()),
        }
    }
}
