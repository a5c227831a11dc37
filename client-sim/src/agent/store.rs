//! The far end of a download: the strict artifact reader, on a blocking thread.

use std::io::{self, Read};

use artifact::{Header, ReadError, ReadOptions, Reader, VerifyingKey, depends};
use hyper::body::{Buf, Bytes};
use tokio::sync::mpsc::Receiver;

use crate::device::{StoreError, StoreOrder, StoredArtifact};

/// Reads an artifact of `size` bytes to its end; blocks.
///
/// Signature and header are checked before any payload byte is used, sizes and digests while reading;
/// the simulated module throws the payload away.
pub(super) fn store(
    pieces: Receiver<Bytes>,
    size: u64,
    order: &StoreOrder,
    keys: &[VerifyingKey],
) -> Result<StoredArtifact, StoreError> {
    let input = PieceReader { pieces, current: Bytes::new(), missing: size };
    let options = ReadOptions { keys: keys.to_vec(), size: Some(size), ..ReadOptions::default() };
    let reader = Reader::open(input, &options).map_err(refused)?;
    check(reader.header(), order)?;
    let artifact = reader.payloads(&mut artifact::read::Discard).map_err(refused)?;
    Ok(remember(&artifact.header))
}

fn refused(err: ReadError) -> StoreError {
    match err {
        ReadError::Input { .. } => StoreError::Broken,
        ReadError::Refused(refusal) => StoreError::Invalid(refusal.to_string()),
        ReadError::Sink { .. } => StoreError::Invalid(err.to_string()),
    }
}

fn check(header: &Header, order: &StoreOrder) -> Result<(), StoreError> {
    if let Some(offered) = &order.artifact_name
        && *offered != header.name
    {
        return Err(StoreError::Name { offered: offered.clone(), found: header.name.clone() });
    }
    let merged = header.merged();
    match depends::unmet(&merged.depends, &order.provides).first() {
        None => Ok(()),
        Some(unmet) => Err(StoreError::Depends(format!(
            "{} is `{}`",
            unmet.key,
            unmet.found.unwrap_or("(not provided)")
        ))),
    }
}

fn remember(header: &Header) -> StoredArtifact {
    let merged = header.merged();
    // Artifacts that know nothing of the list replace everything.
    let knows_clears =
        header.payloads.iter().any(|payload| payload.type_info.contains_key("clears_artifact_provides"));
    StoredArtifact {
        name: header.name.clone(),
        provides: merged.provides,
        clears: knows_clears.then_some(merged.clears),
    }
}

/// Pieces from a channel as a [`Read`]. A channel that closes early is an unexpected end.
struct PieceReader {
    pieces: Receiver<Bytes>,
    current: Bytes,
    /// Bytes that have not come through the channel yet.
    missing: u64,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && self.missing > 0 {
            let piece = self.pieces.blocking_recv().ok_or(io::ErrorKind::UnexpectedEof)?;
            self.missing = self.missing.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            self.current = piece;
        }
        let length = self.current.len().min(buffer.len());
        if let Some(target) = buffer.get_mut(..length) {
            self.current.copy_to_slice(target);
        }
        Ok(length)
    }
}
