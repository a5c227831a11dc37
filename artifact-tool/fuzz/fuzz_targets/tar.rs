//! The strict tar reader.

#![no_main]

use artifact::fuzzing;
use artifact_fuzz::limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(entries) = fuzzing::tar(data, &limits()) else { return };
    let contents: usize = entries.iter().map(|(_, contents)| contents.len()).sum();
    assert!(contents + 512 * entries.len() + 1024 <= data.len(), "every entry was there");
    for (name, _) in &entries {
        assert!(!name.is_empty() && !name.starts_with('/') && !name.contains('\0'), "{name:?}");
        assert!(name.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{name:?}");
    }
    // What a lenient reader finds in it is the same: the strict form has no second meaning.
    let mut lenient = tar::Archive::new(data);
    for (entry, (name, contents)) in lenient.entries().expect("a tar").zip(&entries) {
        let mut entry = entry.expect("an entry");
        assert_eq!(entry.path_bytes().as_ref(), name.as_bytes());
        let mut found = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut found).expect("contents");
        assert_eq!(&found, contents);
    }
});
