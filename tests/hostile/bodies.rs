//! Every route with every kind of bad body, from every kind of caller.

use harness::management::DEPLOYMENTS;
use harness::{Body, Request, ServerSetup};
use libtest_mimic::Trial;
use serde_json::{Map, Value, json};

use crate::world::{Caller, Line, NOBODY, Route, World, assert_form, assert_refused};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        bodies_that_are_not_json_are_refused_and_change_nothing,
        nobody_is_told_more_for_a_bad_body,
        wrong_members_cause_no_fault,
        wrong_types_and_lengths_are_refused,
        broken_off_bodies_leave_nothing,
    ]
}

/// What no JSON reader takes: a name, and the bytes.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str, middle: &str| {
        [open.repeat(10_000), middle.to_owned(), close.repeat(10_000)].concat().into_bytes()
    };
    vec![
        ("one brace", b"{".to_vec()),
        ("half a member", br#"{"id_data":"{\"serial"#.to_vec()),
        ("a member without a value", br#"{"status":}"#.to_vec()),
        ("two values", br"{} {}".to_vec()),
        ("a NUL", b"\0".to_vec()),
        ("a NUL at the end", b"{}\0".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec()),
        ("no UTF-8", b"{\"status\":\"\xc3\x28\xff\"}".to_vec()),
        ("a NUL in a string", b"{\"status\":\"a\0b\"}".to_vec()),
        ("a lone surrogate", br#"{"status":"\ud800"}"#.to_vec()),
        ("a control character", b"{\"status\":\"a\x1bb\"}".to_vec()),
        ("a comment", b"{/* */}".to_vec()),
        ("a comma too many", br#"{"status":"success",}"#.to_vec()),
        ("single quotes", b"{'status':'success'}".to_vec()),
        ("not a number", b"NaN".to_vec()),
        ("a number without end", [b"1".to_vec(), vec![b'0'; 3_000], b"e".to_vec()].concat()),
        ("a number beyond all", b"[1e400]".to_vec()),
        ("10,000 arrays", deep("[", "]", "")),
        ("10,000 arrays that stay open", vec![b'['; 10_000]),
        ("10,000 arrays in an object", deep("{\"status\":[", "]}", "")),
        ("XML", b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_vec()),
        ("a form", b"status=success&id=1".to_vec()),
    ]
}

/// What is JSON, but never what a route with a body takes.
fn misfits() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a string", br#""success""#.to_vec()),
        ("a number", b"1".to_vec()),
        ("true", b"true".to_vec()),
        ("an array of numbers", b"[1,2,3]".to_vec()),
        ("an array of arrays", b"[[[]]]".to_vec()),
        ("an array of null", b"[null]".to_vec()),
    ]
}

/// A body that the route would take, where one is known.
fn sample(world: &World, route: &Route) -> Option<Value> {
    let path = route.template.as_str();
    let status = path.ends_with("/status");
    Some(match (route.method.as_str(), path) {
        ("POST", _) if path.ends_with("/auth_requests") => {
            json!({"id_data": "{\"serial\":\"x\"}", "pubkey": world.device.key.public_pem(), "tenant_token": ""})
        }
        ("POST", _) if path.ends_with("/v2/deployments/device/deployments/next") => {
            json!({"device_provides": {"artifact_name": "a", "device_type": "b"}, "update_control_map": true})
        }
        ("POST", _) if path.ends_with("/v1/deployments/device/deployments/next") => {
            json!({"artifact_name": "a", "device_type": "b"})
        }
        ("PUT", _) if route.is_of_devices() && status => {
            json!({"status": "installing", "substate": "s"})
        }
        ("PUT" | "PATCH", _) if path.ends_with("/attributes") => {
            json!([{"name": "a", "value": "b", "description": "c"}])
        }
        ("POST", _) if path.ends_with("/devauth/devices") => {
            json!({"identity_data": {"serial": "y"}, "pubkey": world.device.key.public_pem()})
        }
        ("POST", _) if path.ends_with("/devices/search") => json!({"status": ["accepted"], "id": [NOBODY]}),
        ("PUT", _) if status => json!({"status": "rejected"}),
        ("PUT", _) if path.ends_with("/group") => json!({"group": "tower"}),
        ("PUT", _) if path.ends_with("/artifacts/{id}") => json!({"description": "d"}),
        ("POST", _) if path == DEPLOYMENTS || path.contains("/deployments/group/") => {
            json!({"name": "n", "artifact_name": "no such", "devices": [NOBODY], "all_devices": false, "retries": 1})
        }
        ("POST", _) if path.ends_with("/statistics/list") => json!({"deployment_ids": [NOBODY]}),
        ("POST", _) if path.ends_with("/v1/setup") => {
            json!({"token": "t", "email": "a@example.com", "password": "p"})
        }
        _ => return None,
    })
}

/// An own world for each trial: they compare everything.
fn world() -> World {
    World::build(ServerSetup::default())
}

fn request(route: &Route, path: &str, body: &[u8], chunked: bool) -> Request {
    let request = Request::new(&route.method, path).header("Content-Type", "application/json");
    let body = body.to_vec();
    request.body(if chunked { Body::Chunked(body) } else { Body::Sized(body) })
}

/// The routes that read a JSON body, with a path that leads as far as there. Not the upload and what artifacts are made of,
/// which are forms, and not the log, which is kept as it came.
fn readers(world: &World) -> Vec<(Route, String)> {
    let is_other = |route: &Route| {
        let is_form = ["/artifacts", "/artifacts/generate"].iter().any(|path| route.template.ends_with(path));
        (route.method == "POST" && is_form)
            || route.template.ends_with("/log")
            || route.template.contains("/artifacts/uploads")
    };
    let routes = world.routes().into_iter().filter(|route| route.takes_body && !is_other(route));
    let readers: Vec<(Route, String)> = routes
        .map(|route| {
            let path = world.real_path(&route);
            (route, path)
        })
        .collect();
    assert!(readers.len() > 12, "{} routes take a body", readers.len());
    readers
}

fn bodies_that_are_not_json_are_refused_and_change_nothing() {
    let world = world();
    let before = world.looks();
    let mut line = Line::new(world.server.http());
    let mut sent = 0;
    for (route, path) in readers(&world) {
        let mut bodies = garbage();
        bodies.extend(misfits());
        let sample = sample(&world, &route).map(|value| value.to_string().into_bytes());
        for cut in
            sample.iter().flat_map(|text| (1..text.len()).step_by(1 + text.len() / 16).map(|at| &text[..at]))
        {
            bodies.push(("cut off", cut.to_vec()));
        }
        for (what, body) in &bodies {
            for chunked in [false, true] {
                let request = world.sign(request(&route, &path, body, chunked), route.owner());
                assert_refused(line.send(&request), &route, what);
                sent += 1;
            }
        }
    }
    eprintln!("{sent} requests");
    world.assert_unharmed(&before);
}

/// Who may not send a body is refused for that, whatever the body, on every route.
fn nobody_is_told_more_for_a_bad_body() {
    let world = world();
    let before = world.looks();
    let mut line = Line::new(world.server.http());
    for route in world.routes().iter().filter(|route| !route.is_open()) {
        let path = world.real_path(route);
        for caller in [Caller::Anonymous, Caller::Admin, Caller::Device] {
            if caller == route.owner() {
                continue;
            }
            for (what, body) in garbage().iter().step_by(3) {
                let response = line.send(&world.sign(request(route, &path, body, false), caller));
                assert_eq!(response.status, 401, "{route} as {caller:?}, {what}: {response}");
                assert_form(response, route, what);
            }
        }
    }
    world.assert_unharmed(&before);
}

/// One member after the other gone, twice there, or something else. What is taken then is the route's
/// affair; that nothing breaks is ours.
fn wrong_members_cause_no_fault() {
    let world = world();
    let mut line = Line::new(world.server.http());
    let odd = odd_values();
    for (route, path) in readers(&world) {
        let Some(sample) = sample(&world, &route) else { continue };
        let mut bodies = vec!["{}".to_owned(), "[]".to_owned(), "null".to_owned(), String::new()];
        for members in [sample.as_object(), sample.get(0).and_then(Value::as_object)].into_iter().flatten() {
            let is_list = sample.is_array();
            let wrap = |text: String| if is_list { format!("[{text}]") } else { text };
            for (name, value) in members {
                let others: Map<String, Value> = members
                    .iter()
                    .filter(|(other, _)| *other != name)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                let rest: String = others
                    .iter()
                    .fold(String::new(), |rest, (name, value)| rest + &format!(",{}:{value}", json!(name)));
                bodies.push(wrap(Value::Object(others).to_string()));
                bodies.push(wrap(format!("{{{0}:{value},{0}:{value}{rest}}}", json!(name))));
                bodies.extend(odd.iter().map(|odd| wrap(format!("{{{}:{odd}{rest}}}", json!(name)))));
            }
        }
        if sample.is_array() {
            bodies.push(format!("[{}]", vec![sample[0].to_string(); 5_000].join(",")));
        }
        for body in &bodies {
            let mut request = world.sign(request(&route, &path, body.as_bytes(), false), route.owner());
            if route.template.ends_with("/auth_requests") {
                request = request.header("X-MEN-Signature", world.device.key.sign(body.as_bytes()));
            }
            let response = line.send(&request);
            let what: String = body.chars().take(300).collect();
            assert_form(response, &route, &what);
        }
    }
    world.assert_calm();
}

/// JSON as it stands in a body, each of another kind.
fn odd_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e308",
        "-0.0",
        "18446744073709551616",
        r#""""#,
        r#"" ""#,
        r#""a\u0000b""#,
        r#""\ud83d\ude00""#,
        r#""../../etc""#,
        r#""'; drop table devices; --""#,
        r#""%00%2f""#,
        r#""\u202e\u0007""#,
        "[]",
        "{}",
        "[null]",
        r#"[""]"#,
        r#"{"":""}"#,
        r#"[{"a":[{}]}]"#,
        r#"["\u0000"]"#,
        r#"{"\u0000":"\u0000"}"#,
        r#""-----BEGIN PUBLIC KEY-----""#,
        r#""-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n""#,
        r#""9999-12-31T23:59:60Z""#,
        r#""+262142-12-31T23:59:59Z""#,
        r#""0000-00-00T00:00:00Z""#,
    ]
    .map(str::to_owned)
    .into();
    values.push(format!("\"{}\"", "a".repeat(30_000)));
    values.push(format!("\"{}\"", "\\u00e4".repeat(5_000)));
    values.push(["[".repeat(10_000), "]".repeat(10_000)].concat());
    values.push(["{\"a\":".repeat(10_000), "1".to_owned(), "}".repeat(10_000)].concat());
    values.push(format!("[{}1]", "1,".repeat(10_000)));
    values.push(format!("[{}]", vec![format!("\"{NOBODY}\""); 700].join(",")));
    values.push(format!(
        "{{{}\"z\":\"z\"}}",
        (0..2_000).fold(String::new(), |members, n| members + &format!("\"k{n}\":\"v\","))
    ));
    values
}

fn wrong_types_and_lengths_are_refused() {
    let world = world();
    let before = world.looks();
    let mut line = Line::new(world.server.http());
    for (route, path) in readers(&world) {
        let body =
            sample(&world, &route).map_or_else(|| b"{}".to_vec(), |value| value.to_string().into_bytes());
        // The device protocol names no type that counts; the management API does.
        if !route.is_of_devices() {
            for kind in ["text/plain", "application/xml", "application/jsonx", "x", "multipart/form-data"] {
                let request = Request::new(&route.method, &path).header("Content-Type", kind);
                let request = world.sign(request.body(Body::Sized(body.clone())), route.owner());
                assert_refused(line.send(&request), &route, kind);
            }
        }
        for length in ["99999999999", "18446744073709551615"] {
            // The limit is known from the head, so an answer comes before a body.
            let request = Request::new(&route.method, &path)
                .header("Content-Type", "application/json")
                .header("Content-Length", length);
            let response = world.server.http().send(&world.sign(request, route.owner()));
            assert_eq!(response.status, 413, "{route}, {length}: {response}");
        }
        // Larger than any limit of a small body, and no length to see it from.
        let large = [b"[".to_vec(), vec![b' '; 1_200_000], b"]".to_vec()].concat();
        let mut connection = world.server.http().connect().expect("a connection");
        let sent = connection.send(&world.sign(request(&route, &path, &large, true), route.owner()));
        let response = sent.unwrap_or_else(|e| panic!("{route}: no answer to a large body: {e}"));
        assert_eq!(response.status, 413, "{route}: {response}");
    }
    world.assert_unharmed(&before);
}

/// A body that ends before its time: no answer is owed, no trace may stay.
fn broken_off_bodies_leave_nothing() {
    let world = world();
    let before = world.looks();
    for (route, path) in readers(&world) {
        let Some(sample) = sample(&world, &route) else { continue };
        let body = sample.to_string();
        let (token, host) = (token(&world, &route), "Host: localhost\r\nContent-Type: application/json\r\n");
        let head = format!("{} {path} HTTP/1.1\r\n{host}{token}", route.method);
        let endings = [
            format!("Content-Length: {}\r\n\r\n{body}", body.len() + 1),
            format!("Content-Length: 70000\r\n\r\n{body}"),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}", body.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}", body.len() + 7),
        ];
        for ending in endings {
            let mut connection = world.server.http().connect().expect("a connection");
            connection.send_bytes(format!("{head}{ending}").as_bytes()).expect("it can be sent");
            drop(connection);
        }
        // A length that is too short leaves the rest of the body where the next request is expected.
        let mut connection = world.server.http().connect().expect("a connection");
        let short = format!("{head}Content-Length: {}\r\n\r\n{body}\r\n\r\n", body.len() - 1);
        connection.send_bytes(short.as_bytes()).expect("it can be sent");
        let first = connection.receive(false).expect("an answer");
        assert!((400..500).contains(&first.status), "{route}: {first}");
        if let Ok(second) = connection.receive(false) {
            assert!((400..500).contains(&second.status), "{route}: {second}");
        }
    }
    world.assert_unharmed(&before);
}

fn token(world: &World, route: &Route) -> String {
    let request = world.sign(Request::get("/"), route.owner());
    request
        .headers
        .iter()
        .fold(String::new(), |fields, (name, value)| fields + &format!("{name}: {value}\r\n"))
}
