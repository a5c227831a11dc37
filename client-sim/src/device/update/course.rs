//! The course of an update: what comes after what.

use chrono::{DateTime, Utc};
use rand::{Rng, RngExt};

use super::log::Log;
use super::phase::{Final, Phase};
use crate::device::action::{Action, FetchError, StoreError, StoredArtifact};
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
    pub(super) deployment: String,
    pub(super) phase: Phase,
    /// Tries of what can be tried again: the download, the gate, the final report.
    pub(super) tries: u32,
    pub(super) offer: Option<Offer>,
    pub(super) plan: Plan,
    pub(super) artifact: Option<StoredArtifact>,
    pub(super) is_aborted: bool,
    pub(super) log: Log,
}

/// The faults drawn for this update.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    pub(super) fails: bool,
    pub(super) reboots: bool,
    pub(super) is_cut: bool,
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

    pub(super) fn pause(&mut self, phase: Phase, wait: std::time::Duration, ctx: &mut Context<'_>) -> Step {
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
