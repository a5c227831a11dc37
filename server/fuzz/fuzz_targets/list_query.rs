//! Query strings of lists: pages, filters, orders.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::http::fuzzing;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match fuzzing::lists(text) {
        Ok((query, links)) => {
            assert!(!links.is_empty(), "a part of a list names the first one");
            let kept = |query: &sealift::http::query::Query| {
                let mut kept: Vec<(String, String)> = query
                    .iter()
                    .filter(|(key, _)| !matches!(*key, "page" | "per_page"))
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect();
                // The order of one key's values stays; that of the keys does not matter.
                kept.sort_by(|(a, _), (b, _)| a.cmp(b));
                kept
            };
            for link in links {
                let (linked, _) = fuzzing::lists(&link).expect("links can be followed");
                assert_eq!(kept(&linked), kept(&query), "{link}");
            }
        }
        Err(status) => assert_eq!(status, 400),
    }
});
