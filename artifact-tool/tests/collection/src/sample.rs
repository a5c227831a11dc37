//! A good artifact whose parts can be changed one by one.

use std::io::Write;

use flate2::write::GzEncoder;

/// A good `version`.
pub const VERSION: &str = r#"{"format":"mender","version":3}"#;
/// A good `header-info` of one payload of type `module`.
pub const INFO: &str = r#"{"payloads":[{"type":"module"}],"artifact_provides":{"artifact_name":"a"},"artifact_depends":{"device_type":["d"]}}"#;
/// A good `type-info` of that payload.
pub const TYPE_INFO: &str = r#"{"type":"module"}"#;

/// Name and contents of a tar entry or a member.
pub type File = (String, Vec<u8>);

/// Parts of an artifact, uncompressed unless said otherwise.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Contents of `version`.
    pub version: Vec<u8>,
    /// Entries of the header.
    pub header: Vec<File>,
    /// Files per payload.
    pub data: Vec<Vec<File>>,
    /// Suffix of header and data members.
    pub suffix: &'static str,
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

impl Sample {
    /// Makes a good one, uncompressed, with two files.
    pub fn new() -> Self {
        Self {
            version: VERSION.into(),
            header: vec![
                file("header-info", INFO),
                file("headers/0000/type-info", TYPE_INFO),
                file("headers/0000/meta-data", r#"{"k":"v"}"#),
            ],
            data: vec![vec![file("app.bin", "contents"), file("app.cfg", "more")]],
            suffix: "",
        }
    }

    /// Replaces a header entry.
    pub fn with_header(mut self, name: &str, contents: &str) -> Self {
        let entry = self.header.iter_mut().find(|(entry, _)| entry == name);
        entry.unwrap().1 = contents.as_bytes().to_vec();
        self
    }

    /// Inserts a header entry.
    pub fn insert_header(mut self, position: usize, name: &str, contents: &str) -> Self {
        self.header.insert(position, file(name, contents));
        self
    }

    /// Removes a header entry.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.retain(|(entry, _)| entry != name);
        self
    }

    /// Returns the name of the header member.
    pub fn header_name(&self) -> String {
        format!("header.tar{}", self.suffix)
    }

    /// Returns the name of a data member.
    pub fn data_name(&self, index: usize) -> String {
        format!("data/{index:04}.tar{}", self.suffix)
    }

    /// Returns the contents of the header member.
    pub fn header_member(&self) -> Vec<u8> {
        self.compress(&tar(&self.header))
    }

    /// Returns the manifest that fits.
    pub fn manifest(&self) -> String {
        let mut lines = String::new();
        for (index, files) in self.data.iter().enumerate() {
            for (name, contents) in files {
                lines += &line(&format!("data/{index:04}/{name}"), contents);
            }
        }
        lines + &line(&self.header_name(), &self.header_member()) + &line("version", &self.version)
    }

    /// Returns the members of the outer tar.
    pub fn members(&self) -> Vec<File> {
        let mut members = vec![
            ("version".to_owned(), self.version.clone()),
            ("manifest".to_owned(), self.manifest().into_bytes()),
            (self.header_name(), self.header_member()),
        ];
        for (index, files) in self.data.iter().enumerate() {
            members.push((self.data_name(index), self.compress(&tar(files))));
        }
        members
    }

    /// Returns the whole artifact.
    pub fn bytes(&self) -> Vec<u8> {
        tar(&self.members())
    }

    /// Returns the artifact with one member replaced.
    pub fn with_member(&self, name: &str, contents: impl Into<Vec<u8>>) -> Vec<u8> {
        let mut members = self.members();
        members.iter_mut().find(|(member, _)| member == name).unwrap().1 = contents.into();
        tar(&members)
    }

    /// Returns the artifact with another manifest.
    pub fn with_manifest(&self, manifest: &str) -> Vec<u8> {
        self.with_member("manifest", manifest)
    }

    /// Returns the artifact with a header member that the manifest lists correctly.
    pub fn with_header_member(&self, member: &[u8]) -> Vec<u8> {
        let manifest = self
            .manifest()
            .replace(&line(&self.header_name(), &self.header_member()), &line(&self.header_name(), member));
        let mut members = self.members();
        members[1].1 = manifest.into_bytes();
        members[2].1 = member.to_vec();
        tar(&members)
    }

    /// Compresses as the suffix says.
    pub fn compress(&self, plain: &[u8]) -> Vec<u8> {
        match self.suffix {
            "" => plain.to_vec(),
            ".gz" => gzip(plain),
            ".xz" => liblzma::encode_all(plain, 6).unwrap(),
            ".zst" => zstd::encode_all(plain, 3).unwrap(),
            other => panic!("unknown suffix {other}"),
        }
    }
}

/// Returns a file of text.
pub fn file(name: &str, contents: &str) -> File {
    (name.to_owned(), contents.as_bytes().to_vec())
}

/// Returns a line of a manifest.
pub fn line(name: &str, contents: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, contents);
    let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("{hex}  {name}\n")
}

/// Compresses.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Returns a whole tar of regular files.
pub fn tar(files: &[File]) -> Vec<u8> {
    let mut bytes: Vec<u8> = files.iter().flat_map(|(name, contents)| entry(name, b'0', contents)).collect();
    bytes.extend([0; 1024]);
    bytes
}

/// Returns a tar header, contents and padding.
pub fn entry(name: &str, kind: u8, contents: &[u8]) -> Vec<u8> {
    entry_with(name, kind, contents, |_| {})
}

/// Returns an entry whose header was edited before its checksum was computed.
pub fn entry_with(name: &str, kind: u8, contents: &[u8], edit: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut header = [0; 512];
    put(&mut header, 0, name.as_bytes());
    put(&mut header, 100, b"0000644\0");
    put(&mut header, 124, format!("{:011o}\0", contents.len()).as_bytes());
    put(&mut header, 136, b"00000000000\0");
    put(&mut header, 156, &[kind]);
    put(&mut header, 257, b"ustar\x0000");
    edit(&mut header);
    put(&mut header, 148, b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// Overwrites a part of a tar header.
pub fn put(header: &mut [u8; 512], offset: usize, bytes: &[u8]) {
    header[offset..offset + bytes.len()].copy_from_slice(bytes);
}
