//! The servers that take turns: the bare one, and the product with a small and with a large fleet.

use std::fs;
use std::path::PathBuf;

use super::Bench;
use crate::generator::Target;
use crate::process::{Server, pinned};
use crate::product::Product;
use crate::{Outcome, say};

/// Data directories of this run, and no server yet.
pub(crate) struct Prepared {
    /// The small fleet's.
    pub(crate) small: PathBuf,
    /// The large fleet's.
    pub(crate) large: PathBuf,
}

/// The servers.
pub(crate) struct Stage {
    /// The bare server.
    pub(crate) floor: Server,
    /// Where its requests go.
    pub(crate) floor_target: Target,
    /// The product with the small fleet.
    pub(crate) small: Product,
    /// Where its requests go.
    pub(crate) small_target: Target,
    /// The product with the large fleet.
    pub(crate) large: Product,
    /// Where its requests go.
    pub(crate) large_target: Target,
}

impl Stage {
    /// Copies the fleets: what is measured changes them.
    pub(crate) fn prepare(bench: &Bench) -> Outcome<Prepared> {
        say("copying the fleets");
        let [small, large] = ["small", "large"].map(|name| bench.scratch.path().join(name));
        bench.small.copy_to(&small)?;
        bench.large.copy_to(&large)?;
        Ok(Prepared { small, large })
    }

    /// Ends the servers in good order.
    pub(crate) fn stop(self) -> Outcome<()> {
        self.small.server.stop()?;
        self.large.server.stop()
    }
}

impl Prepared {
    /// Starts the servers.
    pub(crate) fn start(self, bench: &Bench) -> Outcome<Stage> {
        let floor = start_floor(bench, "floor")?;
        let (small, large) = (Product::start(&self.small)?, Product::start(&self.large)?);
        Ok(Stage {
            floor_target: Target::new(floor.address)?,
            small_target: small.target()?,
            large_target: large.target()?,
            floor,
            small,
            large,
        })
    }
}

/// Starts a bare server.
fn start_floor(bench: &Bench, name: &str) -> Outcome<Server> {
    let directory = bench.scratch.path().join(name);
    fs::create_dir_all(&directory)?;
    bench.keys.publish(&directory)?;
    let mut command = pinned(&std::env::current_exe()?);
    command.arg("floor-http").arg(&directory);
    Server::start(command, &directory.join("log"))
}
