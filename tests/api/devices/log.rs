//! `…/deployments/device/deployments/{id}/log` (device protocol §2.5).

use harness::names::unknown_uuid;
use harness::shared_server;
use libtest_mimic::Trial;

use super::next::offered;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        log_is_kept_and_shown_as_text,
        second_log_replaces_the_first,
        any_body_is_204,
        log_of_an_unknown_deployment_is_404,
        deployment_without_a_log_is_404,
        log_above_the_limit_is_413,
    ]
}

const ONE_LINE: &[u8] =
    br#"{"messages":[{"timestamp":"2026-11-21T22:55:26Z","level":"info","message":"first light"}]}"#;

fn log_is_kept_and_shown_as_text() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let id = server.admin().device_id(&device);
    device.report(&deployment, "failure").expect(204);
    assert!(device.send_log(&deployment, ONE_LINE).expect(204).body.is_empty());
    let shown = server.admin().device_log(&deployment, &id).expect(200);
    assert!(shown.header("Content-Type").is_some_and(|kind| kind.starts_with("text/plain")), "{shown}");
    assert!(shown.text().contains(" info: first light"), "{shown}");
    assert!(shown.text().starts_with("2026-11-21"), "{shown}");
    let list = format!("{}/{deployment}/devices/list", harness::management::DEPLOYMENTS);
    assert_eq!(server.admin().get(&list).expect(200).json()[0]["log"], true);
}

fn second_log_replaces_the_first() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let id = server.admin().device_id(&device);
    device.send_log(&deployment, ONE_LINE).expect(204);
    let second = String::from_utf8_lossy(ONE_LINE).replace("first light", "second thoughts");
    device.send_log(&deployment, second.as_bytes()).expect(204);
    let shown = server.admin().device_log(&deployment, &id).expect(200).text();
    assert!(shown.contains("second thoughts") && !shown.contains("first light"), "{shown}");
}

fn any_body_is_204() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let id = server.admin().device_id(&device);
    let cut = &ONE_LINE[..ONE_LINE.len() - 10];
    let microseconds =
        br#"{"messages":[{"level":"info","message":"m","timestamp":"2026-11-21T22:55:26.123456Z","x":1}]}"#;
    let bodies: [&[u8]; 7] =
        [br#"{"messages":[]}"#, cut, microseconds, b"", b"\xff\xfe\x00", b"{}", b"plain words of trouble"];
    for body in bodies {
        device.send_log(&deployment, body).expect(204);
    }
    let shown = server.admin().device_log(&deployment, &id).expect(200).text();
    assert!(shown.contains("plain words of trouble"), "the text is kept: {shown}");
    device.send_log(&deployment, cut).expect(204);
    let shown = server.admin().device_log(&deployment, &id).expect(200).text();
    assert!(shown.contains("\"message\":\"first"), "the text is kept: {shown}");
}

fn log_of_an_unknown_deployment_is_404() {
    let server = shared_server();
    let (_, deployment) = offered(server);
    let stranger = server.accepted_device();
    stranger.send_log(&deployment, ONE_LINE).expect_error(404);
    stranger.send_log(&unknown_uuid(), ONE_LINE).expect_error(404);
}

fn deployment_without_a_log_is_404() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let id = server.admin().device_id(&device);
    server.admin().device_log(&deployment, &id).expect(404);
}

fn log_above_the_limit_is_413() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    device.send_log(&deployment, &vec![b'x'; 1024 * 1024 + 1]).expect_error(413);
    device.send_log(&deployment, &vec![b'x'; 1000 * 1000]).expect(204);
}
