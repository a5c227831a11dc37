//! The decoders, bounded.

#![no_main]

use artifact::{Compression, fuzzing};
use artifact_fuzz::{choose, limits};
use libfuzzer_sys::fuzz_target;

/// As much as is decompressed of anything.
const MOST: u64 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let kinds = [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::None];
    let Some((kind, data)) = choose(data, kinds.len()) else { return };
    let decompress = |piece| fuzzing::decompress(data, kinds[kind], &limits(), piece, MOST);
    let at_once = decompress(1 << 16);
    if let Some((plain, left)) = &at_once {
        assert!(*left <= data.len());
        assert!(u64::try_from(plain.len()).expect("a length") <= MOST);
    }
    // How the bytes come makes no difference. A stream that was left in its middle may have read ahead.
    let in_pieces = decompress(7);
    let plain = |outcome: &Option<(Vec<u8>, usize)>| outcome.as_ref().map(|(plain, _)| plain.clone());
    assert_eq!(plain(&at_once), plain(&in_pieces));
    if plain(&at_once).is_some_and(|plain| u64::try_from(plain.len()).expect("a length") < MOST) {
        assert_eq!(at_once, in_pieces, "the same end of the stream");
    }
});
