//! The scenario file: what goes wrong, and how long things take.

use std::time::Duration;

use client_sim::device::{Faults, Timing};
use serde::Deserialize;

/// A JSON object; every member may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Scenario {
    /// Probability that an installation fails.
    install_failure: f64,
    /// Probability that an update wants a reboot.
    reboot: f64,
    /// Probability that a download breaks once.
    cut_download: f64,
    /// What installing takes.
    install_secs: Option<f64>,
    /// What a reboot takes.
    reboot_secs: Option<f64>,
    /// Wait before a broken download is resumed.
    resume_secs: Option<f64>,
}

/// Why a scenario is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error("the scenario is not valid")]
    Syntax(#[from] serde_json::Error),
    #[error("`{0}` is not a probability from 0 to 1")]
    Probability(&'static str),
    #[error("`{0}` is not a number of seconds")]
    Seconds(&'static str),
}

impl Scenario {
    pub(super) fn parse(text: &[u8]) -> Result<Self, ScenarioError> {
        Ok(serde_json::from_slice(text)?)
    }

    pub(super) fn faults(&self) -> Result<Faults, ScenarioError> {
        let probability = |name, value: f64| {
            if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(ScenarioError::Probability(name)) }
        };
        Ok(Faults {
            install_failure: probability("install_failure", self.install_failure)?,
            reboot: probability("reboot", self.reboot)?,
            cut_download: probability("cut_download", self.cut_download)?,
        })
    }

    /// Changes what the scenario names and leaves the rest.
    pub(super) fn time(&self, timing: &Timing) -> Result<Timing, ScenarioError> {
        let seconds = |name, value: Option<f64>, otherwise| match value {
            None => Ok(otherwise),
            Some(value) => Duration::try_from_secs_f64(value).map_err(|_| ScenarioError::Seconds(name)),
        };
        Ok(Timing {
            install: seconds("install_secs", self.install_secs, timing.install)?,
            reboot: seconds("reboot_secs", self.reboot_secs, timing.reboot)?,
            resume: seconds("resume_secs", self.resume_secs, timing.resume)?,
            ..timing.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Scenario, Timing};

    #[test]
    fn known_members_only_and_sane_values() {
        let scenario = Scenario::parse(br#"{"reboot": 0.5, "install_secs": 1.5}"#).unwrap();
        assert!((scenario.faults().unwrap().reboot - 0.5).abs() < f64::EPSILON);
        let timing = scenario.time(&Timing::for_poll(Duration::from_secs(5))).unwrap();
        assert_eq!(timing.install, Duration::from_millis(1500));
        assert!(Scenario::parse(br#"{"rebot": 1}"#).is_err());
        assert!(Scenario::parse(br#"{"reboot": 2}"#).unwrap().faults().is_err());
        let negative = Scenario::parse(br#"{"reboot_secs": -1}"#).unwrap();
        assert!(negative.time(&Timing::for_poll(Duration::from_secs(5))).is_err());
    }
}
