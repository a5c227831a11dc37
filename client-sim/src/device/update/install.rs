//! The middle of an update: the payload is installed, and perhaps the device reboots.

use super::course::{Context, Step, Update};
use super::phase::Phase;
use crate::device::action::Action;
use crate::device::memory::Interrupted;
use crate::protocol::deployments::Status;

impl Update {
    pub(super) fn install(&mut self, ctx: &mut Context<'_>) -> Step {
        self.log.info(ctx.now, "installing");
        self.report(Phase::Installing, Status::Installing)
    }

    pub(super) fn work(&mut self, ctx: &mut Context<'_>) -> Step {
        if ctx.profile.timing.install.is_zero() {
            return self.worked(ctx);
        }
        self.pause(Phase::Working, ctx.profile.timing.install, ctx)
    }

    pub(super) fn worked(&mut self, ctx: &mut Context<'_>) -> Step {
        if self.plan.fails {
            self.fail("the update module failed in ArtifactInstall", ctx)
        } else if self.plan.reboots {
            self.report(Phase::Rebooting, Status::Rebooting)
        } else {
            self.gate()
        }
    }

    pub(super) fn reboot(&mut self, ctx: &mut Context<'_>) -> Step {
        ctx.memory.interrupted = self
            .artifact
            .clone()
            .map(|artifact| Interrupted { deployment: self.deployment.clone(), artifact });
        Step::Act(Action::Restart(ctx.profile.timing.spread(ctx.profile.timing.reboot, ctx.rng)))
    }
}
