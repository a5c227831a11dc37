use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Suffixes of files that hold images; without them `HOST:/PATH` and the like would be taken for one.
const SUFFIXES: [&str; 4] = [".mender", ".img", ".sdimg", ".uefiimg"];

/// A file or folder in an image, written `IMAGE:/PATH`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Spec {
    /// Artifact or image.
    pub(super) image: PathBuf,
    /// Absolute path in it, without `.`, `..` and a slash at the end.
    pub(super) path: String,
    /// Whether a slash ended it.
    pub(super) is_folder: bool,
}

impl Spec {
    /// Returns true if the text names something in an image.
    pub(super) fn is(text: &str) -> bool {
        SUFFIXES.iter().any(|suffix| text.contains(&format!("{suffix}:")))
    }

    /// Returns the last part of the path; empty for the root.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(_, name)| name)
    }
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let split = SUFFIXES
            .iter()
            .filter_map(|suffix| text.find(&format!("{suffix}:")).map(|at| at + suffix.len()))
            .min()
            .and_then(|at| text.split_at_checked(at));
        let wrong = || format!("{text:?} is not IMAGE:/PATH, where IMAGE ends in {}", SUFFIXES.join(", "));
        let (image, path) = split.ok_or_else(wrong)?;
        let path = path.strip_prefix(':').unwrap_or(path);
        if !path.starts_with('/') {
            return Err(wrong());
        }
        if path.contains(['"', '\n', '\0']) || path.split('/').any(|part| part == "..") {
            return Err(format!("the path {path:?} contains a quote, a line end or `..`"));
        }
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        Ok(Self {
            image: Path::new(image).to_owned(),
            path: format!("/{}", parts.join("/")),
            is_folder: path.ends_with('/'),
        })
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.image.display(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_paths_are_told_apart() {
        let spec: Spec = "a/b.mender:/etc//x/./y/".parse().unwrap();
        assert_eq!((spec.image.to_str(), spec.path.as_str()), (Some("a/b.mender"), "/etc/x/y"));
        assert!(spec.is_folder);
        assert_eq!(spec.name(), "y");
        assert_eq!("x.img:/".parse::<Spec>().unwrap().path, "/");
        assert!(Spec::is("b.img:/x") && !Spec::is("host:/x") && !Spec::is("b.img"));
        for wrong in ["b.img", "b.img:x", "b.txt:/x", "b.img:/a/../b", "b.img:/a\"b", "b.img:/a\nb"] {
            assert!(wrong.parse::<Spec>().is_err(), "{wrong}");
        }
    }
}
