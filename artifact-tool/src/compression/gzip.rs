//! A gzip encoder that uses several threads and gives the same bytes with any number of them.
//!
//! The input is cut into chunks of one size. Each is deflated by itself, with the end of the one before as its
//! dictionary, and ends on a byte boundary, so that all of them together are the one stream of one gzip member
//! (RFC 1952). Every decoder reads it as if it had been made in one piece. What does not compress is stored as it is.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::noise;

const CHUNK: usize = 512 * 1024;
/// How far back deflate can refer (RFC 1951 §2).
const WINDOW: usize = 32 * 1024;
/// No name, no time, unknown system: RFC 1952 §2.3.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block (RFC 1951 §3.2.3, §3.2.6).
const END: [u8; 2] = [0x03, 0x00];
/// The most that a stored block holds (RFC 1951 §3.2.4).
const STORED: usize = 0xffff;

/// Compresses into `W`; memory is in proportion to the number of threads.
pub(crate) struct ParallelGzip<W> {
    output: W,
    piece: Piece,
    crc: Crc,
    workers: Workers,
}

/// A chunk of the input, behind what deflate may refer to.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Where the chunk begins.
    start: usize,
    is_last: bool,
}

/// Who compresses.
enum Workers {
    Caller(Compression),
    Threads(Threads),
}

type Deflated = io::Result<(Vec<u8>, Crc)>;

/// Threads, and what they have not answered yet, in order.
struct Threads {
    tasks: SyncSender<(Piece, SyncSender<Deflated>)>,
    pending: VecDeque<Receiver<Deflated>>,
    limit: usize,
}

impl<W: Write> ParallelGzip<W> {
    /// Starts a stream; with one job nothing runs beside the caller.
    pub(crate) fn new(mut output: W, level: u32, jobs: usize) -> io::Result<Self> {
        output.write_all(&HEADER)?;
        let workers = if jobs > 1 {
            Workers::Threads(Threads::start(jobs, Compression::new(level))?)
        } else {
            Workers::Caller(Compression::new(level))
        };
        Ok(Self { output, piece: Piece::default(), crc: Crc::new(), workers })
    }

    /// Writes what is left and returns the output.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.piece.is_last = true;
        self.submit()?;
        while let Some(deflated) = self.workers.oldest() {
            self.append(deflated)?;
        }
        self.output.write_all(&self.crc.sum().to_le_bytes())?;
        self.output.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.output)
    }

    fn submit(&mut self) -> io::Result<()> {
        let next = self.piece.followed();
        let piece = std::mem::replace(&mut self.piece, next);
        match self.workers.submit(piece)? {
            Some(deflated) => self.append(deflated),
            None => Ok(()),
        }
    }

    fn append(&mut self, deflated: Deflated) -> io::Result<()> {
        let (bytes, crc) = deflated?;
        self.crc.combine(&crc);
        self.output.write_all(&bytes)
    }
}

impl<W: Write> Write for ParallelGzip<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let room = CHUNK - (self.piece.bytes.len() - self.piece.start);
        let length = buf.len().min(room);
        self.piece.bytes.extend_from_slice(buf.get(..length).unwrap_or_default());
        if length == room {
            self.submit()?;
        }
        Ok(length)
    }

    /// Does nothing: chunks end where they end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Piece {
    /// Makes the next one, empty as yet.
    fn followed(&self) -> Self {
        let tail = self.bytes.get(self.bytes.len().saturating_sub(WINDOW)..).unwrap_or_default();
        let mut bytes = Vec::with_capacity(tail.len() + CHUNK);
        bytes.extend_from_slice(tail);
        Self { start: bytes.len(), bytes, is_last: false }
    }
}

impl Workers {
    /// Gives work away; returns what is due in the output, if there is something.
    fn submit(&mut self, piece: Piece) -> io::Result<Option<Deflated>> {
        match self {
            Self::Caller(level) => Ok(Some(deflate(*level, &piece))),
            Self::Threads(threads) => {
                let oldest = if threads.pending.len() >= threads.limit { threads.oldest() } else { None };
                let (answer, pending) = sync_channel(1);
                threads.pending.push_back(pending);
                threads.tasks.send((piece, answer)).map_err(|_| lost())?;
                Ok(oldest)
            }
        }
    }

    fn oldest(&mut self) -> Option<Deflated> {
        match self {
            Self::Caller(_) => None,
            Self::Threads(threads) => threads.oldest(),
        }
    }
}

impl Threads {
    fn start(jobs: usize, level: Compression) -> io::Result<Self> {
        let (tasks, queue) = sync_channel::<(Piece, SyncSender<Deflated>)>(jobs);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..jobs {
            let queue = Arc::clone(&queue);
            // It ends when the sender is dropped.
            thread::Builder::new().name("gzip".to_owned()).spawn(move || {
                loop {
                    // A statement of its own: the next one may take a task while this one is worked on.
                    let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((piece, answer)) = task else { return };
                    // Nobody waits for it any more if writing failed.
                    let _unwanted = answer.send(deflate(level, &piece));
                }
            })?;
        }
        Ok(Self { tasks, pending: VecDeque::new(), limit: 2 * jobs })
    }

    /// Waits for the oldest chunk.
    fn oldest(&mut self) -> Option<Deflated> {
        let pending = self.pending.pop_front()?;
        Some(pending.recv().unwrap_or_else(|_| Err(lost())))
    }
}

fn deflate(level: Compression, piece: &Piece) -> Deflated {
    let chunk = piece.bytes.get(piece.start..).unwrap_or_default();
    let mut crc = Crc::new();
    crc.update(chunk);
    let mut output = Vec::with_capacity(chunk.len() / 2);
    let mut is_ended = false;
    let mut is_after_noise = false;
    for (run, is_noise) in noise::runs(chunk) {
        let (start, end) = (piece.start + run.start, piece.start + run.end);
        let bytes = piece.bytes.get(start..end).unwrap_or_default();
        if is_noise {
            store(bytes, &mut output);
        } else {
            // Nothing is found again in noise.
            let from = if is_after_noise { start } else { start.saturating_sub(WINDOW) };
            let dictionary = piece.bytes.get(from..start).unwrap_or_default();
            is_ended = piece.is_last && run.end == chunk.len();
            let flush = if is_ended { FlushCompress::Finish } else { FlushCompress::Sync };
            compress(level, dictionary, bytes, flush, &mut output)?;
        }
        is_after_noise = is_noise;
    }
    if piece.is_last && !is_ended {
        output.extend_from_slice(&END);
    }
    Ok((output, crc))
}

/// Compresses to a byte's end.
fn compress(
    level: Compression,
    dictionary: &[u8],
    bytes: &[u8],
    flush: FlushCompress,
    output: &mut Vec<u8>,
) -> io::Result<()> {
    // A new one each time: what `Compress::reset` leaves behind shows in the output.
    let mut compress = Compress::new(level, false);
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary)?;
    }
    output.reserve(bytes.len() / 2 + 1024);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(read..).unwrap_or_default();
        let status = compress.compress_vec(rest, output, flush)?;
        let is_consumed = usize::try_from(compress.total_in()) == Ok(bytes.len());
        if status == Status::StreamEnd
            || (flush != FlushCompress::Finish && is_consumed && output.len() < output.capacity())
        {
            return Ok(());
        }
        output.reserve(bytes.len() / 4 + 1024);
    }
}

/// Writes blocks that are stored as they are; the output ends at a byte's end.
fn store(bytes: &[u8], output: &mut Vec<u8>) {
    for block in bytes.chunks(STORED) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        output.push(0);
        output.extend_from_slice(&length.to_le_bytes());
        output.extend_from_slice(&(!length).to_le_bytes());
        output.extend_from_slice(block);
    }
}

fn lost() -> io::Error {
    io::Error::other("a thread that compresses ended")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn gzip(plain: &[u8], level: u32, jobs: usize, step: usize) -> Vec<u8> {
        let mut encoder = ParallelGzip::new(Vec::new(), level, jobs).unwrap();
        for part in plain.chunks(step) {
            encoder.write_all(part).unwrap();
        }
        encoder.finish().unwrap()
    }

    fn unzip(bytes: &[u8]) -> Vec<u8> {
        let mut decoder = flate2::bufread::GzDecoder::new(bytes);
        let mut read = Vec::new();
        decoder.read_to_end(&mut read).unwrap();
        assert!(decoder.into_inner().is_empty(), "one member and nothing else");
        read
    }

    #[test]
    fn what_does_not_compress_is_stored_between_what_does() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut noise = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.to_le_bytes()
        };
        let mut plain = vec![b'a'; 100_000];
        plain.extend((0..40_000).flat_map(|_| noise()));
        let noise_begins_and_ends: Vec<u8> = plain.get(100_000..).unwrap().to_vec();
        plain.extend(b"words and words ".repeat(50_000));
        for plain in [plain, noise_begins_and_ends] {
            let one = gzip(&plain, 6, 1, 70_001);
            assert_eq!(one, gzip(&plain, 6, 3, 1000));
            assert!(one.len() < 326_000, "{}", one.len());
            assert_eq!(unzip(&one), plain);
        }
    }

    #[test]
    fn threads_hand_nothing_from_one_chunk_to_another() {
        // Much that nearly repeats: what an encoder remembers from before shows here.
        let mut state = 1_u32;
        let mut record = |index: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let word = u32::try_from(index % 61).unwrap().wrapping_mul(0x0101_0101);
            [word.to_le_bytes(), (state >> 20).to_le_bytes(), [0, 0, 0x48, 0x8b]].concat()
        };
        let plain: Vec<u8> = (0..16 * CHUNK / 12).flat_map(&mut record).collect();
        let one = gzip(&plain, 3, 1, CHUNK);
        for _ in 0..3 {
            assert!(one == gzip(&plain, 3, 4, CHUNK));
        }
        assert!(unzip(&one) == plain);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_single_member() {
        let noise = |index: u32| index.wrapping_mul(2_654_435_761).rotate_left(index % 32).to_le_bytes();
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 5 * CHUNK + 777] {
            let mut plain: Vec<u8> = (0..u32::try_from(length / 4 + 1).unwrap())
                .flat_map(|index| if index % 3 == 0 { noise(index) } else { (index / 9).to_le_bytes() })
                .collect();
            plain.truncate(length);
            for level in [1, 6, 9] {
                let one = gzip(&plain, level, 1, 1000);
                assert_eq!(one, gzip(&plain, level, 3, 70_001), "{length} {level}");
                assert_eq!(unzip(&one), plain);
            }
        }
    }
}
