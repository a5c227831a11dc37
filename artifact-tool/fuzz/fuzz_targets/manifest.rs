//! Both manifests.

#![no_main]

use artifact::{Manifest, fuzzing};
use artifact_fuzz::limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(manifest) = Manifest::parse(data, &limits()) {
        assert_eq!(fuzzing::manifest(&manifest), data, "the strict form is the only one");
        assert!(manifest.digest("version").is_some() && manifest.digest(manifest.header()).is_some());
        for (index, name) in manifest.files() {
            assert!(manifest.digest(&format!("data/{index:04}/{name}")).is_some());
        }
    }
    if let Ok(manifest) = fuzzing::manifest_augment(data, &limits()) {
        assert_eq!(fuzzing::manifest(&manifest), data);
        assert!(manifest.digest("version").is_none());
    }
});
