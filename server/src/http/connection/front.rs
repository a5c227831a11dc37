//! From a socket to requests.

use std::future::{Future, poll_fn, ready};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_service::{Service, ServiceFactory};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::vitals::Fault;
use super::{GuardedStream, Patience, Vitals};
use crate::http::request_id::RequestIds;
use crate::throttle::{Cause, Source, Throttle};

type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// So long an alarm lies ahead while there is nothing to watch.
const FAR: Duration = Duration::from_hours(1);

/// Tells how full a queue is, from 0 to 100.
pub type QueuePercent = Arc<dyn Fn() -> u8 + Send + Sync>;

/// Makes a [`Front`] for each worker.
pub struct FrontFactory<F> {
    /// Makes what serves the requests of a connection.
    pub http: F,
    /// Speaks TLS.
    pub tls: TlsAcceptor,
    /// What is limited.
    pub throttle: Arc<Throttle>,
    /// How long connections may take for what.
    pub patience: Patience,
    /// Makes the ids of requests that are refused before they are complete.
    pub ids: Arc<RequestIds>,
    /// How full the queue of writes is.
    pub queue_percent: QueuePercent,
}

/// Takes sockets: counts them, completes the handshake, and serves requests while the vitals are well.
pub struct Front<H> {
    http: Rc<H>,
    tls: TlsAcceptor,
    throttle: Arc<Throttle>,
    patience: Patience,
    ids: Arc<RequestIds>,
}

impl<F> ServiceFactory<TcpStream> for FrontFactory<F>
where
    F: ServiceFactory<
            (GuardedStream, Option<SocketAddr>),
            Config = (),
            Response = (),
            Error = DispatchError,
            InitError = (),
        >,
    F::Service: 'static,
    F::Future: 'static,
{
    type Response = ();
    type Error = DispatchError;
    type Config = ();
    type Service = Front<F::Service>;
    type InitError = ();
    type Future = LocalFuture<Result<Self::Service, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let http = self.http.new_service(());
        let (tls, throttle, patience) = (self.tls.clone(), Arc::clone(&self.throttle), self.patience);
        let (queue_percent, ids) = (Arc::clone(&self.queue_percent), Arc::clone(&self.ids));
        Box::pin(async move {
            let load = Arc::clone(&throttle.load);
            // Ends with the worker.
            drop(actix_web::rt::spawn(async move { load.watch(|| queue_percent()).await }));
            Ok(Front { http: Rc::new(http.await?), tls, throttle, patience, ids })
        })
    }
}

impl<H> Service<TcpStream> for Front<H>
where
    H: Service<(GuardedStream, Option<SocketAddr>), Response = (), Error = DispatchError> + 'static,
{
    type Response = ();
    type Error = DispatchError;
    type Future = LocalFuture<Result<(), DispatchError>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), DispatchError>> {
        self.http.poll_ready(cx)
    }

    fn call(&self, socket: TcpStream) -> Self::Future {
        let accepted_at = Instant::now();
        // A socket whose peer is gone already, or one too many, is closed before any work is done for it.
        let Ok(peer) = socket.peer_addr() else { return Box::pin(ready(Ok(()))) };
        let Some(mut ticket) = self.throttle.gate.enter(peer.ip()) else { return Box::pin(ready(Ok(()))) };
        let (http, tls, patience) = (Rc::clone(&self.http), self.tls.clone(), self.patience);
        let (throttle, ids) = (Arc::clone(&self.throttle), Arc::clone(&self.ids));
        Box::pin(async move {
            // Without it each fresh connection waits for a delayed acknowledgement.
            let _ = socket.set_nodelay(true);
            let Ok(Ok(tls)) = timeout_at(accepted_at + patience.head, tls.accept(socket)).await else {
                throttle.counts.refused(Cause::Handshake, Some(Source::from(peer.ip())));
                return Ok(());
            };
            ticket.established();
            let vitals = Rc::new(Vitals::new(patience, accepted_at));
            let stream = GuardedStream::new(tls, Rc::clone(&vitals), ids);
            let outcome = watch(http.call((stream, Some(peer))), &vitals).await;
            let cause = vitals.fault().and_then(|fault| match fault {
                Fault::SlowHead => Some(Cause::SlowHead),
                Fault::LargeHead => Some(Cause::LargeHead),
                Fault::SlowReader => Some(Cause::SlowReader),
                Fault::Idle | Fault::SlowEnd => None,
            });
            if let Some(cause) = cause {
                throttle.counts.refused(cause, Some(Source::from(peer.ip())));
            }
            drop(ticket);
            outcome
        })
    }
}

/// Drives a connection until its end, or until its vitals fail.
async fn watch(
    connection: impl Future<Output = Result<(), DispatchError>>,
    vitals: &Vitals,
) -> Result<(), DispatchError> {
    let mut connection = pin!(connection);
    let mut alarm = pin!(sleep_until(vitals.alarm().unwrap_or_else(|| Instant::now() + FAR)));
    poll_fn(|cx| {
        while alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            match vitals.check(now) {
                // The stream tells the dispatcher, so that there is an answer and a farewell.
                Some(Fault::Idle | Fault::SlowHead | Fault::LargeHead) => vitals.end(|| now),
                Some(Fault::SlowReader | Fault::SlowEnd) => return Poll::Ready(Ok(())),
                None => {}
            }
            alarm.as_mut().reset(vitals.alarm().unwrap_or(now + FAR));
        }
        let outcome = connection.as_mut().poll(cx);
        // An alarm that lies before its time is cheap: it is looked at then. One behind it is not.
        if let Some(due) = vitals.alarm()
            && due < alarm.deadline()
        {
            alarm.as_mut().reset(due);
            cx.waker().wake_by_ref();
        }
        outcome
    })
    .await
}
