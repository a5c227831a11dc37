//! TLS that keeps the vitals of its connection.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::Vitals;
use super::vitals::Fault;
use crate::http::error::Code;
use crate::http::request_id::{REQUEST_ID_HEADER, RequestId, RequestIds};

/// What is read and forgotten after a refusal, so that a client which is still sending sees it instead of a reset.
const LINGER_BYTES: usize = 1024 * 1024;

/// A stream whose every byte is noted. When the client has done something wrong, reading comes to an end; closing then
/// begins with an answer, if the fault deserves one.
pub struct GuardedStream {
    tls: TlsStream<TcpStream>,
    vitals: Rc<Vitals>,
    ids: Arc<RequestIds>,
    /// The dispatcher had its chance to find a whole head in what came.
    is_full_noticed: bool,
    farewell: Farewell,
}

/// How far the end of a connection is.
enum Farewell {
    NotYet,
    Answering { answer: Vec<u8>, written: usize },
    Closing { lingers: bool },
    Lingering { left: usize },
}

impl GuardedStream {
    /// Guards a connection that is past its handshake.
    pub(super) fn new(tls: TlsStream<TcpStream>, vitals: Rc<Vitals>, ids: Arc<RequestIds>) -> Self {
        Self { tls, vitals, ids, is_full_noticed: false, farewell: Farewell::NotYet }
    }

    /// What the middleware needs of the connection.
    #[must_use]
    pub fn vitals(&self) -> &Rc<Vitals> {
        &self.vitals
    }

    /// Whether nothing more is read; or `Pending` to let the dispatcher look at what it has.
    fn poll_end(&mut self, cx: &Context<'_>) -> Poll<bool> {
        if self.vitals.fault().is_some() {
            return Poll::Ready(true);
        }
        if self.vitals.has_room_for_head() {
            self.is_full_noticed = false;
            return Poll::Ready(false);
        }
        if self.is_full_noticed {
            self.vitals.overflow();
            return Poll::Ready(true);
        }
        self.is_full_noticed = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.farewell {
                Farewell::NotYet => {
                    self.vitals.end(Instant::now);
                    let answer = self.vitals.fault().and_then(|fault| refusal(fault, &self.ids.issue()));
                    self.farewell = match answer {
                        Some(answer) => Farewell::Answering { answer, written: 0 },
                        None => Farewell::Closing { lingers: false },
                    };
                }
                Farewell::Answering { answer, written } => {
                    let rest = answer.get(*written..).unwrap_or_default();
                    if rest.is_empty() {
                        ready!(Pin::new(&mut self.tls).poll_flush(cx))?;
                        self.farewell = Farewell::Closing { lingers: true };
                    } else {
                        *written += ready!(Pin::new(&mut self.tls).poll_write(cx, rest))?;
                    }
                }
                Farewell::Closing { lingers } => {
                    ready!(Pin::new(&mut self.tls).poll_shutdown(cx))?;
                    if !*lingers {
                        return Poll::Ready(Ok(()));
                    }
                    self.farewell = Farewell::Lingering { left: LINGER_BYTES };
                }
                Farewell::Lingering { left } => {
                    let mut waste = [0; 4096];
                    let mut waste = ReadBuf::new(&mut waste);
                    ready!(Pin::new(&mut self.tls).poll_read(cx, &mut waste))?;
                    let read = waste.filled().len();
                    match left.checked_sub(read) {
                        Some(rest) if read > 0 => *left = rest,
                        Some(_) | None => return Poll::Ready(Ok(())),
                    }
                }
            }
        }
    }
}

/// The answer to a fault, as far as there is one.
fn refusal(fault: Fault, id: &RequestId) -> Option<Vec<u8>> {
    let (code, message) = match fault {
        Fault::SlowHead => (Code::RequestTimeout, "request head did not arrive in time"),
        Fault::LargeHead => (Code::HeaderTooLarge, "request head is too large"),
        Fault::Idle | Fault::SlowReader | Fault::SlowEnd => return None,
    };
    let body = format!(r#"{{"error":"{message}","request_id":"{id}","code":"{}"}}"#, code.as_str());
    let status = code.status();
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n{REQUEST_ID_HEADER}: {id}\r\nconnection: close\r\n\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    Some((head + &body).into_bytes())
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if ready!(self.poll_end(cx)) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tls).poll_read(cx, buf))?;
        self.vitals.read(buf.filled().len() - before, Instant::now);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tls).poll_write(cx, buf);
        match &outcome {
            Poll::Ready(Ok(written)) => self.vitals.wrote(*written),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.vitals.write_waits(Instant::now),
        }
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.tls).poll_flush(cx);
        if outcome.is_pending() {
            self.vitals.write_waits(Instant::now);
        } else {
            self.vitals.write_done(Instant::now);
        }
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_farewell(cx)
    }
}
