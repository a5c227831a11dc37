//! How TLS is spoken.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};

use super::error::TlsError;
use super::slot::CertificateSlot;
use crate::config::TlsVersion;

/// Returns the configuration of the listener: TLS 1.3, with 1.2 beside it if that is the least; nothing resumed.
///
/// No device client resumes, a ticket costs each fresh connection of theirs a packet, and a resumed
/// session would carry an old client certificate past its revocation (device identity §4.1).
pub fn server_config(slot: Arc<CertificateSlot>, least: TlsVersion) -> Result<ServerConfig, TlsError> {
    let versions = match least {
        TlsVersion::V1_2 => &[&TLS13, &TLS12][..],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .map_err(TlsError::Configure)?
        .with_no_client_auth()
        .with_cert_resolver(slot);
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;
    use std::time::Duration;

    use chrono::DateTime;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::time_provider::TimeProvider;
    use rustls::version::{TLS12, TLS13};
    use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConnection};
    use rustls_pki_types::{ServerName, UnixTime};

    use super::server_config;
    use crate::config::TlsVersion;
    use crate::tls::{CertificateSlot, LocalCa, PairPaths, ensure_server_pair, server_names};

    const MADE_AT: i64 = 1_800_000_000;

    #[derive(Debug)]
    struct ThatDay;

    impl TimeProvider for ThatDay {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(Duration::from_secs(MADE_AT.unsigned_abs())))
        }
    }

    /// Carries bytes between the two until neither has any left.
    fn shake_hands(
        client: &mut ClientConnection,
        server: &mut ServerConnection,
    ) -> Result<(), rustls::Error> {
        while client.wants_write() || server.wants_write() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            server.read_tls(&mut Cursor::new(wire)).unwrap();
            server.process_new_packets()?;
            let mut wire = Cursor::new(Vec::new());
            while server.wants_write() {
                server.write_tls(wire.get_mut()).unwrap();
            }
            while wire.position() < u64::try_from(wire.get_ref().len()).unwrap() {
                client.read_tls(&mut wire).unwrap();
                client.process_new_packets()?;
            }
        }
        Ok(())
    }

    #[test]
    fn both_versions_work_for_every_name_and_nothing_is_resumed() {
        let directory = tempfile::tempdir().unwrap();
        let paths = PairPaths::generated(directory.path());
        let made = DateTime::from_timestamp(MADE_AT, 0).unwrap();
        let ca = LocalCa::generate(made).unwrap();
        ensure_server_pair(&paths, &ca, &server_names(None, Some("ota.example.com")), made).unwrap();
        let server = Arc::new(
            server_config(Arc::new(CertificateSlot::load(paths).unwrap()), TlsVersion::V1_2).unwrap(),
        );
        let mut roots = RootCertStore::empty();
        roots.add(ca.certificate_der().clone()).unwrap();

        for version in [&TLS12, &TLS13] {
            let client = ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(ThatDay))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            let client = Arc::new(client);
            for name in ["localhost", "127.0.0.1", "::1", "ota.example.com"] {
                for _ in 0..2 {
                    let name = ServerName::try_from(name).unwrap();
                    let mut client = ClientConnection::new(Arc::clone(&client), name).unwrap();
                    let mut server = ServerConnection::new(Arc::clone(&server)).unwrap();
                    shake_hands(&mut client, &mut server).unwrap();
                    assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
                    assert_eq!(client.tls13_tickets_received(), 0);
                    assert_eq!(client.alpn_protocol(), None);
                }
            }
            let other = ServerName::try_from("other.example.com").unwrap();
            let mut client = ClientConnection::new(client, other).unwrap();
            let mut server = ServerConnection::new(Arc::clone(&server)).unwrap();
            assert!(shake_hands(&mut client, &mut server).is_err());
        }
    }
}
