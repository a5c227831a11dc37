//! Sealing of what the database must not show: AES-256-GCM under keys derived from the master key
//! (user authentication §11).

mod master_key;

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};

pub use master_key::{MASTER_KEY_BYTES, MasterKey, MasterKeyError};

/// The version of the format, first in every sealed text.
const VERSION: &str = "v1";

/// What a derived key is for. Keys of different purposes tell nothing about each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// The private keys that sign checkpoints of the audit trail.
    AuditCheckpoints,
    /// The private key of the local certificate authority.
    CertificateAuthority,
    /// What goes into the hashes of passwords.
    Pepper,
    /// What of recovery codes is stored.
    RecoveryCodes,
    /// The authority of download links.
    SignedLink,
    /// What devices name their tenant by.
    TenantTokens,
    /// The private keys that sign session tokens.
    TokenSigning,
    /// The TOTP secrets of users.
    Totp,
}

impl Purpose {
    /// The label that the key is derived with. Never change one: what it sealed would be lost.
    fn label(self) -> &'static str {
        match self {
            Self::AuditCheckpoints => "sealift:audit-checkpoints",
            Self::CertificateAuthority => "sealift:certificate-authority",
            Self::Pepper => "sealift:pepper",
            Self::RecoveryCodes => "sealift:recovery-codes",
            Self::SignedLink => "sealift:signed-link",
            Self::TenantTokens => "sealift:tenant-tokens",
            Self::TokenSigning => "sealift:token-signing",
            Self::Totp => "sealift:totp",
        }
    }
}

/// The place of a sealed value in the database. It is authenticated, so that a value moved to
/// another row or column does not open.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// The id of the row, in any fixed spelling.
    pub row: &'a str,
}

impl Cell<'_> {
    fn aad(&self) -> Vec<u8> {
        [self.table, self.column, self.row].iter().fold(Vec::new(), |mut aad, part| {
            aad.extend_from_slice(part.as_bytes());
            aad.push(0);
            aad
        })
    }
}

/// Why a value could not be sealed or opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// No randomness for the nonce.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The text is not `v1:<key id>:<nonce>:<ciphertext>`.
    #[error("sealed value is malformed")]
    Malformed,
    /// It was sealed with another master key.
    #[error("sealed value belongs to master key {0}")]
    OtherKey(String),
    /// It was changed, moved to another cell, or sealed for another purpose.
    #[error("sealed value does not open")]
    Tampered,
}

impl MasterKey {
    /// Seals `plaintext` for one cell: `v1:<key id>:<nonce>:<ciphertext>`, base64url without padding.
    pub fn seal(
        &self,
        purpose: Purpose,
        cell: Cell<'_>,
        plaintext: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<String, SealError> {
        let nonce: [u8; NONCE_LEN] = random_bytes(random)?;
        let mut sealed = plaintext.to_vec();
        self.cipher(purpose)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(cell.aad()), &mut sealed)
            .map_err(|_| SealError::Tampered)?;
        Ok(format!(
            "{VERSION}:{}:{}:{}",
            self.id(),
            URL_SAFE_NO_PAD.encode(nonce),
            URL_SAFE_NO_PAD.encode(&sealed)
        ))
    }

    /// Opens what [`Self::seal`] sealed for the same purpose and cell.
    pub fn open(
        &self,
        purpose: Purpose,
        cell: Cell<'_>,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut parts = sealed.split(':');
        let (Some(VERSION), Some(key_id), Some(nonce), Some(ciphertext), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SealError::Malformed);
        };
        if key_id != self.id() {
            return Err(SealError::OtherKey(key_id.to_owned()));
        }
        let nonce = URL_SAFE_NO_PAD.decode(nonce).map_err(|_| SealError::Malformed)?;
        let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| SealError::Malformed)?;
        let mut text = Zeroizing::new(URL_SAFE_NO_PAD.decode(ciphertext).map_err(|_| SealError::Malformed)?);
        let length = self
            .cipher(purpose)?
            .open_in_place(nonce, Aad::from(cell.aad()), &mut text)
            .map_err(|_| SealError::Tampered)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    fn cipher(&self, purpose: Purpose) -> Result<LessSafeKey, SealError> {
        let key = self.derive(purpose);
        UnboundKey::new(&AES_256_GCM, key.as_ref()).map(LessSafeKey::new).map_err(|_| SealError::Malformed)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, MasterKey, Purpose, SealError};
    use crate::crypto::random::SystemRandom;
    use crate::crypto::random::testing::CountingRandom;

    const CELL: Cell<'_> = Cell { table: "signing_keys", column: "pkcs8", row: "1" };

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_bytes(&[byte; 32])
    }

    #[test]
    fn what_was_sealed_opens() {
        let random = SystemRandom::new();
        for plaintext in [b"".as_slice(), b"secret", &[0; 5000]] {
            let sealed = key(1).seal(Purpose::Totp, CELL, plaintext, &random).unwrap();
            assert_eq!(key(1).open(Purpose::Totp, CELL, &sealed).unwrap().as_slice(), plaintext);
        }
    }

    #[test]
    fn the_format_does_not_change() {
        let sealed = key(1).seal(Purpose::Totp, CELL, b"secret", &CountingRandom::default()).unwrap();
        assert_eq!(sealed, "v1:03f245f7:AQEBAQEBAQEBAQEB:EtKsGP44T0YmmhidcaecNzsCd-KzhQ");
    }

    #[test]
    fn another_purpose_cell_or_key_does_not_open() {
        let sealed = key(1).seal(Purpose::Totp, CELL, b"secret", &SystemRandom::new()).unwrap();
        assert_eq!(key(1).open(Purpose::TokenSigning, CELL, &sealed), Err(SealError::Tampered));
        let moved = Cell { row: "2", ..CELL };
        assert_eq!(key(1).open(Purpose::Totp, moved, &sealed), Err(SealError::Tampered));
        let other = SealError::OtherKey(key(1).id().to_owned());
        assert_eq!(key(2).open(Purpose::Totp, CELL, &sealed), Err(other));
    }

    #[test]
    fn cells_with_the_same_joined_name_differ() {
        let cell = Cell { table: "ab", column: "c", row: "1" };
        let other = Cell { table: "a", column: "bc", row: "1" };
        let sealed = key(1).seal(Purpose::Totp, cell, b"secret", &SystemRandom::new()).unwrap();
        assert_eq!(key(1).open(Purpose::Totp, other, &sealed), Err(SealError::Tampered));
    }

    #[test]
    fn nonsense_is_malformed() {
        let id = key(1).id().to_owned();
        for text in ["", "v1", "v2:a:b:c", "v1:a:b", &format!("v1:{id}:AA:AA"), &format!("v1:{id}:%:AA")] {
            assert_eq!(key(1).open(Purpose::Totp, CELL, text), Err(SealError::Malformed), "{text}");
        }
        let short = format!("v1:{id}:AAAAAAAAAAAAAAAA:AA");
        assert_eq!(key(1).open(Purpose::Totp, CELL, &short), Err(SealError::Tampered));
    }
}
