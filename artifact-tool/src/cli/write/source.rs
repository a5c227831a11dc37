//! Images that are not files here: standard input, and the root file system of a running device.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use artifact::write::InputFile;

use super::super::Failure;

/// Stores what `input` yields in a temporary file without a name.
pub(super) fn spooled(
    name: &str,
    input: &mut impl Read,
    temporary: Option<&Path>,
) -> Result<InputFile, Failure> {
    let failed = |error: io::Error| Failure { status: 3, message: format!("{name}: {error}") };
    let mut file = match temporary {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    }
    .map_err(failed)?;
    io::copy(input, &mut file).map_err(failed)?;
    Ok(InputFile::file(name, file))
}

/// Takes the root file system of the device at `ssh://[USER@]HOST[:PORT]`, as it is while it runs.
pub(super) fn snapshot(
    url: &str,
    ssh_args: &[String],
    name: &str,
    temporary: Option<&Path>,
) -> Result<InputFile, Failure> {
    let target = Target::parse(url).ok_or_else(|| Failure::usage(format!("{url} names no host")))?;
    let mut ssh = Command::new("ssh");
    ssh.args(ssh_args.iter().flat_map(|args| args.split_whitespace()));
    if let Some(port) = target.port {
        ssh.args(["-p", port]);
    }
    // The name that the program has from version 4 on comes first.
    let dump = "if command -v mender-snapshot >/dev/null; then set -- mender-snapshot dump; \
                else set -- mender snapshot dump; fi; \
                if [ \"$(id -u)\" = 0 ]; then exec \"$@\"; else exec sudo -n \"$@\"; fi";
    ssh.args(["--", target.host, "sh", "-c", &format!("'{dump}'")]);
    let unreachable = |why: String| Failure { status: 3, message: format!("{url}: {why}") };
    let mut child = ssh
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| unreachable(format!("failed to start ssh: {error}")))?;
    let input = match child.stdout.take() {
        Some(mut output) => spooled(name, &mut output, temporary),
        None => Err(unreachable("ssh has no output".to_owned())),
    };
    let status = child.wait().map_err(|error| unreachable(error.to_string()))?;
    if status.success() { input } else { Err(unreachable(format!("the snapshot failed with {status}"))) }
}

/// Where a device is.
#[derive(Debug, Eq, PartialEq)]
struct Target<'a> {
    host: &'a str,
    port: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let rest = url.strip_prefix("ssh://")?.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, Some(port))
            }
            Some(_) | None => (rest, None),
        };
        // A host that looks like an option would be one to ssh.
        let is_host = !host.is_empty() && !host.starts_with('-') && !host.contains(['/', ' ']);
        is_host.then_some(Self { host, port })
    }
}

/// Warns of an image that is compressed: a device writes it as it is, and does not start from it.
pub(super) fn warn_of_compressed(path: &Path) {
    let mut magic = [0; 6];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok();
    let kind = match magic {
        [0x1f, 0x8b, ..] => "gzip",
        [0xfd, b'7', b'z', b'X', b'Z', 0] => "xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [b'B', b'Z', b'h', ..] => "bzip2",
        _ => return,
    };
    if is_read {
        let path = path.display();
        super::super::print::warning(&format!(
            "{path} is compressed with {kind}; an image is stored as it is, and compressed in the artifact"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_ssh_does() {
        let target = |host, port| Some(Target { host, port });
        assert_eq!(Target::parse("ssh://root@10.0.0.2:8022"), target("root@10.0.0.2", Some("8022")));
        assert_eq!(Target::parse("ssh://board"), target("board", None));
        for wrong in ["ssh://", "ssh://-oProxyCommand=x", "http://board", "ssh://a b"] {
            assert_eq!(Target::parse(wrong), None, "{wrong}");
        }
    }
}
