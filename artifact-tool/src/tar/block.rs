//! One header block: `ustar` (POSIX.1-1988), GNU, or the older form without a magic.

use super::BLOCK;
use crate::read::Rule;

/// The fields of a header block that mean something here.
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) kind: u8,
}

const CHECKSUM: std::ops::Range<usize> = 148..156;

impl Header {
    /// Parses a block whose checksum is right.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, Rule> {
        if u64::from(checksum(block)) != octal(field(block, CHECKSUM), "checksum")? {
            return Err(Rule::TarChecksum);
        }
        let is_ustar = match field(block, 257..265) {
            b"ustar\x0000" => true,
            b"ustar  \0" | b"\0\0\0\0\0\0\0\0" => false,
            _ => return Err(Rule::TarMagic),
        };
        let mut name = text(field(block, 0..100)).to_vec();
        let prefix = text(field(block, 345..500));
        if is_ustar && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        let mode = number(field(block, 100..108), "mode")? & 0o7777;
        Ok(Self {
            name,
            mode: u32::try_from(mode).map_err(|_| Rule::TarNumber { field: "mode" })?,
            size: number(field(block, 124..136), "size")?,
            mtime: i64::try_from(number(field(block, 136..148), "mtime")?)
                .map_err(|_| Rule::TarNumber { field: "mtime" })?,
            kind: field(block, 156..157).first().copied().unwrap_or_default(),
        })
    }
}

/// Returns the sum of all bytes, the checksum's own taken as spaces.
pub(super) fn checksum(block: &[u8; BLOCK]) -> u32 {
    block
        .iter()
        .enumerate()
        .map(|(index, byte)| u32::from(if CHECKSUM.contains(&index) { b' ' } else { *byte }))
        .sum()
}

fn field(block: &[u8; BLOCK], range: std::ops::Range<usize>) -> &[u8] {
    block.get(range).unwrap_or_default()
}

/// Returns the bytes before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Parses octal digits, or base 256 if the first bit is set (GNU tar).
fn number(bytes: &[u8], field: &'static str) -> Result<u64, Rule> {
    let error = Rule::TarNumber { field };
    match bytes {
        [0x80, rest @ ..] => {
            let (high, low) = rest.split_at_checked(rest.len().saturating_sub(8)).unwrap_or_default();
            if high.iter().any(|byte| *byte != 0) {
                return Err(error);
            }
            Ok(low.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
        }
        [first, ..] if *first > 0x80 => Err(error), // negative, or out of any range
        _ => octal(bytes, field),
    }
}

/// Parses octal digits between optional leading spaces and a terminator; empty is zero.
fn octal(bytes: &[u8], field: &'static str) -> Result<u64, Rule> {
    let start = bytes.iter().position(|byte| *byte != b' ').unwrap_or(bytes.len());
    let digits = bytes.get(start..).unwrap_or_default();
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end).unwrap_or_default();
    let is_clean = rest.iter().all(|byte| matches!(byte, 0 | b' '));
    let value = digits.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    });
    value.filter(|_| is_clean).ok_or(Rule::TarNumber { field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"00000001750\0", "size").unwrap(), 0o1750);
        assert_eq!(number(b"   644 \0", "size").unwrap(), 0o644);
        assert_eq!(number(&[0x80, 0, 0, 0, 2, 0, 0, 0, 1], "size").unwrap(), (2 << 32) + 1);
        for refused in [&b"9"[..], b"-1", b"1 1", b"\xff\xff\xff\xff", b"\x80\x01\0\0\0\0\0\0\0\0\0\0"] {
            assert!(number(refused, "size").is_err(), "{refused:?}");
        }
    }
}
