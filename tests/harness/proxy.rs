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

struct State {
    target: SocketAddr,
    /// A connection is cut once this many bytes came from the server.
    after: usize,
    /// How many connections are still to be cut.
    left: AtomicUsize,
    /// How many connections have been cut.
    cuts: AtomicUsize,
}

impl CuttingProxy {
    /// Starts a forwarder to `127.0.0.1:port` that cuts the first `times` connections on which more than
    /// `after` bytes come from the server.
    pub fn start(port: u16, after: usize, times: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let own_port = listener.local_addr().expect("the listener has an address").port();
        let state = Arc::new(State {
            target: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            after,
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

fn forward(client: &TcpStream, state: &State) {
    let Ok(server) = TcpStream::connect(state.target) else { return };
    let (Ok(mut up_from), Ok(mut up_to)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || {
        // Either end may go at any time: that ends the copy.
        let _ = std::io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (&server, client);
    let mut piece = [0; 8 * 1024];
    let mut passed = 0;
    while let Ok(read) = from.read(&mut piece) {
        if read == 0 || to.write_all(&piece[..read]).is_err() {
            break;
        }
        passed += read;
        if passed > state.after && state.take_cut() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
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
