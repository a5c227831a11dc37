//! Extension headers: PAX (POSIX.1-2001 `pax`) and GNU long names.

use crate::read::Rule;

/// What the extension headers before an entry say about it.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Extensions {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

impl Extensions {
    /// Takes in the records of a PAX header; keys other than `path` and `size` mean nothing here.
    pub(super) fn add_pax(&mut self, records: &[u8], is_global: bool) -> Result<(), Rule> {
        let mut rest = records;
        while !rest.is_empty() {
            let (key, value, after) = record(rest).ok_or(Rule::Pax("malformed record"))?;
            rest = after;
            match key {
                b"path" | b"size" if is_global => return Err(Rule::Pax("path or size for all entries")),
                b"path" => set(&mut self.path, value.to_vec())?,
                b"size" => set(&mut self.size, decimal(value).ok_or(Rule::Pax("size is not a number"))?)?,
                _ if key.starts_with(b"GNU.sparse.") => return Err(Rule::Pax("sparse file")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes in the contents of a GNU long name header.
    pub(super) fn add_long_name(&mut self, contents: &[u8]) -> Result<(), Rule> {
        let name = contents.strip_suffix(&[0]).unwrap_or(contents);
        set(&mut self.path, name.to_vec())
    }
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), Rule> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Rule::Pax("given twice")),
    }
}

/// Splits `LENGTH KEY=VALUE\n`, where LENGTH counts all of it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(bytes.get(..space)?)?).ok()?;
    let (whole, rest) = bytes.split_at_checked(length)?;
    let body = whole.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((body.get(..equals)?, body.get(equals + 1..)?, rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let mut extensions = Extensions::default();
        extensions.add_pax(b"12 path=a/b\n11 size=42\n10 mtime=\n", false).unwrap();
        assert_eq!(extensions, Extensions { path: Some(b"a/b".to_vec()), size: Some(42) });
        for refused in [&b"12 path=a/b"[..], b"4 a\n", b"13 path=a/b\n", b"x", b"11 size=-1\n"] {
            assert!(Extensions::default().add_pax(refused, false).is_err(), "{refused:?}");
        }
        assert!(extensions.add_pax(b"12 path=a/b\n", false).is_err(), "twice");
        assert!(Extensions::default().add_pax(b"12 path=a/b\n", true).is_err(), "global");
    }
}
