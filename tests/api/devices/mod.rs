//! `/api/devices/`: what devices say and what they need back.

mod admission;
mod auth_requests;
mod checklist;
mod download;
mod identity;
mod inventory;
mod log;
mod next;
mod sessions;
mod status;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = checklist::trials();
    trials.extend(auth_requests::trials());
    trials.extend(identity::trials());
    trials.extend(admission::trials());
    trials.extend(sessions::trials());
    trials.extend(inventory::trials());
    trials.extend(next::trials());
    trials.extend(status::trials());
    trials.extend(log::trials());
    trials.extend(download::trials());
    trials
}
