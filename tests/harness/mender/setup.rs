//! The work directory of a client.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::MenderClient;
use crate::names::unique;
use crate::process::run_ok;
use crate::server::TestServer;

/// The update module `e2e`: it notes its states, copies its files, and stops or fails where it is told.
const MODULE: &str = r#"#!/bin/sh
W=@WORK@
echo "$1" >> "$W/states"
if [ -e "$W/hold-$1" ]; then
    : > "$W/held-$1"
    while [ -e "$W/hold-$1" ]; do sleep 0.1; done
fi
case "$1" in
    SupportsRollback) echo Yes ;;
    NeedsArtifactReboot) cat "$W/reboot" ;;
    ArtifactInstall)
        if [ -e "$W/fail-install" ]; then echo "this install was told to fail" >&2; exit 1; fi
        mkdir -p "$W/target" && cp "$2"/files/* "$W/target/" ;;
    ArtifactRollback) rm -rf "$W/target" ;;
esac
exit 0
"#;

/// Takes the place of `reboot`: the client runs it and dies.
const REBOOT: &str = "#!/bin/sh\nkill -9 $PPID\n";

/// What kind of client it is to be.
#[derive(Clone, Debug)]
pub struct ClientSetup {
    device_type: String,
    reboot: bool,
    fail_install: bool,
    verify_key: Option<String>,
    port: Option<u16>,
}

impl ClientSetup {
    /// A client of this device type.
    pub fn new(device_type: &str) -> Self {
        Self {
            device_type: device_type.to_owned(),
            reboot: false,
            fail_install: false,
            verify_key: None,
            port: None,
        }
    }

    /// Lets each update reboot the machine, by the client (`NeedsArtifactReboot`: `Automatic`).
    #[must_use]
    pub fn with_reboot(mut self) -> Self {
        self.reboot = true;
        self
    }

    /// Lets `ArtifactInstall` fail.
    #[must_use]
    pub fn with_failing_install(mut self) -> Self {
        self.fail_install = true;
        self
    }

    /// Lets the client trust this key only (`ArtifactVerifyKey`).
    #[must_use]
    pub fn with_verify_key(mut self, public_key: &Path) -> Self {
        self.verify_key = Some(public_key.to_str().expect("a path of ours is UTF-8").to_owned());
        self
    }

    /// Lets the client connect to this port instead of the server's.
    #[must_use]
    pub fn through(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Writes all that the client needs, a key included, and does not start it.
    #[track_caller]
    pub fn prepare(self, server: &TestServer) -> MenderClient {
        let work =
            tempfile::Builder::new().prefix("sealift-client-").tempdir().expect("a temporary directory");
        let dir = work.path();
        for sub in ["etc", "data", "bin", "share/identity", "share/inventory", "share/modules/v3"] {
            fs::create_dir_all(dir.join(sub)).expect("the temporary directory is writable");
        }
        let serial = unique("SN");
        let port = self.port.unwrap_or(server.port());
        let mut config = json!({
            "ServerURL": format!("https://localhost:{port}"),
            "ServerCertificate": server.ca(),
            "DeviceTypeFile": dir.join("etc/device_type"),
            "UpdatePollIntervalSeconds": 1,
            "InventoryPollIntervalSeconds": 2,
            "RetryPollIntervalSeconds": 1,
            "RetryPollCount": 3,
            "ModuleTimeoutSeconds": 600,
            "DBus": {"Enabled": false},
        });
        if let Some(key) = &self.verify_key {
            config["ArtifactVerifyKey"] = json!(key);
        }
        let own = dir.to_str().expect("a path of ours is UTF-8");
        write(&dir.join("etc/mender.conf"), &config.to_string());
        write(&dir.join("etc/device_type"), &format!("device_type={}\n", self.device_type));
        write(&dir.join("etc/artifact_info"), "artifact_name=release-0\n");
        write(&dir.join("reboot"), if self.reboot { "Automatic\n" } else { "No\n" });
        if self.fail_install {
            write(&dir.join("fail-install"), "");
        }
        script(
            &dir.join("share/identity/mender-device-identity"),
            &format!("#!/bin/sh\necho serial={serial}\n"),
        );
        script(
            &dir.join("share/inventory/mender-inventory-test"),
            "#!/bin/sh\necho kernel=6.1.0\necho ip=192.0.2.1\necho ip=192.0.2.2\n",
        );
        script(&dir.join("share/modules/v3/e2e"), &MODULE.replace("@WORK@", own));
        script(&dir.join("bin/reboot"), REBOOT);
        let key = dir.join("data/mender-agent.pem");
        run_ok(Command::new("openssl").args(["genrsa", "-traditional", "-out"]).arg(&key).arg("3072"));
        set_mode(&key, 0o600);
        MenderClient { work, serial, process: None }
    }

    /// Prepares the client and starts it.
    #[track_caller]
    pub fn start(self, server: &TestServer) -> MenderClient {
        let mut client = self.prepare(server);
        client.start();
        client
    }
}

fn write(path: &Path, content: &str) {
    fs::write(path, content).expect("the work directory is writable");
}

fn script(path: &Path, content: &str) {
    write(path, content);
    set_mode(path, 0o755);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is ours");
}
