//! Files as answers, in constant memory.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
};
use actix_web::http::{Method, StatusCode};
use actix_web::rt::task::{JoinHandle, spawn_blocking};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::body::BodyRules;
use super::range::{ByteRange, Selection, select};
use crate::throttle::{Lease, Memory};

/// How much is read at once. A body holds two chunks at most: one on its way out, one being read.
const CHUNK_BYTES: u64 = 256 * 1024;

/// How much is read at once, and nothing ahead, when many downloads share the memory that there is for them.
const SMALL_CHUNK_BYTES: u64 = 16 * 1024;

/// A file to be sent.
#[derive(Debug)]
pub struct ServedFile<'a> {
    /// The file, open for reading and used by nobody else.
    pub file: File,
    /// How many bytes of it are served, from its start on.
    pub size_bytes: u64,
    /// What names the content, without quotes: its SHA-256, in hexadecimal. It becomes a strong entity
    /// tag, so the same bytes must stay behind it for ever.
    pub content_id: &'a str,
    /// The value of `Content-Type`.
    pub content_type: &'a str,
    /// The name under which a browser would save it.
    pub filename: Option<&'a str>,
}

/// Answers a `GET` or `HEAD` with a file or the part of it that is asked for (device protocol §3): with
/// a length, never compressed, never chunked.
#[must_use]
pub fn serve_file(request: &HttpRequest, served: ServedFile<'_>) -> HttpResponse {
    let size = served.size_bytes;
    let etag = format!("\"{}\"", served.content_id);
    let mut response = HttpResponse::build(StatusCode::OK);
    response.insert_header((ACCEPT_RANGES, HeaderValue::from_static("bytes")));
    insert(&mut response, ETAG, &etag);
    // A proxy that compressed would take the length away.
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("private, no-transform")));
    let whole = ByteRange { start: 0, len: size };
    // A range means nothing to `HEAD` (RFC 9110 §14.2).
    let is_head = request.method() == Method::HEAD;
    let part = match select(request.headers(), size, &etag) {
        Selection::Part(_) | Selection::Unsatisfiable if is_head => whole,
        Selection::NotModified => return response.status(StatusCode::NOT_MODIFIED).finish(),
        Selection::Unsatisfiable => {
            insert(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            return response.status(StatusCode::RANGE_NOT_SATISFIABLE).finish();
        }
        Selection::Whole => whole,
        Selection::Part(part) => {
            insert(&mut response, CONTENT_RANGE, &part.content_range(size));
            response.status(StatusCode::PARTIAL_CONTENT);
            part
        }
    };
    insert(&mut response, CONTENT_TYPE, served.content_type);
    if let Some(filename) = served.filename {
        insert(&mut response, CONTENT_DISPOSITION, &attachment(filename));
    }
    let body = if request.method() == Method::HEAD {
        BoxBody::new(Unsent(part.len))
    } else {
        let memory = BodyRules::of(request).map(|rules| rules.throttle.downloads.clone());
        BoxBody::new(FileBody::new(served.file, part, memory))
    };
    response.body(body)
}

/// Breaks the connection instead of answering.
#[must_use]
pub fn broken_off() -> HttpResponse {
    HttpResponse::PartialContent().body(BoxBody::new(Broken))
}

/// Sets a header; a value that no header can have is left out.
fn insert(response: &mut HttpResponseBuilder, name: actix_web::http::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.insert_header((name, value));
    }
}

/// Names the file for a browser (RFC 6266), without what would end the quoted name.
fn attachment(filename: &str) -> String {
    let is_plain = |character: &char| character.is_ascii_graphic() && !matches!(character, '"' | '\\' | '/');
    let plain: String =
        filename.chars().map(|character| if is_plain(&character) { character } else { '_' }).collect();
    format!("attachment; filename=\"{plain}\"")
}

/// A part of a file as a body: the next chunk is read in the blocking pool while the last one is sent.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    len: u64,
    /// Bytes that no read has been started for.
    unread: u64,
    /// The offset to begin at; `None` once the file stands there.
    seek_to: Option<u64>,
    reading: Option<Reading>,
    memory: Option<Memory>,
    /// Of the chunk that is on its way out.
    sending: Option<Lease>,
}

/// A chunk that is being read, and the memory that it was granted.
#[derive(Debug)]
struct Reading {
    task: JoinHandle<io::Result<Bytes>>,
    lease: Option<Lease>,
}

impl FileBody {
    /// Makes a body of a part of a file. Nothing is read before the body is asked for.
    #[must_use]
    pub fn new(file: File, part: ByteRange, memory: Option<Memory>) -> Self {
        Self {
            file: Arc::new(file),
            len: part.len,
            unread: part.len,
            seek_to: Some(part.start),
            reading: None,
            memory,
            sending: None,
        }
    }

    /// Whether a chunk of full size may be had; always, if nobody counts.
    fn lease(&self) -> Result<Option<Lease>, ()> {
        let bytes = usize::try_from(CHUNK_BYTES).map_err(|_| ())?;
        self.memory.as_ref().map(|memory| memory.take(bytes).ok_or(())).transpose()
    }

    fn start_reading(&mut self, lease: Result<Option<Lease>, ()>) {
        let len = self.unread.min(if lease.is_ok() { CHUNK_BYTES } else { SMALL_CHUNK_BYTES });
        if len == 0 {
            return;
        }
        self.unread -= len;
        let (file, seek_to) = (Arc::clone(&self.file), self.seek_to.take());
        let task = spawn_blocking(move || read_chunk(&file, seek_to, len));
        self.reading = Some(Reading { task, lease: lease.unwrap_or_default() });
    }
}

impl MessageBody for FileBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.len)
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        // Being asked for more means that what was sent before is gone.
        self.sending = None;
        if self.reading.is_none() {
            let lease = self.lease();
            self.start_reading(lease);
        }
        let Some(reading) = self.reading.as_mut() else { return Poll::Ready(None) };
        let outcome = ready!(Pin::new(&mut reading.task).poll(cx));
        self.sending = self.reading.take().and_then(|reading| reading.lease);
        let chunk = outcome.map_err(io::Error::other).flatten();
        if chunk.is_err() {
            self.unread = 0;
        } else if let Ok(lease) = self.lease() {
            self.start_reading(Ok(lease));
        }
        Poll::Ready(Some(chunk))
    }
}

/// Reads exactly `len` bytes. A file that ends early breaks the answer off, and with that the
/// connection, so that the client does not take a part for the whole.
fn read_chunk(file: &File, seek_to: Option<u64>, len: u64) -> io::Result<Bytes> {
    let mut file = file;
    if let Some(offset) = seek_to {
        file.seek(SeekFrom::Start(offset))?;
    }
    let mut chunk = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
    let read = file.take(len).read_to_end(&mut chunk)?;
    if u64::try_from(read).is_ok_and(|read| read == len) {
        Ok(chunk.into())
    } else {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "file is shorter than its recorded size"))
    }
}

/// A body that breaks before its first byte, and the connection with it.
struct Broken;

impl MessageBody for Broken {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

/// A body that has a length and no bytes: the answer to `HEAD`. The framework would read a whole file
/// to throw it away.
struct Unsent(u64);

impl MessageBody for Unsent {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use actix_web::HttpResponse;
    use actix_web::body::{BodySize, MessageBody as _, to_bytes};
    use actix_web::http::Method;
    use actix_web::test::TestRequest;
    use actix_web::web::Bytes;

    use super::{ByteRange, FileBody, Memory, ServedFile, attachment, serve_file};

    /// Two and a half chunks of bytes that tell where they are from.
    fn content() -> Vec<u8> {
        (0..163_840_u32).flat_map(u32::to_be_bytes).collect()
    }

    fn serve(request: TestRequest, size_bytes: u64) -> HttpResponse {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content()).unwrap();
        let content_type = "application/octet-stream";
        let request = request.to_http_request();
        let filename = Some("a.mender");
        serve_file(&request, ServedFile { file, size_bytes, content_id: "abc", content_type, filename })
    }

    fn header<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    async fn body(response: HttpResponse) -> Bytes {
        to_bytes(response.into_body()).await.unwrap()
    }

    #[tokio::test]
    async fn the_whole_file_arrives() {
        let response = serve(TestRequest::get(), 655_360);
        assert_eq!(response.status(), 200);
        assert_eq!(response.body().size(), BodySize::Sized(655_360));
        assert_eq!(header(&response, "etag"), "\"abc\"");
        assert_eq!(header(&response, "accept-ranges"), "bytes");
        assert_eq!(header(&response, "content-disposition"), "attachment; filename=\"a.mender\"");
        assert_eq!(body(response).await, content());
    }

    #[tokio::test]
    async fn a_part_is_exactly_that_part() {
        for (range, from, to) in [("0-0", 0, 0), ("262143-262144", 262_143, 262_144), ("5-", 5, 655_359)] {
            let request = TestRequest::get().insert_header(("range", format!("bytes={range}")));
            let response = serve(request, 655_360);
            assert_eq!(response.status(), 206);
            assert_eq!(header(&response, "content-range"), format!("bytes {from}-{to}/655360"));
            assert_eq!(body(response).await, content()[from..=to]);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_said() {
        let response = serve(TestRequest::get().insert_header(("range", "bytes=655360-")), 655_360);
        assert_eq!((response.status().as_u16(), header(&response, "content-range")), (416, "bytes */655360"));
        let response = serve(TestRequest::get().insert_header(("if-none-match", "\"abc\"")), 655_360);
        assert_eq!((response.status().as_u16(), header(&response, "etag")), (304, "\"abc\""));
        assert!(body(response).await.is_empty());
    }

    #[tokio::test]
    async fn head_has_the_length_and_no_bytes() {
        let response = serve(TestRequest::default().method(Method::HEAD), 655_360);
        assert_eq!(response.body().size(), BodySize::Sized(655_360));
        let mut response = response.into_body();
        let next = std::future::poll_fn(|cx| std::pin::Pin::new(&mut response).poll_next(cx)).await;
        assert!(next.is_none());
    }

    #[tokio::test]
    async fn without_memory_chunks_are_small_and_nothing_is_lost() {
        let memory = Memory::new(600_000);
        let make = |memory: &Memory| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&content()).unwrap();
            FileBody::new(file, ByteRange { start: 0, len: 655_360 }, Some(memory.clone()))
        };
        let mut first = Box::pin(make(&memory));
        let chunk = std::future::poll_fn(|cx| first.as_mut().poll_next(cx)).await.unwrap().unwrap();
        assert_eq!((chunk.len(), memory.taken()), (262_144, 524_288));
        let mut second = Box::pin(make(&memory));
        let chunk = std::future::poll_fn(|cx| second.as_mut().poll_next(cx)).await.unwrap().unwrap();
        assert_eq!((chunk.len(), memory.taken()), (16_384, 524_288));
        assert_eq!(to_bytes(second).await.unwrap(), content()[16_384..]);
        assert_eq!(to_bytes(first).await.unwrap(), content()[262_144..]);
        assert_eq!(memory.taken(), 0);
    }

    #[tokio::test]
    async fn a_file_that_ends_early_breaks_the_answer_off() {
        let response = serve(TestRequest::get(), 655_361);
        assert!(to_bytes(response.into_body()).await.is_err());
    }

    #[test]
    fn file_names_cannot_leave_their_quotes() {
        assert_eq!(attachment("a\"; x=\"ü/.mender"), "attachment; filename=\"a_;_x=___.mender\"");
    }
}
