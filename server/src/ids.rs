//! Identifiers: one type for each noun, parsed at the edge and carried as types from there on.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! uuid_newtype {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a fresh identifier (UUID version 7: it sorts by the time of its making).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Returns the 128 bits.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

macro_rules! number_newtype {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(u32);

        impl $name {
            /// Returns the number as an index into dense arrays and bitmaps.
            #[must_use]
            pub const fn as_u32(self) -> u32 {
                self.0
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

uuid_newtype! {
    /// One stored update file and its description.
    ArtifactId;
    /// One public key of a device, with what was decided about it (an authentication set).
    AuthSetId;
    /// One rollout of one release to a set of devices.
    DeploymentId;
    /// A device, stable across key rotations.
    DeviceId;
    /// A filter of devices that is kept under a name.
    FilterId;
    /// A public key that artifacts may be signed with.
    KeyId;
    /// A log-in of a user; the `jti` of its token.
    SessionId;
    /// A customer: nothing of one is visible to another.
    TenantId;
    /// A token that a user made for a program; the `jti` of one that is a JWT.
    TokenId;
    /// An upload that comes in parts.
    UploadId;
    /// A person who may log in.
    UserId;
}

number_newtype! {
    /// The order in which a deployment was created.
    DeploymentNumber;
    /// A device's place in arrays and bitmaps; persistent, never reused.
    DeviceNumber;
}

impl TenantId {
    /// The one tenant that exists without configuration.
    pub const DEFAULT: Self = Self(Uuid::nil());
}
