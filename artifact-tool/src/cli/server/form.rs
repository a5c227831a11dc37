//! The form of an upload (RFC 7578), streamed.

use std::fs::File;
use std::io::{self, Chain, Cursor, Read};

use artifact::Digest;

/// What stands before the file, the file, what stands after it.
type Content = Chain<Chain<Cursor<Vec<u8>>, File>, Cursor<Vec<u8>>>;

/// A form whose last part is a file.
pub(super) struct Form<'a> {
    content: Content,
    length: u64,
    boundary: String,
    progress: &'a dyn Fn(u64),
}

impl<'a> Form<'a> {
    /// Makes a form of text fields and the file `artifact`, which has `size` bytes and this digest.
    pub(super) fn new(
        fields: &[(&str, &str)],
        name: &str,
        file: File,
        size: u64,
        sha256: Option<Digest>,
        progress: &'a dyn Fn(u64),
    ) -> Self {
        // A boundary may not occur in the file, and who made the file cannot have put its own digest in. It has 70
        // characters at most (RFC 2046 §5.1.1).
        let digest = sha256.map_or_else(String::new, |digest| digest.to_string());
        let boundary = format!("----sealift-{}", digest.get(..48).unwrap_or_default());
        let field = |(field, value): &(&str, &str)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
        };
        let name: String = name
            .chars()
            .map(|char| if char.is_ascii_graphic() && char != '"' { char } else { '_' })
            .collect();
        let fields: String = fields.iter().map(field).collect();
        let head = format!(
            "{fields}--{boundary}\r\nContent-Disposition: form-data; name=\"artifact\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let around = u64::try_from(head.len() + tail.len()).unwrap_or(u64::MAX);
        let content = Cursor::new(head.into_bytes()).chain(file).chain(Cursor::new(tail.into_bytes()));
        Self { content, length: around.saturating_add(size), boundary, progress }
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }
}

impl Read for Form<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buf)?;
        (self.progress)(u64::try_from(read).unwrap_or_default());
        Ok(read)
    }
}
