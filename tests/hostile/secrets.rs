//! Secrets, where they may not be: in what the server says and writes (S13), and in a stolen database (S14).

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use harness::device::link_target;
use harness::dump::dump;
use harness::management::{ARTIFACTS, DEVAUTH, location_id, login_request};
use harness::process::run;
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Authenticator, Management, Request, ServerSetup, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        s13_planted_secrets_are_in_nothing_that_is_written,
        s14_a_stolen_database_opens_nothing,
    ]
}

const USERADM: &str = "/api/management/v1/useradm";
const MATE: &str = "mate@example.com";
const FIRST: &str = "seven brass bells at dusk";
const SECOND: &str = "a lighthouse keeper's umbrella";
const WRONG: &str = "a wrong but telling password";

/// Secrets by what they are.
#[derive(Default)]
struct Planted(BTreeMap<String, Vec<u8>>);

impl Planted {
    fn plant(&mut self, what: &str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        assert!(secret.len() >= 10, "{what} is too short to be looked for: {secret:?}");
        assert!(self.0.insert(what.to_owned(), secret.to_owned()).is_none(), "{what} twice");
    }

    /// What of a token is secret: of a JWT and a cookie the last part, of one with a prefix the part before its checksum.
    fn plant_token(&mut self, what: &str, token: &str) {
        let secret = match token.strip_prefix("slt_pat_") {
            Some(rest) => rest.split('_').nth(1),
            None => token.rsplit('.').next(),
        };
        self.plant(what, secret.expect("a part"));
    }

    /// Those that are found in bytes, as they are or in a usual form.
    fn found_in(&self, place: &[u8]) -> Vec<&str> {
        let is_there = |secret: &[u8]| {
            let hex = secret.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            let forms = [
                secret.to_owned(),
                hex.to_uppercase().into_bytes(),
                hex.into_bytes(),
                STANDARD.encode(secret).trim_end_matches('=').as_bytes().to_owned(),
                URL_SAFE_NO_PAD.encode(secret).into_bytes(),
            ];
            forms.iter().any(|form| contains(place, form))
        };
        self.0.iter().filter(|(_, secret)| is_there(secret)).map(|(what, _)| what.as_str()).collect()
    }
}

fn contains(place: &[u8], part: &[u8]) -> bool {
    place.windows(part.len()).any(|window| window == part)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The secret that an authenticator was shown, as text and as bytes.
fn totp_secret(uri: &str) -> (String, Vec<u8>) {
    let (_, rest) = uri.split_once("secret=").expect("a secret");
    let word = rest.split('&').next().expect("a word").to_owned();
    let mut bits = Vec::new();
    for letter in word.bytes() {
        let at =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).expect("base 32");
        bits.extend((0..5).rev().map(|bit| at >> bit & 1 == 1));
    }
    let bytes = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    (word.clone(), bytes.collect())
}

/// The part of a link that opens it.
fn authority(target: &str) -> String {
    let (_, query) = target.split_once('?').expect("a query");
    let values = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
    values.max_by_key(|value| value.len()).expect("a signature").to_owned()
}

/// A server with everything that it can be given and can give away, stopped; and what of that is secret.
struct Stolen {
    server: TestServer,
    planted: Planted,
    /// What it said of itself while it ran.
    said: Vec<u8>,
    device_token: String,
    user_token: String,
    personal_token: String,
}

impl Stolen {
    fn make() -> Self {
        let server = ServerSetup::default().env("SEALIFT_LOG_FILTER", "trace").start_without_user();
        let mut planted = Planted::default();
        let setup = fs::read_to_string(server.data_dir().join("setup-token")).expect("a setup token");
        planted.plant("the setup token", setup.trim());
        let first = json!({ "token": setup.trim(), "email": ADMIN, "password": PASSWORD });
        server.http().send(&Request::new("POST", "/api/management/v1/setup").json(&first)).expect(201);
        planted.plant("the admin's password", PASSWORD);
        planted.plant("a wrong password", WRONG);
        server.http().send(&login_request(ADMIN, WRONG)).expect_error(401);
        let admin = server.admin();
        planted.plant_token("the admin's token", &admin.token);
        planted.plant("the password of the database", harness::postgres::PASSWORD);

        let (user, personal_token) = people(&server, &mut planted);
        let device_token = devices(&server, &mut planted);
        let mut cookie = user.request("GET", DEVAUTH);
        cookie.headers.push(("Cookie".to_owned(), "JWT=planted-in-a-cookie".to_owned()));
        planted.plant("a cookie", "planted-in-a-cookie");
        server.http().send(&cookie);
        planted.plant("a token that is none", "planted-as-a-bearer");
        server.http().send(&Request::new("GET", DEVAUTH).bearer("planted-as-a-bearer")).expect_error(401);

        let mut said = Vec::new();
        for path in [
            "/api/management/v1/auditlogs/logs?per_page=500",
            "/api/management/v1/auditlogs/logs/export?limit=20000",
            &format!("{USERADM}/users"),
            &format!("{USERADM}/tokens"),
            &format!("{USERADM}/settings/tokens"),
            &format!("{USERADM}/sessions"),
            "/api/management/v1/tenants",
            DEVAUTH,
        ] {
            said.extend(admin.get(path).expect(200).body);
        }
        for path in ["/metrics", "/health/ready", "/openapi.json"] {
            said.extend(server.http().get(path).body);
        }
        let user_token = user.token.clone();
        assert!(server.stop().success());
        Self { server, planted, said, device_token, user_token, personal_token }
    }
}

/// What people know and are given; returns one who is logged in with two factors, and a personal token.
fn people(server: &TestServer, planted: &mut Planted) -> (Management, String) {
    let admin = server.admin();
    planted.plant("the first password of a user", FIRST);
    let user = json!({ "email": MATE, "password": FIRST, "roles": ["operator"] });
    let id = location_id(&admin.send_json("POST", &format!("{USERADM}/users"), &user).expect(201));
    let reset = admin.send("POST", &format!("{USERADM}/users/{id}/password-reset")).expect(201).json();
    planted.plant("a one-time secret that was used", text(&reset["secret"]));
    planted.plant("a password that was chosen with a one-time secret", SECOND);
    let complete = json!({ "secret_hash": text(&reset["secret"]), "password": SECOND });
    let path = format!("{USERADM}/auth/password-reset/complete");
    server.http().send(&Request::new("POST", &path).json(&complete)).expect(202);
    let reset = admin.send("POST", &format!("{USERADM}/users/{id}/password-reset")).expect(201).json();
    planted.plant("a one-time secret that was not used", text(&reset["secret"]));

    let mate = Management::login(server.http(), MATE, SECOND);
    planted.plant_token("a token of a password", &mate.token);
    let authenticator = Authenticator::enrol(&mate);
    let (word, bytes) = totp_secret(&authenticator.uri);
    planted.plant("the secret of an authenticator as text", &word);
    planted.plant("the secret of an authenticator", &bytes);
    let mut authenticator = authenticator;
    let fresh = mate
        .send_json("POST", &format!("{USERADM}/auth/step-up"), &json!({ "code": authenticator.next_code() }))
        .expect(200)
        .text();
    planted.plant_token("a token of two factors", &fresh);
    let mate = Management { http: server.http(), token: fresh };
    let codes = mate.send("POST", &format!("{USERADM}/users/me/2fa/recovery-codes")).expect(200).json();
    for (at, code) in codes["codes"].as_array().expect("codes").iter().enumerate() {
        planted.plant(&format!("recovery code {at}"), text(code));
    }
    let mut log_in = login_request(MATE, SECOND);
    log_in.headers.retain(|(name, _)| name == "Authorization");
    let log_in = log_in.json(&json!({ "token2fa": codes["codes"][0] }));
    planted.plant_token("a token of a recovery code", &server.http().send(&log_in).expect(200).text());

    let jwt = json!({ "name": "pipeline" });
    let jwt = mate.send_json("POST", &format!("{USERADM}/settings/tokens"), &jwt).expect(200).text();
    planted.plant_token("a personal access token", &jwt);
    let prefixed = mate.send_json("POST", &format!("{USERADM}/tokens"), &json!({ "name": "ci" }));
    let prefixed = prefixed.expect_success().json();
    planted.plant_token("a prefixed token", &text(&prefixed["token"]));
    let rotate = format!("{USERADM}/tokens/{}/rotate", text(&prefixed["id"]));
    let rotated = mate.send_json("POST", &rotate, &json!({ "overlap_secs": 600 })).expect(200).json();
    planted.plant_token("a rotated token", &text(&rotated["token"]));

    // A session of its own, which its cookie ends and begins anew.
    let other = json!({ "email": "other@example.com", "password": FIRST, "roles": ["viewer"] });
    admin.send_json("POST", &format!("{USERADM}/users"), &other).expect(201);
    let other = Management::login(server.http(), "other@example.com", FIRST);
    let opened = other.send("POST", &format!("{USERADM}/auth/console")).expect(200);
    planted.plant_token("a token of a console", &opened.text());
    let cookie =
        opened.header("Set-Cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
    planted.plant_token("the cookie of a console", &cookie);

    let tenant = json!({ "name": "North" });
    let tenant = location_id(&admin.send_json("POST", "/api/management/v1/tenants", &tenant).expect(201));
    let path = format!("/api/management/v1/tenants/{tenant}/token");
    planted.plant(
        "a tenant token that was replaced",
        text(&admin.get(&path).expect(200).json()["tenant_token"]),
    );
    let renewed = admin.send("POST", &path).expect(201).json();
    planted.plant("a tenant token", text(&renewed["tenant_token"]));
    (mate, text(&rotated["token"]))
}

/// What a device proves and is given; returns its token.
fn devices(server: &TestServer, planted: &mut Planted) -> String {
    let admin = server.admin();
    let device = server.accepted_device();
    let token = device.token.clone().expect("a token");
    planted.plant_token("a device's token", &token);
    // What a captured request is good for, it is good for as long as its key (S1, check 10): neither body nor signature
    // may be in a log. The database has identity and key, in other forms.
    planted.plant("a device's request", String::from_utf8(device.auth_body()).expect("JSON").trim());
    planted.plant("a device's signature", device.key.sign(&device.auth_body()));
    let artifact = ArtifactSpec::new(&device.device_type).write();
    let id = admin.upload(&artifact);
    admin.deploy(&artifact.name, &[admin.device_id(&device)]);
    let offer = device.next_offer();
    let target = link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
    server.http().get(&target).expect(200);
    planted.plant("the authority of a device's link", authority(&target));
    let link = admin.get(&format!("{ARTIFACTS}/{id}/download")).expect(200).json();
    let target = link_target(&text(&link["uri"]));
    server.http().get(&target).expect(200);
    planted.plant("the authority of a user's link", authority(&target));
    token
}

fn s13_planted_secrets_are_in_nothing_that_is_written() {
    let Stolen { server, mut planted, said, .. } = Stolen::make();
    assert!(planted.0.len() >= 30, "{}", planted.0.len());
    let master = fs::read(server.data_dir().join("keys/master.key")).expect("the master key");
    planted.plant("the master key", &master);
    let log = server.log();
    assert!(log.len() > 10_000, "a trace that says little proves little: {} bytes", log.len());
    // The setup token is shown on purpose, once, to who starts a server without users: in a line to be pasted.
    let is_shown = |line: &&str| line.trim_start().starts_with("-d '{\"token\":");
    assert_eq!(log.lines().filter(is_shown).count(), 1);
    let log: String = log.lines().filter(|line| !is_shown(line)).collect::<Vec<_>>().join("\n");
    let dump = dump(&server);
    assert!(contains(&dump, ADMIN.as_bytes()), "the dump is one of this database");
    for (place, bytes) in
        [("the log", log.as_bytes()), ("what the server shows", &said), ("the database", &dump)]
    {
        let found = planted.found_in(bytes);
        assert!(found.is_empty(), "in {place}: {found:?}");
    }
    for hidden in ["PRIVATE KEY", "$argon2"] {
        assert!(!log.contains(hidden), "{hidden} is in the log");
        assert!(!contains(&said, hidden.as_bytes()), "the server shows {hidden}");
    }
    println!("hostile: S13: {} secrets looked for in log, answers and database", planted.0.len());
}

fn s14_a_stolen_database_opens_nothing() {
    let stolen = Stolen::make();
    let dump = dump(&stolen.server);

    // No key that signs sessions is in it, in the clear or in a usual text form.
    let seeds = candidates(&dump);
    assert!(seeds.len() > 1_000, "{}", seeds.len());
    for token in [&stolen.device_token, &stolen.user_token] {
        let (message, signature) = token.rsplit_once('.').expect("a token");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base 64");
        let forger = seeds.iter().find(|seed| signs(seed, message.as_bytes(), &signature));
        assert!(forger.is_none(), "a key that signs sessions is in the database");
    }
    // The check itself would find one.
    let own = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let found = candidates(&[b"noise".as_slice(), &[7; 32], b"noise"].concat());
    assert!(found.iter().any(|seed| signs(seed, b"message", own.sign(b"message").as_ref())));

    // What is stored of tokens is none.
    let (start, _) = stolen.personal_token.split_at(stolen.personal_token.len() - 50);
    stolen.server.restart();
    let http = stolen.server.http();
    Management { http: http.clone(), token: stolen.personal_token.clone() }.get(DEVAUTH).expect(200);
    let words = words(&dump);
    let mut tried = 0;
    for word in words.iter().filter(|word| word.len() >= 32).take(300) {
        for token in [word.clone(), format!("slt_pat_{word}"), format!("{start}_{word}")] {
            let answer = http.send(&Request::new("GET", DEVAUTH).bearer(&token));
            assert!(matches!(answer.status, 401 | 429), "{token}: {answer}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
    assert!(stolen.server.stop().success());

    // Nor does another server open it: without its key file it says so, and with another one too.
    let key = stolen.server.data_dir().join("keys/master.key");
    let right = fs::read(&key).expect("the master key");
    fs::remove_file(&key).expect("the owner may");
    refuses_to_start(&stolen.server);
    let made: Vec<u8> = right.iter().map(|byte| byte ^ 1).collect();
    fs::write(&key, made).expect("the owner may");
    run(Command::new("chmod").arg("600").arg(&key));
    refuses_to_start(&stolen.server);
    fs::write(&key, right).expect("the owner may");
    stolen.server.restart();
    Management { http: stolen.server.http(), token: stolen.personal_token }.get(DEVAUTH).expect(200);
}

#[track_caller]
fn refuses_to_start(server: &TestServer) {
    let output = run(server.command(&["serve", "--listen", "127.0.0.1:0"]).env("SEALIFT_LOG_FILTER", "info"));
    assert!(!output.status.success(), "it started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("master.key") || said.contains("key"), "it does not say why: {said}");
}

fn signs(seed: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
    let _ = pair.public_key();
    pair.sign(message).as_ref() == signature
}

/// All 32 bytes in a row that look like a key: in the clear, and in the texts that are base 64 or hexadecimal.
fn candidates(dump: &[u8]) -> Vec<[u8; 32]> {
    let mut found: Vec<[u8; 32]> = Vec::new();
    let mut take = |bytes: &[u8]| {
        for window in bytes.windows(32) {
            let distinct: std::collections::BTreeSet<&u8> = window.iter().collect();
            let printable = window.iter().filter(|byte| (b' '..=b'~').contains(*byte)).count();
            // Random bytes have many values, and a text of 32 printable ones is none: 2^-45.
            if printable < 32 && (distinct.len() >= 20 || distinct.len() == 1 && window[0] == 7) {
                found.push(window.try_into().expect("32 bytes"));
            }
        }
    };
    take(dump);
    for word in words(dump) {
        let plain = word.trim_end_matches('=');
        let hex: Option<Vec<u8>> = (plain.len() % 2 == 0)
            .then(|| {
                (0..plain.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&plain[at..at + 2], 16).ok())
                    .collect()
            })
            .flatten();
        for bytes in
            [URL_SAFE_NO_PAD.decode(plain).ok(), STANDARD.decode(&word).ok(), hex].into_iter().flatten()
        {
            take(&bytes);
        }
    }
    found
}

/// The words of a dump that could be an encoding of something.
fn words(dump: &[u8]) -> Vec<String> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_+/=".contains(byte);
    dump.split(|byte| !is_letter(byte))
        .filter(|word| (32..=4_096).contains(&word.len()))
        .map(|word| String::from_utf8(word.to_vec()).expect("ASCII"))
        .collect()
}
