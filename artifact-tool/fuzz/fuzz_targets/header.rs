//! The header member and its documents: `header-info`, `type-info`, `meta-data`, in both versions of the format.

#![no_main]

use artifact::{Compression, FormatVersion, Header, fuzzing};
use artifact_fuzz::{choose, limits, tar};
use libfuzzer_sys::fuzz_target;

const INFO: &[u8] = br#"{"payloads":[{"type":"module"}],"artifact_provides":{"artifact_name":"a"},"artifact_depends":{"device_type":["b"]}}"#;
const INFO_2: &[u8] =
    br#"{"artifact_name":"a","updates":[{"type":"rootfs-image"}],"device_types_compatible":["b"]}"#;
const TYPE_INFO: &[u8] =
    br#"{"type":"module","artifact_provides":{"a.version":"1"},"clears_artifact_provides":["a.*"]}"#;
const TYPE_INFO_2: &[u8] = br#"{"type":"rootfs-image"}"#;

fuzz_target!(|data: &[u8]| {
    let Some((way, data)) = choose(data, 8) else { return };
    let with = |info: &[u8], type_info: &[u8], meta_data: &[u8]| {
        tar(&[
            ("header-info", info),
            ("headers/0000/type-info", type_info),
            ("headers/0000/meta-data", meta_data),
        ])
    };
    let (member, compression, version) = match way {
        0 => (with(data, TYPE_INFO, b""), Compression::None, FormatVersion::V3),
        1 => (with(INFO, data, b""), Compression::None, FormatVersion::V3),
        2 => (with(INFO, TYPE_INFO, data), Compression::None, FormatVersion::V3),
        3 => (with(data, TYPE_INFO_2, b""), Compression::None, FormatVersion::V2),
        4 => {
            let files = tar(&[
                ("header-info", INFO_2),
                ("headers/0000/files", data),
                ("headers/0000/type-info", TYPE_INFO_2),
            ]);
            (files, Compression::None, FormatVersion::V2)
        }
        5 => (data.to_vec(), Compression::None, FormatVersion::V3),
        6 => (data.to_vec(), Compression::Gzip, FormatVersion::V3),
        _ => (data.to_vec(), Compression::Zstd, FormatVersion::V2),
    };
    if let Some(header) = fuzzing::header(&member, compression, version, &limits()) {
        check(&header, version);
    }
});

/// What is taken says everything that it must, and says the same when it is written anew.
fn check(header: &Header, version: FormatVersion) {
    assert!(!header.name.is_empty() && !header.device_types.is_empty() && !header.payloads.is_empty());
    if version == FormatVersion::V2 || !header.scripts.is_empty() {
        return;
    }
    let text = |map: &_| serde_json::to_vec(map).expect("a document");
    let mut entries = vec![("header-info".to_owned(), text(&header.info))];
    for payload in &header.payloads {
        let place = format!("headers/{:04}", payload.index);
        entries.push((format!("{place}/type-info"), text(&payload.type_info)));
        if let Some(meta_data) = &payload.meta_data {
            entries.push((format!("{place}/meta-data"), text(meta_data)));
        }
    }
    let entries: Vec<(&str, &[u8])> =
        entries.iter().map(|(name, contents)| (name.as_str(), contents.as_slice())).collect();
    let again = fuzzing::header(&tar(&entries), Compression::None, version, &limits());
    let again = again.expect("what was taken is taken again");
    assert_eq!(again.info, header.info);
    assert_eq!((&again.name, &again.device_types), (&header.name, &header.device_types));
    for (again, payload) in again.payloads.iter().zip(&header.payloads) {
        assert_eq!((&again.kind, &again.provides), (&payload.kind, &payload.provides));
        assert_eq!((&again.depends, &again.clears), (&payload.depends, &payload.clears));
        assert_eq!(again.effective_meta_data, payload.effective_meta_data);
    }
}
