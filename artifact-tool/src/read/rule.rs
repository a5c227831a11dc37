use crate::json::JsonError;

/// The rules of the format; each variant is one way to break one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    // Container (artifact format §1).
    /// The file, or a tar in it, ends in the middle.
    #[error("the data ends too early")]
    Truncated,
    /// A tar header whose checksum is wrong.
    #[error("wrong tar header checksum")]
    TarChecksum,
    /// A block that is no tar header.
    #[error("not a tar header")]
    TarMagic,
    /// A numeric field that is not a number, negative, or too large.
    #[error("the tar header's {field} is not a valid number")]
    TarNumber {
        /// Field of the tar header.
        field: &'static str,
    },
    /// Link, device, directory, fifo, sparse file or unknown kind of entry.
    #[error("entries of type {0:?} are not allowed, only regular files")]
    EntryType(char),
    /// A name that could leave the place where files belong.
    #[error("the name {name:?} {why}")]
    Path {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A malformed or forbidden PAX record.
    #[error("tar extension header: {0}")]
    Pax(&'static str),
    /// Padding after an entry that is not zero.
    #[error("the padding of an entry is not zero")]
    Padding,
    /// A single zero block.
    #[error("the second end block is missing")]
    EndBlocks,
    /// Something other than zero blocks after the end.
    #[error("data follows the end of the archive")]
    TrailingData,

    // Limits (artifact format §12).
    /// More bytes than allowed.
    #[error("{what} of {size} bytes, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Size found, or the part of it that was read.
        size: u64,
        /// Limit.
        limit: u64,
    },
    /// More items than allowed.
    #[error("more {what} than the limit of {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// Limit.
        limit: usize,
    },
    /// A member claims more bytes than the file has left.
    #[error("a size of {claimed} bytes is claimed, {left} are left in the file")]
    DeclaredSize {
        /// Size in the tar header.
        claimed: u64,
        /// Bytes left by the declared size of the file.
        left: u64,
    },
    /// The file is longer or shorter than declared.
    #[error("the file has {found} bytes, {declared} were declared")]
    FileSize {
        /// Size found.
        found: u64,
        /// Size declared.
        declared: u64,
    },

    // Outer members (artifact format §1, §13).
    /// Another member is due here.
    #[error("found the member {found:?}, expected {expected}")]
    MemberOrder {
        /// Member found.
        found: String,
        /// Members that may come here.
        expected: &'static str,
    },
    /// The file ends before a required member.
    #[error("the file ends before {0}")]
    MissingMember(&'static str),
    /// A member with unsigned additions in a place where none are wanted.
    #[error("unsigned additions (augmented artifacts) are not accepted")]
    Augmented,
    /// Only one of `manifest-augment` and `header-augment` is present.
    #[error("manifest-augment and header-augment.tar must come together")]
    AugmentPair,

    // `version` (artifact format §2).
    /// Not the JSON that belongs there.
    #[error("not a valid version: {0}")]
    Version(String),
    /// A version that cannot be read.
    #[error("format version {0} is not supported{hint}", hint = if *.0 == 1 { " any longer" } else { "" })]
    UnsupportedVersion(u64),

    // `manifest` (artifact format §3).
    /// A line that is not in the strict form.
    #[error("line {line}: {why}")]
    Manifest {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A required line is missing.
    #[error("the manifest does not list {0}")]
    ManifestLacks(&'static str),
    /// A name in both manifests.
    #[error("{0:?} is listed in both manifests")]
    ListedTwice(String),
    /// Contents whose digest is not the listed one.
    #[error("the checksum of {0:?} is not the one in the manifest")]
    Checksum(String),
    /// A file that no manifest lists.
    #[error("{0:?} is not listed in the manifest")]
    NotListed(String),
    /// A listed file that is not there.
    #[error("{0:?} is listed in the manifest but missing")]
    ListedButMissing(String),

    // `manifest.sig` (artifact format §4).
    /// Not base64 of a signature.
    #[error("not a signature in base64")]
    SignatureEncoding,
    /// A signature is needed.
    #[error("the artifact is not signed")]
    SignatureMissing,
    /// The caller does not accept the signature, or that there is none; it says why.
    #[error("{0}")]
    SignatureRefused(String),
    /// No trusted key made the signature.
    #[error("the signature does not fit any of the given keys")]
    SignatureMismatch,

    // Compression (artifact format §11).
    /// The stream is not complete and correct.
    #[error("corrupt {compression} stream: {why}")]
    Corrupt {
        /// Name of the compression.
        compression: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// Bytes after the compressed stream.
    #[error("data follows the compressed stream")]
    AfterStream,

    // Header (artifact format §5, §6).
    /// An entry that does not belong there, or not in this order.
    #[error("the header entry {name:?} {why}")]
    HeaderEntry {
        /// Name of the entry.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An entry that must be there is not.
    #[error("the header has no {0}")]
    HeaderLacks(String),
    /// Text that is not strict JSON.
    #[error("{what}: {source}")]
    Json {
        /// Entry.
        what: String,
        /// What is wrong with it.
        source: JsonError,
    },
    /// A field of `header-info` that is missing, of the wrong type, empty or unknown.
    #[error("header-info: {0}")]
    HeaderInfo(String),
    /// A field of `type-info` that is missing, of the wrong type, or illegal.
    #[error("type-info of payload {index}: {why}")]
    TypeInfo {
        /// Payload.
        index: usize,
        /// What is wrong.
        why: String,
    },
    /// A script whose name the clients would not run, or a second one of that name.
    #[error("the script name {0:?} is not valid or occurs twice")]
    ScriptName(String),
    /// Header-info, header entries and data disagree about payloads.
    #[error("payloads: {0}")]
    Payloads(String),
    /// Additions that contradict what they add to.
    #[error("the unsigned additions conflict with the artifact at {0:?}")]
    AugmentConflict(String),

    // Data (artifact format §7).
    /// A file that occurs twice.
    #[error("the file {0:?} occurs twice")]
    DuplicateFile(String),
    /// A payload file with a name that is not allowed.
    #[error("{0:?} is not a legal payload file name")]
    FileName(String),
}

impl Rule {
    /// Returns the name of the rule for programs; it is not changed once it is released.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TarChecksum => "tar-checksum",
            Self::TarMagic => "tar-magic",
            Self::TarNumber { .. } => "tar-number",
            Self::EntryType(_) => "entry-type",
            Self::Path { .. } => "path",
            Self::Pax(_) => "tar-extension",
            Self::Padding => "padding",
            Self::EndBlocks => "end-blocks",
            Self::TrailingData => "trailing-data",
            Self::TooLarge { .. } => "too-large",
            Self::TooMany { .. } => "too-many",
            Self::DeclaredSize { .. } => "declared-size",
            Self::FileSize { .. } => "file-size",
            Self::MemberOrder { .. } => "member-order",
            Self::MissingMember(_) => "missing-member",
            Self::Augmented => "augmented",
            Self::AugmentPair => "augment-pair",
            Self::Version(_) => "version",
            Self::UnsupportedVersion(_) => "unsupported-version",
            Self::Manifest { .. } => "manifest-line",
            Self::ManifestLacks(_) => "manifest-lacks",
            Self::ListedTwice(_) => "listed-twice",
            Self::Checksum(_) => "checksum",
            Self::NotListed(_) => "not-listed",
            Self::ListedButMissing(_) => "listed-but-missing",
            Self::SignatureEncoding => "signature-encoding",
            Self::SignatureMissing => "signature-missing",
            Self::SignatureRefused(_) => "signature-refused",
            Self::SignatureMismatch => "signature-mismatch",
            Self::Corrupt { .. } => "corrupt",
            Self::AfterStream => "after-stream",
            Self::HeaderEntry { .. } => "header-entry",
            Self::HeaderLacks(_) => "header-lacks",
            Self::Json { .. } => "json",
            Self::HeaderInfo(_) => "header-info",
            Self::TypeInfo { .. } => "type-info",
            Self::ScriptName(_) => "script-name",
            Self::Payloads(_) => "payloads",
            Self::AugmentConflict(_) => "augment-conflict",
            Self::DuplicateFile(_) => "duplicate-file",
            Self::FileName(_) => "file-name",
        }
    }
}
