//! Session tokens of a whole fleet, one after another in one piece of memory.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::numbers::narrow;

/// The tokens: all of one length.
pub(crate) struct Tokens {
    bytes: Vec<u8>,
    each: usize,
}

impl Tokens {
    /// Reads the tokens of so many devices.
    pub(crate) fn read(path: &Path, devices: u64) -> Outcome<Self> {
        let bytes = fs::read(path)?;
        let each = bytes.len() / narrow(devices).max(1);
        if each == 0 || each * narrow(devices) != bytes.len() {
            return Err("the file of tokens is not whole".into());
        }
        Ok(Self { bytes, each })
    }

    /// The token of a device.
    pub(crate) fn of(&self, device: u64) -> &[u8] {
        let start = narrow(device) * self.each;
        self.bytes.get(start..start + self.each).unwrap_or_default()
    }
}
