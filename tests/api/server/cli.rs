//! Command lines of `sealift` (design §6): data on standard output, the rest on standard error, exit
//! status 0 done, 1 no, 2 wrong use, 3 out of reach.

use std::fs;

use harness::binaries::sealift;
use harness::management::login_request;
use harness::names::unique;
use harness::process::{run, run_ok};
use harness::server::{ADMIN, with_password};
use harness::{Management, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::Value;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::trials![
        help_exists_for_every_subcommand,
        wrong_use_is_2,
        what_calibration_prints_is_a_configuration,
        check_refuses_what_serve_would_refuse,
        check_finds_damage_in_the_database,
        s16_check_verifies_the_audit_trail,
        openapi_is_the_served_document,
        demo_of_five_succeeds,
    ];
    trials.extend(harness::storage_trials![
        users_are_managed_beside_a_running_server,
        users_are_managed_on_a_stopped_server,
        weak_passwords_and_bad_roles_are_refused,
        check_tells_what_serve_would_do,
        migrate_can_be_repeated,
    ]);
    trials
}

const PASSWORD: &str = "another long enough passphrase";

fn help_exists_for_every_subcommand() {
    let all = run_ok(sealift().arg("--help"));
    for name in ["serve", "user", "demo", "calibrate-argon2", "check", "migrate", "openapi"] {
        assert!(all.contains(name), "{name} in {all}");
        let help = run_ok(sealift().args([name, "--help"]));
        assert!(help.contains("Usage:"), "{help}");
    }
    assert!(run_ok(sealift().arg("--version")).starts_with("sealift "));
}

fn what_calibration_prints_is_a_configuration() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("sealift.toml");
    let printed = run_ok(sealift().arg("calibrate-argon2"));
    fs::write(&file, &printed).expect("the directory is writable");
    let memory =
        printed.lines().find_map(|line| line.strip_prefix("argon2_memory_kib = ")).expect("the memory");
    assert!((19_456..=262_144).contains(&memory.parse::<u32>().expect("a number")), "{printed}");
    let file = file.to_str().expect("UTF-8");
    let data = dir.path().join("data");
    run_ok(sealift().args(["user", "list", "--config", file, "--data-dir"]).arg(data));
}

fn wrong_use_is_2() {
    for args in [
        &["nonsense"][..],
        &["serve", "--nonsense"],
        &["serve", "--listen", "nowhere"],
        &["user", "add"],
        &[],
    ] {
        let output = run(sealift().args(args));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

fn users_are_managed_beside_a_running_server() {
    let server = shared_server();
    let email = format!("{}@example.com", unique("user"));
    server.add_user(&email, "operator", PASSWORD);
    assert!(run_ok(&mut server.command(&["user", "list"])).contains(&email));
    let user = Management::login(server.http(), &email, PASSWORD);
    // A second one of that name is refused.
    let again = server.command(&["user", "add", &email, "--role", "viewer", "--password-stdin"]);
    assert_eq!(with_password(again, PASSWORD).0.code(), Some(1));
    // A new password ends the session and takes effect at once.
    let fresh = "yet another long passphrase";
    let (status, output) =
        with_password(server.command(&["user", "reset-password", &email, "--password-stdin"]), fresh);
    assert!(status.success(), "{output}");
    user.get(harness::management::DEVAUTH).expect_error(401);
    server.http().send(&login_request(&email, PASSWORD)).expect_error(401);
    let user = Management::login(server.http(), &email, fresh);
    run_ok(&mut server.command(&["user", "disable", &email]));
    user.get(harness::management::DEVAUTH).expect_error(401);
    server.http().send(&login_request(&email, fresh)).expect_error(401);
    let unknown = run(&mut server.command(&["user", "disable", "nobody@example.com"]));
    assert_eq!(unknown.status.code(), Some(1));
}

fn users_are_managed_on_a_stopped_server() {
    let server = TestServer::start();
    assert!(server.stop().success());
    server.add_user("second@example.com", "viewer", PASSWORD);
    let list = run_ok(&mut server.command(&["user", "list"]));
    assert!(list.contains(ADMIN) && list.contains("second@example.com"), "{list}");
    assert!(!list.contains("$argon2"));
    server.restart();
    Management::login(server.http(), "second@example.com", PASSWORD);
}

fn weak_passwords_and_bad_roles_are_refused() {
    let server = shared_server();
    let email = format!("{}@example.com", unique("weak"));
    for password in ["", "short", "passwordpassword", "14 characters.", &"x".repeat(1025), &email] {
        let add = server.command(&["user", "add", &email, "--role", "viewer", "--password-stdin"]);
        let (status, output) = with_password(add, password);
        assert!(matches!(status.code(), Some(1 | 2)), "{password:?} was taken: {output}");
    }
    for args in
        [["user", "add", &email, "--role", "emperor"], ["user", "add", "no-address", "--role", "viewer"]]
    {
        let (status, output) =
            with_password(server.command(&[&args[..], &["--password-stdin"]].concat()), PASSWORD);
        assert!(matches!(status.code(), Some(1 | 2)), "{args:?}: {output}");
    }
    assert!(!run_ok(&mut server.command(&["user", "list"])).contains(&email));
}

fn check_tells_what_serve_would_do() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = run(sealift().args(["check", "--data-dir"]).arg(dir.path()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&dir.path().display().to_string()), "{text}");
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0, "a check changes nothing");
    // Beside a running server too.
    run_ok(&mut shared_server().command(&["check"]));
}

fn check_refuses_what_serve_would_refuse() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = dir.path().join("sealift.toml");
    for content in [
        "no_such_key = 1\n",
        "listen = 7\n",
        "listen = \"nowhere\"\n",
        "not toml",
        "tls_cert = \"/no/such\"\n",
    ] {
        fs::write(&config, content).expect("writable");
        for command in ["check", "serve"] {
            let output = run(sealift().args([command, "--config"]).arg(&config).current_dir(dir.path()));
            assert!(matches!(output.status.code(), Some(1..=3)), "{command} with {content:?}");
            assert!(!output.stderr.is_empty());
        }
    }
}

fn check_finds_damage_in_the_database() {
    let server = TestServer::start();
    assert!(server.stop().success());
    run_ok(&mut server.command(&["check"]));
    // The head of the page that holds the user.
    let path = server.data_dir().join("sealift.db");
    let mut content = fs::read(&path).expect("readable");
    let wanted = ADMIN.as_bytes();
    let at = content.windows(wanted.len()).position(|window| window == wanted).expect("the user is stored");
    let page = at - at % 4096;
    content[page..page + 8].fill(0xa5);
    fs::write(&path, content).expect("writable");
    let output = run(&mut server.command(&["check"]));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the database is damaged"), "{text}");
}

/// Rewritten rows, and a trail that was put back to an older state, which only a checkpoint kept elsewhere shows.
fn s16_check_verifies_the_audit_trail() {
    const CHECKPOINT: &str = "/api/management/v1/auditlogs/checkpoint";
    let server = TestServer::start();
    let add_user = |name: &str| {
        let email = format!("{name}@example.com");
        let (status, text) =
            with_password(server.command(&["user", "add", &email, "--password-stdin"]), PASSWORD);
        assert!(status.success(), "{text}");
    };
    add_user("first-of-all");
    let printed = run_ok(&mut server.command(&["check", "--audit"]));
    assert!(printed.contains("audit trail") && printed.contains("records up to number"), "{printed}");
    assert!(server.stop().success());
    let path = server.data_dir().join("sealift.db");
    let older = fs::read(&path).expect("readable");

    server.restart();
    add_user("second");
    let checkpoint = server.data_dir().join("kept-elsewhere.json");
    fs::write(&checkpoint, server.admin().get(CHECKPOINT).expect(200).text()).expect("writable");
    let checkpoint = checkpoint.to_str().expect("UTF-8").to_owned();
    let with_checkpoint = ["check", "--audit", "--checkpoint", &checkpoint];
    let printed = run_ok(&mut server.command(&with_checkpoint));
    assert!(printed.contains("and the one that was kept elsewhere"), "{printed}");
    assert!(server.stop().success());
    let newer = fs::read(&path).expect("readable");

    let refusal = |arguments: &[&str]| {
        let output = run(&mut server.command(arguments));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    fs::write(&path, older).expect("writable");
    run_ok(&mut server.command(&["check", "--audit"]));
    let text = refusal(&with_checkpoint);
    assert!(text.contains("a checkpoint says that the audit trail had record"), "{text}");

    // The same length, and the same place in every index.
    let mut altered = newer.clone();
    let (old, new) = (b"first-of-all@example.com", b"first-of-alm@example.com");
    while let Some(at) = altered.windows(old.len()).position(|window| window == old) {
        altered[at..at + new.len()].copy_from_slice(new);
    }
    fs::write(&path, altered).expect("writable");
    run_ok(&mut server.command(&["check"]));
    let text = refusal(&["check", "--audit"]);
    assert!(text.contains("of the audit trail was changed"), "{text}");

    fs::write(&path, newer).expect("writable");
    run_ok(&mut server.command(&with_checkpoint));
    fs::write(&checkpoint, "{}").expect("writable");
    assert_eq!(run(&mut server.command(&with_checkpoint)).status.code(), Some(2));
    assert_eq!(run(&mut server.command(&["check", "--checkpoint", &checkpoint])).status.code(), Some(2));
}

fn migrate_can_be_repeated() {
    let server = TestServer::start();
    for _ in 0..2 {
        run_ok(&mut server.command(&["migrate"]));
    }
    assert!(server.stop().success());
    run_ok(&mut server.command(&["migrate"]));
    server.restart();
    server.admin().get(harness::management::DEVAUTH).expect(200);
}

fn openapi_is_the_served_document() {
    let server = shared_server();
    let printed: Value = serde_json::from_str(&run_ok(&mut server.command(&["openapi"]))).expect("JSON");
    assert_eq!(printed, server.http().get("/openapi.json").expect(200).json());
}

fn demo_of_five_succeeds() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = run(sealift().args(["demo", "--exit", "--devices", "5"]).current_dir(dir.path()));
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains('5'), "{text}");
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0, "a demo leaves nothing behind");
}
