use crate::read::Rule;

/// Longest name of an entry in bytes: four times the longest that the format has a use for.
const LONGEST: usize = 1024;

/// Checks the name of an entry: relative UTF-8 without empty, `.` or `..` components.
pub(super) fn check(name: Vec<u8>) -> Result<String, Rule> {
    if let Some(start) = name.get(..LONGEST + 1) {
        // Many such names would take much memory; errors keep the beginning.
        let name = start.get(..64).unwrap_or_default().escape_ascii().to_string() + "…";
        return Err(Rule::Path { name, why: "is longer than 1024 bytes" });
    }
    let name = String::from_utf8(name).map_err(|error| Rule::Path {
        name: error.as_bytes().escape_ascii().to_string(),
        why: "is not UTF-8",
    })?;
    let why = if name.is_empty() {
        "is empty"
    } else if name.contains('\0') {
        "contains NUL"
    } else if name.starts_with('/') {
        "is absolute"
    } else if name.split('/').any(|part| part == "..") {
        "contains `..`"
    } else if name.split('/').any(|part| part.is_empty() || part == ".") {
        "has an empty component or `.`"
    } else {
        return Ok(name);
    };
    Err(Rule::Path { name, why })
}
