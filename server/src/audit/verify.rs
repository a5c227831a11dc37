//! Whether the trail is still what was recorded.

use std::collections::BTreeMap;

use super::{Checkpoint, GENESIS, Hash, Record};
use crate::crypto::session_token::VerifyingKey;
use crate::storage::{Access, StorageError, audit, audit_checkpoints};

/// Records that are read in one go.
const BATCH: u64 = 1_000;

/// Faults that are told; whoever changed more is found out by these.
const TOLD: usize = 20;

/// What is wrong with the trail.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The trail begins later than it was sealed.
    #[error("the audit trail begins with record {0}, and nothing says that what was before was dropped")]
    Beginning(i64),
    /// Records are missing.
    #[error("record {expected} of the audit trail is missing: {found} follows the one before it")]
    Gap {
        /// Which should come.
        expected: i64,
        /// Which came.
        found: i64,
    },
    /// A record does not follow the one before it.
    #[error("record {0} of the audit trail does not follow the one before it")]
    Unlinked(i64),
    /// A record is not what was recorded.
    #[error("record {0} of the audit trail was changed")]
    Altered(i64),
    /// A record cannot be read.
    #[error("a record of the audit trail after {after} cannot be read: {why}")]
    Unreadable {
        /// The last that can.
        after: i64,
        /// Why.
        why: String,
    },
    /// Records were cut off or added at the end.
    #[error("the audit trail ends with record {found}, and should end with {expected}")]
    End {
        /// Which should be the last.
        expected: i64,
        /// Which is.
        found: i64,
    },
    /// The last record is another than the one that was recorded.
    #[error("the last record of the audit trail, {0}, is not the one that was recorded")]
    OtherEnd(i64),
    /// A checkpoint was not signed by this server.
    #[error("the checkpoint of the audit trail at record {0} was not signed by this server")]
    Forged(i64),
    /// A checkpoint names a record that is not there.
    #[error("a checkpoint says that the audit trail had record {checkpoint}, and it ends with {last}")]
    Truncated {
        /// The record of the checkpoint.
        checkpoint: i64,
        /// The last that is there.
        last: i64,
    },
    /// A checkpoint says something else of a record.
    #[error("record {0} of the audit trail is another than a checkpoint says")]
    Contradicted(i64),
}

/// What a look at the trail found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// Records that are there.
    pub records: u64,
    /// The last of them, or of those that were sealed.
    pub last: i64,
    /// Checkpoints of the server.
    pub checkpoints: usize,
    /// Whether a checkpoint that was kept elsewhere was compared: one of a part that was sealed cannot be, unless the
    /// server kept it too.
    pub compared: bool,
    /// What is wrong; empty if nothing is.
    pub faults: Vec<Fault>,
}

/// Walks the trail of all tenants, beside whoever appends to it.
///
/// `keys` are those that the server signs checkpoints with; `external` is a checkpoint that was kept elsewhere.
pub async fn verify(
    scope: &impl Access,
    keys: &[VerifyingKey],
    external: Option<&Checkpoint>,
) -> Result<Findings, StorageError> {
    let mut walk = Walk { findings: Findings::default(), last: GENESIS, checked: BTreeMap::new() };
    match walk.go(scope, keys, external).await {
        Ok(()) => {}
        Err(err) if err.is_outage() => return Err(err),
        // What cannot be read was not written by a server.
        Err(err) => {
            let why = crate::telemetry::chain(&err);
            walk.fault(Fault::Unreadable { after: walk.findings.last, why });
        }
    }
    Ok(walk.findings)
}

struct Walk {
    findings: Findings,
    /// The hash of the last record.
    last: Hash,
    /// What checkpoints say about records that were not reached yet.
    checked: BTreeMap<i64, Vec<Hash>>,
}

impl Walk {
    async fn go(
        &mut self,
        scope: &impl Access,
        keys: &[VerifyingKey],
        external: Option<&Checkpoint>,
    ) -> Result<(), StorageError> {
        let mut end = audit::end(scope).await?;
        let checkpoints = audit_checkpoints::all(scope).await?;
        self.findings.checkpoints = checkpoints.len();
        for checkpoint in checkpoints.iter().chain(external) {
            if checkpoint.is_signed_by(keys) {
                self.checked.entry(checkpoint.sequence).or_default().push(checkpoint.hash);
            } else {
                self.fault(Fault::Forged(checkpoint.sequence));
            }
        }
        let sealed = checkpoints.iter().filter(|one| one.sealed_at.is_some() && one.is_signed_by(keys));
        let sealed =
            sealed.max_by_key(|one| one.sequence).map_or((0, GENESIS), |one| (one.sequence, one.hash));
        (self.findings.last, self.last) = sealed;
        let mut first = true;
        loop {
            // From the very beginning: also what should have been dropped and is there again.
            let after = if first { i64::MIN } else { self.findings.last };
            let batch = audit::following(scope, after, BATCH).await?;
            if batch.is_empty() {
                break;
            }
            for record in &batch {
                if record.sequence > end.0 {
                    // Appended since, or added by somebody who is not the server.
                    end = audit::end(scope).await?;
                }
                self.step(record, std::mem::take(&mut first));
            }
        }
        self.compare(external, &checkpoints);
        self.finish(end);
        Ok(())
    }

    fn step(&mut self, record: &Record, first: bool) {
        let sequence = record.sequence;
        let expected = self.findings.last + 1;
        if sequence != expected {
            self.fault(if first {
                Fault::Beginning(sequence)
            } else {
                Fault::Gap { expected, found: sequence }
            });
        } else if record.previous != self.last {
            self.fault(Fault::Unlinked(sequence));
        }
        if record.hash != record.expected_hash() {
            self.fault(Fault::Altered(sequence));
        }
        let said = self.checked.remove(&sequence).unwrap_or_default();
        if said.iter().any(|hash| *hash != record.hash) {
            self.fault(Fault::Contradicted(sequence));
        }
        self.findings.records += 1;
        (self.findings.last, self.last) = (sequence, record.hash);
    }

    /// A checkpoint that was kept elsewhere, of a part that was sealed: what the server kept must agree with it.
    fn compare(&mut self, external: Option<&Checkpoint>, checkpoints: &[Checkpoint]) {
        let Some(external) = external else { return };
        let first = self.findings.last - i64::try_from(self.findings.records).unwrap_or(i64::MAX) + 1;
        if external.sequence >= first {
            self.findings.compared = true;
            return;
        }
        let same = checkpoints.iter().find(|one| one.sequence == external.sequence);
        self.findings.compared = external.sequence == 0 || same.is_some();
        let expected = if external.sequence == 0 { Some(GENESIS) } else { same.map(|one| one.hash) };
        if expected.is_some_and(|hash| hash != external.hash) {
            self.fault(Fault::Contradicted(external.sequence));
        }
    }

    fn finish(&mut self, (expected, hash): (i64, Hash)) {
        let last = self.findings.last;
        if last != expected {
            self.fault(Fault::End { expected, found: last });
        } else if self.last != hash {
            self.fault(Fault::OtherEnd(last));
        }
        if let Some((checkpoint, _)) = self.checked.last_key_value().filter(|(sequence, _)| **sequence > last)
        {
            self.fault(Fault::Truncated { checkpoint: *checkpoint, last });
        }
    }

    fn fault(&mut self, fault: Fault) {
        if self.findings.faults.len() < TOLD {
            self.findings.faults.push(fault);
        }
    }
}
