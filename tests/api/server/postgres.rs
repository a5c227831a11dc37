//! PostgreSQL as the server's database: what happens when it goes away and comes back.

use std::sync::Arc;

use harness::{Cluster, Peer, ServerSetup, Syncing};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::Postgres]; killed_with_the_server_keeps_what_was_acknowledged]
}

fn killed_with_the_server_keeps_what_was_acknowledged() {
    let cluster = Arc::new(Cluster::start(Syncing::Full));
    let server = ServerSetup::default().on(&cluster).start();
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
