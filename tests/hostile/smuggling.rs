//! Requests whose end two readers could see in different places (RFC 9112 §11.2), and heads that are none.
//!
//! Each attack hides a request of its own. Straight at the server it is refused, the connection is closed, and
//! what was hidden is never answered. Behind a proxy that keeps its connections, whoever comes next gets the
//! answer to his own request.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use harness::process::Process;
use harness::{Peer, Request, ServerSetup, TestServer, until};
use libtest_mimic::Trial;

use crate::world::assert_no_faults;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::trials![
        ambiguous_requests_are_refused_and_the_connection_closed,
        lawful_oddities_are_answered_once,
    ];
    trials.extend(harness::peer_trials![&[Peer::Nginx]; a_proxy_never_mixes_up_its_clients]);
    trials
}

/// The request inside the request. Its answer would be a 204.
const HIDDEN: &str = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-MEN-RequestID: hidden\r\n\r\n";
/// Something that takes a body and needs no session.
const TARGET: &str = "/api/devices/v1/authentication/auth_requests";

/// Requests with these fields, and a body that one reader ends before the hidden request.
fn framings() -> Vec<(&'static str, String)> {
    let hidden = HIDDEN.len();
    let chunked_then_hidden = format!("0\r\n\r\n{HIDDEN}");
    let all = chunked_then_hidden.len();
    let te =
        |name, field: &str| (name, format!("{field}\r\nContent-Length: {all}\r\n\r\n{chunked_then_hidden}"));
    let cl = |name, field: &str| (name, format!("{field}\r\n\r\n{HIDDEN}"));
    let alone = |name, field: &str| (name, format!("{field}\r\n\r\n{chunked_then_hidden}"));
    vec![
        te("TE and CL", "Transfer-Encoding: chunked"),
        (
            "CL and TE",
            format!("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{chunked_then_hidden}"),
        ),
        te("TE in capitals and CL", "TRANSFER-ENCODING: CHUNKED"),
        cl("two different lengths", &format!("Content-Length: 0\r\nContent-Length: {hidden}")),
        cl("the same length twice", "Content-Length: 0\r\nContent-Length: 0"),
        cl("a list of lengths", &format!("Content-Length: 0, {hidden}")),
        cl("a length with a plus", "Content-Length: +0"),
        cl("a length with a minus", "Content-Length: -0"),
        cl("a length in hexadecimal", "Content-Length: 0x0"),
        cl("a length with a space inside", "Content-Length: 0 0"),
        cl("an empty length", "Content-Length:"),
        cl("a length beyond 64 bits", "Content-Length: 18446744073709551616"),
        cl("a length with a fraction", "Content-Length: 0.0"),
        cl("a length in other digits", "Content-Length: \u{660}"),
        cl("a space before the colon", "Content-Length : 0"),
        cl("a tab before the colon", "Content-Length\t: 0"),
        alone("chunked, identity", "Transfer-Encoding: chunked, identity"),
        alone("identity, chunked", "Transfer-Encoding: identity, chunked"),
        alone("gzip, chunked", "Transfer-Encoding: gzip, chunked"),
        alone("identity", "Transfer-Encoding: identity"),
        alone("xchunked", "Transfer-Encoding: xchunked"),
        alone("chunkedx", "Transfer-Encoding: chunkedx"),
        alone("chunked in quotes", "Transfer-Encoding: \"chunked\""),
        alone("chunked after a vertical tab", "Transfer-Encoding: \x0bchunked"),
        alone("TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        alone("TE twice, different", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        alone("a space before the colon of TE", "Transfer-Encoding : chunked"),
        alone("a folded TE", "Transfer-Encoding:\r\n chunked"),
        alone("a folded field", "X-Odd: a\r\n b\r\nTransfer-Encoding: chunked"),
        alone("a field without a name", ": chunked\r\nTransfer-Encoding: chunked"),
        alone("a field without a colon", "Odd\r\nTransfer-Encoding: chunked"),
        alone("a NUL in a field", "X-Odd: a\0b\r\nTransfer-Encoding: chunked"),
        alone("a CR in a field", "X-Odd: a\rb\r\nTransfer-Encoding: chunked"),
        alone("a NUL in a name", "X-O\0dd: a\r\nTransfer-Encoding: chunked"),
        alone("a space in a name", "X Odd: a\r\nTransfer-Encoding: chunked"),
        alone("two hosts", "Host: other\r\nTransfer-Encoding: chunked"),
    ]
}

/// Bodies in chunks that are none.
fn chunks() -> Vec<(&'static str, String)> {
    let with = |name, body: String| (name, format!("Transfer-Encoding: chunked\r\n\r\n{body}"));
    vec![
        with("a chunk size of no digits", format!("\r\n\r\n{HIDDEN}")),
        with("a chunk size in other letters", format!("g\r\n\r\n{HIDDEN}")),
        with("a chunk size with 0x", format!("0x0\r\n\r\n{HIDDEN}")),
        with("a chunk size with a plus", format!("+0\r\n\r\n{HIDDEN}")),
        with("a negative chunk size", format!("-1\r\n\r\n{HIDDEN}")),
        with("a chunk size beyond 64 bits", format!("10000000000000000\r\n\r\n{HIDDEN}")),
        with("a chunk size with a space before", format!(" 0\r\n\r\n{HIDDEN}")),
        with("a chunk size ended by LF", format!("0\n\r\n{HIDDEN}")),
        with("a chunk size ended by CR", format!("0\r\r\n{HIDDEN}")),
        with("a chunk that is longer than it says", format!("1\r\nab\r\n0\r\n\r\n{HIDDEN}")),
        with("a chunk ended by LF", format!("1\r\na\n0\r\n\r\n{HIDDEN}")),
        with("an LF in an extension", format!("0;a=\n\r\n\r\n{HIDDEN}")),
        with("a NUL in an extension", format!("0;a=\0\r\n\r\n{HIDDEN}")),
    ]
}

/// Heads that are no heads of HTTP/1.1.
fn heads() -> Vec<(&'static str, Vec<u8>)> {
    let head = |text: String| format!("{text}{HIDDEN}").into_bytes();
    let many = |count: usize| "a: b\r\n".repeat(count);
    vec![
        ("HTTP/0.9", head("GET /\r\n\r\n".to_owned())),
        ("HTTP/2.0", head("GET / HTTP/2.0\r\nHost: x\r\n\r\n".to_owned())),
        ("HTTP/1.2", head("GET / HTTP/1.2\r\nHost: x\r\n\r\n".to_owned())),
        ("HTTP/11", head("GET / HTTP/11\r\nHost: x\r\n\r\n".to_owned())),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("no host", head("GET / HTTP/1.1\r\n\r\n".to_owned())),
        ("a space before a field", head("GET / HTTP/1.1\r\n Host: x\r\n\r\n".to_owned())),
        ("a NUL in the method", head("GE\0T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned())),
        ("a NUL in the target", head("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned())),
        ("a space in the target", head("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".to_owned())),
        ("two spaces", head("GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned())),
        ("TE in HTTP/1.0", head("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned())),
        ("a POST of HTTP/1.0 without a length", head("POST / HTTP/1.0\r\n\r\n".to_owned())),
        ("no UTF-8", [b"GET /\xff\xfe HTTP/1.1\r\nHo\xffst: x\r\n\r\n", HIDDEN.as_bytes()].concat()),
        ("a TLS record", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("10,000 fields", head(format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", many(10_000)))),
        ("200 fields", head(format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", many(200)))),
        (
            "a field of 20 KiB",
            head(format!("GET / HTTP/1.1\r\nHost: x\r\na: {}\r\n\r\n", "b".repeat(20 << 10))),
        ),
        (
            "a name of 70 KiB",
            head(format!("GET / HTTP/1.1\r\nHost: x\r\n{}: b\r\n\r\n", "a".repeat(70 << 10))),
        ),
        ("a target of 70 KiB", head(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70 << 10)))),
        ("a method of 20 KiB", head(format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "A".repeat(20 << 10)))),
    ]
}

fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let mut attacks = heads();
    for (name, rest) in framings().into_iter().chain(chunks()) {
        let head = format!("POST {TARGET} HTTP/1.1\r\nHost: localhost\r\nX-MEN-Signature: AAAA\r\n");
        attacks.push((name, format!("{head}{rest}").into_bytes()));
    }
    attacks
}

/// Connections stay open so long that only the server's will closes them.
fn server() -> TestServer {
    ServerSetup::default().env("SEALIFT_KEEP_ALIVE_SECS", "300").start()
}

/// Sends bytes on a connection and returns all that comes until it is closed.
fn exchange(server: &TestServer, bytes: &[u8]) -> Result<String, String> {
    let mut connection = server.http().connect().expect("a connection");
    // The server may close before it has read all.
    let _ = connection.send_bytes(bytes);
    match connection.read_to_close() {
        Ok(answer) => Ok(String::from_utf8_lossy(&answer).into_owned()),
        Err(e) => Err(e.to_string()),
    }
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.").skip(1).filter_map(|rest| rest.get(2..5)).collect()
}

fn ambiguous_requests_are_refused_and_the_connection_closed() {
    let server = server();
    let mut complaints = Vec::new();
    for (name, bytes) in attacks() {
        match exchange(&server, &bytes) {
            Ok(answer) => {
                let statuses = statuses(&answer);
                // A flood may be cut off before its refusal can be read.
                let is_refused = matches!(statuses[..], ["400" | "413" | "414" | "431" | "505"])
                    || (statuses.is_empty() && bytes.len() > 16 << 10);
                if !is_refused || answer.contains("hidden") {
                    complaints.push(format!("{name}: {statuses:?}"));
                }
            }
            Err(cause) => complaints.push(format!("{name}: not closed: {cause}")),
        }
    }
    assert!(complaints.is_empty(), "taken:\n{}", complaints.join("\n"));
    assert_no_faults(&server);
    server.http().get("/health/ready").expect_success();
}

/// What is odd and allowed has one meaning: each request gets one answer, in order.
fn lawful_oddities_are_answered_once() {
    let server = server();
    let close = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let post = format!("POST {TARGET} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, request, expected) in [
        (
            "an absolute target",
            "GET https://elsewhere/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "204",
        ),
        (
            "lines before the request",
            "\r\n\r\nGET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "204",
        ),
        // A line may end with LF alone (RFC 9112 §2.2); a chunk's may not.
        ("lines ended by LF", "GET /health/live HTTP/1.1\nHost: localhost\n\n".to_owned(), "204"),
        (
            "kept alive in HTTP/1.0",
            "GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_owned(),
            "204",
        ),
        ("a length with spaces around", format!("{post}Content-Length:  2 \r\n\r\n{{}}"), "400"),
        (
            "chunked in capitals",
            format!("{post}Transfer-Encoding: CHUNKED\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
            "400",
        ),
        (
            "chunked after a tab",
            format!("{post}Transfer-Encoding:\tchunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
            "400",
        ),
        (
            "an extension",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\n{{}}\r\n0\r\n\r\n"),
            "400",
        ),
        (
            "a trailer",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nContent-Length: 9\r\n\r\n"),
            "400",
        ),
        (
            "zeros before a size",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n00000002\r\n{{}}\r\n000\r\n\r\n"),
            "400",
        ),
        (
            "a body that nobody asked for",
            "GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nGET ".to_owned(),
            "204",
        ),
    ] {
        let answer = exchange(&server, format!("{request}{close}").as_bytes())
            .unwrap_or_else(|cause| panic!("{name}: {cause}"));
        let statuses = statuses(&answer);
        // A connection may be closed after the first answer; a wrong second one may not come.
        assert!(statuses == [expected, "204"] || statuses == [expected], "{name}: {answer}");
    }
    // Upgrades and tunnels would hand the rest of the connection to another reader.
    for request in [
        format!(
            "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{HIDDEN}"
        ),
        format!(
            "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n{close}"
        ),
        format!("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n{HIDDEN}"),
    ] {
        let mut connection = server.http().connect().expect("a connection");
        connection.send_bytes(request.as_bytes()).expect("it can be sent");
        let first = connection.receive(false).expect("an answer");
        assert!(first.status != 101 && first.status < 500, "{request}: {first}");
    }
    assert_no_faults(&server);
}

struct Proxy {
    port: u16,
    _process: Process,
}

/// Starts nginx before the server, over TLS, with connections that are kept and requests that are not buffered.
fn proxy(server: &TestServer) -> Proxy {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = socket.local_addr().expect("an address").port();
    drop(socket);
    let dir = server.scratch().join("nginx");
    fs::create_dir_all(&dir).expect("a folder");
    let config = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            upstream sealift {{ server 127.0.0.1:{}; keepalive 1; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass https://sealift; proxy_http_version 1.1; proxy_set_header Connection \"\";
                    proxy_set_header Host $host; proxy_request_buffering off; proxy_buffering off;
                    proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_trusted_certificate {};
                }}
            }}
        }}\n",
        server.port(),
        server.ca().display()
    );
    fs::write(dir.join("nginx.conf"), config).expect("the folder is writable");
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&dir).args(["-e", "error.log", "-c", "nginx.conf"]);
    let process = Process::start(&mut command, &dir.join("output.log"));
    until("nginx to listen", Duration::from_secs(30), || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
    Proxy { port, _process: process }
}

impl Proxy {
    /// Sends bytes and returns what comes in a short while or until the end.
    fn exchange(&self, bytes: &[u8], wait: Duration) -> String {
        let mut socket =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("nginx takes connections");
        socket.set_read_timeout(Some(wait)).expect("a timeout");
        let _ = socket.write_all(bytes);
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = socket.read(&mut piece) {
            answer.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn a_proxy_never_mixes_up_its_clients() {
    let server = server();
    let proxy = proxy(&server);
    for (number, (name, bytes)) in attacks().into_iter().enumerate() {
        proxy.exchange(&bytes, Duration::from_millis(100));
        for turn in ["a", "b"] {
            let marker = format!("marker-{number}-{turn}");
            let request = format!(
                "GET /{marker} HTTP/1.1\r\nHost: localhost\r\nX-MEN-RequestID: {marker}\r\nConnection: close\r\n\r\n"
            );
            let answer = proxy.exchange(request.as_bytes(), Duration::from_secs(30));
            assert_eq!(statuses(&answer), ["404"], "after {name}: {answer}");
            assert!(answer.contains(&format!("x-men-requestid: {marker}\r\n")), "after {name}: {answer}");
            assert!(!answer.contains("hidden"), "after {name}: {answer}");
        }
    }
    assert_no_faults(&server);
    // The server is reached through the proxy only if the markers came from there.
    server.http().send(&Request::get("/health/ready")).expect_success();
}
