//! The socket that devices and users connect to.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_service::{ServiceFactoryExt as _, map_config};
use actix_web::dev::{AppConfig, Server};
use actix_web::web::ServiceConfig;
use actix_web::{App, web};
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::body::{BodyPace, BodyRules};
use super::connection::{FrontFactory, GuardedStream, Patience, QueuePercent};
use super::defaults::not_found;
use super::device::idle_poll::IdlePolls;
use super::json::JsonLimit;
use super::middleware::{AtEdge, Edge};
use super::request_id::RequestIds;
use crate::app::Core;
use crate::throttle::Throttle;

/// What the protocol is called where names of protocols are offered (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// How long the rest of a refused body is read before the connection is closed.
const DISCONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 4_096;

/// What the kernel holds of an answer and has not sent yet, in bytes. Without it megabytes lie there, and a slow
/// reader looks for minutes like one that does not read.
const UNSENT_BYTES: u32 = 128 * 1024;

/// How connections are treated.
#[derive(Clone)]
pub struct Listener {
    /// How TLS is spoken.
    pub tls: ServerConfig,
    /// How long connections may take for what.
    pub patience: Patience,
    /// How slowly bodies may come.
    pub body_pace: BodyPace,
    /// How full the queue of writes is, from 0 to 100: it counts as load.
    pub queue_percent: QueuePercent,
    /// How long requests in flight may take after the signal to stop.
    pub shutdown_timeout: Duration,
    /// The largest JSON body, in bytes.
    pub max_json_bytes: usize,
    /// The longest path with its query, in bytes.
    pub max_target_bytes: usize,
    /// Makes request ids.
    pub request_ids: Arc<RequestIds>,
    /// What is limited for all listeners together.
    pub throttle: Arc<Throttle>,
    /// Counts requests, and answers idle polls; none where handlers are tested alone.
    pub core: Option<Arc<Core>>,
    /// Whether devices ask here for updates.
    pub serves_devices: bool,
}

/// Starts to take requests on a socket that is bound already. The server runs while the returned future
/// is awaited; its handle stops it. Signals are left to the caller.
///
/// HTTP/1.1 only. The framework's own way from a socket to requests has no limits on sources, on what comes slowly
/// and on who does not read; [`FrontFactory`] takes its place, and its timers with it.
pub fn listen<R>(listener: Listener, socket: TcpListener, routes: R) -> io::Result<Server>
where
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let Listener {
        mut tls,
        patience,
        body_pace,
        queue_percent,
        shutdown_timeout,
        max_json_bytes,
        max_target_bytes,
        request_ids,
        throttle,
        core,
        serves_devices,
    } = listener;
    tls.alpn_protocols = vec![HTTP_1_1.to_vec()];
    let tls = TlsAcceptor::from(Arc::new(tls));
    prepare(&socket)?;
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let front = move || {
        let (routes, stopping) = (routes.clone(), stopping.clone());
        let rules = BodyRules { pace: body_pace, throttle: Arc::clone(&throttle) };
        let edge = Edge {
            ids: Arc::clone(&request_ids),
            throttle: Arc::clone(&throttle),
            max_target_bytes,
            core: core.clone(),
            idle_polls: core
                .clone()
                .filter(|_| serves_devices)
                .map(|core| IdlePolls { core, rules: rules.clone() }),
        };
        let application = App::new()
            .app_data(JsonLimit(max_json_bytes))
            .app_data(rules)
            .configure(routes)
            .default_service(web::to(not_found));
        let http = HttpService::build()
            // The vitals of a connection know better how long it may be idle.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_PATIENCE)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(|stream: &GuardedStream, data| {
                data.insert(std::rc::Rc::clone(stream.vitals()));
            })
            .h1(AtEdge::new(edge, map_config(application, |()| AppConfig::default()))
                .map_err(|err| err.error_response()));
        let queue_percent = Arc::clone(&queue_percent);
        let ids = Arc::clone(&request_ids);
        FrontFactory { ids, http, tls: tls.clone(), throttle: Arc::clone(&throttle), patience, queue_percent }
    };
    let server = builder
        // The gate of the throttle counts; a worker that stopped to accept would keep everybody waiting.
        .max_concurrent_connections(usize::MAX - 1)
        .shutdown_timeout(shutdown_timeout.as_secs())
        .disable_signals()
        .listen("sealift", socket, front)?
        .run();
    Ok(server)
}

/// Sets what accepted sockets inherit, and how many may wait to be accepted.
fn prepare(socket: &TcpListener) -> io::Result<()> {
    let socket = socket2::SockRef::from(socket);
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use actix_web::dev::ServerHandle;
    use actix_web::{HttpRequest, HttpResponse, web};
    use chrono::DateTime;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::time_provider::TimeProvider;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
    use rustls_pki_types::pem::PemObject as _;
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

    use super::{BodyPace, Listener, Patience, Throttle, listen};
    use crate::config::{Limits, TlsVersion};
    use crate::crypto::random::SystemRandom;
    use crate::http::{RequestIds, ServedFile, serve_file};
    use crate::tls::{CertificateSlot, LocalCa, PairPaths, ensure_server_pair, server_config, server_names};

    const MADE_AT: i64 = 1_800_000_000;
    const FILE_BYTES: usize = 1_000_000;

    #[derive(Debug)]
    struct ThatDay;

    impl TimeProvider for ThatDay {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(Duration::from_secs(MADE_AT.unsigned_abs())))
        }
    }

    /// A server in a runtime of its own, so that tests talk to it as others do: over a socket.
    struct Running {
        address: SocketAddr,
        client: ClientConfig,
        handle: ServerHandle,
        thread: std::thread::JoinHandle<io::Result<()>>,
        _directory: tempfile::TempDir,
    }

    fn start() -> Running {
        let directory = tempfile::tempdir().unwrap();
        let now = DateTime::from_timestamp(MADE_AT, 0).unwrap();
        let ca = LocalCa::generate(now).unwrap();
        let paths = PairPaths::generated(directory.path());
        ensure_server_pair(&paths, &ca, &server_names(None, None), now).unwrap();
        let listener = Listener {
            tls: server_config(Arc::new(CertificateSlot::load(paths).unwrap()), TlsVersion::V1_2).unwrap(),
            body_pace: BodyPace::default(),
            queue_percent: Arc::new(|| 0),
            patience: Patience {
                head: Duration::from_secs(10),
                idle: Duration::from_secs(15),
                head_bytes: 16 * 1024,
                write_window: Duration::from_mins(1),
                write_bytes: 60_000,
            },
            shutdown_timeout: Duration::from_secs(10),
            max_json_bytes: 1024,
            max_target_bytes: 8192,
            throttle: Arc::new(Throttle::new(&Limits::default())),
            request_ids: Arc::new(RequestIds::new(&SystemRandom::new()).unwrap()),
            core: None,
            serves_devices: false,
        };
        let file = directory.path().join("file");
        std::fs::write(&file, content()).unwrap();
        let routes = move |config: &mut web::ServiceConfig| {
            let file = file.clone();
            let serve = move |request: HttpRequest| {
                let file = std::fs::File::open(&file).unwrap();
                let size_bytes = u64::try_from(FILE_BYTES).unwrap();
                let content_type = "application/octet-stream";
                let served = ServedFile { file, size_bytes, content_id: "abc", content_type, filename: None };
                std::future::ready(serve_file(&request, served))
            };
            config.service(web::resource("/empty").route(web::get().to(HttpResponse::NoContent))).service(
                web::resource("/file").route(web::get().to(serve.clone())).route(web::head().to(serve)),
            );
        };
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let server = listen(listener, socket, routes).unwrap();
                send.send(server.handle()).unwrap();
                server.await
            })
        });
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.certificate_pem().as_bytes()).unwrap()).unwrap();
        let client = ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(ThatDay))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Running { address, client, handle: receive.recv().unwrap(), thread, _directory: directory }
    }

    fn content() -> Vec<u8> {
        (0..=250).cycle().take(FILE_BYTES).collect()
    }

    impl Running {
        fn connect(&self, alpn: &[&str]) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
            let mut client = self.client.clone();
            client.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
            let name = ServerName::try_from("localhost").unwrap();
            let connection = ClientConnection::new(Arc::new(client), name).unwrap();
            let socket = TcpStream::connect(self.address).unwrap();
            socket.set_nodelay(true).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock)?;
            }
            Ok(stream)
        }

        /// Sends one request on a connection of its own; returns head and body.
        fn ask(&self, head: &str) -> (String, Vec<u8>) {
            let mut stream = self.connect(&[]).unwrap();
            write!(stream, "{head}\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let body = answer.split_off(end);
            (String::from_utf8(answer).unwrap().to_lowercase(), body)
        }

        fn stop(self) -> Duration {
            let start = Instant::now();
            tokio::runtime::Runtime::new().unwrap().block_on(self.handle.stop(true));
            self.thread.join().unwrap().unwrap();
            start.elapsed()
        }
    }

    #[test]
    fn http_2_is_never_chosen() {
        let server = start();
        let chosen = |alpn: &[&str]| {
            server.connect(alpn).map(|stream| stream.conn.alpn_protocol().map(<[u8]>::to_vec))
        };
        assert_eq!(chosen(&[]).unwrap(), None);
        assert_eq!(chosen(&["h2", "http/1.1"]).unwrap(), Some(b"http/1.1".to_vec()));
        assert!(chosen(&["h2"]).is_err());
        server.stop();
    }

    #[test]
    fn a_file_arrives_whole_and_in_parts() {
        let server = start();
        let (head, body) = server.ask("GET /file HTTP/1.1\r\naccept-encoding: gzip");
        assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 1000000\r\n"), "{head}");
        assert!(!head.contains("encoding"), "{head}");
        assert_eq!(body, content());
        let (head, body) = server.ask("GET /file HTTP/1.1\r\nrange: bytes=999990-");
        assert!(head.starts_with("http/1.1 206") && head.contains("content-length: 10\r\n"), "{head}");
        assert!(head.contains("content-range: bytes 999990-999999/1000000\r\n"), "{head}");
        assert_eq!(body, content()[999_990..]);
        let (head, body) = server.ask("HEAD /file HTTP/1.1");
        assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 1000000\r\n"), "{head}");
        assert!(body.is_empty());
        server.stop();
    }

    #[test]
    fn refusals_have_our_form_on_the_wire() {
        let server = start();
        let (head, body) = server.ask("POST /file HTTP/1.1\r\nx-men-requestid: mine\r\ncontent-length: 0");
        assert!(head.starts_with("http/1.1 405") && head.contains("x-men-requestid: mine\r\n"), "{head}");
        assert!(String::from_utf8(body).unwrap().contains(r#""request_id":"mine""#));
        let (head, _) = server.ask("GET /nowhere HTTP/1.1");
        assert!(head.starts_with("http/1.1 404"), "{head}");
        assert!(head.contains("content-type: application/json; charset=utf-8\r\n"), "{head}");
        server.stop();
    }

    #[test]
    fn an_idle_connection_does_not_hold_up_the_end() {
        let server = start();
        let mut idle = server.connect(&[]).unwrap();
        write!(idle, "GET /empty HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut start_of_answer = [0; 12];
        idle.read_exact(&mut start_of_answer).unwrap();
        assert_eq!(&start_of_answer, b"HTTP/1.1 204");
        assert!(server.stop() < Duration::from_secs(5));
    }
}
