//! The beginning of the links that are given out.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;

use super::error::{ApiError, Code};
use crate::config::PublicUrl;

/// Scheme and authority, without a slash at the end: the public URL, or what the caller used.
pub fn base_url(public_url: Option<&PublicUrl>, request: &HttpRequest) -> Result<String, ApiError> {
    match public_url {
        Some(url) => Ok(url.as_str().to_owned()),
        None => Ok(format!("https://{}", host(request)?)),
    }
}

/// The authority that the caller used to reach the server (RFC 9112 §3.2).
fn host(request: &HttpRequest) -> Result<&str, ApiError> {
    let is_plain = |host: &&str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
    };
    let value = request.headers().get(HOST).and_then(|value| value.to_str().ok()).filter(is_plain);
    value.ok_or_else(|| ApiError::new(Code::BadRequest, "the header Host is missing or malformed"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::{PublicUrl, base_url};

    fn base(public_url: Option<&str>, host: &str) -> Option<String> {
        let public_url = public_url.map(|url| PublicUrl::try_from(url.to_owned()).unwrap());
        let request = TestRequest::default().insert_header(("host", host)).to_http_request();
        base_url(public_url.as_ref(), &request).ok()
    }

    #[test]
    fn the_public_url_comes_first_and_hosts_must_be_plain() {
        let public = Some("https://ota.example.com/");
        assert_eq!(base(public, "127.0.0.1:1").as_deref(), Some("https://ota.example.com"));
        assert_eq!(base(public, "a/b").as_deref(), Some("https://ota.example.com"));
        assert_eq!(base(None, "[::1]:8443").as_deref(), Some("https://[::1]:8443"));
        for host in ["", "a/b", "a b", "a@b", "a?b"] {
            assert_eq!(base(None, host), None, "{host}");
        }
    }
}
