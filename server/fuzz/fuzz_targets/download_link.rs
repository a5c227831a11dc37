//! Links to downloads: what anybody may call, and what the signature covers.

#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use sealift::crypto::signed_link::LinkAuthority;
use sealift::http::fuzzing;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let authority = LinkAuthority::new(&[7; 32]);
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
    let mut parts = text.splitn(4, '/');
    let mut part = || parts.next().unwrap_or_default();
    let path = [part(), part(), part()];
    let query = part();
    match fuzzing::link(path, query) {
        Ok(link) => {
            // What was understood is written in one way, and understood as the same.
            let target = fuzzing::target(&link);
            let (path, query) = target.split_once('?').expect("a query");
            let ids: Vec<&str> = path.rsplit('/').take(3).collect();
            if link.signature.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
                assert_eq!(fuzzing::link([ids[2], ids[1], ids[0]], query), Ok(link.clone()));
            }
            let ids = [link.deployment.to_string(), link.device.to_string(), link.artifact.to_string()];
            let ids = ids.each_ref().map(String::as_str);
            let found = authority.verify("fuzz", &ids, link.expires_at, &link.signature, now);
            assert!(found.is_err(), "nobody signed this");
            // A link that was signed is good for exactly what was signed.
            let signature = authority.sign("fuzz", &ids, link.expires_at);
            let verify = |audience, parts: &[&str]| {
                authority.verify(audience, parts, link.expires_at, &signature, now).is_ok()
            };
            assert_eq!(verify("fuzz", &ids), now < link.expires_at);
            assert!(!verify("fuzzy", &ids) && !verify("fuzz", &ids[..2]));
            assert!(ids[0] == ids[1] || !verify("fuzz", &[ids[1], ids[0], ids[2]]));
        }
        Err(status) => assert_eq!(status, 400),
    }
    // No two links have one message, wherever their parts are divided.
    let signed = authority.sign("fuzz", &path, now);
    let joined = [path.concat()];
    assert_ne!(signed, authority.sign("fuzz", &[&joined[0], "", ""], now + chrono::TimeDelta::seconds(1)));
    if path[0] != joined[0] {
        assert_ne!(signed, authority.sign("fuzz", &[&joined[0], "", ""], now));
    }
});
