//! The reader of artifacts, on a thread of its own behind the bytes that arrive.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use sha2::{Digest as _, Sha256};
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::releases::UploadError;
use crate::releases::inspect::{Inspected, inspect};
use crate::releases::verification::{Evidence, Judges, Witness};

/// How long a follower waits for the next part before it gives up its memory.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was read to its end without a fault.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) inspected: Inspected,
    pub(super) evidence: Evidence,
    pub(super) sha256: [u8; 32],
}

/// A reader that goes as far as it is let. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Follower {
    goal: Arc<Goal>,
    /// Up to where all is read; closed when the reader ended.
    read: watch::Receiver<u64>,
    outcome: oneshot::Receiver<Result<Checked, UploadError>>,
}

#[derive(Debug)]
struct Goal {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug)]
struct State {
    /// Bytes that may be read.
    available: u64,
    /// Whether a part is arriving: then it is waited for, however long it takes.
    is_active: bool,
    has_ended: bool,
}

impl Follower {
    /// Begins to read a file that will have `length` bytes; nothing of it is there yet.
    pub(super) fn start(
        file: File,
        length: u64,
        judges: Judges,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, UploadError> {
        let goal = Arc::new(Goal {
            state: Mutex::new(State { available: 0, is_active: true, has_ended: false }),
            moved: Condvar::new(),
        });
        let (reading, read) = watch::channel(0);
        let (telling, outcome) = oneshot::channel();
        let behind =
            Behind { file, length, position: 0, hasher: Sha256::new(), goal: Arc::clone(&goal), reading };
        // Not a task of the runtime, whose end would wait for it.
        std::thread::Builder::new()
            .name("upload".to_owned())
            .spawn(move || {
                // Nobody listens to one that was dropped.
                let _ = telling.send(behind.run(judges, clock));
            })
            .map_err(|_| UploadError::Interrupted)?;
        Ok(Self { goal, read, outcome })
    }

    /// Lets it read so far.
    pub(super) fn advance(&self, available: u64) {
        self.goal.state.lock().available = available;
        self.goal.moved.notify_all();
    }

    /// Up to where it was let.
    pub(super) fn available(&self) -> u64 {
        self.goal.state.lock().available
    }

    /// Says whether a part is arriving; false if the follower has ended meanwhile.
    pub(super) fn set_active(&self, is_active: bool) -> bool {
        let mut state = self.goal.state.lock();
        state.is_active = is_active;
        self.goal.moved.notify_all();
        !state.has_ended
    }

    /// Whether it has ended: at a fault, or because all was read.
    pub(super) fn has_ended(&self) -> bool {
        self.read.has_changed().is_err()
    }

    /// Waits until all is read that may be.
    pub(super) async fn catch_up(&mut self) -> Result<(), UploadError> {
        let available = self.available();
        if self.read.wait_for(|read| *read >= available).await.is_ok() {
            return Ok(());
        }
        self.fault().await
    }

    /// Why it ended before the last byte was there.
    pub(super) async fn fault(&mut self) -> Result<(), UploadError> {
        match (&mut self.outcome).await {
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(_)) | Err(_) => Err(UploadError::Interrupted),
        }
    }

    /// Waits for its end.
    pub(super) async fn outcome(mut self) -> Result<Checked, UploadError> {
        (&mut self.outcome).await.unwrap_or(Err(UploadError::Interrupted))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.goal.state.lock().has_ended = true;
        self.goal.moved.notify_all();
    }
}

/// What the reader reads from.
struct Behind {
    file: File,
    length: u64,
    position: u64,
    hasher: Sha256,
    goal: Arc<Goal>,
    reading: watch::Sender<u64>,
}

impl Behind {
    fn run(mut self, judges: Judges, clock: Arc<dyn Clock>) -> Result<Checked, UploadError> {
        let witness = Witness::default();
        let length = self.length;
        let outcome = inspect(&mut self, Some(length), witness.judge(judges, clock));
        self.goal.state.lock().has_ended = true;
        let evidence = witness.take()?;
        let inspected = outcome?;
        if self.position < length {
            return Err(UploadError::SizeMismatch { declared: length });
        }
        Ok(Checked { inspected, evidence, sha256: self.hasher.finalize().into() })
    }

    /// Waits for bytes; how many may be read, 0 at the end of the file.
    fn wait(&self) -> io::Result<u64> {
        let mut state = self.goal.state.lock();
        loop {
            if state.has_ended {
                return Err(io::Error::other("the upload does not go on"));
            }
            if state.available > self.position {
                return Ok(state.available - self.position);
            }
            if self.position >= self.length {
                return Ok(0);
            }
            self.reading.send_replace(self.position);
            if state.is_active {
                self.goal.moved.wait(&mut state);
            } else if self.goal.moved.wait_for(&mut state, PATIENCE).timed_out() && !state.is_active {
                state.has_ended = true;
            }
        }
    }
}

impl Read for Behind {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = usize::try_from(self.wait()?).unwrap_or(usize::MAX);
        let (buffer, _) = buffer.split_at_mut(available.min(buffer.len()));
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.file.read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (bytes, _) = buffer.split_at(read);
        self.hasher.update(bytes);
        self.position = self.position.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
