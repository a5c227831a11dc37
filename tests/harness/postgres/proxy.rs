//! A way to PostgreSQL that breaks in the middle of a commit.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Cluster;

/// Where a connection breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// The database never hears of the commit.
    BeforeCommit,
    /// The database commits, and its answer is lost.
    AfterCommit,
}

/// A proxy in front of a cluster's socket.
pub struct CommitProxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    next_cut: Mutex<Option<Cut>>,
    stays_closed: AtomicBool,
    is_closed: AtomicBool,
    is_silent: AtomicBool,
}

impl CommitProxy {
    /// Starts a proxy in front of a cluster.
    pub fn before(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::<State>::default();
        let (socket, shared) = (cluster.socket(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !shared.is_closed.load(Ordering::SeqCst) {
                    connect(client, &socket, &shared);
                }
            }
        });
        Self { port, state }
    }

    /// Returns the URL of a database through this proxy.
    pub fn url(&self, url: &str) -> String {
        let (before, _) = url.split_once('?').expect("the socket is in the query");
        before.replacen("@localhost/", &format!("@127.0.0.1:{}/", self.port), 1)
    }

    /// Breaks the connection that is the next to commit.
    pub fn cut_next(&self, cut: Cut) {
        *self.next_cut() = Some(cut);
    }

    /// The same, and lets nobody in until [`open`](Self::open).
    pub fn cut_next_and_close(&self, cut: Cut) {
        self.state.stays_closed.store(true, Ordering::SeqCst);
        self.cut_next(cut);
    }

    /// Returns whether the cut that was asked for has taken place.
    pub fn has_cut(&self) -> bool {
        self.next_cut().is_none()
    }

    /// Lets everybody in again.
    pub fn open(&self) {
        self.state.stays_closed.store(false, Ordering::SeqCst);
        self.state.is_closed.store(false, Ordering::SeqCst);
    }

    /// Passes nothing on any more, in neither direction, as a host that vanished; connections stay.
    pub fn fall_silent(&self) {
        self.state.is_silent.store(true, Ordering::SeqCst);
    }

    /// Passes everything on again, what was held back first.
    pub fn speak(&self) {
        self.state.is_silent.store(false, Ordering::SeqCst);
    }

    fn next_cut(&self) -> std::sync::MutexGuard<'_, Option<Cut>> {
        self.state.next_cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn await_voice(&self) {
        while self.is_silent.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn connect(client: TcpStream, socket: &PathBuf, state: &Arc<State>) {
    let Ok(server) = UnixStream::connect(socket) else { return };
    let is_swallowing = Arc::new(AtomicBool::new(false));
    let (mut from_client, mut to_client) = (client.try_clone().expect("a socket can be shared"), client);
    let (mut from_server, mut to_server) = (server.try_clone().expect("a socket can be shared"), server);
    let voice = Arc::clone(state);
    let (shared, swallowing) = (Arc::clone(state), Arc::clone(&is_swallowing));
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from_client.read(&mut buffer) {
            if contains(&buffer[..length], b"COMMIT") {
                let cut = shared.next_cut.lock().unwrap_or_else(PoisonError::into_inner).take();
                if cut.is_some() && shared.stays_closed.load(Ordering::SeqCst) {
                    shared.is_closed.store(true, Ordering::SeqCst);
                }
                match cut {
                    Some(Cut::BeforeCommit) => break,
                    Some(Cut::AfterCommit) => swallowing.store(true, Ordering::SeqCst),
                    None => {}
                }
            }
            shared.await_voice();
            if to_server.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = from_client.shutdown(Shutdown::Both);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from_server.read(&mut buffer) {
            voice.await_voice();
            // The answer says that it is done; the client does not get it.
            if is_swallowing.load(Ordering::SeqCst) || to_client.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = from_server.shutdown(Shutdown::Both);
        let _ = to_client.shutdown(Shutdown::Both);
    });
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
