//! What does not compress: found before time is spent on it.

use std::ops::Range;

/// Bytes that are judged together.
const SEGMENT: usize = 32 * 1024;
/// Bytes between two places where a repetition is looked for.
const STRIDE: usize = 8;
/// Repetitions that noise of this length has by chance, far exceeded by anything that repeats itself.
const MOST_REPETITIONS: usize = 8;

/// Cuts bytes into runs, and says of each whether deflate would gain nothing by it.
///
/// Deterministic: it looks at the bytes and their places alone.
pub(super) fn runs(bytes: &[u8]) -> Vec<(Range<usize>, bool)> {
    let mut runs: Vec<(Range<usize>, bool)> = Vec::new();
    for (index, segment) in bytes.chunks(SEGMENT).enumerate() {
        let start = index * SEGMENT;
        let end = start + segment.len();
        let is_noise = segment.len() == SEGMENT && is_noise(segment);
        match runs.last_mut().filter(|(_, last)| *last == is_noise) {
            Some((run, _)) => run.end = end,
            None => runs.push((start..end, is_noise)),
        }
    }
    runs
}

/// Answers whether all byte values are equally frequent, and no four bytes come again.
fn is_noise(segment: &[u8]) -> bool {
    // A sample is enough for nearly all that is not; an odd step looks at each place of a record in turn.
    is_flat(segment.iter().step_by(7)) && is_flat(segment.iter()) && repetitions(segment) <= MOST_REPETITIONS
}

fn is_flat<'a>(bytes: impl Iterator<Item = &'a u8>) -> bool {
    let mut counts = [0_u64; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    // How many pairs are equal; of independent and equally frequent bytes it is one in 256, plus each with itself.
    let (length, pairs) =
        counts.iter().fold((0, 0), |(length, pairs), count| (length + count, pairs + count * count));
    let expected = length * length / 256 + length;
    pairs < expected + expected / 64
}

fn repetitions(segment: &[u8]) -> usize {
    let mut last = [0_u32; 4096];
    let words = segment.windows(4).step_by(STRIDE).filter_map(|word| word.try_into().ok());
    words
        .map(u32::from_le_bytes)
        .filter(|word| {
            let hash = word.wrapping_mul(0x9e37_79b1) >> 20;
            let slot = usize::try_from(hash).ok().and_then(|hash| last.get_mut(hash));
            slot.is_some_and(|slot| std::mem::replace(slot, *word) == *word)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xorshift32.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()
        };
        (0..length.div_ceil(4)).flat_map(|_| next()).take(length).collect()
    }

    #[test]
    fn noise_is_told_from_what_repeats_or_prefers() {
        assert!(is_noise(&noise(SEGMENT)));
        let ramp: Vec<u8> = (0..=255).cycle().take(SEGMENT).collect();
        assert!(!is_noise(&ramp), "flat, but it repeats");
        let seven_bits: Vec<u8> = noise(SEGMENT).iter().map(|byte| byte & 0x7f).collect();
        assert!(!is_noise(&seven_bits), "an eighth can be saved");
        assert!(!is_noise(&vec![0; SEGMENT]));
        let twice = noise(SEGMENT / 2).repeat(2);
        assert!(!is_noise(&twice));
    }

    #[test]
    fn runs_cover_everything_in_order() {
        let mut bytes = vec![b'a'; SEGMENT + 5];
        bytes.resize(2 * SEGMENT, 0);
        bytes.extend(noise(2 * SEGMENT + 7));
        assert_eq!(
            runs(&bytes),
            [
                (0..2 * SEGMENT, false),
                (2 * SEGMENT..4 * SEGMENT, true),
                (4 * SEGMENT..4 * SEGMENT + 7, false)
            ]
        );
        assert_eq!(runs(&[]), []);
    }
}
