//! What the demo says at its end.

use std::path::Path;

use secrecy::ExposeSecret;

use super::stage::{EMAIL, Outcome, RELEASE, Stage};

/// How many devices succeeded, and how long it took.
pub(super) fn outcome(outcome: &Outcome) -> Vec<String> {
    let (succeeded, devices) = (outcome.succeeded(), u64::from(outcome.devices));
    let others: Vec<String> = outcome
        .statistics
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(state, count)| state.as_str() != "success" && count.as_u64().is_some_and(|count| count > 0))
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let mut lines = vec![
        String::new(),
        format!(
            "{succeeded} of {devices} devices run {RELEASE} now, after {:.1} s.",
            outcome.took.as_secs_f64()
        ),
        format!(
            "{} were preauthorized, {} accepted; each checked the artifact's signature before it installed.",
            outcome.preauthorized,
            devices.saturating_sub(u64::try_from(outcome.preauthorized).unwrap_or(u64::MAX)),
        ),
    ];
    if !others.is_empty() {
        lines.push(format!("The others: {}.", others.join(", ")));
    }
    lines.push(format!(
        "Their requests: {}, downloaded: {} bytes.",
        outcome.report.requests.values().map(|one| one.latency.count).sum::<u64>(),
        outcome.report.bytes_downloaded
    ));
    lines
}

/// Where to look while the server stays up.
pub(super) fn where_to_look(outcome: &Outcome, stage: &Stage, directory: &Path) -> Vec<String> {
    let url = &stage.url;
    vec![
        String::new(),
        "Where to look:".to_owned(),
        format!("  server     {url}"),
        format!("  log in as  {EMAIL} with password {}", stage.password.expose_secret()),
        format!("  files      {}", directory.display()),
        format!(
            "  devices    TOKEN=$(curl -s --cacert {ca} -u '{EMAIL}:{password}' -X POST \
             {url}/api/management/v1/useradm/auth/login)",
            ca = stage.ca_file().display(),
            password = stage.password.expose_secret(),
        ),
        format!(
            "             curl -s --cacert {ca} -H \"Authorization: Bearer $TOKEN\" \
             {url}/api/management/v1/deployments/deployments/{deployment}",
            ca = stage.ca_file().display(),
            deployment = outcome.deployment,
        ),
    ]
}
