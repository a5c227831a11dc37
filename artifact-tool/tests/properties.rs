//! Laws that hold for any input: what is written is read back, the same input gives the same bytes.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use artifact::compression::Encoding;
use artifact::read::{Discard, PayloadSink, ReadOptions, Reader, read};
use artifact::write::{ChecksumKey, Common, InputFile, ModuleImage, RootfsImage, WriteOptions};
use artifact::{DependsValue, Digest, PayloadFile, SigningKey};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest,
};
use proptest::sample::Index;

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
        version: artifact::FormatVersion::V3,
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
            "d23e23b4c034166b54606dc921d452e91e84ee473d7f3389368ab96571ce52ae"
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
