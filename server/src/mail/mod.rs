//! Mail to users.
//!
//! A *letter* says one thing to one user. The *outbox* takes letters without waiting, and sends them behind the
//! requests: it is bounded, tries again for a while, and forgets what is not sent when the server stops. Nothing that
//! must happen depends on a letter.

mod letter;
mod outbox;
mod transport;

pub use letter::{Letter, Matter};
pub use outbox::Outbox;
pub use transport::{MailError, Transport};
