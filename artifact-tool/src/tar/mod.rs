//! The tar dialect of the format, strictly (artifact format §1).
//!
//! A *block* is 512 bytes, a *header* is the block before an entry's contents, *padding* fills the last block
//! of the contents, the *end blocks* are two zero blocks, the *tail* is what follows them.

mod block;
mod extension;
mod path;
mod reader;
mod source;
mod writer;

pub(crate) use reader::{Entry, TarReader};
pub(crate) use source::Source;
pub(crate) use writer::{Meta, TarWriter};

/// Size of a block.
pub(crate) const BLOCK: usize = 512;

/// Returns how many bytes of padding follow contents of `size` bytes.
pub(crate) const fn padding(size: u64) -> u64 {
    size.wrapping_neg() % 512
}
