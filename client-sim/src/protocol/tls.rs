//! TLS as devices use it (device protocol §3).

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The certificates that a client trusts, and everything else that a handshake needs.
///
/// TLS 1.2 and 1.3; no session resumption and no ALPN, as all known device clients. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

/// Why a file of certificates cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The text holds no PEM certificate.
    #[error("there is no certificate in it")]
    Empty,
    /// A PEM block is damaged.
    #[error("certificate {index} is not valid PEM")]
    Pem {
        /// Position in the file, from 1.
        index: usize,
    },
    /// A certificate cannot be used as a trust anchor.
    #[error("certificate {index} cannot be trusted")]
    Certificate {
        /// Position in the file, from 1.
        index: usize,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// The TLS library refuses its own protocol versions.
    #[error("the TLS library cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl Trust {
    /// Trusts every certificate of a PEM file, and nothing else.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        for (position, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let index = position + 1;
            let certificate = certificate.map_err(|_| TrustError::Pem { index })?;
            roots.add(certificate).map_err(|source| TrustError::Certificate { index, source })?;
        }
        if roots.is_empty() {
            return Err(TrustError::Empty);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self(Arc::new(config)))
    }

    /// The configuration for one more connection.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Trust, TrustError};

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(matches!(Trust::from_pem(b"hello"), Err(TrustError::Empty)));
        let damaged = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(Trust::from_pem(damaged), Err(TrustError::Pem { index: 1 })));
    }
}
