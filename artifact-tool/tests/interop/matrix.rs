//! Every kind of artifact, compression and key, in both directions; or why the original 3.9 cannot.

use libtest_mimic::Failed;

use crate::{ours, private_key, public_key, theirs, validate_there, workspace, write_args};

/// One cell: what is written, how compressed, by which key signed.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    kind: Kind,
    compression: &'static str,
    key: &'static str,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Module,
    Rootfs,
    /// Of format version 2, which has no other kind.
    Rootfs2,
    Bootstrap,
}

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for kind in [Kind::Module, Kind::Rootfs, Kind::Rootfs2, Kind::Bootstrap] {
        for compression in ["none", "gzip", "lzma", "zstd"] {
            for key in ["none", "rsa3072", "p256", "ed25519"] {
                cells.push(Cell { kind, compression, key });
            }
        }
    }
    cells
}

impl Cell {
    /// The name of the trial, with the reason if 3.9 cannot.
    pub(crate) fn name(self) -> String {
        let kind = match self.kind {
            Kind::Module => "module-image",
            Kind::Rootfs => "rootfs-image",
            Kind::Rootfs2 => "rootfs-image_v2",
            Kind::Bootstrap => "bootstrap-artifact",
        };
        let name = format!("{kind}_{}_signed_by_{}", self.compression, self.key);
        match self.beyond() {
            None => name + "_both_ways",
            Some(why) => format!("{name} is beyond 3.9: {why}"),
        }
    }

    /// Why 3.9 cannot do it.
    fn beyond(self) -> Option<&'static str> {
        match (self.compression, self.key) {
            ("zstd", _) => Some("zstd came with 3.10.1"),
            (_, "ed25519") => Some("no version has Ed25519, which is an extension of ours"),
            _ => None,
        }
    }

    pub(crate) fn run(self) -> Result<(), Failed> {
        let folder = workspace();
        let folder = folder.path();
        let private = private_key(self.key);
        let signing = ["-k", private.as_str()];
        let signing = if self.key == "none" { &[][..] } else { &signing };
        let public = public_key(self.key);
        let trusting = ["-k", public.as_str()];
        let trusting = if self.key == "none" { &[][..] } else { &trusting };
        let write = |file| [&self.write(file)[..], signing].concat();
        let validate = |file| [&["validate"][..], trusting, &[file]].concat();

        ours(folder, &write("ours.mender"))?;
        ours(folder, &validate("ours.mender"))?;
        if self.beyond().is_some() {
            return self.refused_there(folder, &write("theirs.mender"));
        }
        validate_there(folder, "ours.mender", self.key)?;
        theirs(folder, &write("theirs.mender"))?;
        ours(folder, &validate("theirs.mender"))?;
        if self.key != "none" {
            // What one has written the other signs again.
            theirs(folder, &[&["sign", "-f"][..], signing, &["ours.mender"]].concat())?;
            ours(folder, &validate("ours.mender"))?;
            ours(folder, &[&["sign", "-f"][..], signing, &["theirs.mender"]].concat())?;
            validate_there(folder, "theirs.mender", self.key)?;
        }
        Ok(())
    }

    /// The reason is true: the original takes neither our file nor our arguments. A version that knows better fails
    /// here.
    fn refused_there(self, folder: &std::path::Path, write: &[&str]) -> Result<(), Failed> {
        if validate_there(folder, "ours.mender", self.key).is_ok() {
            return Err("the original takes the file now".into());
        }
        match theirs(folder, write) {
            Err(_) => Ok(()),
            Ok(said) => Err(format!("the original writes it now: {said}").into()),
        }
    }

    fn write(self, file: &'static str) -> Vec<&'static str> {
        let mut args = match self.kind {
            Kind::Module => write_args("module-image", file),
            Kind::Rootfs => write_args("rootfs-image", file),
            Kind::Rootfs2 => {
                let args = ["write", "rootfs-image", "-v", "2", "-n", "n", "-t", "d", "-f", "rootfs.img"];
                [&args[..], &["-s", "ArtifactInstall_Enter_00", "-o", file]].concat()
            }
            Kind::Bootstrap => {
                let args = ["write", "bootstrap-artifact", "-n", "b", "-t", "d", "-g", "g", "-N", "n"];
                [&args[..], &["-d", "k:v", "-p", "a:b:c", "-o", file]].concat()
            }
        };
        args.extend(["--compression", self.compression]);
        args
    }
}
