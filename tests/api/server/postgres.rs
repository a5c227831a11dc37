//! PostgreSQL as the server's database: what happens when it goes away and comes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::binaries::sealift;
use harness::management::DEVAUTH;
use harness::postgres::{CommitProxy, Cut};
use harness::process::run;
use harness::{Cluster, Peer, Request, Response, ServerSetup, Syncing, TestServer, until};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::Postgres];
        killed_with_the_server_keeps_what_was_acknowledged,
        polls_go_on_while_the_database_is_gone,
        killed_under_load_loses_nothing_acknowledged,
        commit_whose_answer_is_lost_is_found_out,
        commit_that_never_arrived_is_refused_and_can_be_repeated,
        commit_in_doubt_is_followed_when_the_database_is_back,
        silent_database_is_an_outage,
        second_server_on_the_same_database_is_refused,
        server_whose_database_was_taken_over_ends,
        other_scheme_of_the_url_is_understood,
    ]
}

/// The time an outage may take to be noticed, or to be over, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn on_cluster() -> (Arc<Cluster>, TestServer) {
    let cluster = Arc::new(Cluster::start(Syncing::Full));
    let server = ServerSetup::default().on(&cluster).start();
    (cluster, server)
}

/// A server that reaches the shared cluster through a proxy.
fn behind_proxy() -> (CommitProxy, TestServer) {
    let cluster = Cluster::shared();
    let proxy = CommitProxy::before(&cluster);
    let server = ServerSetup::default().database(&proxy.url(&cluster.create_database())).start();
    (proxy, server)
}

#[track_caller]
fn expect_unavailable(response: Response) {
    let response = response.expect_error(503);
    assert_eq!(response.json()["code"], "unavailable", "{response}");
    let retry: u32 = response.header("retry-after").and_then(|secs| secs.parse().ok()).expect("Retry-After");
    assert!(retry > 0);
}

fn killed_with_the_server_keeps_what_was_acknowledged() {
    let (cluster, server) = on_cluster();
    let device = server.accepted_device();
    server.kill();
    cluster.kill();
    cluster.start_again();
    server.restart();
    assert_eq!(server.admin().show_device(&device)["status"], "accepted");
    device.next_nothing();
    let url = server.database_url().expect("it is on PostgreSQL");
    assert_eq!(cluster.query(url, "SELECT count(*) FROM devices").trim(), "1");
    assert!(!server.data_dir().join("sealift.db").exists());
}

fn polls_go_on_while_the_database_is_gone() {
    let (cluster, server) = on_cluster();
    let mut device = server.accepted_device();
    let mut stranger = server.device();
    server.admin();
    device.next_nothing();
    cluster.kill();
    for _ in 0..3 {
        device.next_nothing();
    }
    // A known device logs in from memory, too.
    device.log_in();
    expect_unavailable(stranger.authenticate());
    expect_unavailable(device.put_inventory(&json!([{"name": "a", "value": "1"}])));
    expect_unavailable(server.admin().get(DEVAUTH));
    let ready = server.http().send(&Request::get("/health/ready"));
    assert_eq!(ready.status, 503, "{ready}");
    server.http().get("/health/live").expect_success();
    cluster.start_again();
    until("writes to be taken again", PATIENCE, || stranger.authenticate().status == 401);
    device.put_inventory(&json!([{"name": "a", "value": "1"}])).expect(200);
    assert_eq!(server.admin().show_device(&stranger)["status"], "pending");
    device.next_nothing();
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn killed_under_load_loses_nothing_acknowledged() {
    let (cluster, server) = on_cluster();
    server.admin();
    let is_over = AtomicBool::new(false);
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut known = Vec::new();
                    while !is_over.load(Ordering::Relaxed) {
                        let mut device = server.device();
                        let answer = device.authenticate();
                        if answer.status == 401 {
                            known.push(device.identity_json().to_string());
                        } else {
                            expect_unavailable(answer);
                        }
                    }
                    known
                })
            })
            .collect();
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(700));
            cluster.kill();
            cluster.start_again();
            let mut probe = server.device();
            until("writes to be taken again", PATIENCE, || probe.authenticate().status == 401);
        }
        is_over.store(true, Ordering::Relaxed);
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker fails")).collect()
    });
    assert!(acknowledged.len() > 20, "{} devices are no load", acknowledged.len());
    let stored = identities(&server);
    for identity in &acknowledged {
        assert!(stored.contains(identity), "{identity} was acknowledged and is lost");
    }
    // What the server counts without asking is what it would load.
    let counted = server.admin().get(&format!("{DEVAUTH}/count")).expect(200).json();
    server.restart();
    assert_eq!(server.admin().get(&format!("{DEVAUTH}/count")).expect(200).json(), counted);
    assert_eq!(identities(&server), stored);
}

/// Returns the identity data of all devices.
fn identities(server: &TestServer) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for page in 1.. {
        let listed = server.admin().get(&format!("{DEVAUTH}?page={page}&per_page=500")).expect(200).json();
        let listed = listed.as_array().expect("a list");
        if listed.is_empty() {
            break;
        }
        all.extend(listed.iter().map(|device| device["identity_data"].to_string()));
    }
    all
}

fn commit_whose_answer_is_lost_is_found_out() {
    let (proxy, server) = behind_proxy();
    let mut device = server.device();
    device.authenticate().expect_error(401);
    server.admin();
    proxy.cut_next(Cut::AfterCommit);
    server.admin().set_status(&device, "accepted").expect(204);
    assert!(proxy.has_cut());
    device.log_in();
    device.next_nothing();
    server.restart();
    device.next_nothing();
}

fn commit_that_never_arrived_is_refused_and_can_be_repeated() {
    let (proxy, server) = behind_proxy();
    let mut device = server.device();
    server.admin();
    proxy.cut_next(Cut::BeforeCommit);
    expect_unavailable(device.authenticate());
    assert!(proxy.has_cut());
    // Neither the database nor the index heard of it.
    until("writes to be taken again", PATIENCE, || device.authenticate().status == 401);
    proxy.cut_next(Cut::BeforeCommit);
    expect_unavailable(server.admin().set_status(&device, "accepted"));
    assert_eq!(server.admin().show_device(&device)["status"], "pending");
    device.authenticate().expect_error(401);
    until("writes to be taken again", PATIENCE, || {
        server.admin().set_status(&device, "accepted").status == 204
    });
    device.log_in();
}

fn commit_in_doubt_is_followed_when_the_database_is_back() {
    let (proxy, server) = behind_proxy();
    let device = server.accepted_device();
    proxy.cut_next_and_close(Cut::AfterCommit);
    expect_unavailable(server.admin().set_status(&device, "rejected"));
    // Nobody was told that the device is rejected.
    device.next_nothing();
    proxy.open();
    // No request writes meanwhile.
    until("the index to follow", PATIENCE, || device.next().status == 401);
    assert_eq!(server.admin().show_device(&device)["status"], "rejected");
}

fn silent_database_is_an_outage() {
    let (proxy, server) = behind_proxy();
    let device = server.accepted_device();
    let mut stranger = server.device();
    server.admin();
    device.next_nothing();
    proxy.fall_silent();
    let began = Instant::now();
    thread::scope(|scope| {
        let report = |at: usize| json!([{"name": "a", "value": at.to_string()}]);
        for at in 0..4 {
            let device = &device;
            scope.spawn(move || expect_unavailable(device.put_inventory(&report(at))));
            scope.spawn(|| expect_unavailable(server.admin().get(DEVAUTH)));
        }
        scope.spawn(|| expect_unavailable(stranger.authenticate()));
        // What memory answers goes on.
        device.next_nothing();
    });
    // By its own limits some fifteen seconds; what waited behind others is refused with them.
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    device.next_nothing();
    proxy.speak();
    until("writes to be taken again", PATIENCE, || stranger.authenticate().status == 401);
    until("reads to be answered again", PATIENCE, || server.admin().get(DEVAUTH).status == 200);
    device.put_inventory(&json!([{"name": "a", "value": "5"}])).expect(200);
    assert_eq!(server.admin().show_device(&stranger)["status"], "pending");
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.restart();
    assert_eq!(server.admin().show_device(&stranger)["status"], "pending");
}

fn second_server_on_the_same_database_is_refused() {
    let server = ServerSetup::default().postgres().start();
    let url = server.database_url().expect("it is on PostgreSQL").to_owned();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut second = sealift();
    second.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path());
    let output = run(second.env("SEALIFT_DATABASE_URL", &url));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("another server uses this database"), "{text}");
    // The first one goes on, and commands beside it work.
    let device = server.accepted_device();
    device.next_nothing();
    server.add_user("second@example.com", "viewer", "another long enough passphrase");
    // A killed server leaves no lock behind.
    server.kill();
    server.restart();
    device.next_nothing();
}

fn server_whose_database_was_taken_over_ends() {
    let server = ServerSetup::default().postgres().start();
    let url = server.database_url().expect("it is on PostgreSQL").to_owned();
    let mut device = server.device();
    server.admin();
    // As another server does that got the lock while this one was cut off.
    Cluster::shared().query(&url, "DELETE FROM writer_leases");
    expect_unavailable(device.authenticate());
    until("the end of the server", PATIENCE, || server.has_ended());
    assert!(server.log().contains("another server uses this database"), "{}", server.log());
    server.restart();
    device.authenticate().expect_error(401);
}

fn other_scheme_of_the_url_is_understood() {
    let url = Cluster::shared().create_database().replacen("postgres://", "postgresql://", 1);
    let server = ServerSetup::default().database(&url).start();
    server.accepted_device().next_nothing();
}
