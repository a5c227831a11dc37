//! A certificate chain and its key, in two PEM files.

use std::path::{Path, PathBuf};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use super::error::TlsError;
use super::files::read_if_there;

/// Where a pair lies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PairPaths {
    /// The certificate chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// The content of the two files.
pub(super) struct Pair {
    /// A hash of both files, to notice a change with.
    pub(super) digest: [u8; 32],
    /// The chain, the server's own certificate first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The chain with its key, ready for the TLS library.
    pub(super) certified: CertifiedKey,
}

impl PairPaths {
    /// The pair that the server makes itself, in the data directory.
    #[must_use]
    pub fn generated(data_dir: &Path) -> Self {
        Self { certificate: data_dir.join("tls/server.crt"), key: data_dir.join("tls/server.key") }
    }

    /// Reads both files, and checks that the key is that of the certificate. `None` if either file is
    /// missing.
    pub(super) fn load(&self) -> Result<Option<Pair>, TlsError> {
        let (Some(certificate), Some(key)) = (read_if_there(&self.certificate)?, read_if_there(&self.key)?)
        else {
            return Ok(None);
        };
        let mut hash = Sha256::new();
        hash.update(Sha256::digest(certificate.as_bytes()));
        hash.update(Sha256::digest(key.as_bytes()));

        let not_pem = |path: &Path, wanted| TlsError::NotPem { path: path.to_owned(), wanted };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| not_pem(&self.certificate, "certificates"))?;
        if chain.is_empty() {
            return Err(not_pem(&self.certificate, "certificates"));
        }
        let key =
            PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| not_pem(&self.key, "a private key"))?;
        let certified = CertifiedKey::from_der(chain.clone(), key, &default_provider())
            .map_err(|source| TlsError::BadPair { path: self.certificate.clone(), source })?;
        Ok(Some(Pair { digest: hash.finalize().into(), chain, certified }))
    }
}
