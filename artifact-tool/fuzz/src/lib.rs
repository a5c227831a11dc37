//! What the fuzz targets have in common.

use artifact::Limits;

/// Small limits: what is refused for its size alone teaches a fuzzer nothing and costs it time.
#[must_use]
pub fn limits() -> Limits {
    const KIB: u64 = 1024;
    Limits {
        artifact: 1024 * KIB,
        payload: 1024 * KIB,
        payload_unasked: 256 * KIB,
        header_compressed: 256 * KIB,
        header: 512 * KIB,
        script: 64 * KIB,
        scripts: 16,
        payloads: 4,
        files_per_payload: 16,
        zero_tail: 16 * KIB,
        zstd_window_log: 20,
        ..Limits::default()
    }
}

/// Takes the first byte off, which chooses among `count` ways.
#[must_use]
pub fn choose(data: &[u8], count: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((usize::from(*first) % count, rest))
}

/// A tar of these entries, as the writer of artifacts makes it: no more than the reader needs.
#[must_use]
pub fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, contents) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(contents.len()).expect("a length"));
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        // A name too long for the block is left out; there is enough to find without it.
        if header.set_path(name).is_ok() {
            header.set_cksum();
            builder.append(&header, *contents).expect("memory");
        }
    }
    builder.into_inner().expect("memory")
}
