//! Who acts, and from where.

use std::net::IpAddr;

use uuid::Uuid;

use crate::ids::{DeviceId, UserId};
use crate::users::Principal;

/// Who acts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Who {
    /// A user.
    User {
        /// The user.
        id: UserId,
        /// The address that it logs in with.
        email: String,
        /// The session or the token that it came with.
        credential: Uuid,
    },
    /// A device.
    Device(DeviceId),
    /// A person at the command line of the server's machine, by the name that the machine knows.
    Console(String),
    /// Who holds something that the server issued and that stands for no user: the setup token, a link in a mail.
    Holder(&'static str),
    /// The server itself.
    Server,
}

/// What kind of actor, as clients filter by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ActorKind {
    /// A user.
    User,
    /// A device.
    Device,
    /// The server, or who has its machine.
    System,
}

/// Where a request comes from. Nothing is known of what happens without one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    /// The address of the peer.
    pub address: Option<IpAddr>,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// Who acts, and from where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// From where.
    pub origin: Origin,
}

impl Actor {
    /// The server itself.
    pub const SERVER: Self = Self { who: Who::Server, origin: Origin { address: None, request_id: None } };

    /// Who was proven to be calling.
    #[must_use]
    pub fn caller(principal: &Principal, origin: Origin) -> Self {
        let who = Who::User {
            id: principal.user,
            email: principal.email.to_string(),
            credential: principal.session.as_uuid(),
        };
        Self { who, origin }
    }

    /// The person at the command line.
    #[must_use]
    pub fn console(name: impl Into<String>) -> Self {
        Self { who: Who::Console(name.into()), origin: Origin::default() }
    }

    /// What kind of actor this is.
    #[must_use]
    pub const fn kind(&self) -> ActorKind {
        match self.who {
            Who::User { .. } => ActorKind::User,
            Who::Device(_) => ActorKind::Device,
            Who::Console(_) | Who::Holder(_) | Who::Server => ActorKind::System,
        }
    }

    /// The id of a user or a device; a name for others.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.who {
            Who::User { id, .. } => id.to_string(),
            Who::Device(id) => id.to_string(),
            Who::Console(name) => format!("console:{name}"),
            Who::Holder(what) => (*what).to_owned(),
            Who::Server => "server".to_owned(),
        }
    }

    /// Whether what this actor changes has to be told by an event. The server's own bookkeeping and what devices
    /// report are not.
    #[must_use]
    pub const fn is_accountable(&self) -> bool {
        match self.who {
            Who::User { .. } | Who::Console(_) | Who::Holder(_) => true,
            Who::Device(_) | Who::Server => false,
        }
    }
}

impl ActorKind {
    /// The spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::System => "system",
        }
    }
}
