//! Digests as short numbers.

/// The first eight bytes of a digest, most significant first: enough to recognise what was seen before.
#[must_use]
pub fn first_u64(digest: &[u8]) -> u64 {
    digest.iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::first_u64;

    #[test]
    fn eight_bytes_count() {
        assert_eq!(first_u64(&[0, 0, 0, 0, 0, 0, 1, 2, 3]), 0x0102);
        assert_eq!(first_u64(&[0xff; 32]), u64::MAX);
    }
}
