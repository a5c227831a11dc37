//! Passwords that are guessed (reliability S8): who guesses is slowed, and the owner is not kept out.

use std::time::{Duration, Instant};

use harness::management::{DEVAUTH, login_request};
use harness::server::{ADMIN, PASSWORD};
use harness::{Management, Request, Response, ServerSetup, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

/// Another network than that of the harness, which logs its admin in from 127.0.0.1.
const ABROAD: [u8; 4] = [127, 0, 9, 1];
const HOME: [u8; 4] = [127, 0, 0, 77];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::storage_trials![
        guessing_at_one_site_is_slowed_there_and_nowhere_else,
        guessing_from_many_networks_ends_and_keeps_the_owner_in,
    ];
    trials.extend(harness::slow_trials![&[];
        ten_thousand_guesses_from_one_network,
        ten_thousand_guesses_from_a_thousand_networks,
    ]);
    trials
}

/// How many guesses the long forms make.
const GUESSES: u32 = 10_000;

/// No network is exempt, and passwords may come as fast as they can be hashed: what holds them back is what is tried.
fn setup() -> ServerSetup {
    ServerSetup::default()
        .env("SEALIFT_LIMITS__UNLIMITED_NETWORKS", "")
        .env("SEALIFT_LIMITS__PASSWORD_RATE", "10000")
        .env("SEALIFT_LIMITS__PASSWORD_RATE_PER_SOURCE", "10000")
}

fn log_in(server: &TestServer, source: [u8; 4], email: &str, password: &str) -> Response {
    server.http().from_source(source).send(&login_request(email, password))
}

/// What is told of a refusal, without the id of the request.
fn told(response: &Response) -> Value {
    let mut body = response.clone().expect_error(401).json();
    body.as_object_mut().expect("an object").remove("request_id");
    body
}

fn guessing_at_one_site_is_slowed_there_and_nowhere_else() {
    let server = setup().start();
    for email in [ADMIN, "nobody@example.com"] {
        let answers: Vec<Response> =
            (0..30).map(|_| log_in(&server, ABROAD, email, "wrong password entirely")).collect();
        assert!(answers[..5].iter().all(|answer| answer.status == 401), "five are free");
        let slowed: Vec<&Response> = answers.iter().filter(|answer| answer.status == 429).collect();
        // Each that is compared doubles the wait: 30 would take more than twenty minutes.
        assert!(slowed.len() >= 15, "{} of 30 were slowed", slowed.len());
        for answer in slowed {
            let wait = answer.header("Retry-After").and_then(|value| value.parse::<u32>().ok());
            assert!(wait.is_some_and(|secs| (1..=60).contains(&secs)), "{answer}");
            assert_eq!(answer.clone().expect_error(429).json()["code"], "rate_limited");
        }
        for _ in 0..3 {
            log_in(&server, HOME, ADMIN, PASSWORD).expect(200);
        }
    }
    // The right one has to wait as well, where somebody guesses.
    let late = log_in(&server, ABROAD, ADMIN, PASSWORD);
    assert!(matches!(late.status, 429 | 200), "{late}");
    log_in(&server, [127, 0, 10, 1], ADMIN, PASSWORD).expect(200);
}

fn guessing_from_many_networks_ends_and_keeps_the_owner_in() {
    let server = setup().start();
    let tokens = "/api/management/v1/useradm/tokens";
    let made = server.admin().send_json("POST", tokens, &json!({"name": "ci"})).expect(201).json();
    let refused: Vec<Value> = (1..=105)
        .map(|number| told(&log_in(&server, [127, 1, number, 1], ADMIN, "wrong password entirely")))
        .collect();
    // From elsewhere the right password is not even compared now, and nobody can tell.
    let right = told(&log_in(&server, [127, 2, 1, 1], ADMIN, PASSWORD));
    let nobody = told(&log_in(&server, [127, 2, 2, 1], "nobody@example.com", PASSWORD));
    assert!(refused.iter().all(|body| *body == right) && nobody == right, "{right}");
    // Where the owner was before, it comes in, and a token does from everywhere.
    log_in(&server, HOME, ADMIN, PASSWORD).expect(200);
    let http = server.http().from_source([127, 2, 1, 1]);
    let token = made["token"].as_str().expect("a token").to_owned();
    Management { http: http.clone(), token }.get(DEVAUTH).expect(200);
    http.send(&Request::get(DEVAUTH).bearer(&server.admin().token)).expect(200);
    // Others are not concerned.
    server.add_user("other@example.com", "viewer", PASSWORD);
    log_in(&server, [127, 2, 3, 1], "other@example.com", PASSWORD).expect(200);
    assert!(server.log().contains("too many wrong passwords"), "the operator is told");
}

fn ten_thousand_guesses_from_one_network() {
    guess_and_log_in("one network", |_| ABROAD);
}

fn ten_thousand_guesses_from_a_thousand_networks() {
    guess_and_log_in("a thousand networks", |number| {
        let [.., high, low] = (number % 1_000 + 300).to_be_bytes();
        [127, high, low, 1]
    });
}

/// Guesses from where `source` says, while the owner logs in from home now and then.
fn guess_and_log_in(what: &str, source: impl Fn(u32) -> [u8; 4]) {
    let server = setup().start();
    let owner = || {
        let began = Instant::now();
        log_in(&server, HOME, ADMIN, PASSWORD).expect(200);
        began.elapsed()
    };
    let undisturbed: Duration = (0..20).map(|_| owner()).sum::<Duration>() / 20;
    let (mut refused, mut slowed, mut longest) = (0_u32, 0_u32, Duration::ZERO);
    for number in 0..GUESSES {
        match log_in(&server, source(number), ADMIN, &format!("wrong password {number}")).status {
            401 => refused += 1,
            429 => slowed += 1,
            other => panic!("guess {number}: {other}"),
        }
        if number % 500 == 0 {
            longest = longest.max(owner());
        }
    }
    assert_eq!(refused + slowed, GUESSES);
    assert_eq!(server.log().matches("too many wrong passwords").count(), usize::from(refused > 100));
    eprintln!(
        "hostile: {GUESSES} guesses from {what}: {refused} answered 401, {slowed} told to wait; the owner's log-in took \
         {:.2} times as long as before at most",
        longest.as_secs_f64() / undisturbed.as_secs_f64()
    );
}
