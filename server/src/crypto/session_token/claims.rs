//! What a session token says. The names on the wire are those of Mender (device protocol §1.5,
//! management API §1.1).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The claims of one audience.
pub trait Claims: Serialize + DeserializeOwned {
    /// The only value of `aud` that is taken.
    const AUDIENCE: &'static str;
    /// The only value of the header's `typ` that is taken (RFC 8725 §3.11).
    const TYPE: &'static str;

    /// The token's `aud`.
    fn audience(&self) -> &str;

    /// The Unix second at which the token ends, if it does.
    fn expires_at(&self) -> Option<i64>;

    /// The Unix second before which the token is not valid yet.
    fn not_before(&self) -> Option<i64>;

    /// Whether the claim that marks the audience in Mender's way is set.
    fn is_marked(&self) -> bool;
}

/// What the token of a device says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceClaims {
    /// The id of the credential that the session was opened with (Mender's meaning: the auth set).
    pub jti: Uuid,
    /// The device.
    pub sub: Uuid,
    /// The name of the server.
    pub iss: String,
    /// Always [`Self::AUDIENCE`](Claims::AUDIENCE).
    pub aud: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires at, Unix seconds.
    pub exp: i64,
    /// The generation of the device at that time; a token of an older one is dead.
    #[serde(rename = "gen")]
    pub generation: u32,
    /// The tenant that the device belongs to.
    #[serde(rename = "mender.tenant")]
    pub tenant: Uuid,
    /// Always true.
    #[serde(rename = "mender.device")]
    pub is_device: bool,
}

impl Claims for DeviceClaims {
    const AUDIENCE: &'static str = "device";
    const TYPE: &'static str = "JWT";

    fn audience(&self) -> &str {
        &self.aud
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.exp)
    }

    fn not_before(&self) -> Option<i64> {
        None
    }

    fn is_marked(&self) -> bool {
        self.is_device
    }
}

/// What the token of a user says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UserClaims {
    /// The session; its row is read on each request.
    pub jti: Uuid,
    /// The user.
    pub sub: Uuid,
    /// The name of the server.
    pub iss: String,
    /// Always [`Self::AUDIENCE`](Claims::AUDIENCE).
    pub aud: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Not valid before, Unix seconds.
    pub nbf: i64,
    /// Expires at, Unix seconds; absent in a token that lives until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// What existing tools expect here: `mender.*`.
    pub scp: String,
    /// The session too, by the name that `OpenID` Connect gives it (Back-Channel Logout §2.1); absent in what is no
    /// session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// How the user proved who it is (RFC 8176); empty in what is no session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When the user proved that, Unix seconds (RFC 9470 §6.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The tenant that the user works in.
    #[serde(rename = "mender.tenant")]
    pub tenant: Uuid,
    /// Always true.
    #[serde(rename = "mender.user")]
    pub is_user: bool,
}

impl Claims for UserClaims {
    const AUDIENCE: &'static str = "management";
    const TYPE: &'static str = "at+jwt";

    fn audience(&self) -> &str {
        &self.aud
    }

    fn expires_at(&self) -> Option<i64> {
        self.exp
    }

    fn not_before(&self) -> Option<i64> {
        Some(self.nbf)
    }

    fn is_marked(&self) -> bool {
        self.is_user
    }
}
