//! The server's own secrets: made at the first start, sealed in the database, opened at every start.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};
use crate::crypto::seal::{Cell, MasterKey, MasterKeyError, Purpose, SealError};
use crate::crypto::session_token::{SigningKey, SigningKeyError, SigningKeySet};
use crate::ids::TenantId;
use crate::storage::signing_keys::SealedKey;
use crate::storage::{Access, Database, StorageError, WriteScope, signing_keys};
use crate::tls::{LocalCa, TlsError};

const DEVICE_TOKENS: &str = "device-tokens";
const USER_TOKENS: &str = "user-tokens";
const AUDIT_CHECKPOINTS: &str = "audit-checkpoints";
const LINKS: &str = "links";
const LOCAL_CA: &str = "local-ca";

/// Where a key's PEM begins in the sealed pair of certificate and key.
const KEY_LABEL: &str = "-----BEGIN PRIVATE KEY-----";

/// Why the secrets cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The master key file.
    #[error(transparent)]
    Master(#[from] MasterKeyError),
    /// A sealed secret does not open: most likely the key file belongs to another database.
    #[error("the secret {what} in the database does not open with this key file")]
    Sealed {
        /// Which secret.
        what: &'static str,
        /// Why.
        #[source]
        source: SealError,
    },
    /// A secret opened to something that is no key.
    #[error("the secret {0} in the database is damaged")]
    Damaged(&'static str),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A key could not be made.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The local CA could not be made or read.
    #[error(transparent)]
    Ca(#[from] TlsError),
    /// The directory for the key file.
    #[error("failed to create the directory {path}")]
    Directory {
        /// The directory.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The server's own secrets.
#[derive(Debug)]
pub struct Keyring {
    /// Seals what the database must not show.
    pub master: MasterKey,
    /// Sign the sessions of devices.
    pub device_tokens: SigningKeySet,
    /// Sign the sessions of users; never the same keys as devices' (RFC 8725 §3.12).
    pub user_tokens: SigningKeySet,
    /// Sign checkpoints of the audit trail.
    pub audit_checkpoints: SigningKeySet,
    /// Authorises links.
    pub links: Zeroizing<[u8; 32]>,
    /// Issues the server's certificate.
    pub local_ca: LocalCa,
}

impl Keyring {
    /// Opens the secrets, and makes those that do not exist.
    pub async fn open(
        database: &Database,
        data_dir: &Path,
        random: &dyn SecureRandom,
        now: DateTime<Utc>,
    ) -> Result<Self, KeyringError> {
        let directory = data_dir.join("keys");
        fs::create_dir_all(&directory)
            .map_err(|source| KeyringError::Directory { path: directory.display().to_string(), source })?;
        let master = MasterKey::load_or_create(&directory.join("master.key"), random)?;
        // One transaction: two processes that start together agree on one set of secrets.
        let tx = database.begin(TenantId::DEFAULT).await?;
        let vault = Vault { tx: tx.scope(), master: &master, random, now };
        let keyring = Self {
            master: master.clone(),
            device_tokens: vault.signing_keys(DEVICE_TOKENS, Purpose::TokenSigning).await?,
            user_tokens: vault.signing_keys(USER_TOKENS, Purpose::TokenSigning).await?,
            audit_checkpoints: vault.signing_keys(AUDIT_CHECKPOINTS, Purpose::AuditCheckpoints).await?,
            links: vault.link_key().await?,
            local_ca: vault.local_ca().await?,
        };
        tx.commit(now).await?;
        Ok(keyring)
    }

    /// Answers whether all secrets were made already, so that opening them changes nothing.
    pub async fn exists(scope: &impl Access) -> Result<bool, StorageError> {
        for what in [DEVICE_TOKENS, USER_TOKENS, AUDIT_CHECKPOINTS, LINKS, LOCAL_CA] {
            if signing_keys::list(scope, what).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

struct Vault<'a> {
    tx: WriteScope<'a>,
    master: &'a MasterKey,
    random: &'a dyn SecureRandom,
    now: DateTime<Utc>,
}

impl Vault<'_> {
    async fn signing_keys(
        &self,
        what: &'static str,
        purpose: Purpose,
    ) -> Result<SigningKeySet, KeyringError> {
        let mut keys = Vec::new();
        for secret in self.open_all(what, purpose).await? {
            keys.push(SigningKey::from_pkcs8(&secret)?);
        }
        if keys.is_empty() {
            let key = SigningKey::generate(self.random)?;
            self.seal(what, purpose, key.verifying().kid(), key.pkcs8()).await?;
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(KeyringError::Damaged(what))?;
        Ok(SigningKeySet::new(current, keys.map(|key| key.verifying().clone()).collect()))
    }

    async fn link_key(&self) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        if let Some(secret) = self.open_all(LINKS, Purpose::SignedLink).await?.into_iter().next() {
            let key = secret.as_slice().try_into().map_err(|_| KeyringError::Damaged(LINKS))?;
            return Ok(Zeroizing::new(key));
        }
        let key = Zeroizing::new(random_bytes::<32>(self.random)?);
        self.seal(LINKS, Purpose::SignedLink, LINKS, key.as_slice()).await?;
        Ok(key)
    }

    async fn local_ca(&self) -> Result<LocalCa, KeyringError> {
        if let Some(secret) = self.open_all(LOCAL_CA, Purpose::CertificateAuthority).await?.into_iter().next()
        {
            let pair = std::str::from_utf8(&secret).map_err(|_| KeyringError::Damaged(LOCAL_CA))?;
            let at = pair.find(KEY_LABEL).ok_or(KeyringError::Damaged(LOCAL_CA))?;
            let (certificate, key) = pair.split_at(at);
            return Ok(LocalCa::from_pem(certificate, key)?);
        }
        let ca = LocalCa::generate(self.now)?;
        let pair = Zeroizing::new(format!("{}{}", ca.certificate_pem(), ca.key_pem()));
        self.seal(LOCAL_CA, Purpose::CertificateAuthority, LOCAL_CA, pair.as_bytes()).await?;
        Ok(ca)
    }

    async fn open_all(
        &self,
        what: &'static str,
        purpose: Purpose,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, KeyringError> {
        let stored = signing_keys::list(&self.tx, what).await?;
        let open = |key: SealedKey| {
            self.master
                .open(purpose, cell(&key.id), &key.sealed)
                .map_err(|source| KeyringError::Sealed { what, source })
        };
        stored.into_iter().map(open).collect()
    }

    async fn seal(
        &self,
        what: &'static str,
        purpose: Purpose,
        id: &str,
        secret: &[u8],
    ) -> Result<(), KeyringError> {
        let sealed = self
            .master
            .seal(purpose, cell(id), secret, self.random)
            .map_err(|source| KeyringError::Sealed { what, source })?;
        let key = SealedKey { id: id.to_owned(), sealed };
        Ok(signing_keys::insert(&self.tx, what, &key, self.now).await?)
    }
}

const fn cell(id: &str) -> Cell<'_> {
    Cell { table: "signing_keys", column: "sealed", row: id }
}
