//! Who runs this command.

use std::fs;

/// The name of the user that this process runs as, or its number if the machine has no name for it.
#[must_use]
pub(super) fn os_user() -> String {
    let id = rustix::process::getuid().as_raw().to_string();
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(&id, &accounts).map_or(id.clone(), str::to_owned)
}

/// Looks a number up in lines of `name:password:number:…` (passwd(5)).
fn name_of<'a>(id: &str, accounts: &'a str) -> Option<&'a str> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1) == Some(id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn numbers_have_the_names_of_the_machine() {
        let accounts = "root:x:0:0:root:/:/bin/sh\nno line\n:x:7:7::/:\nops:x:1000:1000::/:/bin/sh\n";
        assert_eq!(name_of("0", accounts), Some("root"));
        assert_eq!(name_of("1000", accounts), Some("ops"));
        assert_eq!(name_of("7", accounts), None);
        assert_eq!(name_of("100", accounts), None);
    }
}
