//! The first half of an update: the artifact comes in (device protocol §3).

use super::course::{Context, Step, Update};
use super::phase::Phase;
use crate::device::action::{Action, FetchError, StoreError, StoreOrder, StoredArtifact};
use crate::protocol::Generation;
use crate::protocol::deployments::Status;

impl Update {
    pub(super) fn open(&mut self) -> Step {
        self.phase = Phase::Opening;
        Step::Act(Action::Open {
            uri: self.offer.as_ref().map(|offer| offer.uri.clone()).unwrap_or_default(),
        })
    }

    pub(super) fn opened(&mut self, result: Result<(), FetchError>, ctx: &mut Context<'_>) -> Step {
        let Err(err) = result else {
            self.tries = 0;
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

    pub(super) fn store(&mut self, ctx: &mut Context<'_>) -> Step {
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

    pub(super) fn stored(
        &mut self,
        result: Result<StoredArtifact, StoreError>,
        ctx: &mut Context<'_>,
    ) -> Step {
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
}
