//! Caps on every untrusted size and count.

/// How much of anything the reader accepts (artifact format §12); sizes are bytes.
///
/// The format itself has no limits, so these are ours. All of them may be changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The whole file; unlimited by default, because the upload quota is the caller's.
    pub artifact: u64,
    /// All payload files together, uncompressed; unlimited by default.
    pub payload: u64,
    /// How many times as large as it is stored a compressed data member may become, tar framing included,
    /// once it is larger than `payload_unasked`.
    pub payload_expansion: u64,
    /// What a data member may become however small it is stored: an empty disk image is no attack.
    pub payload_unasked: u64,
    /// The member `version`.
    pub version: u64,
    /// The member `manifest`, and `manifest-augment`.
    pub manifest: u64,
    /// Lines of either manifest.
    pub manifest_lines: usize,
    /// The member `manifest.sig`.
    pub signature: u64,
    /// A header member as stored.
    pub header_compressed: u64,
    /// A header member decompressed, tar framing included.
    pub header: u64,
    /// `header-info`.
    pub header_info: u64,
    /// One `type-info` (or the `files` list of format version 2).
    pub type_info: u64,
    /// One `meta-data`.
    pub meta_data: u64,
    /// `type-info` and `meta-data` of all payloads together.
    pub payload_texts: u64,
    /// One state script.
    pub script: u64,
    /// Number of state scripts.
    pub scripts: usize,
    /// Number of payloads.
    pub payloads: usize,
    /// Files of one payload.
    pub files_per_payload: usize,
    /// Zero bytes after the end blocks of an inner tar.
    pub zero_tail: u64,
    /// One PAX or GNU extension header.
    pub tar_extension: u64,
    /// PAX and GNU extension headers before one entry.
    pub tar_extensions: usize,
    /// Nesting of JSON values.
    pub json_depth: usize,
    /// Bytes of any one name or value in the header: artifact name, group, device type.
    pub name: usize,
    /// Memory of the xz decoder.
    pub xz_memory: u64,
    /// Window of the zstd decoder, as a power of two.
    pub zstd_window_log: u32,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Limits {
    /// Returns what a data member of `stored` bytes may become.
    pub(crate) fn expanded(&self, stored: u64) -> u64 {
        stored.saturating_mul(self.payload_expansion).max(self.payload_unasked)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            artifact: u64::MAX,
            payload: u64::MAX,
            payload_expansion: 200,
            payload_unasked: 1024 * MIB,
            version: 4 * KIB,
            manifest: 4 * MIB,
            manifest_lines: 20_000,
            signature: 16 * KIB,
            header_compressed: 16 * MIB,
            header: 64 * MIB,
            header_info: MIB,
            type_info: MIB,
            meta_data: MIB,
            payload_texts: 2 * MIB,
            script: 4 * MIB,
            scripts: 1000,
            payloads: 16,
            files_per_payload: 10_000,
            zero_tail: MIB,
            tar_extension: 64 * KIB,
            tar_extensions: 8,
            json_depth: 64,
            name: 256,
            xz_memory: 72 * MIB,
            zstd_window_log: 26,
        }
    }
}
