//! Programs that are not ours.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::postgres;

/// A program that a trial drives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peer {
    /// The daemon `mender` 3.4, which also needs `unshare` with user namespaces.
    MenderClient,
    /// `mender-artifact`, which writes and signs artifacts.
    MenderArtifact,
    /// `mender-cli`, which uses the management API.
    MenderCli,
    /// `openssl`.
    OpenSsl,
    /// `nginx`, as a proxy.
    Nginx,
    /// Loop devices, which only root of a whole machine has, and `mkfs.ext4`.
    LoopDevices,
    /// `unshare` and `nsenter`, which make a mount namespace and enter it.
    Unshare,
    /// `sslyze`, which scans TLS configurations.
    Sslyze,
    /// `schemathesis`, which tests servers by their description.
    Schemathesis,
    /// `tuspy`, a client of tus for Python.
    Tuspy,
    /// `libfaketime`, which gives a program another time.
    Faketime,
    /// PostgreSQL's server and its tools, of which every trial process starts a private one.
    Postgres,
}

impl Peer {
    /// Returns why the program cannot be used here, or nothing when it can.
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::MenderClient if !on_path("mender") => Some("mender-client is not installed"),
            Self::MenderClient if !can_unshare() => Some("unshare cannot make a mount namespace"),
            Self::MenderArtifact if !on_path("mender-artifact") => Some("mender-artifact is not installed"),
            Self::MenderCli if !on_path("mender-cli") => Some("mender-cli is not installed"),
            Self::OpenSsl if !on_path("openssl") => Some("openssl is not installed"),
            Self::Nginx if !on_path("nginx") => Some("nginx is not installed"),
            Self::Sslyze if !on_path("sslyze") => Some("sslyze is not installed"),
            Self::Schemathesis if !on_path("schemathesis") => Some("schemathesis is not installed"),
            Self::Tuspy if !has_tuspy() => Some("tuspy is not installed"),
            Self::Faketime if !on_path("faketime") => Some("faketime is not installed"),
            Self::Postgres if !postgres::is_installed() => Some("postgresql is not installed"),
            Self::Unshare if !can_mount() => Some("unshare cannot make a mount namespace to mount in"),
            Self::LoopDevices if !has_loop_devices() => {
                Some("there are no loop devices, or not for this user")
            }
            Self::LoopDevices
            | Self::MenderClient
            | Self::MenderArtifact
            | Self::MenderCli
            | Self::OpenSsl
            | Self::Nginx
            | Self::Unshare
            | Self::Schemathesis
            | Self::Sslyze
            | Self::Tuspy
            | Self::Faketime
            | Self::Postgres => None,
        }
    }
}

impl Peer {
    /// Returns whether it can be missing although everything is installed: containers have no loop devices.
    pub fn is_optional(self) -> bool {
        self == Self::LoopDevices
    }
}

/// Returns whether a missing peer is a failure: `SEALIFT_REQUIRE_PEERS=1`.
pub fn are_required() -> bool {
    env::var("SEALIFT_REQUIRE_PEERS").is_ok_and(|value| value == "1")
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn has_tuspy() -> bool {
    let found = Command::new("python3").args(["-c", "import tusclient"]).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// Whether the client's compiled-in folders exist and can be covered.
fn can_unshare() -> bool {
    Path::new("/usr/share/mender/modules/v3").is_dir() && succeeds_unshared("true")
}

fn has_loop_devices() -> bool {
    on_path("mkfs.ext4")
        && Command::new("sh")
            .args(["-c", "test -w \"$(losetup --find)\""])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

/// Whether a file system can be mounted without being root.
fn can_mount() -> bool {
    on_path("nsenter") && succeeds_unshared("mount -t tmpfs tmpfs /mnt")
}

fn succeeds_unshared(script: &str) -> bool {
    Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
