//! The course of an update: what comes after what.

use chrono::{DateTime, Utc};
use rand::{Rng, RngExt};

use super::log::Log;
use super::phase::{Final, Phase};
use crate::device::action::{Action, FetchError, StoreError, StoreOrder, StoredArtifact};
use crate::device::memory::{Interrupted, Memory};
use crate::device::profile::{Faults, Profile};
use crate::device::session::Reply;
use crate::device::state::{DeviceState, Outcome};
use crate::protocol::Generation;
use crate::protocol::call::Call;
use crate::protocol::deployments::{Offer, Status};

/// What an update may look at and change while it takes a step.
pub(in crate::device) struct Context<'a> {
    pub(in crate::device) profile: &'a Profile,
    pub(in crate::device) memory: &'a mut Memory,
    pub(in crate::device) now: DateTime<Utc>,
    pub(in crate::device) rng: &'a mut dyn Rng,
}

/// What an update is told.
#[derive(Debug)]
pub(in crate::device) enum Input {
    Reply(Reply),
    Opened(Result<(), FetchError>),
    Stored(Result<StoredArtifact, StoreError>),
    Elapsed,
}

/// What an update wants next.
#[derive(Debug)]
pub(in crate::device) enum Step {
    /// Make a call.
    Call(Call),
    /// Log in anew, then make a call.
    CallAfresh(Call),
    /// Something else than a call.
    Act(Action),
    /// It is over.
    Done(Outcome),
}

/// An update under way.
#[derive(Debug)]
pub(in crate::device) struct Update {
    deployment: String,
    phase: Phase,
    /// Tries of what can be tried again: the download, the gate, the final report.
    tries: u32,
    offer: Option<Offer>,
    plan: Plan,
    artifact: Option<StoredArtifact>,
    is_aborted: bool,
    log: Log,
}

/// The faults drawn for this update.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    fails: bool,
    reboots: bool,
    is_cut: bool,
}

impl Update {
    /// Begins with an offer.
    pub(in crate::device) fn begin(offer: Offer, ctx: &mut Context<'_>) -> (Self, Step) {
        let mut update = Self::new(offer.deployment.clone(), Phase::Announcing);
        update.plan = Plan::draw(&ctx.profile.faults, ctx.rng);
        update.log.info(ctx.now, format!("deployment of `{}` received", offer.artifact_name));
        // 5.x has no such check and installs again (device protocol §2.2, 4).
        let is_installed = ctx.memory.software.artifact_name() == offer.artifact_name;
        let step = if ctx.profile.generation == Generation::V3 && is_installed {
            update.finish(Final::AlreadyInstalled)
        } else {
            update.offer = Some(offer);
            update.report(Phase::Announcing, Status::Downloading)
        };
        (update, step)
    }

    /// Begins with an offer that lacks something: it fails at once.
    pub(in crate::device) fn begin_incomplete(deployment: String, ctx: &mut Context<'_>) -> (Self, Step) {
        let mut update = Self::new(deployment, Phase::Announcing);
        let step = update.fail("the deployment is incomplete", ctx);
        (update, step)
    }

    /// Goes on after the reboot: the commit gate comes first (device protocol §8).
    pub(in crate::device) fn resume(interrupted: Interrupted, ctx: &mut Context<'_>) -> (Self, Step) {
        let mut update = Self::new(interrupted.deployment, Phase::Gate);
        update.artifact = Some(interrupted.artifact);
        update.log.info(ctx.now, "rebooted");
        let step = update.gate();
        (update, step)
    }

    /// Takes what happened and says what comes next.
    pub(in crate::device) fn receive(&mut self, input: Input, ctx: &mut Context<'_>) -> Step {
        match (self.phase, input) {
            (Phase::Opening, Input::Opened(result)) => self.opened(result, ctx),
            (Phase::Storing, Input::Stored(result)) => self.stored(result, ctx),
            (Phase::FetchPause, Input::Elapsed) => self.report(Phase::Announcing, Status::Downloading),
            (Phase::Working, Input::Elapsed) => self.worked(ctx),
            (Phase::GatePause, Input::Elapsed) => self.gate(),
            (Phase::FinalPause(last), Input::Elapsed) => self.report(Phase::Final(last), last.status()),
            (phase, Input::Reply(reply)) => self.replied(phase, &reply, ctx),
            (_, Input::Opened(_) | Input::Stored(_) | Input::Elapsed) => {
                self.fail("the client lost its way", ctx)
            }
        }
    }

    /// What others see.
    pub(in crate::device) fn state(&self) -> DeviceState {
        self.phase.state()
    }

    /// Why it failed, if it did.
    pub(in crate::device) fn failure(&self) -> Option<&str> {
        self.log.first_error()
    }

    fn new(deployment: String, phase: Phase) -> Self {
        Self {
            deployment,
            phase,
            tries: 0,
            offer: None,
            plan: Plan::default(),
            artifact: None,
            is_aborted: false,
            log: Log::default(),
        }
    }

    fn replied(&mut self, phase: Phase, reply: &Reply, ctx: &mut Context<'_>) -> Step {
        let code = match reply {
            Reply::Answer { code, .. } => Some(*code),
            Reply::NoSession | Reply::Unreachable => None,
        };
        match phase {
            Phase::Gate => self.gate_answered(code, ctx),
            Phase::Final(last) => self.final_answered(last, code, ctx),
            Phase::Logging => self.log_answered(code, ctx),
            // Up to here only 409 matters; every other answer, or none, is ignored (§2.3).
            Phase::Announcing | Phase::Arrived | Phase::Downloaded | Phase::Installing | Phase::Rebooting
                if code == Some(409) =>
            {
                self.abort(ctx)
            }
            Phase::Announcing => self.open(),
            Phase::Arrived => self.store(ctx),
            Phase::Downloaded => self.install(ctx),
            Phase::Installing => self.work(ctx),
            Phase::Rebooting => self.reboot(ctx),
            Phase::Opening
            | Phase::FetchPause
            | Phase::Storing
            | Phase::Working
            | Phase::GatePause
            | Phase::FinalPause(_) => self.fail("the client lost its way", ctx),
        }
    }

    fn open(&mut self) -> Step {
        self.phase = Phase::Opening;
        Step::Act(Action::Open {
            uri: self.offer.as_ref().map(|offer| offer.uri.clone()).unwrap_or_default(),
        })
    }

    fn opened(&mut self, result: Result<(), FetchError>, ctx: &mut Context<'_>) -> Step {
        let Err(err) = result else {
            return match ctx.profile.generation {
                Generation::V3 => self.report(Phase::Arrived, Status::Downloading),
                Generation::V5 => self.store(ctx),
            };
        };
        self.log.info(ctx.now, err.to_string());
        self.tries += 1;
        // 5.x gives up on any status but 200 (§3).
        let is_final = ctx.profile.generation == Generation::V5 && matches!(err, FetchError::Status(_));
        if is_final || self.tries >= ctx.profile.attempts.fetch {
            return self.fail(err.to_string(), ctx);
        }
        self.pause(Phase::FetchPause, ctx.profile.timing.fetch_retry, ctx)
    }

    fn store(&mut self, ctx: &mut Context<'_>) -> Step {
        self.phase = Phase::Storing;
        let artifact_name = match (ctx.profile.generation, &self.offer) {
            (Generation::V3, Some(offer)) => Some(offer.artifact_name.clone()),
            (Generation::V3, None) | (Generation::V5, _) => None,
        };
        Step::Act(Action::Store(StoreOrder {
            artifact_name,
            provides: ctx.memory.software.reported(&ctx.profile.device_type),
            cut: self.plan.is_cut,
            resume_pause: ctx.profile.timing.spread(ctx.profile.timing.resume, ctx.rng),
            resume_attempts: ctx.profile.attempts.resume,
        }))
    }

    fn stored(&mut self, result: Result<StoredArtifact, StoreError>, ctx: &mut Context<'_>) -> Step {
        match result {
            Ok(artifact) => {
                self.log.info(ctx.now, format!("artifact `{}` stored", artifact.name));
                self.artifact = Some(artifact);
                match ctx.profile.generation {
                    Generation::V3 => self.report(Phase::Downloaded, Status::Downloading),
                    Generation::V5 => self.install(ctx),
                }
            }
            Err(err) => self.fail(err.to_string(), ctx),
        }
    }

    fn install(&mut self, ctx: &mut Context<'_>) -> Step {
        self.log.info(ctx.now, "installing");
        self.report(Phase::Installing, Status::Installing)
    }

    fn work(&mut self, ctx: &mut Context<'_>) -> Step {
        if ctx.profile.timing.install.is_zero() {
            return self.worked(ctx);
        }
        self.pause(Phase::Working, ctx.profile.timing.install, ctx)
    }

    fn worked(&mut self, ctx: &mut Context<'_>) -> Step {
        if self.plan.fails {
            self.fail("the update module failed in ArtifactInstall", ctx)
        } else if self.plan.reboots {
            self.report(Phase::Rebooting, Status::Rebooting)
        } else {
            self.gate()
        }
    }

    fn reboot(&mut self, ctx: &mut Context<'_>) -> Step {
        ctx.memory.interrupted = self
            .artifact
            .clone()
            .map(|artifact| Interrupted { deployment: self.deployment.clone(), artifact });
        Step::Act(Action::Restart(ctx.profile.timing.spread(ctx.profile.timing.reboot, ctx.rng)))
    }

    /// Asks for leave to commit; each try proves that the device can still log in.
    fn gate(&mut self) -> Step {
        self.phase = Phase::Gate;
        Step::CallAfresh(self.status(Status::Installing))
    }

    fn gate_answered(&mut self, code: Option<u16>, ctx: &mut Context<'_>) -> Step {
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

    fn final_answered(&mut self, last: Final, code: Option<u16>, ctx: &mut Context<'_>) -> Step {
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

    fn log_answered(&mut self, code: Option<u16>, ctx: &mut Context<'_>) -> Step {
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

    fn abort(&mut self, ctx: &mut Context<'_>) -> Step {
        self.is_aborted = true;
        self.fail("the deployment was aborted", ctx)
    }

    fn fail(&mut self, reason: impl Into<String>, ctx: &mut Context<'_>) -> Step {
        ctx.memory.interrupted = None;
        self.artifact = None;
        self.log.error(ctx.now, reason);
        self.finish(Final::Failure)
    }

    fn finish(&mut self, last: Final) -> Step {
        self.tries = 0;
        self.report(Phase::Final(last), last.status())
    }

    fn report(&mut self, phase: Phase, status: Status) -> Step {
        self.phase = phase;
        Step::Call(self.status(status))
    }

    fn status(&self, status: Status) -> Call {
        Call::Status { deployment: self.deployment.clone(), status }
    }

    fn pause(&mut self, phase: Phase, wait: std::time::Duration, ctx: &mut Context<'_>) -> Step {
        self.phase = phase;
        Step::Act(Action::Wait(ctx.profile.timing.spread(wait, ctx.rng)))
    }
}

impl Plan {
    fn draw(faults: &Faults, rng: &mut dyn Rng) -> Self {
        let mut happens = |probability: f64| rng.random_bool(probability.clamp(0.0, 1.0));
        Self {
            fails: happens(faults.install_failure),
            reboots: happens(faults.reboot),
            is_cut: happens(faults.cut_download),
        }
    }
}
