//! A small server that speaks just enough of the protocol to be a peer for a fleet.

mod api;
mod state;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) use self::state::{Behaviour, State, TOKEN};

/// A running mock; ends with the test's runtime.
pub(crate) struct MockServer {
    pub(crate) url: String,
    pub(crate) ca_pem: String,
    state: Arc<Mutex<State>>,
}

impl MockServer {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State::new(behaviour, url.clone())));
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&state)));
        Self { url, ca_pem: certified.cert.pem(), state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, state: Arc<Mutex<State>>) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        tokio::spawn(connection(tcp, tls.clone(), Arc::clone(&state)));
    }
}

async fn connection(tcp: TcpStream, tls: TlsAcceptor, state: Arc<Mutex<State>>) {
    tcp.set_nodelay(true).unwrap();
    let Ok(stream) = tls.accept(tcp).await else { return };
    let is_closing = {
        let mut state = state.lock().unwrap();
        state.connections += 1;
        state.behaviour.close_after_answer
    };
    let service = service_fn(|request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Ok::<_, Infallible>(api::answer(&head, &body, &mut state.lock().unwrap()))
        }
    });
    // A peer that hangs up is no concern of the mock.
    let _ = hyper::server::conn::http1::Builder::new()
        .keep_alive(!is_closing)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A body that may promise more than it has: hyper then breaks the connection off.
pub(crate) struct Reply {
    bytes: Option<Bytes>,
    promised: u64,
    was_flushed: bool,
}

impl Reply {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        let promised = u64::try_from(bytes.len()).unwrap();
        Self::broken(bytes, promised)
    }

    pub(crate) fn broken(bytes: Bytes, promised: u64) -> Self {
        Self { bytes: Some(bytes), promised, was_flushed: false }
    }
}

impl hyper::body::Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.bytes.take() {
            Some(bytes) => {
                self.promised -= u64::try_from(bytes.len()).unwrap();
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            // What was sent must get out before the end.
            None if self.promised > 0 && !self.was_flushed => {
                self.was_flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None if self.promised > 0 => Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into()))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.promised == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
