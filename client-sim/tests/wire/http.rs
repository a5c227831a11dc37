//! The HTTP client against a small server, over real TLS.

use std::time::Duration;

use client_sim::protocol::http::{
    Bytes, Client, ClientOptions, Connections, Dialer, ErrorKind, HttpError, Request,
};
use client_sim::protocol::{Origin, Trust};
use serde_json::{Value, json};

use crate::mock::{Behaviour, MockServer};

fn client(server: &MockServer, ca_pem: &str, options: ClientOptions) -> Client {
    let trust = Trust::from_pem(ca_pem.as_bytes()).unwrap();
    let dialer = Dialer::new(&trust, Duration::from_secs(10), 8);
    Client::new(dialer, Origin::parse(&server.url).unwrap(), options)
}

#[tokio::test]
async fn bodies_are_framed_as_asked_and_headers_are_sent_as_written() {
    let server = MockServer::start(Behaviour::default()).await;
    let client = client(&server, &server.ca_pem, ClientOptions::default());
    let sized = client.send(Request::post("/echo").json(&json!([1])).unwrap()).await.unwrap();
    let sized: Value = sized.json().unwrap();
    assert_eq!(
        (&sized["length"], &sized["encoding"], &sized["body"]),
        (&json!("3"), &Value::Null, &json!("[1]"))
    );
    let pieces = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
    let request =
        Request::post("/echo").header("x-raw", "  kept").header("host", "elsewhere").chunked(pieces);
    let chunked: Value = client.send(request).await.unwrap().json().unwrap();
    assert_eq!((&chunked["encoding"], &chunked["body"]), (&json!("chunked"), &json!("abc")));
    assert_eq!((&chunked["host"], &chunked["length"]), (&json!("elsewhere"), &Value::Null));
    assert_eq!(server.state().connections, 1);
    let invalid = client.send(Request::post("/echo").header("x y", "")).await.unwrap_err();
    assert_eq!(invalid.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let behaviour = Behaviour { close_after_answer: true, ..Behaviour::default() };
    let server = MockServer::start(behaviour).await;
    let client = client(&server, &server.ca_pem, ClientOptions::default());
    for _ in 0..3 {
        assert_eq!(client.send(Request::post("/echo").body("x")).await.unwrap().status, 200);
    }
    assert_eq!(server.state().connections, 3);
}

#[tokio::test]
async fn fresh_means_a_handshake_for_each_request() {
    let server = MockServer::start(Behaviour::default()).await;
    let options = ClientOptions { connections: Connections::Fresh, ..ClientOptions::default() };
    let client = client(&server, &server.ca_pem, options);
    for _ in 0..3 {
        let response = client.send(Request::post("/echo").body("x")).await.unwrap();
        assert!(response.timing.connect.is_some());
    }
    assert_eq!(server.state().connections, 3);
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused() {
    let server = MockServer::start(Behaviour::default()).await;
    let options = ClientOptions { max_body_bytes: 10, ..ClientOptions::default() };
    let client = client(&server, &server.ca_pem, options);
    let err = client.send(Request::post("/echo").body("x")).await.unwrap_err();
    assert!(matches!(err, HttpError::TooLarge { limit: 10 }));
}

#[tokio::test]
async fn only_the_given_certificates_are_trusted() {
    let server = MockServer::start(Behaviour::default()).await;
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let stranger_only = client(&server, &stranger, ClientOptions::default());
    let err = stranger_only.send(Request::get("/")).await.unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Tls);
    let both = format!("{stranger}{}", server.ca_pem);
    assert!(client(&server, &both, ClientOptions::default()).send(Request::post("/echo")).await.is_ok());
}
