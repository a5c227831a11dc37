//! The local certificate authority.

use std::fmt;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::error::TlsError;
use crate::crypto::hex;

/// How long the authority lives: devices carry its certificate, so longer than they do.
const CA_DAYS: u64 = 30 * 366;

/// How long a server certificate is valid from its making on. With the days before, it lives for no more than 366
/// days, as Mozilla's "intermediate" asks; it renews itself when a third of this is left.
pub(super) const LEAF_DAYS: u64 = 184;

/// How far a server certificate reaches into the past, for devices whose clock is behind.
pub(super) const LEAF_BACKDATED_DAYS: u64 = 180;

/// The same for the authority.
const CA_BACKDATED_DAYS: u64 = 365;

/// A certificate chain and its private key, fresh from the authority.
pub(super) struct Issued {
    /// The server's certificate, then the authority's, as PEM.
    pub(super) chain_pem: String,
    /// The key as PEM (PKCS#8).
    pub(super) key_pem: Zeroizing<String>,
}

/// The authority that issues the server's certificate.
pub struct LocalCa {
    certificate_pem: String,
    certificate_der: CertificateDer<'static>,
    key_pem: Zeroizing<String>,
    common_name: String,
}

impl LocalCa {
    /// Makes a new authority with a P-256 key, valid for thirty years.
    pub fn generate(now: DateTime<Utc>) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mark = hex(Sha256::digest(key.public_key_raw()).get(..4).unwrap_or_default());
        let mut params = ca_params(&format!("Sealift local CA {mark}"));
        set_validity(&mut params, now, CA_BACKDATED_DAYS, CA_DAYS);
        let certificate = params.self_signed(&key)?;
        Self::from_pem(&certificate.pem(), &key.serialize_pem())
    }

    /// Takes an authority that [`Self::generate`] made.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let certificate_der =
            CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(|_| TlsError::MalformedCa)?;
        let (_, parsed) = X509Certificate::from_der(&certificate_der).map_err(|_| TlsError::MalformedCa)?;
        let common_name = parsed
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .ok_or(TlsError::MalformedCa)?
            .to_owned();
        let key = KeyPair::from_pem(key_pem).map_err(|_| TlsError::MalformedCa)?;
        if parsed.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(TlsError::MalformedCa);
        }
        Ok(Self {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: Zeroizing::new(key_pem.to_owned()),
            common_name,
            certificate_der,
        })
    }

    /// The certificate that devices trust, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key as PEM (PKCS#8), to be sealed and stored.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The SHA-256 of the certificate as people compare it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes: Vec<String> =
            Sha256::digest(&self.certificate_der).iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    pub(super) fn certificate_der(&self) -> &CertificateDer<'static> {
        &self.certificate_der
    }

    /// Issues a server certificate with a new P-256 key for host names and addresses.
    pub(super) fn issue(&self, names: &[String], now: DateTime<Utc>) -> Result<Issued, TlsError> {
        let issuer = Issuer::new(ca_params(&self.common_name), KeyPair::from_pem(&self.key_pem)?);
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named("Sealift server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, now, LEAF_BACKDATED_DAYS, LEAF_DAYS);
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Issued {
            chain_pem: format!("{}{}", certificate.pem(), self.certificate_pem),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }
}

impl fmt::Debug for LocalCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCa").field("common_name", &self.common_name).finish_non_exhaustive()
    }
}

fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Sets when a certificate starts and ends, in days before and after `now`.
fn set_validity(params: &mut CertificateParams, now: DateTime<Utc>, before: u64, after: u64) {
    let today = now.date_naive();
    let start = today.checked_sub_days(Days::new(before)).unwrap_or(today);
    let end = today.checked_add_days(Days::new(after)).unwrap_or(today);
    let [start, end] = [start, end].map(|day: NaiveDate| {
        let small = |number: u32| u8::try_from(number).unwrap_or(1);
        date_time_ymd(day.year(), small(day.month()), small(day.day()))
    });
    params.not_before = start;
    params.not_after = end;
}
