//! `pkcs11:` URIs (RFC 7512).

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::cli::Failure;

const SCHEME: &str = "pkcs11:";

/// What a URI says about a key, its token and the way to it; what is not said fits anything.
#[derive(Default)]
pub(super) struct Uri {
    /// The URI as it was given, without the query, which may hold a PIN.
    pub(super) text: String,
    /// Label of the token.
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) slot: Option<u64>,
    /// Label of the key.
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) module: Option<PathBuf>,
    pub(super) pin: Option<Zeroizing<String>>,
    /// File with the PIN.
    pub(super) pin_source: Option<PathBuf>,
}

/// Returns true if an argument names a key in a token, and not a file.
pub(in crate::cli) fn is_uri(argument: &Path) -> bool {
    argument.to_str().is_some_and(|text| text.starts_with(SCHEME))
}

impl Uri {
    pub(super) fn parse(argument: &Path) -> Result<Self, Failure> {
        let text = argument.to_str().and_then(|text| text.strip_prefix(SCHEME));
        let text = text.ok_or_else(|| Failure::usage("not a pkcs11: URI"))?;
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut uri = Self { text: format!("{SCHEME}{path}"), ..Self::default() };
        for attribute in path.split(';').filter(|attribute| !attribute.is_empty()) {
            uri.path(attribute)?;
        }
        for attribute in query.split('&').filter(|attribute| !attribute.is_empty()) {
            uri.query(attribute)?;
        }
        Ok(uri)
    }

    fn path(&mut self, attribute: &str) -> Result<(), Failure> {
        let (name, value) = self.split(attribute)?;
        let text = || self.decoded(name, value);
        match name {
            "token" => self.token = Some(text()?),
            "manufacturer" => self.manufacturer = Some(text()?),
            "model" => self.model = Some(text()?),
            "serial" => self.serial = Some(text()?),
            "object" => self.object = Some(text()?),
            "id" => self.id = Some(percent_decode_str(value).collect()),
            "slot-id" => {
                let slot = value.parse().map_err(|_| self.wrong("slot-id is not a number"))?;
                self.slot = Some(slot);
            }
            // Which half is meant follows from what it is for.
            "type" if matches!(value, "private" | "public") => {}
            "type" => return Err(self.wrong("only the types `private` and `public` are keys that sign")),
            other => return Err(self.wrong(&format!("the attribute {other:?} is not supported"))),
        }
        Ok(())
    }

    fn query(&mut self, attribute: &str) -> Result<(), Failure> {
        let (name, value) = self.split(attribute)?;
        let value = Zeroizing::new(self.decoded(name, value)?);
        match name {
            "module-path" => self.module = Some(PathBuf::from(value.as_str())),
            "pin-value" => self.pin = Some(value),
            "pin-source" if value.starts_with('|') => {
                return Err(self.wrong("programs as pin-source are not run; a file is read"));
            }
            "pin-source" => {
                let path = value.strip_prefix("file://").or(value.strip_prefix("file:")).unwrap_or(&value);
                self.pin_source = Some(PathBuf::from(path));
            }
            other => return Err(self.wrong(&format!("the query attribute {other:?} is not supported"))),
        }
        Ok(())
    }

    fn split<'a>(&self, attribute: &'a str) -> Result<(&'a str, &'a str), Failure> {
        attribute.split_once('=').ok_or_else(|| self.wrong("an attribute has no value"))
    }

    fn decoded(&self, name: &str, value: &str) -> Result<String, Failure> {
        let text = percent_decode_str(value).decode_utf8();
        text.map(Into::into).map_err(|_| self.wrong(&format!("{name} is not UTF-8")))
    }

    /// Refuses the URI, without its query.
    fn wrong(&self, why: &str) -> Failure {
        Failure::usage(format!("{}: {why}", self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Uri, String> {
        Uri::parse(Path::new(text)).map_err(|failure| failure.message)
    }

    #[test]
    fn attributes_are_decoded() {
        let uri = parse(
            "pkcs11:token=My%20token;object=release;id=%01%ff;type=private;slot-id=7\
             ?module-path=/usr/lib/x.so&pin-value=12%2634",
        )
        .unwrap();
        assert_eq!(uri.text, "pkcs11:token=My%20token;object=release;id=%01%ff;type=private;slot-id=7");
        assert_eq!((uri.token.as_deref(), uri.object.as_deref()), (Some("My token"), Some("release")));
        assert_eq!((uri.id, uri.slot), (Some(vec![1, 0xff]), Some(7)));
        assert_eq!(uri.module, Some("/usr/lib/x.so".into()));
        assert_eq!(uri.pin.unwrap().as_str(), "12&34");
        for text in [
            "pkcs11:?pin-source=file:/run/pin",
            "pkcs11:?pin-source=file:///run/pin",
            "pkcs11:?pin-source=/run/pin",
        ] {
            assert_eq!(parse(text).unwrap().pin_source, Some("/run/pin".into()));
        }
    }

    #[test]
    fn what_cannot_be_kept_to_is_refused_without_the_pin() {
        for text in [
            "pkcs11:token",
            "pkcs11:type=cert",
            "pkcs11:colour=red",
            "pkcs11:slot-id=x",
            "pkcs11:object=%ff",
            "pkcs11:?pin-value=secret&pin-source=|cat",
            "pkcs11:?pin-value=secret&max-uses=3",
        ] {
            let message = parse(text).err().unwrap();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
