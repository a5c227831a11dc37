//! A whole artifact as an upload reads it, its size known and its signature judged.

#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use artifact::read::{Discard, ReadOptions, Reader, SignatureJudge, read, survey};
use artifact::{ReadError, VerifyingKey};
use artifact_fuzz::limits;
use libfuzzer_sys::fuzz_target;

const KEY: &str = include_str!("../../tests/fixtures/keys/p256.public.pem");

fuzz_target!(|data: &[u8]| {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let options = ReadOptions {
        limits: limits(),
        size: u64::try_from(data.len()).ok(),
        allow_augmented: true,
        fingerprints: true,
        judge: Some(SignatureJudge::new(move |manifest, _| {
            assert!(!manifest.is_empty());
            counting.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })),
        ..ReadOptions::default()
    };
    let whole = read(data, &options);
    let judged = asked.swap(0, Ordering::Relaxed);
    let surveyed = survey(data, &options).expect("memory does not fail");
    match whole {
        Ok(artifact) => {
            assert_eq!(judged, 1, "judged once, and never skipped");
            assert_eq!(artifact.size, u64::try_from(data.len()).expect("a length"));
            assert!(surveyed.faults.is_empty(), "{:?}", surveyed.faults);
            assert_eq!(surveyed.artifact.as_ref(), Some(&artifact), "survey and reader agree");
            let opened = Reader::open(data, &options).expect("it was read");
            assert_eq!(opened.header(), &artifact.header);
            let piecewise = opened.payloads(&mut Discard).expect("it was read");
            assert_eq!(piecewise, artifact, "read twice, the same");
            assert!(!artifact.header.name.is_empty() && !artifact.header.device_types.is_empty());
        }
        Err(ReadError::Refused(_)) => {
            assert!(!surveyed.faults.is_empty(), "what the reader refuses has a fault");
            assert!(surveyed.artifact.is_none());
        }
        Err(other) => panic!("memory does not fail: {other}"),
    }
    // With a key that has to fit, nothing is taken that was not taken without one.
    let keys = vec![VerifyingKey::from_pem(KEY).expect("a key")];
    let strict = ReadOptions { keys, judge: None, ..options.clone() };
    if read(data, &strict).is_ok() {
        assert_eq!(surveyed.is_signed, Some(true));
        assert!(surveyed.faults.is_empty());
    }
});
