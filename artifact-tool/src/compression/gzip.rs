//! A gzip encoder that uses several threads and gives the same bytes with any number of them.
//!
//! The input is cut into chunks of one size. Each is deflated by itself, with the end of the one before as its
//! dictionary, and ends on a byte boundary, so that all of them together are the one stream of one gzip member
//! (RFC 1952). Every decoder reads it as if it had been made in one piece.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

const CHUNK: usize = 256 * 1024;
/// How far back deflate can refer (RFC 1951 §2).
const WINDOW: usize = 32 * 1024;
/// No name, no time, unknown system: RFC 1952 §2.3.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses into `W`; memory is in proportion to the number of threads.
pub(crate) struct ParallelGzip<W> {
    output: W,
    level: Compression,
    chunk: Vec<u8>,
    dictionary: Vec<u8>,
    crc: Crc,
    workers: Option<Workers>,
}

/// One piece of the input.
struct Task {
    dictionary: Vec<u8>,
    chunk: Vec<u8>,
    level: Compression,
    flush: FlushCompress,
    answer: SyncSender<Deflated>,
}

type Deflated = io::Result<(Vec<u8>, Crc)>;

/// Threads, and what they have not answered yet, in order.
struct Workers {
    tasks: SyncSender<Task>,
    pending: VecDeque<Receiver<Deflated>>,
    limit: usize,
}

impl<W: Write> ParallelGzip<W> {
    /// Starts a stream; with one job nothing runs beside the caller.
    pub(crate) fn new(mut output: W, level: u32, jobs: usize) -> io::Result<Self> {
        output.write_all(&HEADER)?;
        Ok(Self {
            output,
            level: Compression::new(level),
            chunk: Vec::with_capacity(CHUNK),
            dictionary: Vec::new(),
            crc: Crc::new(),
            workers: if jobs > 1 { Some(Workers::start(jobs)?) } else { None },
        })
    }

    /// Writes what is left and returns the output.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.submit(FlushCompress::Finish)?;
        if let Some(mut workers) = self.workers.take() {
            while let Some(deflated) = workers.oldest() {
                self.append(deflated)?;
            }
        }
        self.output.write_all(&self.crc.sum().to_le_bytes())?;
        self.output.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.output)
    }

    fn submit(&mut self, flush: FlushCompress) -> io::Result<()> {
        let chunk = mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let tail = chunk.get(chunk.len().saturating_sub(WINDOW)..).unwrap_or_default().to_vec();
        let dictionary = mem::replace(&mut self.dictionary, tail);
        let level = self.level;
        match &mut self.workers {
            None => {
                let deflated = deflate(&dictionary, &chunk, level, flush);
                self.append(deflated)
            }
            Some(workers) => {
                let oldest = if workers.pending.len() >= workers.limit { workers.oldest() } else { None };
                workers.send(|answer| Task { dictionary, chunk, level, flush, answer })?;
                oldest.map_or(Ok(()), |deflated| self.append(deflated))
            }
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
        let length = buf.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(buf.get(..length).unwrap_or_default());
        if self.chunk.len() == CHUNK {
            self.submit(FlushCompress::Sync)?;
        }
        Ok(length)
    }

    /// Does nothing: chunks end where they end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Workers {
    fn start(jobs: usize) -> io::Result<Self> {
        let (tasks, queue) = sync_channel::<Task>(jobs);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..jobs {
            let queue = Arc::clone(&queue);
            // It ends when the sender is dropped.
            thread::Builder::new().name("gzip".to_owned()).spawn(move || {
                loop {
                    // A statement of its own: the next one may take a task while this one is worked on.
                    let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(Task { dictionary, chunk, level, flush, answer }) = task else { return };
                    // Nobody waits for it any more if writing failed.
                    let _unwanted = answer.send(deflate(&dictionary, &chunk, level, flush));
                }
            })?;
        }
        Ok(Self { tasks, pending: VecDeque::new(), limit: 2 * jobs })
    }

    fn send(&mut self, task: impl FnOnce(SyncSender<Deflated>) -> Task) -> io::Result<()> {
        let (answer, pending) = sync_channel(1);
        self.pending.push_back(pending);
        self.tasks.send(task(answer)).map_err(|_| lost())
    }

    /// Waits for the oldest chunk.
    fn oldest(&mut self) -> Option<Deflated> {
        let pending = self.pending.pop_front()?;
        Some(pending.recv().unwrap_or_else(|_| Err(lost())))
    }
}

fn lost() -> io::Error {
    io::Error::other("a thread that compresses ended")
}

fn deflate(dictionary: &[u8], chunk: &[u8], level: Compression, flush: FlushCompress) -> Deflated {
    let mut crc = Crc::new();
    crc.update(chunk);
    let mut compress = Compress::new(level, false);
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary)?;
    }
    // Incompressible data grows by five bytes a block.
    let mut bytes = Vec::with_capacity(chunk.len() + chunk.len() / 64 + 1024);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = chunk.get(read..).unwrap_or_default();
        let status = compress.compress_vec(rest, &mut bytes, flush)?;
        let is_consumed = usize::try_from(compress.total_in()) == Ok(chunk.len());
        if status == Status::StreamEnd
            || (flush != FlushCompress::Finish && is_consumed && bytes.len() < bytes.capacity())
        {
            return Ok((bytes, crc));
        }
        bytes.reserve(CHUNK);
    }
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
                let mut decoder = flate2::bufread::GzDecoder::new(one.as_slice());
                let mut read = Vec::new();
                decoder.read_to_end(&mut read).unwrap();
                assert_eq!(read, plain);
                assert!(decoder.into_inner().is_empty(), "one member and nothing else");
            }
        }
    }
}
