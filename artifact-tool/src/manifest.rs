//! The members `manifest` and `manifest-augment`: which file has which digest (artifact format §3).

use std::collections::BTreeMap;

use crate::compression::Compression;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::names;
use crate::read::Rule;

/// A parsed manifest in its strict form, lines in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    entries: Vec<ManifestEntry>,
    index: BTreeMap<String, Digest>,
    header: String,
}

/// One line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManifestEntry {
    /// Member name, or `data/NNNN/NAME` for a payload file.
    pub name: String,
    /// Digest of the member as stored, or of the file uncompressed.
    pub sha256: Digest,
}

/// Which of the two manifests a text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Signed,
    Augment,
}

impl Manifest {
    /// Parses the exact bytes of `manifest`.
    ///
    /// # Errors
    ///
    /// A [`Rule`] if the text is not in the strict form: 64 lower-case hex digits, two blanks, a legal name, a
    /// line feed, nothing else, no name twice, exactly one `version` and one header.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Rule> {
        Self::parse_part(bytes, Part::Signed, limits)
    }

    pub(crate) fn parse_part(bytes: &[u8], part: Part, limits: &Limits) -> Result<Self, Rule> {
        let text = str::from_utf8(bytes).map_err(|_| Rule::Manifest { line: 1, why: "not UTF-8" })?;
        let mut manifest = Self { entries: Vec::new(), index: BTreeMap::new(), header: String::new() };
        for (position, line) in text.split_inclusive('\n').enumerate() {
            let number = position + 1;
            let wrong = |why| Rule::Manifest { line: number, why };
            if number > limits.manifest_lines {
                return Err(Rule::TooMany { what: "manifest lines", limit: limits.manifest_lines });
            }
            let line = line.strip_suffix('\n').ok_or(wrong("the line is not terminated"))?;
            let (digest, name) = line.split_once("  ").ok_or(wrong("not a digest, two blanks and a name"))?;
            let sha256 = digest.parse().map_err(|_| wrong("not a digest of 64 lower-case hex digits"))?;
            let kind = part.kind_of(name).ok_or(wrong("the name does not belong here"))?;
            if manifest.index.insert(name.to_owned(), sha256).is_some() {
                return Err(wrong("the name occurs twice"));
            }
            if kind == Kind::Header && !std::mem::replace(&mut manifest.header, name.to_owned()).is_empty() {
                return Err(wrong("a second header"));
            }
            manifest.entries.push(ManifestEntry { name: name.to_owned(), sha256 });
        }
        if part == Part::Signed && manifest.digest("version").is_none() {
            return Err(Rule::ManifestLacks("version"));
        }
        if manifest.header.is_empty() {
            return Err(Rule::ManifestLacks("a header"));
        }
        Ok(manifest)
    }

    /// Returns the lines in order.
    #[must_use]
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// Returns the digest listed for `name`.
    #[must_use]
    pub fn digest(&self, name: &str) -> Option<Digest> {
        self.index.get(name).copied()
    }

    /// Returns the name of the header member.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Returns payload index and file name of every payload file, in line order.
    pub fn files(&self) -> impl Iterator<Item = (usize, &str)> {
        self.entries.iter().filter_map(|entry| file_name(&entry.name))
    }
}

/// Returns the bytes of a manifest with these lines.
pub(crate) fn render<'a>(lines: impl IntoIterator<Item = (&'a str, Digest)>) -> Vec<u8> {
    lines.into_iter().flat_map(|(name, digest)| format!("{digest}  {name}\n").into_bytes()).collect()
}

/// Returns the compression of a header member, if `name` is one: `stem`, then a suffix.
pub(crate) fn header_compression(name: &str, stem: &str) -> Option<Compression> {
    Compression::from_suffix(name.strip_prefix(stem)?)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Version,
    Header,
    File,
}

impl Part {
    fn kind_of(self, name: &str) -> Option<Kind> {
        let stem = match self {
            Self::Signed => "header.tar",
            Self::Augment => "header-augment.tar",
        };
        if name == "version" && self == Self::Signed {
            Some(Kind::Version)
        } else if header_compression(name, stem).is_some() {
            Some(Kind::Header)
        } else {
            file_name(name).map(|_| Kind::File)
        }
    }
}

/// Splits `data/NNNN/NAME`.
fn file_name(name: &str) -> Option<(usize, &str)> {
    let (index, file) = name.strip_prefix("data/")?.split_once('/')?;
    let is_index = index.len() == 4 && index.bytes().all(|byte| byte.is_ascii_digit());
    (is_index && names::is_file(file)).then_some(())?;
    Some((index.parse().ok()?, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "96bcd965947569404798bcbdb614f103db5a004eb6e364cfc162c146890ea35b";

    fn parse(text: &str) -> Result<Manifest, Rule> {
        Manifest::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn the_strict_form_only() {
        let good = format!("{D}  data/0000/a\n{D}  header.tar.gz\n{D}  version\n");
        let manifest = parse(&good).unwrap();
        assert_eq!(manifest.header(), "header.tar.gz");
        assert_eq!(manifest.files().collect::<Vec<_>>(), [(0, "a")]);
        assert_eq!(render(manifest.entries().iter().map(|e| (e.name.as_str(), e.sha256))), good.as_bytes());
        for bad in [
            good.trim_end().to_owned(),
            format!("{good}\n"),
            format!("\n{good}"),
            good.replace('\n', "\r\n"),
            good.replace("  ", " "),
            good.replace("  ", "   "),
            good.replace("  ", " *"),
            good.replacen('9', "A", 1),
            format!("{good}{D}  version\n"),
            format!("{good}{D}  header.tar\n"),
            format!("{good}{D}  manifest\n"),
            format!("{good}{D}  data/0/b\n"),
            format!("{good}{D}  data/0000/../b\n"),
            format!("{good}{D}  data/0000/..\n"),
            format!("{good}{D}  data/0000/a b\n"),
            format!("{good}{D}  ./version\n"),
            format!("{good}{D}  header.tar.bz2\n"),
            format!("{D}  version\n"),
            format!("{D}  header.tar\n"),
            String::new(),
            format!("{good}{D}  x"),
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }
}
