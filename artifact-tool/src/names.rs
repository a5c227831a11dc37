//! Rules for names, one function each; all return true for a legal name.

/// Suffix-free states and actions of state scripts (artifact format §5.2); longer states first.
const STATES: [&str; 6] = ["Install", "RollbackReboot", "Rollback", "Reboot", "Commit", "Failure"];
const ACTIONS: [&str; 3] = ["_Enter_", "_Leave_", "_Error_"];

/// A payload file: `[A-Za-z0-9_.,-]{1,255}`, neither `.` nor `..` (artifact format §3, §7).
pub(crate) fn is_file(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,-".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(is_legal) && name != "." && name != ".."
}

/// A payload type: `[A-Za-z0-9][A-Za-z0-9._-]*`, because it names an executable (artifact format §5.1).
pub(crate) fn is_payload_type(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=255).contains(&name.len())
        && name.bytes().all(is_legal)
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// A state script, the whole name (artifact format §5.2).
pub(crate) fn is_script(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("Artifact") else { return false };
    let Some(rest) = STATES
        .iter()
        .find_map(|state| ACTIONS.iter().find_map(|action| rest.strip_prefix(state)?.strip_prefix(action)))
    else {
        return false;
    };
    match rest.as_bytes() {
        [tens, ones] => tens.is_ascii_digit() && ones.is_ascii_digit(),
        [tens, ones, b'_', ..] => {
            let label = rest.get(3..).unwrap_or_default();
            tens.is_ascii_digit()
                && ones.is_ascii_digit()
                && !label.is_empty()
                && !label.chars().any(|char| char.is_whitespace() || char.is_control() || char == '/')
                && name.len() <= 255
        }
        _ => false,
    }
}

/// Text for people and comparisons: not empty, at most `limit` bytes, nothing unprintable.
pub(crate) fn is_printable(text: &str, limit: usize) -> bool {
    !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control)
}

/// A glob over provides keys: a lone `\` may not end it (artifact format §5.3).
pub(crate) fn is_glob(glob: &str) -> bool {
    !glob.is_empty() && glob.chars().rev().take_while(|char| *char == '\\').count() % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts() {
        for legal in [
            "ArtifactInstall_Enter_00",
            "ArtifactRollbackReboot_Leave_99",
            "ArtifactRollback_Error_10_undo.sh",
            "ArtifactReboot_Enter_05_x",
        ] {
            assert!(is_script(legal), "{legal}");
        }
        for illegal in [
            "install.sh",
            "Download_Enter_00",
            "ArtifactInstall_Enter_0",
            "ArtifactInstall_Enter_000",
            "ArtifactInstall_Enter_00_",
            "ArtifactInstall_Enter_00 evil",
            "ArtifactInstall_Enter_00_a b",
            "xArtifactInstall_Enter_00",
            "ArtifactSync_Enter_00",
            "ArtifactInstall_enter_00",
        ] {
            assert!(!is_script(illegal), "{illegal}");
        }
    }

    #[test]
    fn files_and_types() {
        assert!(is_file("notes,v1.2-final_x.txt") && is_file(&"a".repeat(255)));
        for illegal in ["", ".", "..", "a b", "a/b", "é", &"a".repeat(256)] {
            assert!(!is_file(illegal), "{illegal}");
        }
        assert!(is_payload_type("rootfs-image") && is_payload_type("a.b_c-9"));
        assert!(!is_payload_type("../../bin/sh") && !is_payload_type("") && !is_payload_type(".hidden"));
        assert!(is_glob(r"rootfs-image.*") && is_glob(r"a\\") && !is_glob(r"a\"));
    }
}
