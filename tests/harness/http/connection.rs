//! One TLS connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use socket2::{Domain, Socket, Type};

use super::{Request, Response};

/// No answer takes longer than this in a trial.
const PATIENCE: Duration = Duration::from_mins(1);
/// A head of this size is a fault.
const MAX_HEAD: usize = 64 * 1024;

/// How a connection reaches the server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// The address that it comes from.
    pub(super) source: Option<Ipv4Addr>,
    /// The receive buffer of the kernel, in bytes.
    pub(super) receive_buffer: Option<usize>,
}

impl Way {
    fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(source) = self.source {
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.connect(&addr.into())?;
        Ok(socket.into())
    }
}

/// A connection, usable for several requests one after another.
pub struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    host: String,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects and completes the handshake.
    pub(super) fn open(addr: SocketAddr, way: Way, host: &str, tls: Arc<ClientConfig>) -> io::Result<Self> {
        let socket = way.connect(addr)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let session = ClientConnection::new(tls, name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { stream, host: host.to_owned(), unread: Vec::new() })
    }

    /// Returns what TLS agreed on.
    pub fn tls(&self) -> &ClientConnection {
        &self.stream.conn
    }

    /// Sends a request and reads the answer.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        // A server may answer and close before it has read a body that it refuses: that answer counts.
        let sent = self.send_bytes(&request.encode(&self.host));
        match self.receive(request.method == "HEAD") {
            Ok(response) => Ok(response),
            Err(e) => Err(sent.err().unwrap_or(e)),
        }
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Answers whether the server has ended the connection; what it says before is kept for [`receive`](Self::receive).
    pub fn has_ended(&mut self) -> bool {
        let socket = &self.stream.sock;
        if socket.set_read_timeout(Some(Duration::from_millis(1))).is_err() {
            return true;
        }
        let outcome = self.fill();
        let _ = self.stream.sock.set_read_timeout(Some(PATIENCE));
        match outcome {
            Ok(more) => !more,
            Err(e) => !matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }

    /// Reads one response; the answer to `HEAD` has no body whatever its fields say.
    pub fn receive(&mut self, to_head: bool) -> io::Result<Response> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            if self.unread.len() > MAX_HEAD || !self.fill()? {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no complete response head"));
            }
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        let mut response = Response::parse_head(&String::from_utf8_lossy(&head))
            .ok_or_else(|| io::Error::other(format!("no HTTP: {}", String::from_utf8_lossy(&head))))?;
        response.body = if to_head || response.status == 204 || response.status == 304 {
            Vec::new()
        } else if response.header("Transfer-Encoding").is_some_and(|coding| coding.contains("chunked")) {
            self.receive_chunks()?
        } else if let Some(length) = response.header("Content-Length") {
            let length = length.parse().map_err(io::Error::other)?;
            self.take(length)?
        } else {
            while self.fill()? {}
            std::mem::take(&mut self.unread)
        };
        Ok(response)
    }

    /// Returns all bytes until the server closes, in whatever way.
    pub fn read_to_close(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => break,
                Err(e)
                    if matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
                {
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(std::mem::take(&mut self.unread))
    }

    fn receive_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.take_line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            body.extend(self.take(size)?);
            self.take_line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn take_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.unread.windows(2).position(|w| w == b"\r\n") {
                let line = self.unread.drain(..at + 2).collect::<Vec<u8>>();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            if !self.fill()? {
                let text = format!("{} of {length} bytes of a body", self.unread.len());
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
        }
        Ok(self.unread.drain(..length).collect())
    }

    /// Reads some more; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        let read = self.stream.read(&mut piece)?;
        self.unread.extend_from_slice(&piece[..read]);
        Ok(read > 0)
    }
}
