//! The names that the server's certificate covers.

use std::collections::BTreeSet;
use std::fs;

/// The longest DNS name (RFC 1035 §2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// Returns what the generated certificate covers: this machine under its usual names, its host name,
/// and the host of the public URL. Sorted, without duplicates, in lower case.
#[must_use]
pub fn server_names(host_name: Option<&str>, public_host: Option<&str>) -> Vec<String> {
    ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .chain(host_name)
        .chain(public_host)
        .map(|name| name.trim_matches(['[', ']']).to_ascii_lowercase())
        .filter(|name| is_usable(name))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Returns the name of this machine, if it has one.
#[must_use]
pub fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn is_usable(name: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_');
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(is_name_byte)
}

#[cfg(test)]
mod tests {
    use super::server_names;

    #[test]
    fn names_are_sorted_and_unusable_ones_left_out() {
        assert_eq!(
            server_names(Some("Harbour"), Some("ota.example.com")),
            ["127.0.0.1", "::1", "harbour", "localhost", "ota.example.com"]
        );
        assert_eq!(server_names(Some("(none)"), Some("[::1]")), ["127.0.0.1", "::1", "localhost"]);
    }
}
