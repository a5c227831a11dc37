//! An artifact whose digests are right whatever its documents and payload are: the checksums keep a fuzzer that
//! only changes bytes of a file from what is behind them.

#![no_main]

use artifact::Digest;
use artifact::read::{ReadOptions, read, survey};
use artifact_fuzz::{choose, limits, tar};
use libfuzzer_sys::fuzz_target;

const VERSION: &[u8] = br#"{"format":"mender","version":3}"#;

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = choose(data, 3) else { return };
    // Four parts, split at the byte that none of the texts can have.
    let mut parts = data.splitn(4, |byte| *byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (info, type_info, meta_data, payload) = (part(), part(), part(), part());
    let mut header = vec![("header-info", info), ("headers/0000/type-info", type_info)];
    if !meta_data.is_empty() {
        header.push(("headers/0000/meta-data", meta_data));
    }
    let header = tar(&header);
    // The payload's tar: one file, two files, or whatever the bytes are.
    let (name, contents) = payload.split_at(payload.len().min(12));
    let name = std::str::from_utf8(name).unwrap_or("file");
    let inner = match kind {
        0 => tar(&[(name, contents)]),
        1 => tar(&[(name, contents), ("second", contents)]),
        _ => payload.to_vec(),
    };
    let mut lines = vec![
        format!("{}  data/0000/{name}\n", Digest::of(contents)),
        format!("{}  header.tar\n", Digest::of(&header)),
        format!("{}  version\n", Digest::of(VERSION)),
    ];
    if kind == 1 {
        lines.push(format!("{}  data/0000/second\n", Digest::of(contents)));
    }
    let manifest = lines.concat();
    let bytes = tar(&[
        ("version", VERSION),
        ("manifest", manifest.as_bytes()),
        ("header.tar", &header),
        ("data/0000.tar", &inner),
    ]);
    let options = ReadOptions { limits: limits(), scripts: true, ..ReadOptions::default() };
    let surveyed = survey(bytes.as_slice(), &options).expect("memory does not fail");
    match read(bytes.as_slice(), &options) {
        Ok(artifact) => {
            assert!(surveyed.faults.is_empty(), "{:?}", surveyed.faults);
            assert_eq!(surveyed.artifact, Some(artifact));
        }
        Err(_) => assert!(!surveyed.faults.is_empty()),
    }
});
