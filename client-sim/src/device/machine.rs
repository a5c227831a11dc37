//! The client of a device: log in, send inventory, poll, update.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::Rng;

use super::action::{Action, Event};
use super::memory::Memory;
use super::profile::Profile;
use super::session::{Reply, Session, Turn};
use super::state::{DeviceState, Outcome};
use super::timing::after;
use super::update::{Context, Input, Step, Update};
use crate::protocol::Generation;
use crate::protocol::attributes::Attribute;
use crate::protocol::call::Call;
use crate::protocol::deployments::{NextAnswer, NextForm};

/// A simulated device. The first event must be [`Event::Started`].
#[derive(Debug)]
pub struct Device {
    pub(super) profile: Arc<Profile>,
    memory: Memory,
    session: Session,
    activity: Activity,
    /// Logins refused, or not answered, in a row.
    refusals: u32,
    inventory_due: DateTime<Utc>,
    poll_due: DateTime<Utc>,
    first_outcome: Option<Outcome>,
    failure: Option<String>,
}

/// What the client is busy with.
#[derive(Debug)]
enum Activity {
    /// Waits until something is due.
    Idle,
    /// Sends inventory.
    Inventory,
    /// Asks for a deployment.
    Polling(NextForm),
    /// Updates.
    Updating(Box<Update>),
    /// Is down.
    Off,
}

impl Device {
    /// A device that is switched off.
    #[must_use]
    pub fn new(profile: Arc<Profile>, memory: Memory) -> Self {
        Self {
            profile,
            memory,
            session: Session::default(),
            activity: Activity::Off,
            refusals: 0,
            inventory_due: DateTime::UNIX_EPOCH,
            poll_due: DateTime::UNIX_EPOCH,
            first_outcome: None,
            failure: None,
        }
    }

    /// Takes what happened and says what to do next.
    pub fn advance(&mut self, event: Event, now: DateTime<Utc>, rng: &mut dyn Rng) -> Action {
        match event {
            Event::Started => self.start(now, rng),
            Event::Elapsed => match self.activity {
                Activity::Updating(_) => self.update(Input::Elapsed, now, rng),
                Activity::Idle | Activity::Inventory | Activity::Polling(_) | Activity::Off => {
                    self.next_due(now)
                }
            },
            Event::Opened(result) => self.update(Input::Opened(result), now, rng),
            Event::Stored(result) => self.update(Input::Stored(result), now, rng),
            Event::LoggedIn(_) | Event::LoginRefused(_) | Event::Answered { .. } | Event::Unreachable => {
                match self.session.receive(event) {
                    Turn::Act(action) => action,
                    Turn::Over(reply) => self.reply(reply, now, rng),
                }
            }
        }
    }

    /// What it is busy with, as others see it.
    #[must_use]
    pub fn state(&self) -> DeviceState {
        match &self.activity {
            Activity::Off if self.memory.interrupted.is_some() => DeviceState::Rebooting,
            Activity::Off => DeviceState::Waiting,
            Activity::Updating(update) => update.state(),
            Activity::Idle | Activity::Inventory | Activity::Polling(_) if self.session.is_open() => {
                DeviceState::Idle
            }
            Activity::Idle | Activity::Inventory | Activity::Polling(_) if self.refusals > 0 => {
                DeviceState::Pending
            }
            Activity::Idle | Activity::Inventory | Activity::Polling(_) => DeviceState::Connecting,
        }
    }

    /// How the first update ended, once it has.
    #[must_use]
    pub fn first_outcome(&self) -> Option<Outcome> {
        self.first_outcome
    }

    /// Why the first update did not succeed, if it did not.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// What it keeps when it is switched off.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Power on: everything but the memory is forgotten.
    fn start(&mut self, now: DateTime<Utc>, rng: &mut dyn Rng) -> Action {
        self.session = Session::default();
        self.refusals = 0;
        self.inventory_due = now;
        self.poll_due = now;
        match self.memory.interrupted.clone() {
            Some(interrupted) => {
                let (update, step) = Update::resume(interrupted, &mut self.context(now, rng));
                self.activity = Activity::Updating(Box::new(update));
                self.follow(step, now)
            }
            None => self.next_due(now),
        }
    }

    /// Starts what is due, inventory first (device protocol §4), or waits for it.
    fn next_due(&mut self, now: DateTime<Utc>) -> Action {
        if self.inventory_due <= now {
            return self.send_inventory();
        }
        if self.poll_due <= now {
            return self.poll(NextForm::PostV2);
        }
        self.activity = Activity::Idle;
        let due = self.inventory_due.min(self.poll_due);
        Action::Wait((due - now).to_std().unwrap_or(Duration::ZERO))
    }

    fn send_inventory(&mut self) -> Action {
        self.activity = Activity::Inventory;
        self.session.call(Call::Inventory(self.attributes()))
    }

    fn poll(&mut self, form: NextForm) -> Action {
        self.activity = Activity::Polling(form);
        let provides = self.memory.software.reported(&self.profile.device_type);
        self.session.call(Call::Next { provides, form })
    }

    fn reply(&mut self, reply: Reply, now: DateTime<Utc>, rng: &mut dyn Rng) -> Action {
        match (&self.activity, reply) {
            (Activity::Updating(_), reply) => self.update(Input::Reply(reply), now, rng),
            (_, Reply::NoSession | Reply::Unreachable) => self.back_off(now, rng),
            (Activity::Polling(form), Reply::Answer { code, body }) => {
                let form = *form;
                self.refusals = 0;
                self.next_answered(form, code, &body, now, rng)
            }
            (Activity::Inventory | Activity::Idle | Activity::Off, Reply::Answer { code, .. }) => {
                self.refusals = 0;
                let timing = &self.profile.timing;
                let wait = if code == 200 { timing.inventory } else { timing.retry };
                self.inventory_due = after(now, timing.spread(wait, rng));
                self.next_due(now)
            }
        }
    }

    /// No session, or nobody there: everything waits.
    fn back_off(&mut self, now: DateTime<Utc>, rng: &mut dyn Rng) -> Action {
        self.refusals = self.refusals.saturating_add(1);
        let timing = &self.profile.timing;
        let until = after(now, timing.spread(timing.login_pause(self.refusals), rng));
        self.inventory_due = self.inventory_due.max(until);
        self.poll_due = self.poll_due.max(until);
        self.next_due(now)
    }

    fn next_answered(
        &mut self,
        form: NextForm,
        code: u16,
        body: &[u8],
        now: DateTime<Utc>,
        rng: &mut dyn Rng,
    ) -> Action {
        if code == 404
            && let Some(other) = fallback(form, self.profile.generation)
        {
            return self.poll(other);
        }
        self.poll_due = after(now, self.profile.timing.spread(self.profile.timing.poll, rng));
        if code != 200 {
            return self.next_due(now);
        }
        let (update, step) = match NextAnswer::parse(body) {
            NextAnswer::Offer(offer) => Update::begin(offer, &mut self.context(now, rng)),
            NextAnswer::Incomplete { deployment } => {
                Update::begin_incomplete(deployment, &mut self.context(now, rng))
            }
            NextAnswer::Unusable => return self.next_due(now),
        };
        self.activity = Activity::Updating(Box::new(update));
        self.follow(step, now)
    }

    fn update(&mut self, input: Input, now: DateTime<Utc>, rng: &mut dyn Rng) -> Action {
        let Self { activity: Activity::Updating(update), memory, profile, .. } = self else {
            return self.next_due(now);
        };
        let step = update.receive(input, &mut Context { profile, memory, now, rng });
        self.follow(step, now)
    }

    fn follow(&mut self, step: Step, now: DateTime<Utc>) -> Action {
        match step {
            Step::Call(call) => self.session.call(call),
            Step::CallAfresh(call) => self.session.call_afresh(call),
            Step::Act(action) => {
                if matches!(action, Action::Restart(_)) {
                    self.activity = Activity::Off;
                }
                action
            }
            Step::Done(outcome) => {
                self.settle(outcome);
                // Inventory goes out at once after an update (device protocol §2.3).
                self.inventory_due = now;
                self.next_due(now)
            }
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        let Activity::Updating(update) = std::mem::replace(&mut self.activity, Activity::Idle) else {
            return;
        };
        if self.first_outcome.is_none() {
            self.first_outcome = Some(outcome);
            if !outcome.is_good() {
                self.failure = Some(update.failure().unwrap_or("the final report was not taken").to_owned());
            }
        }
    }

    fn context<'a>(&'a mut self, now: DateTime<Utc>, rng: &'a mut dyn Rng) -> Context<'a> {
        Context { profile: &self.profile, memory: &mut self.memory, now, rng }
    }

    fn attributes(&self) -> Vec<Attribute> {
        let mut attributes = vec![
            Attribute::new("artifact_name", self.memory.software.artifact_name()),
            Attribute::new("device_type", self.profile.device_type.as_str()),
            Attribute::new("mender_client_version", self.profile.client_version.as_str()),
        ];
        if self.profile.generation == Generation::V5 {
            attributes.push(Attribute::new("mender_client_version_provider", "internal"));
        }
        attributes.push(Attribute::new("kernel", "Linux version 6.1.0-sim"));
        attributes.push(Attribute::new("mem_total_kB", "1048576"));
        attributes
    }
}

/// The next form to ask in when a form is answered 404 (device protocol §2.1).
fn fallback(form: NextForm, generation: Generation) -> Option<NextForm> {
    match (form, generation) {
        (NextForm::PostV2, Generation::V3) => Some(NextForm::PostV1),
        (NextForm::PostV2, Generation::V5) | (NextForm::PostV1, _) => Some(NextForm::GetV1),
        (NextForm::GetV1, _) => None,
    }
}
