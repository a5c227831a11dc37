//! A bad line: a TCP forwarder that cuts a connection in the middle.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Forwards connections to a local port and cuts those that carry too much. It knows nothing of TLS.
///
/// It ends with the process.
pub struct CuttingProxy {
    port: u16,
    state: Arc<State>,
}

/// Whose bytes count.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Side {
    Server,
    Client,
}

struct State {
    target: SocketAddr,
    /// A connection is cut once this many bytes came from the server, or from the client.
    after: usize,
    side: Side,
    /// How many connections are still to be cut.
    left: AtomicUsize,
    /// How many connections have been cut.
    cuts: AtomicUsize,
}

impl CuttingProxy {
    /// Starts a forwarder to `127.0.0.1:port` that cuts the first `times` connections on which more than
    /// `after` bytes come from the server.
    pub fn start(port: u16, after: usize, times: usize) -> Self {
        Self::start_at(port, after, times, Side::Server)
    }

    /// The same, but what counts are the bytes from the client.
    pub fn start_for_uploads(port: u16, after: usize, times: usize) -> Self {
        Self::start_at(port, after, times, Side::Client)
    }

    fn start_at(port: u16, after: usize, times: usize, side: Side) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let own_port = listener.local_addr().expect("the listener has an address").port();
        let state = Arc::new(State {
            target: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            after,
            side,
            left: AtomicUsize::new(times),
            cuts: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || forward(&client, &state));
            }
        });
        Self { port: own_port, state }
    }

    /// Returns the port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns how many connections have been cut.
    pub fn cuts(&self) -> usize {
        self.state.cuts.load(Ordering::SeqCst)
    }
}

fn forward(client: &TcpStream, state: &Arc<State>) {
    let Ok(server) = TcpStream::connect(state.target) else { return };
    let (Ok(up_from), Ok(up_to)) = (client.try_clone(), server.try_clone()) else { return };
    let shared = Arc::clone(state);
    thread::spawn(move || {
        if pump(&up_from, &up_to, &shared, Side::Client) {
            let _ = up_from.shutdown(Shutdown::Both);
            let _ = up_to.shutdown(Shutdown::Both);
        } else {
            let _ = up_to.shutdown(Shutdown::Write);
        }
    });
    pump(&server, client, state, Side::Server);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Copies until either end goes, which may be at any time; true if the connection is to be cut.
fn pump(mut from: &TcpStream, mut to: &TcpStream, state: &State, side: Side) -> bool {
    let mut piece = [0; 8 * 1024];
    let mut passed = 0;
    while let Ok(read) = from.read(&mut piece) {
        if read == 0 || to.write_all(&piece[..read]).is_err() {
            break;
        }
        passed += read;
        if side == state.side && passed > state.after && state.take_cut() {
            return true;
        }
    }
    false
}

impl State {
    fn take_cut(&self) -> bool {
        let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if taken.is_ok() {
            self.cuts.fetch_add(1, Ordering::SeqCst);
        }
        taken.is_ok()
    }
}
