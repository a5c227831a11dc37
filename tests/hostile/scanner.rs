//! What a scanner of TLS configurations finds: nothing below Mozilla's "intermediate" (S10).

use std::process::Command;

use harness::process::run;
use harness::{Peer, ServerSetup, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::Value;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::Sslyze];
        mozilla_calls_the_default_intermediate,
        mozilla_calls_tls_1_3_alone_modern,
        scanner_notices_what_is_below,
    ]
}

/// What the scanner says of one server.
struct Scan {
    is_compliant: bool,
    text: String,
    findings: Value,
}

impl Scan {
    fn of(server: &TestServer, profile: &str) -> Self {
        let out = server.scratch().join(format!("scan-{profile}.json"));
        let output = run(Command::new("sslyze")
            .arg(format!("--mozilla_config={profile}"))
            .arg("--certinfo_ca_file")
            .arg(server.ca())
            .arg(format!("--json_out={}", out.display()))
            .arg(format!("localhost:{}", server.port())));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json: Value = serde_json::from_slice(&std::fs::read(&out).expect("a report")).expect("JSON");
        let scan = &json["server_scan_results"][0];
        assert_eq!(scan["scan_status"], "COMPLETED", "{text}");
        Self { is_compliant: output.status.success(), findings: scan["scan_result"].clone(), text }
    }

    /// Returns what keeps the server from being compliant.
    fn complaints(&self) -> impl Iterator<Item = &str> {
        let (_, verdict) = self.text.split_once("COMPLIANCE AGAINST").expect("a verdict");
        verdict.lines().filter_map(|line| line.trim().strip_prefix("* "))
    }

    /// Returns what one of the scanner's commands found.
    #[track_caller]
    fn found(&self, command: &str, what: &str) -> &Value {
        let result = &self.findings[command];
        assert_eq!(result["status"], "COMPLETED", "{command}: {}", self.text);
        &result["result"][what]
    }

    #[track_caller]
    fn expect_nothing_old(&self) {
        for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
            let suites = self.found(&format!("{old}_cipher_suites"), "accepted_cipher_suites");
            assert_eq!(suites.as_array().map(Vec::len), Some(0), "{old}: {suites}");
        }
        assert_eq!(self.found("tls_compression", "supports_compression"), false);
        assert_eq!(self.found("heartbleed", "is_vulnerable_to_heartbleed"), false);
        assert_eq!(self.found("openssl_ccs_injection", "is_vulnerable_to_ccs_injection"), false);
        assert_eq!(self.found("robot", "robot_result"), "NOT_VULNERABLE_RSA_NOT_SUPPORTED");
        let renegotiation = "is_vulnerable_to_client_renegotiation_dos";
        assert_eq!(self.found("session_renegotiation", renegotiation), false);
    }

    /// Returns the names of the suites that a version takes.
    #[track_caller]
    fn suites(&self, version: &str) -> Vec<String> {
        let suites = self.found(&format!("{version}_cipher_suites"), "accepted_cipher_suites");
        let name = |suite: &Value| suite["cipher_suite"]["name"].as_str().expect("a name").to_owned();
        suites.as_array().expect("a list").iter().map(name).collect()
    }
}

fn mozilla_calls_the_default_intermediate() {
    let scan = Scan::of(shared_server(), "intermediate");
    assert!(scan.is_compliant, "{}", scan.text);
    scan.expect_nothing_old();
    let suites = scan.suites("tls_1_2");
    assert!(!suites.is_empty());
    for suite in suites {
        // Forward secrecy and authenticated encryption: no CBC, no RC4, no 3DES.
        assert!(suite.starts_with("TLS_ECDHE_ECDSA_WITH_"), "{suite}");
        assert!(suite.contains("_GCM_") || suite.contains("_CHACHA20_POLY1305_"), "{suite}");
    }
    assert_eq!(scan.suites("tls_1_3").len(), 3);
}

fn mozilla_calls_tls_1_3_alone_modern() {
    let server = ServerSetup::default().env("SEALIFT_TLS_MIN_VERSION", "1.3").start_without_user();
    let scan = Scan::of(&server, "modern");
    // The profile wants certificates of 90 days at most. That is for authorities of the public, whose clients know
    // the time; ours reaches back for devices whose clock is behind.
    let complaints: Vec<&str> = scan.complaints().collect();
    assert!(
        matches!(complaints[..], [one] if one.starts_with("maximum_certificate_lifespan:")),
        "{}",
        scan.text
    );
    scan.expect_nothing_old();
    assert_eq!(scan.suites("tls_1_2"), Vec::<String>::new());
    assert_eq!(scan.suites("tls_1_3").len(), 3);
}

/// A scan that finds nothing proves something only if it can find something.
fn scanner_notices_what_is_below() {
    let scan = Scan::of(shared_server(), "modern");
    assert!(!scan.is_compliant, "TLS 1.2 is not modern:\n{}", scan.text);
    assert!(scan.complaints().any(|one| one.starts_with("tls_versions:")), "{}", scan.text);
}
