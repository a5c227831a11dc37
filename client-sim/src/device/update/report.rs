//! The second half of an update: the commit gate, the final report, the log (device protocol §2.3 to §2.5).

use super::course::{Context, Step, Update};
use super::phase::{Final, Phase};
use crate::device::state::Outcome;
use crate::protocol::Generation;
use crate::protocol::call::Call;
use crate::protocol::deployments::Status;

impl Update {
    /// Asks for leave to commit; each try proves that the device can still log in.
    pub(super) fn gate(&mut self) -> Step {
        self.phase = Phase::Gate;
        Step::CallAfresh(self.status(Status::Installing))
    }

    pub(super) fn gate_answered(&mut self, code: Option<u16>, ctx: &mut Context<'_>) -> Step {
        match code {
            Some(204) => {
                ctx.memory.interrupted = None;
                if let Some(artifact) = self.artifact.take() {
                    ctx.memory.software.commit(artifact);
                }
                self.log.info(ctx.now, "committed");
                self.finish(Final::Success)
            }
            Some(409) => self.abort(ctx),
            Some(_) | None => {
                self.tries += 1;
                if self.tries >= ctx.profile.attempts.report {
                    return self.fail("the server did not allow the commit: rolled back", ctx);
                }
                self.pause(Phase::GatePause, ctx.profile.timing.retry, ctx)
            }
        }
    }

    pub(super) fn final_answered(&mut self, last: Final, code: Option<u16>, ctx: &mut Context<'_>) -> Step {
        match (last, code) {
            (Final::Success, Some(204)) => Step::Done(Outcome::Success),
            (Final::AlreadyInstalled, Some(204)) => Step::Done(Outcome::AlreadyInstalled),
            (Final::Failure, Some(204)) => {
                self.phase = Phase::Logging;
                let messages = self.log.lines().to_vec();
                Step::Call(Call::Log { deployment: self.deployment.clone(), messages })
            }
            (_, Some(409)) => Step::Done(Outcome::Aborted),
            (_, _) => self.try_final_again(last, Outcome::Unreported, ctx),
        }
    }

    pub(super) fn log_answered(&mut self, code: Option<u16>, ctx: &mut Context<'_>) -> Step {
        let outcome = if self.is_aborted { Outcome::Aborted } else { Outcome::Failure };
        match (code, ctx.profile.generation) {
            (Some(204), _) | (Some(413), Generation::V5) => Step::Done(outcome),
            // The status is repeated with the log (§2.5).
            (_, _) => self.try_final_again(Final::Failure, outcome, ctx),
        }
    }

    fn try_final_again(&mut self, last: Final, given_up: Outcome, ctx: &mut Context<'_>) -> Step {
        self.tries += 1;
        if self.tries >= ctx.profile.attempts.report {
            return Step::Done(given_up);
        }
        self.pause(Phase::FinalPause(last), ctx.profile.timing.retry, ctx)
    }

    pub(super) fn abort(&mut self, ctx: &mut Context<'_>) -> Step {
        self.is_aborted = true;
        self.fail("the deployment was aborted", ctx)
    }

    pub(super) fn fail(&mut self, reason: impl Into<String>, ctx: &mut Context<'_>) -> Step {
        ctx.memory.interrupted = None;
        self.artifact = None;
        self.log.error(ctx.now, reason);
        self.finish(Final::Failure)
    }

    pub(super) fn finish(&mut self, last: Final) -> Step {
        self.tries = 0;
        self.report(Phase::Final(last), last.status())
    }

    pub(super) fn report(&mut self, phase: Phase, status: Status) -> Step {
        self.phase = phase;
        Step::Call(self.status(status))
    }

    fn status(&self, status: Status) -> Call {
        Call::Status { deployment: self.deployment.clone(), status }
    }
}
