//! The server's description of itself against the server: schemathesis makes requests of it, valid ones and others,
//! and finds no status, type or body that is not described, and no fault (S3).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use harness::process::run;
use harness::server::PASSWORD;
use harness::{Management, Peer, ServerSetup};
use libtest_mimic::Trial;

use crate::world::{GROUP, World};

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::Schemathesis];
        anonymous_finds_what_is_described,
        device_finds_what_is_described,
        viewer_finds_what_is_described,
        operator_finds_what_is_described,
        admin_finds_what_is_described,
        tester_notices_what_is_not_described,
    ]
}

/// Requests an operation: some in each run, many with `SEALIFT_LONG=1`.
const EXAMPLES: (u32, u32) = (20, 200);

/// What is looked for. Left out are opinions about which requests should be refused: most of what clients send
/// needlessly is ignored here, as the original does, and a text that the schema allows may still name nothing.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance,unsupported_method,allow_header_conformance,ignored_auth";

/// What ends the very session that asks, or gives it tokens that last some minutes.
const ENDS_OWN_SESSION: &str = "/auth/(logout|console)|/useradm/(sessions|settings/tokens)/";

/// What removes the very user who asks.
const REMOVES_USERS: &str = "DELETE /api/management/v1/useradm/users/{id}";

fn anonymous_finds_what_is_described() {
    let world = world();
    examine(&world, "anonymous", None);
}

fn device_finds_what_is_described() {
    let world = world();
    let token = world.device.token.clone();
    examine(&world, "device", token.as_deref());
}

fn viewer_finds_what_is_described() {
    as_user("viewer");
}

fn operator_finds_what_is_described() {
    as_user("operator");
}

fn admin_finds_what_is_described() {
    as_user("admin");
}

/// A description that keeps a status to itself is found out.
fn tester_notices_what_is_not_described() {
    let world = world();
    let path = "/api/management/v2/devauth/devices/{id}";
    let mut document = world.server.http().get("/openapi.json").expect(200).json();
    let told = document["paths"][path]["get"]["responses"].as_object_mut().expect("responses").remove("404");
    assert!(told.is_some());
    let file = world.server.scratch().join("untrue.json");
    fs::write(&file, document.to_string()).expect("written");
    let mut command = tester(&world, "untrue", Some(&world.server.admin().token));
    command.arg(&file).args([
        "--url",
        &world.server.url(),
        "--include-path",
        path,
        "--include-method",
        "GET",
    ]);
    let output = command.output().expect("schemathesis");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("Undocumented status code"), "{said}");
}

fn world() -> World {
    World::build(ServerSetup::default())
}

fn as_user(role: &str) {
    let world = world();
    let email = format!("{role}-of-schemas@example.com");
    world.server.add_user(&email, role, PASSWORD);
    let user = Management::login(world.server.http(), &email, PASSWORD);
    examine(&world, role, Some(&user.token));
    // All of it was asked by somebody who was let in.
    user.get("/api/management/v1/useradm/users/me").expect(200);
}

fn examine(world: &World, who: &str, token: Option<&str>) {
    let mut command = tester(world, who, token);
    command.arg(format!("{}/openapi.json", world.server.url()));
    command.args(["--exclude-path-regex", ENDS_OWN_SESSION, "--exclude-name", REMOVES_USERS]);
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{who}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary = said.lines().map(str::trim).find(|line| line.contains(" generated, ")).unwrap_or_default();
    eprintln!("hostile: schemathesis as {who}: {summary}");
    crate::world::assert_no_faults(&world.server);
}

/// The tester as one caller, without what it tests.
fn tester(world: &World, who: &str, token: Option<&str>) -> Command {
    let scratch = world.server.scratch();
    let config = scratch.join(format!("schemathesis-{who}.toml"));
    fs::write(&config, configuration(world)).expect("written");
    let is_long = std::env::var("SEALIFT_LONG").is_ok_and(|value| value == "1");
    let examples = if is_long { EXAMPLES.1 } else { EXAMPLES.0 };
    let mut command = Command::new("schemathesis");
    command.arg("--config-file").arg(&config).args(["run", "--checks", CHECKS, "--max-examples"]);
    command.arg(examples.to_string()).arg("--tls-verify").arg(world.server.ca());
    command.args(["--workers", "1", "--continue-on-failure", "--no-color", "--no-shrink"]);
    if let Some(token) = token {
        command.arg("--header").arg(format!("Authorization: Bearer {token}"));
    }
    command.env("SCHEMATHESIS_HOOKS", concat!(env!("CARGO_MANIFEST_DIR"), "/hostile/schemathesis.py"));
    command.current_dir(scratch);
    command
}

/// Ids and names that are there, so that not only strangers are asked about.
fn configuration(world: &World) -> String {
    let mut parameters: BTreeSet<String> = BTreeSet::new();
    let mut dictionaries = String::new();
    for (name, values) in [
        ("id", vec![&*world.device_id, &*world.artifact_id, &*world.deployment_id]),
        ("device", vec![&*world.device_id]),
        ("deployment", vec![&*world.deployment_id]),
        ("artifact", vec![&*world.artifact_id]),
        ("set", vec![&*world.set_id]),
        ("name", vec![GROUP, world.release()]),
    ] {
        writeln!(dictionaries, "[dictionaries.{name}]\nvalues = {values:?}").expect("written");
        parameters.insert(format!("\"path.{name}\" = {{ dictionary = \"{name}\", probability = 0.6 }}\n"));
    }
    dictionaries + "[parameters]\n" + &parameters.into_iter().collect::<String>()
}
