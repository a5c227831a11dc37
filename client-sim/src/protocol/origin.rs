//! Where a server lives.

use std::fmt;

use hyper::Uri;
use rustls_pki_types::ServerName;

/// Scheme, host and port of an HTTPS server; the scheme is always `https`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    host: String,
    port: u16,
}

/// Why a text is not the address of a server.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The text is not a URL at all.
    #[error("`{0}` is not a URL")]
    Syntax(String),
    /// The URL has another scheme than `https`.
    #[error("`{0}` does not start with https://")]
    Scheme(String),
    /// The URL has no host, or one that no certificate could name.
    #[error("`{0}` has no usable host")]
    Host(String),
    /// The server must live at the URL root (device protocol, introduction).
    #[error("`{0}` has a path: the server lives at the URL root")]
    Path(String),
}

impl Origin {
    /// Parses `https://HOST[:PORT][/]`.
    pub fn parse(url: &str) -> Result<Self, OriginError> {
        let uri: Uri = url.parse().map_err(|_| OriginError::Syntax(url.to_owned()))?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(OriginError::Path(url.to_owned()));
        }
        Self::of(&uri)
    }

    /// Splits an absolute link into the origin and the request target (path and query).
    pub fn split_link(link: &str) -> Result<(Self, String), OriginError> {
        let uri: Uri = link.parse().map_err(|_| OriginError::Syntax(link.to_owned()))?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        Ok((Self::of(&uri)?, target))
    }

    /// The host as [`std::net::ToSocketAddrs`] wants it: an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The TCP port, 443 unless the URL says otherwise.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header: without the port if it is 443 (RFC 9110 §7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == DEFAULT_PORT { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The name that the server's certificate must carry.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host().to_owned()).ok()
    }

    fn of(uri: &Uri) -> Result<Self, OriginError> {
        if uri.scheme_str() != Some("https") {
            return Err(OriginError::Scheme(uri.to_string()));
        }
        let host = uri.host().ok_or_else(|| OriginError::Host(uri.to_string()))?.to_owned();
        let origin = Self { host, port: uri.port_u16().unwrap_or(DEFAULT_PORT) };
        if origin.server_name().is_none() {
            return Err(OriginError::Host(uri.to_string()));
        }
        Ok(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "https://{}", self.authority())
    }
}

const DEFAULT_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::{Origin, OriginError};

    #[test]
    fn ports_and_brackets() {
        let plain = Origin::parse("https://updates.example.com/").unwrap();
        assert_eq!((plain.host(), plain.port()), ("updates.example.com", 443));
        assert_eq!(plain.to_string(), "https://updates.example.com");
        let v6 = Origin::parse("https://[::1]:8443").unwrap();
        assert_eq!((v6.host(), v6.port(), v6.authority().as_str()), ("::1", 8443, "[::1]:8443"));
    }

    #[test]
    fn refusals() {
        assert!(matches!(Origin::parse("http://localhost:1"), Err(OriginError::Scheme(_))));
        assert!(matches!(Origin::parse("https://localhost/prefix"), Err(OriginError::Path(_))));
        assert!(matches!(Origin::parse("not a url"), Err(OriginError::Syntax(_))));
        assert!(Origin::parse("localhost:8443").is_err());
    }

    #[test]
    fn link_keeps_its_query() {
        let (origin, target) = Origin::split_link("https://h:9/d/a.mender?x=1&y=%2F").unwrap();
        assert_eq!((origin.to_string().as_str(), target.as_str()), ("https://h:9", "/d/a.mender?x=1&y=%2F"));
    }
}
