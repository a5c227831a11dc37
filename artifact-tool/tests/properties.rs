//! Laws that hold for any input: what is written is read back, the same input gives the same bytes.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use artifact::compression::Encoding;
use artifact::read::{Discard, PayloadSink, ReadOptions, Reader, read};
use artifact::write::{
    BootstrapArtifact, ChecksumKey, Common, Defaults, InputFile, ModuleImage, RootfsImage, Software,
    WriteOptions,
};
use artifact::{Artifact, DependsValue, Digest, FormatVersion, Header, PayloadFile, SigningKey};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest,
};
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

const KEY: &str = include_str!("fixtures/keys/p256.private.sec1.pem");

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just("none"), Just("gzip"), Just("gzip:1"), Just("gzip:9"), Just("lzma:0"), Just("zstd"),]
        .prop_map(|text| text.parse().unwrap())
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß中]{1,40}"
}

fn key() -> impl Strategy<Value = String> {
    "[a-z][a-z_.-]{0,20}".prop_filter("reserved", |key| {
        !["artifact_name", "artifact_group", "device_type"].contains(&key.as_str())
    })
}

fn files() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let size = prop_oneof![0..3_usize, 500..520_usize, 0..5000_usize];
    let contents = (size, any::<u8>()).prop_map(|(size, byte)| vec![byte; size]);
    let name = prop_oneof!["[A-Za-z0-9_,-][A-Za-z0-9_.,-]{0,30}", "[a-z]{90,110}", "[a-z]{255}"];
    proptest::collection::btree_map(name, contents, 0..5).prop_map(|files| files.into_iter().rev().collect())
}

fn scripts() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let name = "Artifact(Install|Reboot|Commit|Rollback|RollbackReboot|Failure)_(Enter|Leave|Error)_[0-9]{2}(_[a-z.]{1,90})?";
    proptest::collection::btree_map(name, proptest::collection::vec(any::<u8>(), 0..600), 0..4)
}

prop_compose! {
    fn common()(
        name in text(),
        device_types in proptest::collection::vec(text(), 1..4),
        group in proptest::option::of(text()),
        depends_names in proptest::collection::vec(text(), 0..3),
        depends_groups in proptest::collection::vec(text(), 0..3),
        depends in proptest::collection::btree_map(key(), text(), 0..4),
        provides in proptest::collection::btree_map(key(), text(), 0..4),
        clears in proptest::collection::vec("[a-z.*]{1,20}", 0..3),
        scripts in scripts(),
    ) -> Common {
        let scripts = scripts.into_iter().map(|(name, contents)| InputFile::bytes(name, contents)).collect();
        Common { name, device_types, group, depends_names, depends_groups, depends, provides, clears, scripts, ..Common::default() }
    }
}

prop_compose! {
    fn software()(
        filesystem in proptest::option::of("[a-z-]{1,12}"),
        name in proptest::option::of("[a-z-]{0,12}"),
        version in proptest::option::of(text()),
        defaults in select(vec![Defaults::VersionAndClears, Defaults::Version, Defaults::Nothing]),
    ) -> Software {
        Software { filesystem, name, version, defaults }
    }
}

prop_compose! {
    fn rootfs_image()(
        common in common(),
        // White space in it is refused: clients of images split by it.
        name in "[!-~äß中]{1,40}",
        software in software(),
        file in prop_oneof!["[A-Za-z0-9_,-][A-Za-z0-9_.,-]{0,30}", "[a-z]{90,110}", "[a-z]{255}"],
        size in prop_oneof![0..3_usize, 500..520_usize, 60_000..140_000_usize],
        seed in any::<u8>(),
        checksum in select(vec![ChecksumKey::Usual, ChecksumKey::Legacy, ChecksumKey::Nothing]),
        is_v2 in proptest::bool::weighted(0.2),
    ) -> (RootfsImage, String, Vec<u8>) {
        let contents: Vec<u8> = (0_u8..=250).cycle().map(|byte| byte ^ seed).take(size).collect();
        let image = InputFile::bytes(file.clone(), contents.clone());
        let version = if is_v2 { FormatVersion::V2 } else { FormatVersion::V3 };
        let common = Common { name, software, ..common };
        (RootfsImage { common, image, checksum, version }, file, contents)
    }
}

/// What the header must say of what all kinds have; version 2 has no place for the rest.
fn check_common(header: &Header, common: &Common) -> Result<(), TestCaseError> {
    prop_assert_eq!(&header.name, &common.name);
    prop_assert_eq!(&header.device_types, &common.device_types);
    if header.version == FormatVersion::V3 {
        prop_assert_eq!(&header.group, &common.group);
        prop_assert_eq!(&header.depends_names, &common.depends_names);
        prop_assert_eq!(&header.depends_groups, &common.depends_groups);
    }
    Ok(())
}

fn depends_of(common: &Common) -> BTreeMap<String, DependsValue> {
    common.depends.iter().map(|(key, value)| (key.clone(), DependsValue::One(value.clone()))).collect()
}

/// Provides and clears of an image, as artifact format §5.3 has them.
fn recorded(image: &RootfsImage, contents: &[u8]) -> (BTreeMap<String, String>, Vec<String>) {
    let (common, software) = (&image.common, &image.common.software);
    let named = software.name.as_ref().filter(|name| !name.is_empty());
    let first = software.filesystem.as_deref().unwrap_or("rootfs-image");
    let prefix = named.map_or_else(|| first.to_owned(), |name| format!("{first}.{name}"));
    let mut provides = BTreeMap::new();
    if software.defaults != Defaults::Nothing || software.version.is_some() {
        let version = software.version.clone().unwrap_or_else(|| common.name.clone());
        provides.insert(format!("{prefix}.version"), version);
    }
    provides.extend(common.provides.clone());
    let checksum = match image.checksum {
        ChecksumKey::Usual => Some("rootfs-image.checksum"),
        ChecksumKey::Legacy => Some("rootfs_image_checksum"),
        ChecksumKey::Nothing => None,
    };
    provides.extend(checksum.map(|key| (key.to_owned(), Digest::of(contents).to_string())));
    let mut clears = common.clears.clone();
    if software.defaults == Defaults::VersionAndClears {
        if named.is_none() && software.filesystem.is_none() {
            clears.extend(["artifact_group".to_owned(), "rootfs_image_checksum".to_owned()]);
        }
        clears.push(format!("{prefix}.*"));
    }
    (provides, clears)
}

/// Reads everything that was signed with the key of these tests.
fn read_all(bytes: &[u8], signing: &SigningKey) -> (Artifact, Vec<(String, Vec<u8>)>) {
    let reading =
        ReadOptions { keys: vec![signing.verifying_key().unwrap()], scripts: true, ..ReadOptions::default() };
    let mut kept = Keep::default();
    let artifact = Reader::open(bytes, &reading).unwrap().payloads(&mut kept).unwrap();
    (artifact, kept.files)
}

/// Keeps what it is given.
#[derive(Default)]
struct Keep {
    current: Vec<u8>,
    files: Vec<(String, Vec<u8>)>,
}

impl PayloadSink for Keep {
    fn begin(&mut self, _: &PayloadFile) -> std::io::Result<()> {
        self.current.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.current.extend(bytes);
        Ok(())
    }

    fn end(&mut self, file: &PayloadFile) -> std::io::Result<()> {
        self.files.push((file.name.clone(), std::mem::take(&mut self.current)));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(
        common in common(),
        files in files(),
        meta_data in proptest::option::of("[a-z \"\\\\<>&\n]{0,40}"),
        encoding in encoding(),
        mtime in 0..4_000_000_000_u64,
    ) {
        let meta_data = meta_data.map(|text| serde_json::json!({"text": text, "list": [1, 2.5, null]}));
        let image = ModuleImage {
            common: common.clone(),
            payload_type: "module".to_owned(),
            files: files.iter().map(|(name, contents)| InputFile::bytes(name, contents.clone())).collect(),
            meta_data: meta_data.as_ref().map(|json| json.to_string().into_bytes()),
            ..ModuleImage::default()
        };
        let signing = SigningKey::from_pem(KEY).unwrap();
        let options = WriteOptions { encoding, key: Some(&signing), mtime, ..WriteOptions::default() };
        let mut bytes = Vec::new();
        image.write(&mut bytes, &options).unwrap();
        let mut again = Vec::new();
        image.write(&mut again, &options).unwrap();
        prop_assert_eq!(&bytes, &again);

        let reading = ReadOptions { keys: vec![signing.verifying_key().unwrap()], ..ReadOptions::default() };
        let reader = Reader::open(bytes.as_slice(), &reading).unwrap();
        let mut kept = Keep::default();
        let artifact = reader.payloads(&mut kept).unwrap();
        prop_assert_eq!(kept.files, files);
        prop_assert!(artifact.files.iter().all(|file| i64::try_from(mtime) == Ok(file.mtime)));
        let header = artifact.header;
        prop_assert_eq!(header.name, common.name);
        prop_assert_eq!(header.group, common.group);
        prop_assert_eq!(header.device_types, common.device_types);
        prop_assert_eq!(header.depends_names, common.depends_names);
        prop_assert_eq!(header.depends_groups, common.depends_groups);
        prop_assert_eq!(header.compression, encoding.compression());
        let scripts: BTreeSet<_> = common.scripts.iter().map(|script| script.name().to_owned()).collect();
        prop_assert!(header.scripts.iter().map(|script| &script.name).eq(&scripts));
        let payload = &header.payloads[0];
        let depends: BTreeMap<_, _> =
            common.depends.into_iter().map(|(key, value)| (key, DependsValue::One(value))).collect();
        prop_assert_eq!(&payload.depends, &depends);
        for (key, value) in &common.provides {
            prop_assert_eq!(payload.provides.get(key), Some(value));
        }
        prop_assert!(payload.clears.starts_with(&common.clears));
        let read_meta_data = payload.meta_data.clone().map(serde_json::Value::Object);
        prop_assert_eq!(read_meta_data, meta_data);
    }

    #[test]
    fn rootfs_image_is_read_back(
        (image, file, contents) in rootfs_image(),
        scripts in scripts(),
        encoding in encoding(),
    ) {
        let mut image = image;
        let inputs = scripts.iter().map(|(name, contents)| InputFile::bytes(name, contents.clone()));
        image.common.scripts = inputs.collect();
        let signing = SigningKey::from_pem(KEY).unwrap();
        let options = WriteOptions { encoding, key: Some(&signing), ..WriteOptions::default() };
        let mut bytes = Vec::new();
        image.write(&mut bytes, &options).unwrap();

        let (artifact, files) = read_all(&bytes, &signing);
        let (provides, clears) = recorded(&image, &contents);
        prop_assert_eq!(files, vec![(file, contents)]);
        prop_assert_eq!(artifact.size, u64::try_from(bytes.len()).unwrap());
        let header = artifact.header;
        prop_assert_eq!(header.version, image.version);
        prop_assert_eq!(header.compression, encoding.compression());
        prop_assert!(header.signature.as_ref().is_some_and(|signature| signature.verified.is_some()));
        check_common(&header, &image.common)?;
        let read_scripts: BTreeMap<_, _> =
            header.scripts.iter().map(|script| (script.name.clone(), script.contents.clone().unwrap())).collect();
        prop_assert_eq!(read_scripts, scripts);
        prop_assert_eq!(header.payloads.len(), 1);
        let payload = &header.payloads[0];
        prop_assert_eq!(payload.kind.as_deref(), Some("rootfs-image"));
        if image.version == FormatVersion::V3 {
            prop_assert_eq!(&payload.depends, &depends_of(&image.common));
            prop_assert_eq!(&payload.provides, &provides);
            prop_assert_eq!(&payload.clears, &clears);
        } else {
            prop_assert!(payload.provides.is_empty() && payload.clears.is_empty());
        }
    }

    #[test]
    fn bootstrap_artifact_is_read_back(common in common(), encoding in encoding()) {
        let bootstrap = BootstrapArtifact { common };
        let signing = SigningKey::from_pem(KEY).unwrap();
        let options = WriteOptions { encoding, key: Some(&signing), ..WriteOptions::default() };
        let mut bytes = Vec::new();
        bootstrap.write(&mut bytes, &options).unwrap();

        let (artifact, files) = read_all(&bytes, &signing);
        prop_assert!(files.is_empty());
        let header = artifact.header;
        prop_assert_eq!(header.version, FormatVersion::V3);
        prop_assert_eq!(header.compression, encoding.compression());
        check_common(&header, &bootstrap.common)?;
        prop_assert!(header.scripts.is_empty());
        prop_assert_eq!(header.payloads.len(), 1);
        let payload = &header.payloads[0];
        prop_assert_eq!(&payload.kind, &None);
        // Nothing is added by itself.
        prop_assert_eq!(&payload.depends, &depends_of(&bootstrap.common));
        prop_assert_eq!(&payload.provides, &bootstrap.common.provides);
        prop_assert_eq!(&payload.clears, &bootstrap.common.clears);
    }

    #[test]
    fn order_of_scripts_does_not_matter(common in common()) {
        let write = |common: Common| {
            let image = ModuleImage { common, payload_type: "module".to_owned(), ..ModuleImage::default() };
            let mut bytes = Vec::new();
            image.write(&mut bytes, &WriteOptions::default()).unwrap();
            bytes
        };
        let mut reversed = common.clone();
        reversed.scripts.reverse();
        prop_assert_eq!(write(common), write(reversed));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..4096), at in any::<Index>()) {
        let good: &[u8] = include_bytes!("fixtures/module-none.mender");
        let _refused = read(bytes.as_slice(), &ReadOptions::default());
        let start = at.index(good.len());
        bytes.splice(..0, good[..start].iter().copied());
        prop_assert!(read(bytes.as_slice(), &ReadOptions::default()).is_err());
    }
}

fn golden(encoding: Encoding) -> String {
    let image = RootfsImage {
        common: Common::new("golden-1.0", ["beaglebone", "raspberrypi4"]),
        image: InputFile::bytes("rootfs.img", vec![42; 100_000]),
        checksum: ChecksumKey::Usual,
        version: FormatVersion::V3,
    };
    let key = SigningKey::from_pem(KEY).unwrap();
    let mut bytes = Vec::new();
    image.write(&mut bytes, &WriteOptions { encoding, key: Some(&key), ..WriteOptions::default() }).unwrap();
    Digest::of(&bytes).to_string()
}

#[test]
fn bytes_are_the_same_on_any_machine_and_day() {
    assert_eq!(
        [golden(Encoding::NONE), golden(Encoding::GZIP)],
        [
            "1416ff919fa0c163702a19b252dccc215f8cbada3b474ea6f7de059ff6975100",
            "baefdeaa8e32b094835ba9c1eca87a7938421b7a1ef631f8f8233e9da23ec95a"
        ]
    );
}

#[test]
fn a_reader_may_be_dropped_after_the_header() {
    let reader =
        Reader::open(&include_bytes!("fixtures/rootfs-depends.mender")[..], &ReadOptions::default()).unwrap();
    assert_eq!(reader.header().name, "rootfs-2.0");
    assert_eq!(reader.header().merged().depends.len(), 5);
    assert_eq!(reader.payloads(&mut Discard).unwrap().files.len(), 1);
}

#[test]
fn a_failing_input_is_not_a_bad_artifact() {
    use std::io::Read;
    let good: &[u8] = include_bytes!("fixtures/module-single.mender");
    for length in [0, 100, 3000, 9000] {
        let broken = good[..length].chain(Broken);
        let error = read(broken, &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, artifact::ReadError::Input { .. }), "{error:?}");
    }
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}
