//! The way to the mail server (RFC 5321).

use std::fs;
use std::path::Path;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::Letter;
use crate::config::{Mail, MailTls};

/// How long the mail server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why mail cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A file of the configuration.
    #[error("failed to read {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The certificate, or the configuration of TLS.
    #[error("failed to prepare TLS to the mail server")]
    Tls(#[source] smtp::Error),
    /// An address that mail cannot be sent to or from.
    #[error("failed to address a mail")]
    Address(#[from] lettre::address::AddressError),
    /// The mail cannot be written.
    #[error("failed to write a mail")]
    Message(#[from] lettre::error::Error),
    /// The mail server did not take it.
    #[error("the mail server did not take a mail")]
    Send(#[source] smtp::Error),
}

/// Hands mails to the mail server.
#[derive(Clone, Debug)]
pub struct Transport {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    server: String,
}

impl Transport {
    /// Prepares the way; nothing is sent yet. None if no mail server is configured. `server` is what this server is
    /// called in mails.
    pub fn open(config: &Mail, server: &str) -> Result<Option<Self>, MailError> {
        let Some(host) = &config.host else { return Ok(None) };
        let tls = match config.tls {
            MailTls::Implicit => Tls::Wrapper(tls(host, config.ca_file.as_deref())?),
            MailTls::StartTls => Tls::Required(tls(host, config.ca_file.as_deref())?),
            MailTls::None => Tls::None,
        };
        let port = config.port.unwrap_or(match config.tls {
            MailTls::Implicit => smtp::SUBMISSIONS_PORT,
            MailTls::StartTls => smtp::SUBMISSION_PORT,
            MailTls::None => smtp::SMTP_PORT,
        });
        // "Dangerous" is that nothing is set yet: TLS is, in the next line.
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str())
            .tls(tls)
            .port(port)
            .timeout(Some(PATIENCE));
        if let (Some(user), Some(file)) = (&config.user, &config.password_file) {
            let password = read(file)?;
            builder = builder.credentials(Credentials::new(user.clone(), password.trim_end().to_owned()));
        }
        let from = config.from.parse()?;
        Ok(Some(Self { smtp: builder.build(), from, server: server.to_owned() }))
    }

    /// Sends one letter.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, letter.to.as_str().parse()?))
            .subject(letter.matter.subject())
            .header(ContentType::TEXT_PLAIN)
            .body(letter.matter.text(&self.server).expose_secret().to_owned())?;
        self.smtp.send(message).await.map(drop).map_err(MailError::Send)
    }
}

impl MailError {
    /// Whether the same may work later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Send(err) => !err.is_permanent() && !err.is_client(),
            Self::File { .. } | Self::Tls(_) | Self::Address(_) | Self::Message(_) => false,
        }
    }

    /// What the log may say: the answer's code, and not its text, which may repeat addresses.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Send(err) => match err.status() {
                Some(code) => format!("the mail server answered {code}"),
                None => crate::telemetry::chain(self),
            },
            Self::Address(_) => "no address".to_owned(),
            Self::File { .. } | Self::Tls(_) | Self::Message(_) => crate::telemetry::chain(self),
        }
    }
}

fn tls(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        let certificate = Certificate::from_pem(read(path)?.as_bytes()).map_err(MailError::Tls)?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(MailError::Tls)
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<String>, MailError> {
    let text = fs::read_to_string(path);
    text.map(zeroize::Zeroizing::new)
        .map_err(|source| MailError::File { path: path.display().to_string(), source })
}
