//! `Range`, `If-Range` and `If-None-Match`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::http::fuzzing::{FileHeaders, file};
use sealift::http::range::Selection;

const ETAG: &str = "\"0123\"";

fuzz_target!(|data: &[u8]| {
    let Some((size, data)) = data.split_first_chunk() else { return };
    let size = u64::from_be_bytes(*size);
    let mut lines = data.split(|byte| *byte == b'\n').map(Some);
    let mut line = || lines.next().flatten().filter(|line| !line.is_empty());
    let (range, if_range, if_none_match) = (line(), line(), line());
    let select = |headers| file(headers, size, ETAG);
    let Some(selection) = select(FileHeaders { range, if_range, if_none_match }) else { return };
    match selection {
        Selection::Part(part) => {
            assert!(part.len > 0 && part.start.checked_add(part.len).is_some_and(|end| end <= size));
            assert!(if_range.is_none_or(|tag| tag == ETAG.as_bytes()));
            // Asked for in the usual way, it is the same part.
            let last = part.start + (part.len - 1);
            let plain = format!("bytes={}-{last}", part.start);
            let again = select(FileHeaders { range: Some(plain.as_bytes()), ..FileHeaders::default() });
            assert_eq!(again, Some(selection));
            assert_eq!(part.content_range(size), format!("bytes {}-{last}/{size}", part.start));
        }
        Selection::Unsatisfiable => assert!(range.is_some()),
        Selection::NotModified => assert!(if_none_match.is_some()),
        Selection::Whole => {}
    }
});
