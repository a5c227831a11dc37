//! How long answers take tells nothing (reliability S9): whether an address is a user's is not to be had by a clock.

use std::env;
use std::time::{Duration, Instant};

use harness::management::login_request;
use harness::names::unique;
use harness::server::PASSWORD;
use harness::{ServerSetup, TestServer};
use libtest_mimic::Trial;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub(crate) fn trials() -> Vec<Trial> {
    harness::slow_trials![&[]; users_and_strangers_are_refused_in_the_same_time]
}

/// Log-ins of each kind, unless `SEALIFT_TIMING_SAMPLES` says how many.
const SAMPLES: usize = 600;

/// Log-ins with one address: after a hundred failures the server only pretends to compare.
const EACH: usize = 50;

/// How far the medians may be apart, in parts of the larger. A password that is not hashed at all is more than nine
/// tenths apart. The kinds take turns in random order, so that whatever else the machine does falls on both; a log-in
/// varies by about a third there, and so the medians of 600 by 1.25 × ⅓ ÷ √600, less than two hundredths: three times
/// that of their difference is in here.
const MAX_APART: f64 = 0.07;

/// The time from the request to the answer; the connection, from a network of its own, stands before.
fn refusal(server: &TestServer, number: usize, email: &str) -> Duration {
    let (high, low) =
        (u8::try_from(number / 250 + 1).expect("few"), u8::try_from(number % 250 + 1).expect("few"));
    let mut connection = server.http().from_source([127, high, low, 1]).connect().expect("a connection");
    let request = login_request(email, "a fair wind to sink");
    let began = Instant::now();
    let response = connection.send(&request).expect("an answer");
    let taken = began.elapsed();
    response.expect_error(401);
    taken
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// Welch's t of two samples: 4.5 is what tells them apart for who tests for leaks.
fn welch(one: &[Duration], other: &[Duration]) -> f64 {
    let moments = |times: &[Duration]| {
        let count = f64::from(u32::try_from(times.len()).expect("few"));
        let mean = times.iter().map(Duration::as_secs_f64).sum::<f64>() / count;
        let square = |time: &Duration| (time.as_secs_f64() - mean).powi(2);
        (mean, times.iter().map(square).sum::<f64>() / (count - 1.0) / count)
    };
    let ((mean, spread), (other_mean, other_spread)) = (moments(one), moments(other));
    (mean - other_mean) / (spread + other_spread).sqrt()
}

fn users_and_strangers_are_refused_in_the_same_time() {
    let server = ServerSetup::default().env("SEALIFT_LIMITS__PASSWORD_RATE", "10000").start();
    let wanted = env::var("SEALIFT_TIMING_SAMPLES").ok().and_then(|samples| samples.parse().ok());
    let samples: usize = wanted.unwrap_or(SAMPLES);
    let addresses = samples.div_ceil(EACH);
    let users: Vec<String> = (0..addresses).map(|_| format!("{}@example.com", unique("timed"))).collect();
    for user in &users {
        server.add_user(user, "viewer", PASSWORD);
    }
    let strangers: Vec<String> = (0..addresses).map(|_| format!("{}@example.com", unique("timed"))).collect();
    let mut random = StdRng::seed_from_u64(9);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for at in 0..samples {
        let user_first = random.random_bool(0.5);
        for turn in [true, false] {
            let is_user = turn == user_first;
            let address = if is_user { &users[at / EACH] } else { &strangers[at / EACH] };
            let taken = refusal(&server, 2 * at + usize::from(turn), address);
            if is_user { known.push(taken) } else { unknown.push(taken) }
        }
    }
    let t = welch(&known, &unknown);
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    let apart = (known - unknown).abs() / known.max(unknown);
    eprintln!(
        "hostile: {samples} refusals each: median of users {:.2} ms, of strangers {:.2} ms, {:.2} % apart, Welch t {t:.2}",
        known * 1e3,
        unknown * 1e3,
        apart * 100.0
    );
    assert!(apart < MAX_APART, "{apart}");
}
