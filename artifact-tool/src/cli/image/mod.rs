//! Files inside images of file systems: `cat`, `cp`, `install`, `rm`, and what `modify` changes in there.
//!
//! An *image* is the payload of an artifact or a file of its own; `IMAGE:/PATH` names a file in it. Only ext2, ext3 and
//! ext4 are known, through `debugfs` of e2fsprogs.

pub(super) mod cat;
pub(super) mod cp;
mod debugfs;
pub(super) mod install;
mod opened;
pub(super) mod rm;
mod settings;
mod spec;

pub(super) use opened::{Output, is_file_system};
pub(super) use settings::Settings;
