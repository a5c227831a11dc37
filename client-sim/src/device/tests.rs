//! The course of whole updates, in virtual time and without a network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hyper::body::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{
    Action, Device, Event, Faults, FetchError, Memory, Outcome, Profile, StoreError, StoredArtifact, Timing,
};
use crate::protocol::call::Call;
use crate::protocol::deployments::NextForm;
use crate::protocol::{Generation, SessionToken};

const OFFER: &[u8] = br#"{"id":"d1","artifact":{"artifact_name":"r1","device_types_compatible":["sim"],
    "source":{"uri":"https://h/r1"}}}"#;

/// A device, a clock, and a server made of answers by name; what is not named is answered well.
struct Bench {
    device: Device,
    now: DateTime<Utc>,
    rng: StdRng,
    seen: Vec<String>,
    codes: BTreeMap<String, Vec<u16>>,
    opens: Vec<Result<(), FetchError>>,
    stores: Vec<Result<StoredArtifact, StoreError>>,
    is_offered: bool,
}

impl Bench {
    fn new(generation: Generation, faults: Faults) -> Self {
        let timing = Timing { jitter: 0.0, ..Timing::for_poll(Duration::from_secs(10)) };
        let profile = Profile { faults, ..Profile::new("sim", generation, timing) };
        Self {
            device: Device::new(Arc::new(profile), Memory::new("r0")),
            now: DateTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
            rng: StdRng::seed_from_u64(1),
            seen: Vec::new(),
            codes: BTreeMap::new(),
            opens: Vec::new(),
            stores: Vec::new(),
            is_offered: true,
        }
    }

    fn v3() -> Self {
        Self::new(Generation::V3, Faults::default())
    }

    /// Answers of the server to a request, first come first served; afterwards all is well.
    fn answer(mut self, name: &str, codes: &[u16]) -> Self {
        self.codes.insert(name.to_owned(), codes.iter().rev().copied().collect());
        self
    }

    /// Runs until the inventory after the first update; the requests in order.
    fn run(&mut self) -> Vec<String> {
        let mut event = Event::Started;
        for _ in 0..500 {
            let action = self.device.advance(event, self.now, &mut self.rng);
            let is_over = self.device.first_outcome().is_some();
            event = self.perform(action);
            if is_over && self.seen.last().is_some_and(|name| name == "inventory") {
                return self.seen.clone();
            }
        }
        panic!("the update does not end: {:?}", self.seen);
    }

    fn perform(&mut self, action: Action) -> Event {
        match action {
            Action::Login => match self.code("login", 200) {
                200 => Event::LoggedIn(SessionToken::new("T").unwrap()),
                0 => Event::Unreachable,
                code => Event::LoginRefused(code),
            },
            Action::Send { call, .. } => self.answer_to(&call),
            Action::Open { .. } => {
                self.seen.push("open".to_owned());
                Event::Opened(self.opens.pop().unwrap_or(Ok(())))
            }
            Action::Store(_) => {
                self.seen.push("store".to_owned());
                let artifact = StoredArtifact {
                    name: "r1".to_owned(),
                    provides: BTreeMap::from([("x.version".to_owned(), "1".to_owned())]),
                    clears: Some(Vec::new()),
                };
                Event::Stored(self.stores.pop().unwrap_or(Ok(artifact)))
            }
            Action::Wait(wait) => {
                self.now += wait;
                Event::Elapsed
            }
            Action::Restart(away) => {
                self.seen.push("restart".to_owned());
                self.now += away;
                // All that survives is the memory.
                let memory = self.device.memory().clone();
                self.device = Device::new(Arc::clone(&self.device.profile), memory);
                Event::Started
            }
        }
    }

    fn answer_to(&mut self, call: &Call) -> Event {
        let (name, good) = match call {
            Call::Inventory(_) => ("inventory".to_owned(), 200),
            Call::Next { form: NextForm::PostV2, .. } => ("next".to_owned(), 200),
            Call::Next { form: NextForm::PostV1, .. } => ("next-v1".to_owned(), 204),
            Call::Next { form: NextForm::GetV1, .. } => ("next-get".to_owned(), 204),
            Call::Status { status, .. } => {
                (serde_json::to_value(status).unwrap().as_str().unwrap().to_owned(), 204)
            }
            Call::Log { messages, .. } => {
                assert!(messages.iter().any(|message| message.level == "error"));
                ("log".to_owned(), 204)
            }
        };
        let offer = name == "next" && std::mem::take(&mut self.is_offered);
        let good = if name == "next" && !offer { 204 } else { good };
        match self.code(&name, good) {
            0 => Event::Unreachable,
            code => {
                if name == "next" && code != good {
                    self.is_offered = offer;
                }
                let body =
                    if name == "next" && code == 200 { Bytes::from_static(OFFER) } else { Bytes::new() };
                Event::Answered { code, body }
            }
        }
    }

    fn code(&mut self, name: &str, good: u16) -> u16 {
        let code = self.codes.get_mut(name).and_then(Vec::pop).unwrap_or(good);
        self.seen.push(if code == good { name.to_owned() } else { format!("{name}={code}") });
        code
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn v3_reports_in_the_order_of_the_real_client() {
    let mut bench = Bench::v3();
    let expected = "login inventory next downloading open downloading store downloading installing \
                    login installing success inventory";
    assert_eq!(bench.run(), words(expected));
    assert_eq!(bench.device.first_outcome(), Some(Outcome::Success));
    assert_eq!(bench.device.memory().software.artifact_name(), "r1");
    assert_eq!(bench.device.memory().software.provides()["x.version"], "1");
}

#[test]
fn v5_reports_each_status_once() {
    let mut bench = Bench::new(Generation::V5, Faults::default());
    let expected =
        "login inventory next downloading open store installing login installing success inventory";
    assert_eq!(bench.run(), words(expected));
}

#[test]
fn after_a_reboot_come_login_gate_and_success() {
    let mut bench = Bench::new(Generation::V3, Faults { reboot: 1.0, ..Faults::default() });
    let expected = "login inventory next downloading open downloading store downloading installing \
                    rebooting restart login installing success inventory";
    assert_eq!(bench.run(), words(expected));
    assert_eq!(bench.device.memory().software.artifact_name(), "r1");
    assert_eq!(bench.device.memory().interrupted, None);
}

#[test]
fn a_failing_installation_is_reported_with_its_log() {
    let mut bench = Bench::new(Generation::V3, Faults { install_failure: 1.0, ..Faults::default() });
    let seen = bench.run();
    assert_eq!(seen[seen.len() - 4..], words("installing failure log inventory"));
    assert_eq!(bench.device.first_outcome(), Some(Outcome::Failure));
    assert!(bench.device.failure().unwrap().contains("ArtifactInstall"));
    assert_eq!(bench.device.memory().software.artifact_name(), "r0");
}

#[test]
fn conflict_aborts_at_every_report_before_the_commit() {
    for (answers, last) in [
        (vec![409], "next downloading=409 failure log inventory"),
        (vec![204, 409], "open downloading=409 failure log inventory"),
        (vec![204, 204, 409], "store downloading=409 failure log inventory"),
    ] {
        let mut bench = Bench::v3().answer("downloading", &answers);
        let seen = bench.run();
        let last = words(last);
        assert_eq!(seen[seen.len() - last.len()..], last);
        assert_eq!(bench.device.first_outcome(), Some(Outcome::Aborted));
    }
    for answers in [vec![409], vec![204, 409]] {
        let mut bench = Bench::v3().answer("installing", &answers).answer("failure", &[409]);
        let seen = bench.run();
        assert_eq!(seen[seen.len() - 3..], words("installing=409 failure=409 inventory"));
        assert_eq!(bench.device.memory().software.artifact_name(), "r0");
    }
}

#[test]
fn other_answers_to_early_reports_are_ignored() {
    let mut bench = Bench::v3().answer("downloading", &[500, 0, 404]);
    bench.run();
    assert_eq!(bench.device.first_outcome(), Some(Outcome::Success));
}

#[test]
fn the_gate_is_tried_four_times_with_a_login_each_and_then_rolled_back() {
    let mut bench = Bench::v3().answer("installing", &[204, 200, 500, 503, 0]);
    let seen = bench.run();
    let expected = "login installing=200 login installing=500 login installing=503 login installing=0 \
                    failure log inventory";
    let expected = words(expected);
    assert_eq!(seen[seen.len() - expected.len()..], expected);
    assert_eq!(bench.device.first_outcome(), Some(Outcome::Failure));
    assert_eq!(bench.device.memory().software.artifact_name(), "r0");
}

#[test]
fn a_refused_login_at_the_gate_counts_as_a_try() {
    let mut bench = Bench::v3().answer("login", &[200, 401]);
    let seen = bench.run();
    let expected = words("installing login=401 login installing success inventory");
    assert_eq!(seen[seen.len() - expected.len()..], expected);
}

#[test]
fn a_final_report_is_repeated_and_then_given_up() {
    let mut bench = Bench::v3().answer("success", &[500, 429]);
    bench.run();
    assert_eq!(bench.device.first_outcome(), Some(Outcome::Success));
    let mut bench = Bench::v3().answer("success", &[500; 9]);
    let seen = bench.run();
    assert_eq!(seen.iter().filter(|name| *name == "success=500").count(), 4);
    assert_eq!(bench.device.first_outcome(), Some(Outcome::Unreported));
    // It was committed all the same.
    assert_eq!(bench.device.memory().software.artifact_name(), "r1");
}

#[test]
fn a_log_that_is_not_taken_is_repeated_with_its_status() {
    let mut bench = Bench::new(Generation::V3, Faults { install_failure: 1.0, ..Faults::default() })
        .answer("log", &[500]);
    let seen = bench.run();
    assert_eq!(seen[seen.len() - 5..], words("failure log=500 failure log inventory"));
}

#[test]
fn a_download_that_does_not_begin_is_asked_for_again() {
    // What it took to begin is not held against the gate.
    let mut bench = Bench::v3().answer("installing", &[204, 500, 500, 500]);
    bench.opens = vec![Err(FetchError::Status(403))];
    let seen = bench.run();
    assert_eq!(bench.device.first_outcome(), Some(Outcome::Success));
    let expected = words("next downloading open downloading open downloading store");
    assert!(seen.windows(expected.len()).any(|window| window == expected));
    let mut bench = Bench::v3();
    bench.opens = vec![Err(FetchError::Unreachable); 3];
    let seen = bench.run();
    assert_eq!(seen[seen.len() - 5..], words("downloading open failure log inventory"));
}

#[test]
fn a_bad_artifact_fails_after_the_second_report() {
    let mut bench = Bench::v3();
    bench.stores = vec![Err(StoreError::Invalid("bad signature".to_owned()))];
    let seen = bench.run();
    assert_eq!(seen[seen.len() - 5..], words("downloading store failure log inventory"));
    assert_eq!(bench.device.failure(), Some("bad signature"));
}

#[test]
fn the_installed_name_is_refused_by_v3_only() {
    for (generation, outcome) in
        [(Generation::V3, Outcome::AlreadyInstalled), (Generation::V5, Outcome::Success)]
    {
        let mut bench = Bench::new(generation, Faults::default());
        bench.device = Device::new(Arc::clone(&bench.device.profile), Memory::new("r1"));
        bench.run();
        assert_eq!(bench.device.first_outcome(), Some(outcome));
    }
}

#[test]
fn a_pending_device_backs_off_and_then_goes_on() {
    let mut bench = Bench::v3().answer("login", &[401, 401, 0, 401]);
    let started = bench.now;
    let seen = bench.run();
    assert_eq!(seen[..7], words("login=401 login=401 login=0 login=401 login inventory next"));
    assert_eq!((bench.now - started).num_seconds(), 40);
}

#[test]
fn unauthorized_in_mid_life_means_one_login() {
    let mut bench = Bench::v3().answer("next", &[401]).answer("success", &[401]);
    let seen = bench.run();
    assert_eq!(seen[1..5], words("inventory next=401 login next"));
    assert_eq!(seen[seen.len() - 4..], words("success=401 login success inventory"));
}

#[test]
fn a_missing_endpoint_falls_back() {
    let mut bench = Bench::v3().answer("next", &[404]).answer("next-v1", &[404]);
    let seen = bench.run();
    assert_eq!(seen[2..6], words("next=404 next-v1=404 next-get next"));
}

/// A law, not an example: software changes only when the gate was answered 204, and the device always
/// knows what to do next.
#[test]
fn whatever_happens_nothing_is_committed_without_leave() {
    const CODES: [u16; 8] = [200, 204, 400, 401, 404, 409, 429, 500];
    for seed in 0..300 {
        let generation = if seed % 2 == 0 { Generation::V3 } else { Generation::V5 };
        let faults = Faults { install_failure: 0.2, reboot: 0.3, cut_download: 0.3 };
        let mut bench = Bench::new(generation, faults);
        let mut chaos = StdRng::seed_from_u64(seed);
        let mut event = Event::Started;
        for _ in 0..400 {
            let before = bench.device.memory().software.clone();
            let has_leave = matches!(event, Event::Answered { code: 204, .. });
            let action = bench.device.advance(event, bench.now, &mut bench.rng);
            assert!(has_leave || bench.device.memory().software == before, "seed {seed}");
            let code = CODES[chaos.random_range(0..CODES.len())];
            event = match action {
                Action::Login | Action::Send { .. } if chaos.random_bool(0.1) => Event::Unreachable,
                Action::Login if chaos.random_bool(0.3) => Event::LoginRefused(code),
                // To a question it is an offer that lacks nearly everything; to the rest it means nothing.
                Action::Send { .. } if chaos.random_bool(0.3) => {
                    Event::Answered { code, body: Bytes::from_static(br#"{"id":"d2"}"#) }
                }
                Action::Open { .. } if chaos.random_bool(0.3) => Event::Opened(Err(FetchError::Status(code))),
                Action::Store(_) if chaos.random_bool(0.3) => Event::Stored(Err(StoreError::Broken)),
                Action::Login
                | Action::Send { .. }
                | Action::Open { .. }
                | Action::Store(_)
                | Action::Wait(_)
                | Action::Restart(_) => {
                    bench.is_offered = chaos.random_bool(0.8);
                    bench.perform(action)
                }
            };
        }
    }
}
