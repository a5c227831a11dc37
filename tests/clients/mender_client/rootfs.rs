//! Images of root file systems: two partitions, of which the client writes the one that is not in use.
//!
//! The partitions are loop devices; one becomes `/` by chroot in a mount namespace, and a text file takes the place of
//! the boot loader's variables (device protocol §9). That takes root and leaves nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::artifacts::KeyFiles;
use harness::binaries::artifact_tool;
use harness::management::ARTIFACTS;
use harness::process::{run, run_ok};
use harness::{Peer, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::json;
use tempfile::TempDir;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::LoopDevices, Peer::MenderClient];
        our_images_are_installed_and_committed,
        an_image_by_another_key_is_not_installed,
    ]
}

/// Size of image and partitions.
const SIZE: u64 = 8 << 20;

/// Makes `$2` the root of a new world with the machine's programs in it, and runs what follows. `$1` is the work
/// directory, which is found in the same place.
const ENTER: &str = r#"
set -e
work=$1
mount "$2" "$work/world"
shift 2
for dir in bin sbin lib lib64 usr dev proc sys tmp; do
    if [ -L "/$dir" ]; then cp -P "/$dir" "$work/world/"
    elif [ -d "/$dir" ]; then mkdir -p "$work/world/$dir"; mount --rbind "/$dir" "$work/world/$dir"
    fi
done
mkdir -p "$work/world/$work" "$work/world/etc/mender"
mount --bind "$work" "$work/world/$work"
mount --bind "$work/etc" "$work/world/etc/mender"
exec chroot "$work/world" /usr/bin/env "PATH=$work/bin:/usr/bin:/bin:/usr/sbin:/sbin" mender --no-syslog \
    --config "$work/etc/mender.conf" --fallback-config "$work/none" --data "$work/data" "$@"
"#;

const PRINTENV: &str = "#!/bin/sh\nfor name; do grep \"^$name=\" @WORK@/env; done\nexit 0\n";
const SETENV: &str = r#"#!/bin/sh
put() {
    grep -v "^$1=" @WORK@/env > @WORK@/env.new
    echo "$1=$2" >> @WORK@/env.new
    mv @WORK@/env.new @WORK@/env
}
if [ "$1" = -s ]; then
    while read -r name value; do put "$name" "${value#=}"; done
else
    put "$1" "$2"
fi
"#;

/// A device with two partitions.
struct Device {
    work: TempDir,
    partitions: Vec<Partition>,
}

/// A loop device, given back when dropped.
struct Partition(PathBuf);

impl Drop for Partition {
    fn drop(&mut self) {
        // Nothing can be done if it stays.
        let _status = Command::new("losetup").arg("-d").arg(&self.0).status();
    }
}

impl Device {
    /// A device whose first partition is in use, and that trusts this key.
    fn new(key: &KeyFiles) -> Self {
        let work =
            tempfile::Builder::new().prefix("sealift-rootfs-").tempdir().expect("a temporary directory");
        let dir = work.path();
        for sub in ["world", "bin", "etc", "data"] {
            fs::create_dir(dir.join(sub)).expect("writable");
        }
        let partitions = ["a", "b"].map(|name| {
            let image = dir.join(name);
            fs::File::create(&image).and_then(|file| file.set_len(SIZE)).expect("writable");
            run_ok(Command::new("mkfs.ext4").arg("-q").arg(&image));
            Partition(run_ok(Command::new("losetup").args(["--find", "--show"]).arg(&image)).trim().into())
        });
        let [a, b] = &partitions;
        let config = json!({
            "RootfsPartA": a.0,
            "RootfsPartB": b.0,
            "DeviceTypeFile": dir.join("etc/device_type"),
            "ArtifactVerifyKey": dir.join("etc/key.pem"),
        });
        fs::copy(&key.public, dir.join("etc/key.pem")).expect("writable");
        let files = [
            ("etc/mender.conf", config.to_string()),
            ("etc/device_type", "device_type=qemu\n".to_owned()),
            ("etc/artifact_info", "artifact_name=release-1\n".to_owned()),
            ("bin/fw_printenv", PRINTENV.replace("@WORK@", &dir.display().to_string())),
            ("bin/fw_setenv", SETENV.replace("@WORK@", &dir.display().to_string())),
        ];
        for (name, contents) in files {
            fs::write(dir.join(name), contents).expect("writable");
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).expect("ours");
        }
        let device = Self { work, partitions: partitions.into() };
        device.boot(0);
        device
    }

    /// What the boot loader does: the partition is the active one.
    fn boot(&self, partition: usize) {
        let number = number(&self.partitions[partition].0);
        let env = format!(
            "mender_boot_part={number}\nmender_boot_part_hex={number}\nupgrade_available={partition}\nbootcount=0\n\
             mender_check_saveenv_canary=0\n"
        );
        fs::write(self.work.path().join("env"), env).expect("writable");
    }

    /// The client's command in the world of a partition.
    fn client(&self, partition: usize, args: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ENTER, "sh"]).arg(self.work.path());
        command
            .arg(&self.partitions[partition].0)
            .args(args)
            .env_remove("http_proxy")
            .env_remove("https_proxy");
        command
    }

    fn env(&self) -> String {
        fs::read_to_string(self.work.path().join("env")).expect("readable")
    }
}

/// The number at the end of a device's name.
fn number(device: &Path) -> String {
    let name = device.display().to_string();
    name.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned()
}

/// Writes an artifact from a file system with a mark in it, signed; and lets it go through the server.
#[track_caller]
fn written(server: &TestServer, device: &Device, compression: &str, key: &KeyFiles) -> (PathBuf, Vec<u8>) {
    let dir = device.work.path();
    let (image, path) = (dir.join("image"), dir.join("update.mender"));
    let name = harness::names::unique("rootfs");
    fs::File::create(&image).and_then(|file| file.set_len(SIZE)).expect("writable");
    let tree = dir.join("tree");
    fs::create_dir_all(tree.join("etc")).expect("writable");
    fs::write(tree.join("etc/mark"), format!("{name}\n")).expect("writable");
    run_ok(Command::new("mkfs.ext4").args(["-q", "-d"]).arg(&tree).arg(&image));
    let mut tool = artifact_tool();
    tool.args(["write", "rootfs-image", "-t", "qemu", "-n", &name, "--compression", compression, "-f"]);
    run_ok(tool.arg(&image).arg("-k").arg(&key.private).arg("-o").arg(&path));
    let id = server.admin().try_upload(&fs::read(&path).expect("readable")).expect(201);
    let id = harness::management::location_id(&id);
    let link = server.admin().get(&format!("{ARTIFACTS}/{id}/download")).expect(200).json();
    let target = harness::device::link_target(link["uri"].as_str().expect("a link"));
    fs::write(&path, &server.http().get(&target).expect(200).body).expect("writable");
    (path, fs::read(&image).expect("readable"))
}

fn our_images_are_installed_and_committed() {
    for (compression, kind) in [("none", "p256"), ("gzip", "rsa3072"), ("lzma", "p256")] {
        let key = KeyFiles::generate(kind);
        let device = Device::new(&key);
        let (path, image) = written(shared_server(), &device, compression, &key);
        run_ok(&mut device.client(0, &["install", path.to_str().expect("UTF-8")]));
        assert!(device.env().contains("upgrade_available=1"), "{}", device.env());
        let boots = format!("mender_boot_part={}\n", number(&device.partitions[1].0));
        assert!(device.env().contains(&boots), "{}", device.env());
        let stored = fs::read(&device.partitions[1].0).expect("a block device of ours");
        assert!(stored == image, "{compression}: the other partition does not hold the image");

        device.boot(1);
        run_ok(&mut device.client(1, &["commit"]));
        assert!(device.env().contains("upgrade_available=0"), "{}", device.env());
        let mark =
            String::from_utf8_lossy(&fs::read(device.work.path().join("tree/etc/mark")).expect("readable"))
                .trim()
                .to_owned();
        let shown = run_ok(&mut device.client(1, &["show-artifact"]));
        assert!(shown.contains(&mark), "{shown}");
        let provides = run_ok(&mut device.client(1, &["show-provides"]));
        assert!(provides.contains(&format!("rootfs-image.version={mark}")), "{provides}");
    }
}

fn an_image_by_another_key_is_not_installed() {
    let (trusted, other) = (KeyFiles::generate("p256"), KeyFiles::generate("p256"));
    let device = Device::new(&trusted);
    let (path, image) = written(shared_server(), &device, "gzip", &other);
    let before = fs::read(&device.partitions[1].0).expect("a block device of ours");
    let output = run(&mut device.client(0, &["install", path.to_str().expect("UTF-8")]));
    assert!(!output.status.success(), "it was installed");
    let after = fs::read(&device.partitions[1].0).expect("a block device of ours");
    assert!(before == after && after != image, "something was written");
    assert!(device.env().contains("upgrade_available=0"), "{}", device.env());
}
