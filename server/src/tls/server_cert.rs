//! The server certificate that renews itself.

use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::ca::{LEAF_BACKDATED_DAYS, LEAF_DAYS, LocalCa};
use super::error::TlsError;
use super::files::{write_private, write_public};
use super::pair::{Pair, PairPaths};

/// What became of the server certificate, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renewal {
    /// The one in place is good.
    Kept,
    /// There was none, or it could not be used.
    Missing,
    /// It was issued by another authority.
    OtherAuthority,
    /// It covered other names.
    NamesChanged,
    /// Less than a third of its time was left.
    Due,
    /// It reached less far back than a third of what a fresh one does: the clock was ahead when it was made.
    Early,
}

/// Sees to it that the pair at `paths` is good for `names` at `now`, and issues a new one if not.
///
/// Called at start and now and then afterwards; a running server notices the new files by
/// [`watch_files`](super::watch_files).
pub fn ensure_server_pair(
    paths: &PairPaths,
    ca: &LocalCa,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<Renewal, TlsError> {
    let renewal = match paths.load() {
        Ok(Some(pair)) => judge(&pair, ca, names, now),
        Ok(None) | Err(TlsError::NotPem { .. } | TlsError::BadPair { .. }) => Renewal::Missing,
        Err(error) => return Err(error),
    };
    if renewal != Renewal::Kept {
        let issued = ca.issue(names, now)?;
        // A crash between the two leaves a pair that does not match, which counts as missing.
        write_private(&paths.key, &issued.key_pem)?;
        write_public(&paths.certificate, &issued.chain_pem)?;
    }
    Ok(renewal)
}

fn judge(pair: &Pair, ca: &LocalCa, names: &[String], now: DateTime<Utc>) -> Renewal {
    let Some((_, leaf)) = pair.chain.first().and_then(|der| X509Certificate::from_der(der).ok()) else {
        return Renewal::Missing;
    };
    let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or(now);
    let validity = leaf.validity();
    let (begin, end) = (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()));
    if pair.chain.get(1) != Some(ca.certificate_der()) {
        Renewal::OtherAuthority
    } else if covered_names(&leaf) != names.iter().cloned().collect() {
        Renewal::NamesChanged
    } else if end - now < third(LEAF_DAYS) {
        Renewal::Due
    } else if now - begin < third(LEAF_BACKDATED_DAYS) {
        Renewal::Early
    } else {
        Renewal::Kept
    }
}

fn third(days: u64) -> TimeDelta {
    TimeDelta::days(i64::try_from(days / 3).unwrap_or_default())
}

fn covered_names(leaf: &X509Certificate<'_>) -> BTreeSet<String> {
    let Ok(Some(alternatives)) = leaf.subject_alternative_name() else { return BTreeSet::new() };
    alternatives.value.general_names.iter().filter_map(spelled).collect()
}

fn spelled(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some((*name).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else { return None };
    let address = <[u8; 4]>::try_from(*bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
        .ok()?;
    Some(address.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use chrono::{DateTime, TimeDelta, Utc};
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::{Renewal, ensure_server_pair};
    use crate::tls::{LocalCa, PairPaths, server_names};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn ensure(directory: &Path, ca: &LocalCa, public_host: &str, now: DateTime<Utc>) -> Renewal {
        let names = server_names(Some("harbour"), Some(public_host));
        ensure_server_pair(&PairPaths::generated(directory), ca, &names, now).unwrap()
    }

    #[test]
    fn a_certificate_is_made_once_and_renewed_in_time() {
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::generate(now()).unwrap();
        let ensure = |host, days| ensure(directory.path(), &ca, host, now() + TimeDelta::days(days));
        assert_eq!(ensure("ota.example.com", 0), Renewal::Missing);
        assert_eq!(ensure("ota.example.com", 0), Renewal::Kept);
        assert_eq!(ensure("ota.example.com", 122), Renewal::Kept);
        assert_eq!(ensure("ota.example.com", 124), Renewal::Due);
        assert_eq!(ensure("ota.example.com", 124), Renewal::Kept);
        assert_eq!(ensure("203.0.113.7", 124), Renewal::NamesChanged);
        assert_eq!(ensure("203.0.113.7", 124), Renewal::Kept);
        let key = directory.path().join("tls/server.key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_clock_that_is_set_right_gets_a_certificate_of_its_time() {
        for (wrong, why) in [(365, Renewal::Early), (121, Renewal::Early), (-365, Renewal::Due)] {
            let directory = tempfile::tempdir().unwrap();
            let ca = LocalCa::generate(now()).unwrap();
            let ensure = |days| ensure(directory.path(), &ca, "a", now() + TimeDelta::days(days));
            assert_eq!(ensure(wrong), Renewal::Missing);
            assert_eq!(ensure(wrong), Renewal::Kept);
            assert_eq!(ensure(0), why, "{wrong} days");
            assert_eq!(ensure(0), Renewal::Kept, "{wrong} days");
        }
        // An hour is nothing.
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::generate(now()).unwrap();
        ensure(directory.path(), &ca, "a", now());
        assert_eq!(ensure(directory.path(), &ca, "a", now() - TimeDelta::hours(1)), Renewal::Kept);
    }

    #[test]
    fn a_broken_pair_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::generate(now()).unwrap();
        let paths = PairPaths::generated(directory.path());
        assert_eq!(ensure(directory.path(), &ca, "a", now()), Renewal::Missing);
        let old_key = fs::read(&paths.key).unwrap();
        fs::write(&paths.key, "nonsense").unwrap();
        assert_eq!(ensure(directory.path(), &ca, "a", now()), Renewal::Missing);
        fs::write(&paths.key, old_key).unwrap();
        assert_eq!(ensure(directory.path(), &ca, "a", now()), Renewal::Missing);
        let other = LocalCa::generate(now()).unwrap();
        assert_eq!(ensure(directory.path(), &other, "a", now()), Renewal::OtherAuthority);
    }

    #[test]
    fn validity_reaches_half_a_year_back_and_on() {
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::generate(now()).unwrap();
        ensure(directory.path(), &ca, "a", now());
        let pair = PairPaths::generated(directory.path()).load().unwrap().unwrap();
        let days = |der: &[u8]| {
            let (_, certificate) = X509Certificate::from_der(der).unwrap();
            let day =
                |time: x509_parser::time::ASN1Time| (time.timestamp() - now().timestamp()).div_euclid(86_400);
            (day(certificate.validity().not_before), day(certificate.validity().not_after))
        };
        assert_eq!(days(&pair.chain[0]), (-181, 183));
        assert_eq!(days(&pair.chain[1]), (-366, 30 * 366 - 1));
    }

    #[test]
    fn a_stored_authority_issues_as_before() {
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::generate(now()).unwrap();
        ensure(directory.path(), &ca, "a", now());
        let stored = LocalCa::from_pem(ca.certificate_pem(), ca.key_pem()).unwrap();
        assert_eq!(stored.fingerprint(), ca.fingerprint());
        assert_eq!(ensure(directory.path(), &stored, "a", now()), Renewal::Kept);
        let other = LocalCa::generate(now()).unwrap();
        assert!(LocalCa::from_pem(ca.certificate_pem(), other.key_pem()).is_err());
    }
}
