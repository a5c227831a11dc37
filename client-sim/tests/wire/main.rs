//! The simulator on the wire: real TLS, real HTTP, a small server as the peer.

#[cfg(test)]
mod command_line;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod http;
#[cfg(test)]
mod mock;
