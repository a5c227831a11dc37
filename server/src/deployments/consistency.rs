//! Whether what is counted is what is there.

use super::{Deployment, DeviceDeploymentState, Statistics};

/// Why the counters of a deployment cannot be right, given how many device deployments are in each state.
///
/// A target that never asked has no device deployment: it is counted as pending, and with the deployment's end as
/// aborted or decommissioned.
#[must_use]
pub fn disagreement(deployment: &Deployment, rows: &Statistics) -> Option<String> {
    use DeviceDeploymentState as S;
    let counters = &deployment.statistics;
    for (state, counted) in counters.iter() {
        let found = rows.of(state);
        let may_lack_rows = matches!(state, S::Pending | S::Aborted | S::Decommissioned);
        if counted < found || (counted > found && !may_lack_rows) {
            return Some(format!("counts {counted} devices as {}, but {found} are", state.as_str()));
        }
    }
    let total: i64 = counters.iter().map(|(_, count)| count).sum();
    (u64::try_from(total) != Ok(deployment.target_count))
        .then(|| format!("counts {total} devices, but is meant for {}", deployment.target_count))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Deployment, DeviceDeploymentState as S, Statistics, disagreement};
    use crate::deployments::Phases;

    fn deployment(statistics: Statistics) -> Deployment {
        Deployment {
            number: 1.into(),
            id: uuid::Uuid::nil().into(),
            name: "d".to_owned(),
            artifact_name: "r".to_owned(),
            forced: false,
            phases: Phases::default(),
            retries: 0,
            group: None,
            target_count: 3,
            asked_count: 1,
            total_size: 0,
            statistics,
            created_at: DateTime::UNIX_EPOCH,
            finished_at: None,
        }
    }

    #[test]
    fn counters_agree_with_rows_or_with_targets_that_never_asked() {
        let (mut counters, mut rows) = (Statistics::targeted(3), Statistics::default());
        assert_eq!(disagreement(&deployment(counters), &rows), None);
        counters.transfer(S::Pending, S::Success);
        rows.add(S::Success, 1);
        assert_eq!(disagreement(&deployment(counters), &rows), None);
        counters.transfer(S::Pending, S::Aborted);
        assert_eq!(disagreement(&deployment(counters), &rows), None);
    }

    #[test]
    fn a_wrong_counter_is_named() {
        let (mut counters, rows) = (Statistics::targeted(3), Statistics::default());
        counters.transfer(S::Pending, S::Success);
        let text = disagreement(&deployment(counters), &rows).unwrap();
        assert_eq!(text, "counts 1 devices as success, but 0 are");
        let text = disagreement(&deployment(Statistics::targeted(2)), &rows).unwrap();
        assert_eq!(text, "counts 2 devices, but is meant for 3");
    }
}
