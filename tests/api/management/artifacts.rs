//! `/api/management/v1/deployments/artifacts` (management API §4.1).

use std::fs;
use std::path::Path;

use harness::device::link_target;
use harness::management::{ARTIFACTS, location_id};
use harness::multipart::content_type;
use harness::names::{unique, unknown_uuid};
use harness::{ArtifactSpec, Body, Multipart, Request, Response, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        upload_as_mender_cli_sends_it,
        fields_may_come_in_any_order_and_the_id_may_be_chosen,
        upload_with_a_length_works,
        refused_uploads_leave_nothing,
        form_without_a_file_is_400,
        same_name_and_types_is_409,
        same_name_for_other_types_is_one_release,
        lists_for_tools,
        link_serves_the_bytes_without_a_token,
        deleted_artifact_is_gone_with_its_bytes,
        artifact_in_an_active_deployment_stays,
        malformed_and_unknown_ids,
    ]
}

fn upload_as_mender_cli_sends_it() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("type-a").write();
    let response = server.admin().try_upload(&artifact.bytes()).expect(201);
    assert!(response.body.is_empty());
    let id = location_id(&response);
    assert_eq!(response.header("Location"), Some(format!("{ARTIFACTS}/{id}").as_str()));
    let shown = server.admin().get(&format!("{ARTIFACTS}/{id}")).expect(200).json();
    assert_eq!(shown["id"], id);
    assert_eq!(shown["name"], artifact.name);
    assert_eq!(shown["description"], "");
    assert_eq!(shown["device_types_compatible"], json!(["type-a"]));
    assert_eq!(shown["artifact_depends"]["device_type"], json!(["type-a"]));
    assert_eq!(shown["artifact_provides"]["artifact_name"], artifact.name);
    assert_eq!(shown["info"], json!({"format": "mender", "version": 3}));
    assert_eq!(shown["signed"], false);
    assert_eq!(shown["size"], artifact.bytes().len());
    assert!(shown["modified"].as_str().is_some_and(|at| at.contains('T')));
    let file = &shown["updates"][0]["files"][0];
    assert_eq!(file["name"], "payload.txt");
    assert_eq!(file["checksum"].as_str().map(str::len), Some(64));
    assert!(file["size"].is_u64());
    assert!(!shown["updates"][0]["meta_data"].is_object(), "an object breaks mender-cli");
}

fn fields_may_come_in_any_order_and_the_id_may_be_chosen() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("type-a").write();
    let chosen = unknown_uuid();
    let form = Multipart::new()
        .field("artifact_id", &chosen)
        .field("unknown", "skipped")
        .field("description", "words")
        .file("artifact", &artifact.bytes())
        .field("size", "1");
    let response =
        server.http().send(&form.into_request(server.admin().request("POST", ARTIFACTS))).expect(201);
    assert_eq!(location_id(&response), chosen);
    let shown = server.admin().get(&format!("{ARTIFACTS}/{chosen}")).expect(200).json();
    assert_eq!(shown["description"], "words");
}

fn upload_with_a_length_works() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("type-a").write();
    let request = server.admin().request("POST", ARTIFACTS).header("Content-Type", content_type());
    let body = Multipart::artifact(&artifact.bytes()).finish();
    server.http().send(&request.body(Body::Sized(body))).expect(201);
}

fn refused_uploads_leave_nothing() {
    let server = TestServer::start();
    let artifact = ArtifactSpec::new("type-a").incompressible(300_000).write();
    let good = artifact.bytes();
    let before = files_below(&server.data_dir());
    let refuse = |what: &str, form: Multipart| {
        let request = form.into_request(server.admin().request("POST", ARTIFACTS));
        let response = server.http().send(&request);
        assert_eq!(response.status, 400, "{what}: {response}");
        response.expect_error(400);
    };
    let size = good.len();
    for cut in [0, 1, 511, 512, 1024, 4096, size / 2, size - 1024 * 2, size - 1] {
        refuse(&format!("cut after {cut} bytes"), Multipart::new().file("artifact", &good[..cut]));
    }
    // Every position in the middle of a payload or header that a digest covers.
    for at in [512, 1536, 2048, 5000, size / 3, size / 2] {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        let request = Multipart::artifact(&bad).into_request(server.admin().request("POST", ARTIFACTS));
        let response = server.http().send(&request);
        assert_eq!(response.status, 400, "byte {at} changed: {response}");
    }
    refuse("a size too small", Multipart::new().field("size", "100").file("artifact", &good));
    refuse(
        "a size too large",
        Multipart::new().field("size", &(size + 1).to_string()).file("artifact", &good),
    );
    refuse("a size that is no number", Multipart::new().field("size", "many").file("artifact", &good));
    refuse("no artifact", Multipart::artifact(&vec![b'x'; 100_000]));
    refuse("zeros", Multipart::artifact(&vec![0; 100_000]));
    refuse("something after the end", Multipart::artifact(&[good.as_slice(), b"trailing"].concat()));
    // A form that ends in the middle of the file.
    let form = Multipart::artifact(&good).finish();
    let request = server.admin().request("POST", ARTIFACTS).header("Content-Type", content_type());
    let response = server.http().send(&request.body(Body::Chunked(form[..form.len() / 2].to_vec())));
    assert_eq!(response.status, 400, "{response}");
    // A connection that ends in the middle of the file.
    let head = format!(
        "POST {ARTIFACTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n\
         Content-Length: {}\r\n\r\n",
        server.admin().token,
        content_type(),
        form.len()
    );
    let mut connection = server.http().connect().expect("a connection");
    connection.send_bytes(&[head.as_bytes(), &form[..form.len() / 2]].concat()).expect("sent");
    drop(connection);
    assert_eq!(server.admin().get(ARTIFACTS).expect(200).json(), json!([]));
    harness::until("the last trace to vanish", std::time::Duration::from_mins(1), || {
        files_below(&server.data_dir()) == before
    });
    server.admin().upload(&artifact);
    assert_eq!(server.admin().get(ARTIFACTS).expect(200).json().as_array().map(Vec::len), Some(1));
}

fn form_without_a_file_is_400() {
    let server = shared_server();
    for form in [
        Multipart::new(),
        Multipart::new().field("description", "only"),
        Multipart::new().file("other", b"x"),
    ] {
        let request = form.into_request(server.admin().request("POST", ARTIFACTS));
        server.http().send(&request).expect_error(400);
    }
}

fn same_name_and_types_is_409() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("type-a").write();
    server.admin().upload(&artifact);
    let response = server.admin().try_upload(&artifact.bytes()).expect_error(409);
    assert_eq!(response.json()["error"], "an artifact with the same name and depends already exists");
    // Other bytes, same name and type.
    let other = ArtifactSpec::new("type-a").name(&artifact.name).incompressible(1000).write();
    server.admin().try_upload(&other.bytes()).expect_error(409);
    let query = format!("{ARTIFACTS}?name={}", artifact.name);
    assert_eq!(server.admin().get(&query).expect(200).json().as_array().map(Vec::len), Some(1));
}

fn same_name_for_other_types_is_one_release() {
    let server = shared_server();
    let one = ArtifactSpec::new("type-a").write();
    let two = ArtifactSpec::new("type-b").name(&one.name).write();
    server.admin().upload(&one);
    server.admin().upload(&two);
    let path = format!("/api/management/v2/deployments/deployments/releases/{}", one.name);
    let release = server.admin().get(&path).expect(200).json();
    assert_eq!(release["artifacts_count"], 2);
}

fn lists_for_tools() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("type-a").write();
    let id = server.admin().upload(&artifact);
    let found =
        |query: String| -> Response { server.admin().get(&format!("{ARTIFACTS}{query}")).expect(200) };
    let upper = artifact.name.to_uppercase();
    assert_eq!(found(format!("?name={upper}")).json()[0]["id"], id, "a substring in any case");
    assert_eq!(found("?name=there-is-no-such-name".to_owned()).json(), json!([]));
    let paged = found(format!("/list?name={}&per_page=1&page=1", artifact.name));
    assert_eq!(paged.header("X-Total-Count"), Some("1"));
    assert_eq!(paged.json()[0]["id"], id);
    // A value that is out of range falls back, unlike everywhere else.
    found("/list?per_page=0".to_owned());
    found("/list?per_page=9999".to_owned());
}

fn link_serves_the_bytes_without_a_token() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("type-a").incompressible(100_000).write();
    let id = server.admin().upload(&artifact);
    let link = server.admin().get(&format!("{ARTIFACTS}/{id}/download")).expect(200).json();
    assert!(link["expire"].is_string());
    let target = link_target(link["uri"].as_str().expect("a link"));
    let whole = server.http().get(&target).expect(200);
    assert!(whole.body == artifact.bytes());
    let name = whole.header("Content-Disposition").unwrap_or_default();
    assert!(name.contains(&format!("{}.mender", artifact.name)), "{name}");
    let part = server.http().send(&Request::get(&target).header("Range", "bytes=100-199")).expect(206);
    assert_eq!(part.body, artifact.bytes()[100..200]);
}

fn deleted_artifact_is_gone_with_its_bytes() {
    let server = TestServer::start();
    let before = files_below(&server.data_dir());
    let id = server.admin().upload(&ArtifactSpec::new("type-a").write());
    assert_ne!(files_below(&server.data_dir()), before);
    server.admin().send("DELETE", &format!("{ARTIFACTS}/{id}")).expect(204);
    server.admin().get(&format!("{ARTIFACTS}/{id}")).expect_error(404);
    server.admin().send("DELETE", &format!("{ARTIFACTS}/{id}")).expect_error(404);
    harness::until("the bytes to vanish", std::time::Duration::from_mins(1), || {
        files_below(&server.data_dir()) == before
    });
}

fn artifact_in_an_active_deployment_stays() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    let id = server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
    server.admin().send("DELETE", &format!("{ARTIFACTS}/{id}")).expect_error(409);
    server.admin().abort(&deployment).expect(204);
    server.admin().send("DELETE", &format!("{ARTIFACTS}/{id}")).expect(204);
}

fn malformed_and_unknown_ids() {
    let server = shared_server();
    let error = server.admin().get(&format!("{ARTIFACTS}/{}", unique("no-uuid"))).expect_error(400);
    assert_eq!(error.json()["error"], "ID is not a valid UUID");
    server.admin().get(&format!("{ARTIFACTS}/{}", unknown_uuid())).expect_error(404);
    server.admin().get(&format!("{ARTIFACTS}/{}/download", unknown_uuid())).expect_error(404);
    server.admin().send("DELETE", &format!("{ARTIFACTS}/{}", unknown_uuid())).expect_error(404);
}

/// Returns the names of all files of artifacts, finished or not: everything in the data directory but
/// the database, which changes by itself.
fn files_below(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the data directory is readable").map_while(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sealift.db")) {
                names.push(path.display().to_string());
            }
        }
    }
    names.sort();
    names
}
