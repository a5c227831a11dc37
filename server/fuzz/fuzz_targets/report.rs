//! What devices report of an update: status and log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::deployments::DeviceDeploymentState;
use sealift::http::fuzzing;

fuzz_target!(|data: &[u8]| {
    match fuzzing::report(data) {
        Ok((state, substate)) => {
            assert_eq!(DeviceDeploymentState::from_report(state.as_str()), Ok(state));
            let substate = substate.unwrap_or_default();
            assert!(substate.chars().count() <= 200 && !substate.contains('\0'));
        }
        Err(status) => assert_eq!(status, 400),
    }
    // A log is kept whatever it is, and keeping it twice changes nothing.
    let log = fuzzing::log(data);
    assert!(!log.contains('\0') && log.len() <= 3 * data.len());
    assert_eq!(fuzzing::log(log.as_bytes()), log);
});
