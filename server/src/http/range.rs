//! Parts of a file (RFC 9110 §14) and whether the client has it already (§13).

use actix_web::http::header::{HeaderMap, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE};

/// A part of a file: `len` bytes from `start` on; never empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ByteRange {
    /// The offset of the first byte.
    pub start: u64,
    /// How many bytes.
    pub len: u64,
}

impl ByteRange {
    /// The value of `Content-Range` for a file of `size` bytes.
    #[must_use]
    pub fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.start, self.start + self.len - 1)
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Selection {
    /// 200: everything.
    Whole,
    /// 206: a part.
    Part(ByteRange),
    /// 304: the client has it.
    NotModified,
    /// 416: a part that is not there.
    Unsatisfiable,
}

/// Decides what to answer to a request for a file of `size` bytes with the strong entity tag `etag`
/// (in its quotes).
///
/// One range of bytes is honoured; several, other units and what does not parse are ignored, as
/// RFC 9110 §14.2 allows.
#[must_use]
pub fn select(headers: &HeaderMap, size: u64, etag: &str) -> Selection {
    if headers.get_all(IF_NONE_MATCH).any(|value| value.to_str().is_ok_and(|tags| lists(tags, etag))) {
        return Selection::NotModified;
    }
    let Some(range) = only(headers, RANGE) else { return Selection::Whole };
    // A date never matches: a file here has no date, only content (RFC 9110 §13.1.5).
    if headers.contains_key(IF_RANGE) && only(headers, IF_RANGE) != Some(etag) {
        return Selection::Whole;
    }
    parse_range(range, size)
}

/// Parses the value of `Range`.
fn parse_range(value: &str, size: u64) -> Selection {
    let parsed = value
        .split_once('=')
        .filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"))
        .and_then(|(_, range)| range.trim().split_once('-'))
        .map(|(first, last)| (number(first), number(last)));
    match parsed {
        Some((Number::Absent, Number::Is(suffix))) => part(size.saturating_sub(suffix), size, size),
        Some((Number::Is(first), Number::Absent)) => part(first, size, size),
        Some((Number::Is(first), Number::Is(last))) if first <= last => {
            part(first, last.saturating_add(1).min(size), size)
        }
        _ => Selection::Whole,
    }
}

fn part(start: u64, end: u64, size: u64) -> Selection {
    if start >= size || start >= end {
        return Selection::Unsatisfiable;
    }
    Selection::Part(ByteRange { start, len: end - start })
}

/// One side of a range.
enum Number {
    Absent,
    Is(u64),
    Malformed,
}

/// Parses digits; a number too large for us is as large as can be, since no file reaches that far.
fn number(text: &str) -> Number {
    if text.is_empty() {
        Number::Absent
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Number::Is(text.parse().unwrap_or(u64::MAX))
    } else {
        Number::Malformed
    }
}

/// Returns the header's value if it occurs once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name);
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

/// Whether a list of entity tags has this one, compared weakly (RFC 9110 §13.1.2).
fn lists(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::{ByteRange, Selection, parse_range, select};

    const ETAG: &str = "\"abc\"";

    fn decide(headers: &[(&str, &str)], size: u64) -> Selection {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        select(&map, size, ETAG)
    }

    fn part(start: u64, len: u64) -> Selection {
        Selection::Part(ByteRange { start, len })
    }

    #[test]
    fn one_range_of_each_form() {
        for (range, expected) in [
            ("bytes=0-99", part(0, 100)),
            ("bytes=0-0", part(0, 1)),
            ("bytes=99-99", part(99, 1)),
            ("bytes=10-", part(10, 90)),
            ("bytes=0-", part(0, 100)),
            ("bytes=90-1000", part(90, 10)),
            ("bytes=-10", part(90, 10)),
            ("bytes=-1000", part(0, 100)),
            ("Bytes= 5-6 ", part(5, 2)),
            ("bytes=5-99999999999999999999999", part(5, 95)),
            ("bytes=100-", Selection::Unsatisfiable),
            ("bytes=100-200", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=99999999999999999999999-", Selection::Unsatisfiable),
        ] {
            assert_eq!(decide(&[("range", range)], 100), expected, "{range}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_ignored() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-2,4-5",
            "lines=1-2",
            "bytes=1-2-3",
            "bytes 1-2",
        ] {
            assert_eq!(decide(&[("range", range)], 100), Selection::Whole, "{range}");
        }
        assert_eq!(decide(&[("range", "bytes=0-1"), ("range", "bytes=2-3")], 100), Selection::Whole);
        assert_eq!(decide(&[], 100), Selection::Whole);
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(decide(&[("range", range)], 0), Selection::Unsatisfiable, "{range}");
        }
        assert_eq!(decide(&[], 0), Selection::Whole);
    }

    #[test]
    fn a_range_of_another_file_is_ignored() {
        let range = ("range", "bytes=0-0");
        assert_eq!(decide(&[range, ("if-range", ETAG)], 100), part(0, 1));
        for other in ["\"other\"", "W/\"abc\"", "Wed, 21 Oct 2026 07:28:00 GMT", "abc"] {
            assert_eq!(decide(&[range, ("if-range", other)], 100), Selection::Whole, "{other}");
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for tags in [ETAG, "*", "W/\"abc\"", "\"x\", \"abc\""] {
            assert_eq!(decide(&[("if-none-match", tags)], 100), Selection::NotModified, "{tags}");
        }
        assert_eq!(decide(&[("if-none-match", "\"x\"")], 100), Selection::Whole);
        let both = [("if-none-match", ETAG), ("range", "bytes=0-0")];
        assert_eq!(decide(&both, 100), Selection::NotModified);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(text in ".{0,40}", size in 0_u64..1000) {
            if let Selection::Part(range) = parse_range(&text, size) {
                prop_assert!(range.len > 0 && range.start + range.len <= size);
            }
        }

        #[test]
        fn every_pair_of_numbers_is_understood(first: u64, last: u64, size: u64) {
            let expected = if first > last {
                Selection::Whole
            } else if first >= size {
                Selection::Unsatisfiable
            } else {
                part(first, last.min(size - 1) - first + 1)
            };
            prop_assert_eq!(parse_range(&format!("bytes={first}-{last}"), size), expected);
        }

        #[test]
        fn the_end_of_a_file_is_its_end(suffix in 1_u64.., size in 1_u64..) {
            let len = suffix.min(size);
            prop_assert_eq!(parse_range(&format!("bytes=-{suffix}"), size), part(size - len, len));
        }
    }
}
