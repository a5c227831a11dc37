//! What the black-box suites share.
//!
//! A suite starts the real programs and speaks to them only as their users do: over TLS, by command
//! line, through the programs of others. Words used here:
//!
//! - *trial*: one named test of a suite, see [`suite`].
//! - *engine*: the database that a trial is about, see [`engine`].
//! - *peer*: a program that is not ours and that a trial drives, see [`peers`].
//! - *device*: [`Device`], a scripted one whose every request the test chooses.
//! - *client*: [`MenderClient`], the real daemon in a private mount namespace.
//!
//! Environment:
//!
//! | variable | meaning |
//! |---|---|
//! | `SEALIFT_REQUIRE_PEERS=1` | a missing peer program fails its trials instead of skipping them |
//! | `SEALIFT_LONG=1` | the slow trials run too (also with `--ignored` or `--include-ignored`) |
//! | `SEALIFT_BIN_DIR=DIR` | the programs in `DIR` are tested; nothing is built |

pub mod artifacts;
pub mod authenticator;
pub mod binaries;
mod blobs;
pub mod device;
pub mod dump;
pub mod engine;
pub mod http;
pub mod mailbox;
pub mod management;
pub mod mender;
pub mod multipart;
pub mod names;
pub mod peers;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod server;
pub mod skew;
pub mod suite;
pub mod tus;
pub mod wait;

pub use self::artifacts::{ArtifactFile, ArtifactSpec};
pub use self::authenticator::Authenticator;
pub use self::device::{Device, DeviceKey};
pub use self::engine::Engine;
pub use self::http::{Body, HttpClient, Request, Response};
pub use self::management::Management;
pub use self::mender::{ClientSetup, MenderClient};
pub use self::multipart::Multipart;
pub use self::peers::Peer;
pub use self::postgres::{Cluster, Syncing};
pub use self::proxy::CuttingProxy;
pub use self::server::{ServerSetup, TestServer, shared_server};
pub use self::skew::Skew;
pub use self::wait::{eventually, never, until};
