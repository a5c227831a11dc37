//! The address under which devices and users reach the server.

use std::fmt;
use std::net::Ipv6Addr;

use serde::Deserialize;

/// The longest host name (RFC 1035 §2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// Why a text is not a public URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PublicUrlError {
    /// Devices speak TLS only.
    #[error("must begin with https://")]
    NotHttps,
    /// Devices expect the API at the root (device protocol, first lines).
    #[error("must be https://HOST or https://HOST:PORT, without a path")]
    HasPath,
    /// No host name or address.
    #[error("has no valid host name")]
    BadHost,
    /// No port number.
    #[error("has no valid port number")]
    BadPort,
}

/// `https://HOST` or `https://HOST:PORT`; a slash at the end is dropped.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    text: String,
    host_len: usize,
}

impl PublicUrl {
    const SCHEME: &'static str = "https://";

    /// The whole, without a slash at the end: a path can be put behind it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host alone; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(Self::SCHEME.len()..Self::SCHEME.len() + self.host_len).unwrap_or_default()
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = PublicUrlError;

    fn try_from(text: String) -> Result<Self, PublicUrlError> {
        let text = text.strip_suffix('/').unwrap_or(&text);
        let authority = text.strip_prefix(Self::SCHEME).ok_or(PublicUrlError::NotHttps)?;
        if authority.contains(['/', '?', '#']) {
            return Err(PublicUrlError::HasPath);
        }
        let host_len = authority
            .find(']')
            .map(|bracket| bracket + 1)
            .or_else(|| authority.find(':'))
            .unwrap_or(authority.len());
        let (host, port) = authority.split_at_checked(host_len).ok_or(PublicUrlError::BadHost)?;
        if !is_host(host) {
            return Err(PublicUrlError::BadHost);
        }
        let is_port = |digits: &str| {
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port > 0)
        };
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return Err(PublicUrlError::BadPort);
        }
        Ok(Self { text: text.to_owned(), host_len })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= MAX_HOST_BYTES && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::{PublicUrl, PublicUrlError};

    #[test]
    fn hosts_with_and_without_a_port() {
        for (text, host) in [
            ("https://ota.example.com", "ota.example.com"),
            ("https://ota.example.com:8443/", "ota.example.com"),
            ("https://203.0.113.7:443", "203.0.113.7"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
            ("https://[2001:db8::1]:8443", "[2001:db8::1]"),
        ] {
            let url = PublicUrl::try_from(text.to_owned()).unwrap();
            assert_eq!((url.host(), url.as_str()), (host, text.trim_end_matches('/')));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use PublicUrlError::{BadHost, BadPort, HasPath, NotHttps};
        for (text, error) in [
            ("", NotHttps),
            ("ota.example.com", NotHttps),
            ("http://ota.example.com", NotHttps),
            ("https://", NotHttps),
            ("https://ota.example.com/prefix", HasPath),
            ("https://ota.example.com?x", HasPath),
            ("https://user@ota.example.com", BadHost),
            ("https://ota..example.com", BadHost),
            ("https://[2001:db8::1", BadHost),
            ("https://:8443", BadHost),
            ("https://ota.example.com:", BadPort),
            ("https://ota.example.com:0", BadPort),
            ("https://ota.example.com:+1", BadPort),
            ("https://ota.example.com:70000", BadPort),
        ] {
            assert_eq!(PublicUrl::try_from(text.to_owned()), Err(error), "{text}");
        }
    }
}
