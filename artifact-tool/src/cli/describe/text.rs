use std::fmt::{self, Write};

use artifact::{Artifact, DependsValue, FormatVersion, Header, Payload};
use chrono::DateTime;

/// Returns a description in the layout that scripts know from the original tool.
pub(in crate::cli) fn text(artifact: &Artifact) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _infallible = write_header(&mut text, &artifact.header).and_then(|()| {
        text.push_str("\nUpdates:\n");
        artifact.header.payloads.iter().try_for_each(|payload| write_payload(&mut text, artifact, payload))
    });
    text
}

fn write_header(out: &mut String, header: &Header) -> fmt::Result {
    writeln!(out, "Mender artifact:")?;
    writeln!(out, "  Name: {}", header.name)?;
    writeln!(out, "  Format: mender")?;
    writeln!(out, "  Version: {}", header.version.number())?;
    writeln!(out, "  Signature: {}", signature(header))?;
    writeln!(out, "  Compatible devices: '[{}]'", header.device_types.join(" "))?;
    if header.version == FormatVersion::V3 {
        writeln!(out, "  Provides group: {}", header.group.as_deref().unwrap_or_default())?;
        writeln!(out, "  Depends on one of artifact(s): [{}]", header.depends_names.join(", "))?;
        writeln!(out, "  Depends on one of group(s): [{}]", header.depends_groups.join(", "))?;
    }
    writeln!(out, "  State scripts:")?;
    header.scripts.iter().try_for_each(|script| writeln!(out, "    {}", script.name))
}

const fn signature(header: &Header) -> &'static str {
    match &header.signature {
        None => "no signature",
        Some(signature) if signature.verified.is_some() => "signed and verified correctly",
        Some(_) => {
            "signed but no key for verification provided; please use `-k` option for providing verification key"
        }
    }
}

fn write_payload(out: &mut String, artifact: &Artifact, payload: &Payload) -> fmt::Result {
    writeln!(out, "    {}:", payload.index)?;
    match &payload.kind {
        Some(kind) => writeln!(out, "    Type:   {kind}")?,
        None => writeln!(out, "    Type:   Empty type")?,
    }
    write_pairs(out, "Provides", payload.provides.iter().map(|(key, value)| (key, value.clone())))?;
    write_pairs(out, "Depends", payload.depends.iter().map(|(key, value)| (key, depends(value))))?;
    if !payload.clears.is_empty() {
        let globs: Vec<_> = payload.clears.iter().map(|glob| format!("{glob:?}")).collect();
        writeln!(out, "    Clears Provides: [{}]", globs.join(", "))?;
    }
    if payload.effective_meta_data.is_empty() {
        writeln!(out, "    Metadata: Nothing")?;
    } else {
        let json = serde_json::to_string_pretty(&payload.effective_meta_data).unwrap_or_default();
        writeln!(out, "    Metadata:\n\t{}", json.replace('\n', "\n\t"))?;
    }
    let mut files = artifact.files_of(payload.index).peekable();
    writeln!(out, "    Files:{}", if files.peek().is_none() { " None" } else { "" })?;
    files.try_for_each(|file| {
        let modified = DateTime::from_timestamp(file.mtime, 0).unwrap_or_default();
        writeln!(out, "      name:     {}", file.name)?;
        writeln!(out, "      size:     {}", file.size)?;
        writeln!(out, "      modified: {}", modified.format("%Y-%m-%d %H:%M:%S +0000 UTC"))?;
        writeln!(out, "      checksum: {}", file.sha256)
    })
}

fn write_pairs<'a>(
    out: &mut String,
    title: &str,
    pairs: impl Iterator<Item = (&'a String, String)>,
) -> fmt::Result {
    let mut pairs = pairs.peekable();
    writeln!(out, "    {title}:{}", if pairs.peek().is_none() { " Nothing" } else { "" })?;
    pairs.try_for_each(|(key, value)| writeln!(out, "\t{key}: {value}"))
}

fn depends(value: &DependsValue) -> String {
    match value {
        DependsValue::One(value) => value.clone(),
        DependsValue::AnyOf(values) => format!("[{}]", values.join(", ")),
    }
}
