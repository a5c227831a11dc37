//! The pair in use, and its exchange while the server runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::error::TlsError;
use super::pair::PairPaths;

/// What a look at the files found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reload {
    /// The same content as before.
    Unchanged,
    /// A new pair, which is in use from now on.
    Replaced,
}

struct InUse {
    digest: [u8; 32],
    certified: Arc<CertifiedKey>,
}

/// Holds the pair that new connections are given.
pub struct CertificateSlot {
    paths: PairPaths,
    in_use: RwLock<InUse>,
}

impl CertificateSlot {
    /// Loads the pair.
    pub fn load(paths: PairPaths) -> Result<Self, TlsError> {
        let pair = paths
            .load()?
            .ok_or_else(|| TlsError::NotPem { path: paths.certificate.clone(), wanted: "certificates" })?;
        let in_use = InUse { digest: pair.digest, certified: Arc::new(pair.certified) };
        Ok(Self { paths, in_use: RwLock::new(in_use) })
    }

    /// Looks at the files and takes a new pair. On an error the pair in use stays.
    pub fn reload(&self) -> Result<Reload, TlsError> {
        let pair = self.paths.load()?.ok_or_else(|| TlsError::NotPem {
            path: self.paths.certificate.clone(),
            wanted: "certificates",
        })?;
        if pair.digest == self.in_use.read().digest {
            return Ok(Reload::Unchanged);
        }
        *self.in_use.write() = InUse { digest: pair.digest, certified: Arc::new(pair.certified) };
        Ok(Reload::Replaced)
    }
}

impl ResolvesServerCert for CertificateSlot {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.in_use.read().certified))
    }
}

impl fmt::Debug for CertificateSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateSlot").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Looks at the files for ever, once every `period`. A pair that does not work is logged once and
/// tried again: the two files are seldom written at one instant.
pub async fn watch_files(slot: Arc<CertificateSlot>, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    let mut is_broken = false;
    loop {
        ticks.tick().await;
        let slot = Arc::clone(&slot);
        match tokio::task::spawn_blocking(move || slot.reload()).await {
            Ok(Ok(Reload::Unchanged)) => is_broken = false,
            Ok(Ok(Reload::Replaced)) => {
                is_broken = false;
                tracing::info!("tls certificate replaced");
            }
            Ok(Err(error)) if !is_broken => {
                is_broken = true;
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "new tls certificate not used, the old one stays");
            }
            Ok(Err(_)) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::DateTime;

    use super::{CertificateSlot, Reload};
    use crate::tls::{LocalCa, PairPaths, ensure_server_pair};

    #[test]
    fn a_new_pair_is_taken_and_a_broken_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ca = LocalCa::generate(now).unwrap();
        let paths = PairPaths::generated(directory.path());
        ensure_server_pair(&paths, &ca, &["a".to_owned()], now).unwrap();
        let slot = CertificateSlot::load(paths.clone()).unwrap();
        assert_eq!(slot.reload().unwrap(), Reload::Unchanged);
        let first = slot.in_use.read().certified.cert.clone();

        let old_key = fs::read(&paths.key).unwrap();
        ensure_server_pair(&paths, &ca, &["b".to_owned()], now).unwrap();
        let new_key = fs::read(&paths.key).unwrap();
        fs::write(&paths.key, old_key).unwrap();
        assert!(slot.reload().is_err());
        fs::remove_file(&paths.key).unwrap();
        assert!(slot.reload().is_err());
        assert_eq!(slot.in_use.read().certified.cert, first);

        fs::write(&paths.key, new_key).unwrap();
        assert_eq!(slot.reload().unwrap(), Reload::Replaced);
        assert_ne!(slot.in_use.read().certified.cert, first);
        assert_eq!(slot.reload().unwrap(), Reload::Unchanged);
    }
}
