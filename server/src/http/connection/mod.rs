//! One connection: from a socket to requests, with a limit on everything that a client can make the server wait for.
//!
//! - *vitals*: what a connection is doing and until when it may ([`Vitals`]). Stream, watch and middleware share them.
//! - *guarded stream*: TLS that tells the vitals what comes and goes, and that ends a connection with an answer where
//!   one is due ([`GuardedStream`]).
//! - *front*: the service that the framework's workers hand sockets to ([`Front`]).
//! - *watched body*: a body of an answer; with its last byte the request has ended ([`Watched`]).

mod front;
mod stream;
mod vitals;
mod watched;

pub use front::{Front, FrontFactory, QueuePercent};
pub use stream::GuardedStream;
pub use vitals::{Patience, Vitals};
pub use watched::{InService, Watched};
