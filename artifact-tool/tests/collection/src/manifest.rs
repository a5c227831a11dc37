//! `manifest`.

use crate::Case;
use crate::case::case;
use crate::sample::{Sample, line};

fn edited(edit: impl FnOnce(String) -> String) -> Vec<u8> {
    let sample = Sample::new();
    sample.with_manifest(&edit(sample.manifest()))
}

fn with_line(name: &str) -> Vec<u8> {
    edited(|good| good + &line(name, b"x"))
}

fn without(name: &str) -> Vec<u8> {
    edited(|good| good.split_inclusive('\n').filter(|line| !line.ends_with(name)).collect())
}

/// The digest of one line is that of something else.
fn other(name: &str, contents: &[u8]) -> Vec<u8> {
    edited(|good| good.replace(&line(name, contents), &line(name, b"something else")))
}

const LINE: (&str, &str) = ("manifest-line", "manifest");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = forms();
    cases.extend(lists());
    cases
}

fn forms() -> Vec<Case> {
    vec![
        case("manifest-unterminated", "3", "a last line without its end", LINE, || {
            edited(|good| good.trim_end().to_owned())
        }),
        case("manifest-blank-line", "3", "a blank line", LINE, || edited(|good| good + "\n")),
        case("manifest-leading-blank", "3", "a blank before the first line", LINE, || {
            edited(|good| format!(" {good}"))
        }),
        case("manifest-crlf", "3", "lines that end with CR LF", LINE, || {
            edited(|good| good.replace('\n', "\r\n"))
        }),
        case("manifest-one-blank", "3", "one blank before the name", LINE, || {
            edited(|good| good.replace("  ", " "))
        }),
        case("manifest-tab", "3", "a tab before the name", LINE, || edited(|good| good.replace("  ", "\t"))),
        case("manifest-binary-mark", "3", "the mark of binary mode", LINE, || {
            edited(|good| good.replace("  ", " *"))
        }),
        case("manifest-upper-case", "3", "digests in capitals", LINE, || edited(|good| good.to_uppercase())),
        case("manifest-short-digest", "3", "a digest of 63 digits", LINE, || edited(|good| good[1..].into())),
        case("manifest-dot-slash", "3", "a name with `./`", LINE, || {
            edited(|good| good.replace("  version", "  ./version"))
        }),
        case("manifest-not-utf8", "3", "a byte that is not UTF-8", LINE, || {
            let sample = Sample::new();
            let mut bytes = sample.manifest().into_bytes();
            bytes[70] = 0xff;
            sample.with_member("manifest", bytes)
        }),
        case("manifest-parent", "3", "the file `..`", LINE, || with_line("data/0000/..")),
        case("manifest-four-parts", "3", "a file in a folder", LINE, || with_line("data/0000/a/b")),
        case("manifest-two-parts", "3", "a file without a name", LINE, || with_line("data/0000")),
        case("manifest-short-index", "3", "an index of one digit", LINE, || with_line("data/0/x")),
        case("manifest-blank-in-name", "3", "a blank in a name", LINE, || with_line("data/0000/a b")),
        case("manifest-long-name", "3", "a name of 256 bytes", LINE, || {
            with_line(&format!("data/0000/{}", "a".repeat(256)))
        }),
        case("manifest-lists-itself", "3", "the manifest in itself", LINE, || with_line("manifest")),
        case("manifest-lists-signature", "3", "the signature in the manifest", LINE, || {
            with_line("manifest.sig")
        }),
        case("manifest-lists-augment", "8", "the unsigned header among the signed", LINE, || {
            with_line("header-augment.tar")
        }),
        case("manifest-unknown-name", "3", "a line for something else", LINE, || with_line("notes.txt")),
        case("manifest-version-twice", "3", "version twice", LINE, || with_line("version")),
        case("manifest-file-twice", "3", "a file twice", LINE, || with_line("data/0000/app.bin")),
        case("manifest-header-twice", "3", "two headers", LINE, || with_line("header.tar.gz")),
    ]
}

fn lists() -> Vec<Case> {
    const DATA: &str = "data/0000.tar";
    vec![
        case("manifest-empty", "3", "an empty manifest", ("manifest-lacks", "manifest"), || {
            edited(|_| String::new())
        }),
        case("manifest-no-version", "3", "version is not listed", ("manifest-lacks", "manifest"), || {
            without("version\n")
        }),
        case("manifest-no-header", "3", "the header is not listed", ("manifest-lacks", "manifest"), || {
            without("header.tar\n")
        }),
        case("manifest-no-file", "3", "a file is not listed", ("not-listed", DATA), || without("app.bin\n")),
        case("manifest-file-missing", "3", "a listed file is missing", ("listed-but-missing", ""), || {
            with_line("data/0000/absent")
        }),
        case("manifest-no-such-payload", "13", "a file of no payload", ("payloads", ""), || {
            with_line("data/0001/x")
        }),
        case(
            "manifest-header-suffix",
            "11",
            "the header under another suffix",
            ("not-listed", "header.tar"),
            || edited(|good| good.replace("header.tar", "header.tar.gz")),
        ),
        case("manifest-wrong-version-sum", "13", "a wrong digest of version", ("checksum", ""), || {
            other("version", &Sample::new().version)
        }),
        case(
            "manifest-wrong-header-sum",
            "13",
            "a wrong digest of the header",
            ("checksum", "header.tar"),
            || other("header.tar", &Sample::new().header_member()),
        ),
        case("manifest-wrong-file-sum", "13", "a wrong digest of a file", ("checksum", DATA), || {
            other("data/0000/app.bin", b"contents")
        }),
    ]
}
