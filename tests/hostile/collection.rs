//! The hostile collection at upload: artifacts that break one rule of the format each.

use harness::{ServerSetup, TestServer};
use hostile_artifacts::{Case, PUBLIC_KEY, Trust, cases};
use libtest_mimic::Trial;
use serde_json::json;

use crate::refusal::{assert_empty, refused};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        every_file_is_refused_where_nobody_is_trusted,
        every_file_about_signatures_is_refused_where_they_are_required,
    ]
}

/// Uploads those of the collection that are meant for such a reader; returns the codes of the answers.
#[track_caller]
fn upload(server: &TestServer, trust: Trust) -> Vec<(&'static str, String)> {
    let chosen: Vec<Case> = cases().into_iter().filter(|case| case.trust == trust).collect();
    let codes = chosen.iter().map(|case| {
        let answer = refused(server, case.name, &case.bytes()).json();
        (case.name, answer["code"].as_str().expect("a code").to_owned())
    });
    codes.collect()
}

fn every_file_is_refused_where_nobody_is_trusted() {
    let server = ServerSetup::default().start();
    let codes = upload(&server, Trust::Nothing);
    assert!(codes.len() > 200, "{} files", codes.len());
    for (name, code) in codes {
        assert_eq!(code, "bad_request", "{name}");
    }
    assert_empty(&server);
}

fn every_file_about_signatures_is_refused_where_they_are_required() {
    let server = ServerSetup::default().start();
    let (admin, releases) = (server.admin(), "/api/management/v1/releases");
    let key = json!({"name": "trusted", "public_key": PUBLIC_KEY});
    admin.send_json("POST", &format!("{releases}/keys"), &key).expect(201);
    admin.send_json("PUT", &format!("{releases}/policy"), &json!({"signature": "require"})).expect(204);
    for (name, code) in upload(&server, Trust::Key) {
        let expected = match name {
            "signature-absent" => "signature_required",
            // Not the signature is at fault.
            "signature-and-unsigned-line" => "bad_request",
            _ => "signature_untrusted",
        };
        assert_eq!(code, expected, "{name}");
    }
    assert_empty(&server);
}
