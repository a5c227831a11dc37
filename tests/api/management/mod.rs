//! `/api/management/`: what users and their tools say.

mod access;
mod artifact_generate;
mod artifacts;
mod audit;
mod console_start;
mod conventions;
mod deployments;
mod devauth;
mod device_connect;
mod inventory;
mod members;
mod password_reset;
mod phases;
mod release_trust;
mod releases;
mod roles;
mod saved_filters;
mod scopes;
mod second_factors;
mod sessions;
mod settings;
mod setup;
mod tags;
mod tenants;
mod tokens;
mod uploads;
mod useradm;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = conventions::trials();
    trials.extend(access::trials());
    trials.extend(setup::trials());
    trials.extend(audit::trials());
    trials.extend(settings::trials());
    trials.extend(useradm::trials());
    trials.extend(second_factors::trials());
    trials.extend(roles::trials());
    trials.extend(scopes::trials());
    trials.extend(members::trials());
    trials.extend(tenants::trials());
    trials.extend(sessions::trials());
    trials.extend(tokens::trials());
    trials.extend(password_reset::trials());
    trials.extend(devauth::trials());
    trials.extend(device_connect::trials());
    trials.extend(inventory::trials());
    trials.extend(saved_filters::trials());
    trials.extend(tags::trials());
    trials.extend(console_start::trials());
    trials.extend(artifacts::trials());
    trials.extend(artifact_generate::trials());
    trials.extend(uploads::trials());
    trials.extend(releases::trials());
    trials.extend(release_trust::trials());
    trials.extend(deployments::trials());
    trials.extend(phases::trials());
    trials
}
