//! The form in which artifacts are uploaded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::http::fuzzing;

fuzz_target!(|data: &[u8]| {
    // The first line is the content type.
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (content_type, body) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Some(at_once) = fuzzing::form(content_type, body, 1 << 16) else { return };
    match &at_once {
        Ok(form) => {
            assert!(form.file.len() + form.description.len() <= body.len());
        }
        Err(status) => assert!([400, 408, 413, 415].contains(status), "{status}"),
    }
    // How the bytes come makes no difference.
    let in_pieces = fuzzing::form(content_type, body, 5).expect("the same header");
    assert_eq!(at_once, in_pieces);
});
