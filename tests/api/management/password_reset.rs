//! New passwords for who does not know the old one, and what users are told by mail (management API §1.2).

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use harness::mailbox::{MailSecurity, Mailbox, tls_of};
use harness::management::{DEVAUTH, LOGIN, login_request};
use harness::server::{ADMIN, PASSWORD};
use harness::{Management, Request, Response, ServerSetup, TestServer, never};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        a_mailed_link_replaces_the_password_once,
        nobody_learns_who_has_an_account,
        without_mail_a_manager_hands_the_secret_over,
        a_new_user_chooses_the_password_by_mail,
        a_log_in_from_a_new_network_is_told,
        a_mail_that_is_refused_for_now_is_sent_later,
        mail_goes_over_tls_with_a_password,
    ]
}

const START: &str = "/api/management/v1/useradm/auth/password-reset/start";
const COMPLETE: &str = "/api/management/v1/useradm/auth/password-reset/complete";
const USERS: &str = "/api/management/v1/useradm/users";
const NEXT: &str = "seven gulls above the pier";
const RESET: &str = "A new password for your account";

/// A server that sends its mail there.
fn with_mail(mailbox: &Mailbox) -> ServerSetup {
    ServerSetup::default()
        .public_url("https://updates.example.com")
        .env("SEALIFT_MAIL__HOST", "127.0.0.1")
        .env("SEALIFT_MAIL__PORT", &mailbox.port().to_string())
        .env("SEALIFT_MAIL__TLS", "none")
        .env("SEALIFT_MAIL__FROM", "Sealift <updates@example.com>")
}

fn start(server: &TestServer, email: &str) -> Response {
    server.http().send(&Request::new("POST", START).json(&json!({ "email": email })))
}

fn complete(server: &TestServer, secret: &str, password: &str) -> Response {
    let body = json!({"secret_hash": secret, "password": password});
    server.http().send(&Request::new("POST", COMPLETE).json(&body))
}

/// The secret in the link of a mail.
#[track_caller]
fn secret(text: &str) -> String {
    let link = "https://updates.example.com/ui/password/";
    let after = text.split_once(link).unwrap_or_else(|| panic!("no link in {text}")).1;
    after.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn a_mailed_link_replaces_the_password_once() {
    let mailbox = Mailbox::start(&MailSecurity::None);
    let server = with_mail(&mailbox).start();
    let session = Management::login(server.http(), ADMIN, PASSWORD);
    start(&server, "Admin@Example.com").expect(202);
    let mail = mailbox.await_mail(ADMIN, RESET);
    assert!(mail.head.contains("From: Sealift <updates@example.com>"), "{}", mail.head);
    let secret = secret(&mail.text);
    assert_eq!(secret.len(), 43, "{}", mail.text);
    complete(&server, &secret, "short").expect_error(422);
    let done = complete(&server, &secret, NEXT).expect(202);
    assert!(done.body.is_empty());
    session.get(DEVAUTH).expect_error(401);
    server.http().send(&login_request(ADMIN, PASSWORD)).expect_error(401);
    server.http().send(&login_request(ADMIN, NEXT)).expect(200);
    complete(&server, &secret, PASSWORD).expect_error(400);
    mailbox.await_mail(ADMIN, "Your password was replaced");
    server.stop();
    let log = server.log();
    assert!(log.contains("mail sent") && !log.contains(&secret), "the secret is in the log");
    assert!(!log.contains(ADMIN), "an address is in the log");
}

fn nobody_learns_who_has_an_account() {
    let mailbox = Mailbox::start(&MailSecurity::None);
    let server = with_mail(&mailbox).start();
    let told = |email: &str| {
        let response = start(&server, email);
        // In whatever order: that is another one each time.
        let names: BTreeSet<_> = response.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        (response.status, response.body.clone(), names)
    };
    let nobody = told("nobody@example.com");
    assert_eq!(nobody.0, 202);
    assert_eq!(told("no address"), nobody);
    for _ in 0..5 {
        assert_eq!(told(ADMIN), nobody);
    }
    mailbox.await_mail(ADMIN, RESET);
    never("a second mail, or one to a stranger", Duration::from_secs(2), || mailbox.mails().len() != 1);
    for broken in [json!({}), json!({"email": 1}), json!([])] {
        server.http().send(&Request::new("POST", START).json(&broken)).expect_error(400);
    }
    complete(&server, "nonsense", NEXT).expect_error(400);
}

fn without_mail_a_manager_hands_the_secret_over() {
    let server = TestServer::start();
    server.add_user("viewer@example.com", "viewer", PASSWORD);
    let viewer = Management::login(server.http(), "viewer@example.com", PASSWORD);
    start(&server, ADMIN).expect(202);
    let id = viewer.get(&format!("{USERS}/me")).expect(200).json()["id"].as_str().expect("an id").to_owned();
    let path = format!("{USERS}/{id}/password-reset");
    viewer.send("POST", &path).expect_error(403);
    let manager = Management::login(server.http(), ADMIN, PASSWORD);
    let made = manager.send("POST", &path).expect(201);
    assert_eq!(made.header("Cache-Control"), Some("no-store"));
    let made = made.json();
    assert!(made["expires_at"].is_string());
    let secret = made["secret"].as_str().expect("a secret");
    complete(&server, secret, NEXT).expect(202);
    viewer.get(DEVAUTH).expect_error(401);
    server.http().send(&login_request("viewer@example.com", NEXT)).expect(200);
    manager
        .send("POST", &format!("{USERS}/0191d3c0-0000-7000-8000-000000000000/password-reset"))
        .expect_error(404);
    let new = json!({"email": "new@example.com", "send_reset_password": true});
    manager.send_json("POST", USERS, &new).expect_error(422);
    server.stop();
    assert!(!server.log().contains(secret), "the secret is in the log");
}

fn a_new_user_chooses_the_password_by_mail() {
    let mailbox = Mailbox::start(&MailSecurity::None);
    let server = with_mail(&mailbox).start();
    let new = json!({"email": "new@example.com", "roles": ["viewer"], "send_reset_password": true});
    server.admin().send_json("POST", USERS, &new).expect(201);
    let secret = secret(&mailbox.await_mail("new@example.com", RESET).text);
    complete(&server, &secret, NEXT).expect(202);
    server.http().send(&login_request("new@example.com", NEXT)).expect(200);
}

fn a_log_in_from_a_new_network_is_told() {
    let mailbox = Mailbox::start(&MailSecurity::None);
    let server = with_mail(&mailbox).start();
    let log_in = |source: [u8; 4]| {
        server.http().from_source(source).send(&login_request(ADMIN, PASSWORD)).expect(200);
    };
    log_in([127, 0, 0, 9]);
    log_in([127, 0, 9, 1]);
    let mail = mailbox.await_mail(ADMIN, "A log-in from a new network");
    assert!(mail.text.contains("127.0.9.0/24"), "{}", mail.text);
    log_in([127, 0, 9, 77]);
    never("a mail about what is known", Duration::from_secs(2), || mailbox.mails().len() != 1);
}

fn a_mail_that_is_refused_for_now_is_sent_later() {
    let mailbox = Mailbox::refusing(&MailSecurity::None, 1);
    let server = with_mail(&mailbox).start();
    start(&server, ADMIN).expect(202);
    server.http().send(&login_request(ADMIN, PASSWORD)).expect(200);
    mailbox.await_mail(ADMIN, RESET);
    assert!(server.log().contains("the mail server answered 451"), "{}", server.log());
}

fn mail_goes_over_tls_with_a_password() {
    // Certificates of another server of ours, which are good for this machine.
    let other = TestServer::start();
    let tls = tls_of(&other.data_dir().join("tls"));
    let password = "a password for the mail server";
    let file = other.scratch().join("mail-password");
    fs::write(&file, format!("{password}\n")).expect("a file");
    for (security, name) in
        [(MailSecurity::Implicit(tls.clone()), "implicit"), (MailSecurity::StartTls(tls.clone()), "starttls")]
    {
        let mailbox = Mailbox::start(&security);
        let setup = |ca: &str| {
            with_mail(&mailbox)
                .env("SEALIFT_MAIL__HOST", "localhost")
                .env("SEALIFT_MAIL__TLS", name)
                .env("SEALIFT_MAIL__USER", "sealift")
                .env("SEALIFT_MAIL__PASSWORD_FILE", file.to_str().expect("a path"))
                .env("SEALIFT_MAIL__CA_FILE", ca)
        };
        let server = setup(other.ca().to_str().expect("a path")).start();
        start(&server, ADMIN).expect(202);
        let mail = mailbox.await_mail(ADMIN, RESET);
        assert!(mail.encrypted, "{name}");
        assert_eq!(mail.login, Some(("sealift".to_owned(), password.to_owned())), "{name}");
        server.stop();
        let log = server.log();
        assert!(!log.contains(password) && !log.contains(&secret(&mail.text)), "secrets in the log");

        // A mail server that nobody vouches for gets nothing.
        let stranger = TestServer::start();
        let server = setup(stranger.ca().to_str().expect("a path")).start();
        start(&server, ADMIN).expect(202);
        harness::until("the refusal of the certificate", Duration::from_mins(1), || {
            server.log().contains("a mail is tried again later") || server.log().contains("could not be sent")
        });
        assert_eq!(mailbox.mails().len(), 1, "{name}");
        server.http().send(&login_request(ADMIN, PASSWORD)).expect(200);
        server.http().send(&Request::new("POST", LOGIN)).expect_error(401);
    }
}
