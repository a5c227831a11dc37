use std::path::PathBuf;

use artifact::write::{Common, Defaults, InputFile, Software};

use super::super::{Failure, scripts};
use super::common;

/// Flags of artifacts with files.
#[derive(Debug, clap::Args)]
#[group(id = "software")]
pub(crate) struct Args {
    /// State script, or a folder of them; may be repeated
    #[arg(short, long = "script", value_name = "PATH")]
    scripts: Vec<PathBuf>,
    /// Do not add the default globs to what is erased
    #[arg(long)]
    no_default_clears_provides: bool,
    /// Do not record the version, and erase nothing by default
    #[arg(long)]
    no_default_software_version: bool,
    /// First part of the key that records the version [default: rootfs-image]
    #[arg(long, value_name = "NAME")]
    software_filesystem: Option<String>,
    /// Second part of the key that records the version [default: the payload type]
    #[arg(long, value_name = "NAME")]
    software_name: Option<String>,
    /// Version to record [default: the artifact name]
    #[arg(long, value_name = "VERSION")]
    software_version: Option<String>,
    /// Name in the artifact of a file that comes from standard input (`-f -`)
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
}

impl Args {
    /// Returns what these and the common flags say; `kind` is the second part of the version key by default.
    pub(super) fn common(&self, common: &common::Args, kind: Option<&str>) -> Result<Common, Failure> {
        let software = Software {
            filesystem: self.software_filesystem.clone(),
            name: self.software_name.clone(),
            version: self.software_version.clone(),
            defaults: match (self.no_default_software_version, self.no_default_clears_provides) {
                (true, _) => Defaults::Nothing,
                (false, true) => Defaults::Version,
                (false, false) => Defaults::VersionAndClears,
            },
        };
        let common = Common { scripts: scripts::inputs(&self.scripts)?, software, ..common.common()? };
        let key = common.software.version_key(kind);
        if let (Some(version), Some(given)) = (&self.software_version, common.provides.get(&key))
            && version != given
        {
            return Err(Failure::usage(format!(
                "--provides and --software-version give two values to {key:?}"
            )));
        }
        Ok(common)
    }

    /// Takes a file; `-` is standard input, which is stored meanwhile.
    pub(super) fn input(
        &self,
        path: &PathBuf,
        common: &common::Args,
        default_name: &str,
    ) -> Result<InputFile, Failure> {
        if path.as_os_str() == "-" {
            let name = self.stdin_name.as_deref().unwrap_or(default_name);
            return super::source::spooled(name, &mut std::io::stdin().lock(), common.temporary());
        }
        Ok(InputFile::path(path)?)
    }

    /// Names the given flags that format version 2 has no place for.
    pub(super) fn ignored_by_version_2(&self) -> Vec<&'static str> {
        let given = [
            ("--software-filesystem", self.software_filesystem.is_some()),
            ("--software-name", self.software_name.is_some()),
            ("--software-version", self.software_version.is_some()),
        ];
        given.into_iter().filter_map(|(flag, is_given)| is_given.then_some(flag)).collect()
    }
}
