//! Prefixed tokens: what is read is written in one way, and what is drawn is read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::crypto::{RandomError, SecureRandom};
use sealift::users::tokens::{Drawn, TokenText};

/// Bytes of the fuzzer, again and again, with a count between so that every draw ends.
#[derive(Debug)]
struct Given<'a>(&'a [u8]);

impl SecureRandom for Given<'_> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        let given = self.0.iter().copied().cycle().chain(std::iter::repeat(0));
        for (at, (byte, given)) in bytes.iter_mut().zip(given).enumerate() {
            *byte = if at % 4 == 0 { u8::try_from(at % 200).unwrap_or_default() } else { given };
        }
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let drawn = Drawn::draw(&Given(data)).expect("bytes");
    let text = secrecy::ExposeSecret::expose_secret(&drawn.text);
    let read = TokenText::parse(text).expect("what was drawn is read");
    assert!(read.handle == drawn.handle && read.hash == drawn.hash);
    let Ok(given) = std::str::from_utf8(data) else { return };
    if let Some(read) = TokenText::parse(given) {
        assert!(TokenText::is_meant(given) && given.is_ascii() && given.len() == text.len());
        assert_eq!(given.split('_').nth(2), Some(read.handle.as_str()));
        // Another checksum is another text, and not a token.
        let (checked, check) = given.rsplit_once('_').expect("a checksum");
        let other = if check.starts_with('0') { "1" } else { "0" };
        assert_eq!(TokenText::parse(&format!("{checked}_{other}{}", &check[1..])), None);
    }
    // With the parts of a token around it, nothing is mistaken for one without its checksum.
    assert_eq!(TokenText::parse(&format!("{text}{given}")).is_some(), given.is_empty());
    let glued = format!("slt_pat_{given}");
    if let Some(read) = TokenText::parse(&glued) {
        assert!(glued.starts_with(&format!("slt_pat_{}_", read.handle)));
    }
});
