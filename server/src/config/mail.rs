//! How the server sends mail.

use std::path::PathBuf;

use serde::Deserialize;

use super::error::ConfigError;

/// How a connection to the mail server is kept private.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// TLS from the first byte on (RFC 8314).
    #[default]
    Implicit,
    /// TLS after `STARTTLS` (RFC 3207); nothing is sent without it.
    StartTls,
    /// None: for a server on this machine.
    None,
}

/// The section `[mail]`. Without `host` nothing is sent.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The mail server.
    pub host: Option<String>,
    /// Its port; 465 for implicit TLS, 587 for STARTTLS and 25 without TLS if it is missing.
    pub port: Option<u16>,
    /// How the connection is kept private.
    pub tls: MailTls,
    /// A certificate that the mail server's is trusted for beside those of public authorities; PEM.
    pub ca_file: Option<PathBuf>,
    /// Whom mails come from, as `Sealift <updates@example.com>`.
    pub from: String,
    /// The name to log in with.
    pub user: Option<String>,
    /// The file with its password, one line.
    pub password_file: Option<PathBuf>,
}

impl Mail {
    pub(super) fn check(&self, has_public_url: bool) -> Result<(), ConfigError> {
        let Some(host) = &self.host else { return Ok(()) };
        if host.is_empty() {
            return Err(ConfigError::value("mail.host", "must not be empty"));
        }
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            return Err(ConfigError::value("mail.from", "must be a mail address, with or without a name"));
        }
        if self.user.is_some() != self.password_file.is_some() {
            return Err(ConfigError::value("mail.user", "goes with `mail.password_file`: give both or none"));
        }
        if self.user.is_some() && self.tls == MailTls::None {
            return Err(ConfigError::value("mail.tls", "is none, and a password is not sent without TLS"));
        }
        // A link made of what a request says of its host would go where its sender wants.
        if !has_public_url {
            return Err(ConfigError::value("mail.host", "needs `public_url`: links in mails begin with it"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Mail, MailTls};

    #[test]
    fn what_cannot_work_or_is_not_safe_is_refused() {
        let good = Mail {
            host: Some("mail.example.com".to_owned()),
            from: "Sealift <updates@example.com>".to_owned(),
            ..Mail::default()
        };
        assert_eq!(good.check(true), Ok(()));
        assert_eq!(Mail::default().check(false), Ok(()), "no mail is sent");
        let with_user = Mail { user: Some("u".to_owned()), password_file: Some("p".into()), ..good.clone() };
        assert_eq!(with_user.check(true), Ok(()));
        for (bad, key) in [
            (Mail { from: "nobody".to_owned(), ..good.clone() }, "mail.from"),
            (Mail { from: String::new(), ..good.clone() }, "mail.from"),
            (Mail { host: Some(String::new()), ..good.clone() }, "mail.host"),
            (Mail { password_file: None, ..with_user.clone() }, "mail.user"),
            (Mail { tls: MailTls::None, ..with_user }, "mail.tls"),
        ] {
            let text = bad.check(true).unwrap_err().to_string();
            assert!(text.contains(key), "{text}");
        }
        assert!(good.check(false).unwrap_err().to_string().contains("public_url"));
    }
}
