//! Whoever changes the audit trail in the database is found out (S16).

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom as Entropy};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::audit::{delete_through, end, following, row};
use super::entity::audit_chain;
use super::entity::audit_events::{Column, Entity};
use super::testing::{TestDatabase, database_tests};
use super::{Access as _, WriteScope, audit_checkpoints};
use crate::audit::{
    Action, Checkpoint, Custody, Event, Fault, Findings, GENESIS, Hash, Object, Record, verify,
};
use crate::clock::Clock as _;
use crate::clock::manual::ManualClock;
use crate::crypto::random::SystemRandom;
use crate::crypto::session_token::{SigningKey, SigningKeySet};
use crate::ids::TenantId;

database_tests![
    s16_every_change_of_every_record_is_found,
    s16_changes_of_ten_thousand_records_are_found,
    s16_a_rewritten_trail_contradicts_a_checkpoint,
    s16_what_is_cut_off_the_end_is_missed_by_a_checkpoint,
    checkpoints_of_others_are_refused,
    old_records_are_dropped_up_to_a_checkpoint,
];

const SMALL: usize = 40;
const LARGE: usize = 10_000;

const KEPT: TimeDelta = TimeDelta::days(365);

struct Trail {
    storage: TestDatabase,
    clock: Arc<ManualClock>,
    custody: Custody,
}

impl Trail {
    async fn new(storage: TestDatabase, records: usize) -> Self {
        let clock = Arc::new(ManualClock::at(1_700_000_000));
        let key = SigningKey::generate(&SystemRandom::new()).unwrap();
        let keys = SigningKeySet::new(key, Vec::new());
        let custody = Custody::new(storage.database.clone(), keys, Arc::<ManualClock>::clone(&clock));
        let trail = Self { storage, clock, custody };
        trail.append(records).await;
        trail
    }

    async fn append(&self, records: usize) {
        let tx = self.storage.scope().begin().await.unwrap();
        for number in 0..records {
            let event = Event::new(Action::Create, Object::group(&format!("group {number}")));
            tx.scope().audit(event.change("members: 3").states(Some(b"x"), Some(b"y")));
        }
        tx.commit(self.now()).await.unwrap();
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn verify(&self, external: Option<&Checkpoint>) -> Findings {
        verify(&self.storage.scope(), &self.custody.keys(), external).await.unwrap()
    }

    /// What is found after a change that is taken back afterwards.
    async fn after<F>(&self, external: Option<&Checkpoint>, tamper: F) -> Vec<Fault>
    where
        F: AsyncFnOnce(WriteScope<'_>),
    {
        let tx = self.storage.scope().begin().await.unwrap();
        tamper(tx.scope()).await;
        verify(&tx.scope(), &self.custody.keys(), external).await.unwrap().faults
    }
}

/// A change of each column but the first: what a record says, and what binds it.
fn edits() -> Vec<(Column, SimpleExpr)> {
    let text = || Expr::value("x");
    vec![
        (Column::TenantId, Expr::value(uuid::Uuid::max())),
        (Column::OccurredAt, Expr::value(DateTime::UNIX_EPOCH + TimeDelta::microseconds(1))),
        (Column::ActorKind, text()),
        (Column::ActorId, text()),
        (Column::ActorEmail, text()),
        (Column::Credential, text()),
        (Column::Address, text()),
        (Column::RequestId, text()),
        (Column::Action, text()),
        (Column::ObjectKind, text()),
        (Column::ObjectId, text()),
        (Column::ObjectLabel, text()),
        (Column::ObjectDetail, text()),
        (Column::Outcome, text()),
        (Column::Change, text()),
        (Column::Change, Expr::value(Option::<String>::None)),
        (Column::BeforeDigest, Expr::value(vec![1_u8; 32])),
        (Column::AfterDigest, Expr::value(Option::<Vec<u8>>::None)),
        (Column::AfterDigest, Expr::value(vec![1_u8; 31])),
        (Column::PreviousHash, Expr::value(vec![1_u8; 32])),
        (Column::Hash, Expr::value(vec![1_u8; 32])),
    ]
}

async fn edit(tx: WriteScope<'_>, sequence: i64, (column, value): (Column, SimpleExpr)) {
    let edited = Entity::update_many()
        .col_expr(column, value)
        .filter(Column::Sequence.eq(sequence))
        .exec(&tx.executor())
        .await
        .unwrap();
    assert_eq!(edited.rows_affected, 1);
}

async fn delete(tx: WriteScope<'_>, sequence: i64) {
    Entity::delete_by_id(sequence).exec(&tx.executor()).await.unwrap();
}

async fn swap(tx: WriteScope<'_>, (one, other): (i64, i64)) {
    for (from, to) in [(one, -1), (other, one), (-1, other)] {
        edit(tx, from, (Column::Sequence, Expr::value(to))).await;
    }
}

/// Removes the records after this one, and makes the chain's end fit.
async fn cut(tx: WriteScope<'_>, last: i64) {
    let executor = tx.executor();
    Entity::delete_many().filter(Column::Sequence.gt(last)).exec(&executor).await.unwrap();
    let hash = following(&tx, last - 1, 1).await.unwrap().pop().map_or(GENESIS, |record| record.hash);
    set_end(tx, last, hash).await;
}

async fn set_end(tx: WriteScope<'_>, last: i64, hash: Hash) {
    audit_chain::Entity::update_many()
        .col_expr(audit_chain::Column::Sequence, Expr::value(last))
        .col_expr(audit_chain::Column::Hash, Expr::value(hash.0.to_vec()))
        .exec(&tx.executor())
        .await
        .unwrap();
}

/// Changes a record and binds all that follow to it, so that nothing in the database says so.
async fn rewrite(tx: WriteScope<'_>, sequence: i64) {
    let mut records = following(&tx, sequence - 1, u64::MAX >> 1).await.unwrap();
    let executor = tx.executor();
    Entity::delete_many().filter(Column::Sequence.gte(sequence)).exec(&executor).await.unwrap();
    let mut previous: Option<Hash> = None;
    for record in &mut records {
        if let Some(previous) = previous {
            record.previous = previous;
        } else {
            record.change = Some("members: 4".to_owned());
        }
        record.hash = record.expected_hash();
        previous = Some(record.hash);
    }
    for chunk in records.chunks(1_000) {
        Entity::insert_many(chunk.iter().map(row)).exec_without_returning(&executor).await.unwrap();
    }
    let last: &Record = records.last().unwrap();
    set_end(tx, last.sequence, last.hash).await;
}

fn random_below(bound: usize) -> i64 {
    let mut bytes = [0; 8];
    Entropy::new().fill(&mut bytes).unwrap();
    i64::try_from(u64::from_le_bytes(bytes) % u64::try_from(bound).unwrap()).unwrap()
}

async fn s16_every_change_of_every_record_is_found(storage: TestDatabase) {
    let trail = Trail::new(storage, SMALL).await;
    let whole = trail.verify(None).await;
    assert_eq!((whole.records, whole.last, &whole.faults), (40, 40, &Vec::new()));
    for sequence in 1..=40 {
        for change in edits() {
            let column = change.0;
            let faults = trail.after(None, async |tx| edit(tx, sequence, change).await).await;
            assert!(!faults.is_empty(), "{column:?} of record {sequence}");
        }
        let faults = trail.after(None, async |tx| delete(tx, sequence).await).await;
        assert!(!faults.is_empty(), "record {sequence} deleted");
        for other in sequence + 1..=40 {
            let faults = trail.after(None, async |tx| swap(tx, (sequence, other)).await).await;
            assert!(!faults.is_empty(), "records {sequence} and {other} swapped");
        }
        let moved = trail
            .after(None, async |tx| edit(tx, sequence, (Column::Sequence, Expr::value(sequence + 100))).await)
            .await;
        assert!(!moved.is_empty(), "record {sequence} moved");
    }
    assert_eq!(trail.verify(None).await, whole, "the changes were taken back");
}

async fn s16_changes_of_ten_thousand_records_are_found(storage: TestDatabase) {
    let trail = Trail::new(storage, LARGE).await;
    assert_eq!(trail.verify(None).await.faults, []);
    for round in 0..12 {
        let edges = [1, 2, 1_000, 1_001, 9_999, 10_000];
        let sequence = edges.get(round).copied().unwrap_or_else(|| 1 + random_below(LARGE));
        let change = edits().swap_remove(usize::try_from(random_below(edits().len())).unwrap());
        let what = format!("record {sequence}, {:?}", change.0);
        assert!(!trail.after(None, async |tx| edit(tx, sequence, change).await).await.is_empty(), "{what}");
        assert!(!trail.after(None, async |tx| delete(tx, sequence).await).await.is_empty(), "{what}");
        let other = 1 + (sequence + random_below(LARGE - 1)) % 10_000;
        if other != sequence {
            let faults = trail.after(None, async |tx| swap(tx, (sequence, other)).await).await;
            assert!(!faults.is_empty(), "{what}, {other}");
        }
    }
}

async fn s16_a_rewritten_trail_contradicts_a_checkpoint(storage: TestDatabase) {
    let trail = Trail::new(storage, SMALL).await;
    let external = trail.custody.sign_end().await.unwrap();
    for sequence in [1, 2, 20, 39, 40] {
        let unseen = trail.after(None, async |tx| rewrite(tx, sequence).await).await;
        assert_eq!(unseen, [], "without a checkpoint a perfect forgery is perfect");
        let seen = trail.after(Some(&external), async |tx| rewrite(tx, sequence).await).await;
        assert_eq!(seen, [Fault::Contradicted(40)], "{sequence}");
    }
    // One that the server keeps does the same, as long as it is there.
    trail.custody.checkpoint().await.unwrap();
    let seen = trail.after(None, async |tx| rewrite(tx, 7).await).await;
    assert_eq!(seen, [Fault::Contradicted(40)]);
    let found = trail.verify(Some(&external)).await;
    assert_eq!((found.checkpoints, found.compared, found.faults), (1, true, Vec::new()));
}

async fn s16_what_is_cut_off_the_end_is_missed_by_a_checkpoint(storage: TestDatabase) {
    let trail = Trail::new(storage, LARGE).await;
    let external = trail.custody.sign_end().await.unwrap();
    for last in [0, 1, 5_000, 9_998, 9_999] {
        assert_eq!(trail.after(None, async |tx| cut(tx, last).await).await, [], "nothing in it says so");
        let faults = trail.after(Some(&external), async |tx| cut(tx, last).await).await;
        assert_eq!(faults, [Fault::Truncated { checkpoint: 10_000, last }]);
        // Who does not touch the chain's end is found out without one.
        let faults = trail
            .after(None, async |tx| {
                Entity::delete_many().filter(Column::Sequence.gt(last)).exec(&tx.executor()).await.unwrap();
            })
            .await;
        assert_eq!(faults, [Fault::End { expected: 10_000, found: last }]);
    }
    // What came after the checkpoint is no fault of the trail.
    trail.append(3).await;
    let found = trail.verify(Some(&external)).await;
    assert_eq!((found.records, found.faults), (10_003, Vec::new()));
}

async fn checkpoints_of_others_are_refused(storage: TestDatabase) {
    let trail = Trail::new(storage, SMALL).await;
    let good = trail.custody.sign_end().await.unwrap();
    let key = SigningKey::generate(&SystemRandom::new()).unwrap();
    let other = Checkpoint::sign((good.sequence, good.hash), good.at, None, &key).unwrap();
    let altered = Checkpoint { sequence: 39, ..good };
    for forged in [other, altered] {
        let found = trail.verify(Some(&forged)).await;
        assert_eq!(found.faults, [Fault::Forged(forged.sequence)]);
    }
    // Nor does anybody else's seal excuse that records are gone.
    let sealed = Checkpoint::sign((10, Hash([1; 32])), trail.now(), Some(trail.now()), &key).unwrap();
    let faults = trail
        .after(None, async |tx| {
            audit_checkpoints::insert(&tx, &sealed).await.unwrap();
            assert_eq!(delete_through(&tx, 10).await.unwrap(), 10);
        })
        .await;
    assert_eq!(faults, [Fault::Forged(10), Fault::Beginning(11)]);
}

async fn old_records_are_dropped_up_to_a_checkpoint(storage: TestDatabase) {
    let trail = Trail::new(storage, 10).await;
    let external = trail.custody.checkpoint().await.unwrap().unwrap();
    assert_eq!(trail.custody.checkpoint().await.unwrap(), None, "nothing was recorded since");
    trail.append(5).await;
    trail.clock.advance(KEPT);
    trail.append(5).await;
    assert_eq!(trail.custody.seal(KEPT).await.unwrap(), 0, "nothing is older than a year and a day");
    trail.clock.advance(TimeDelta::days(2));
    assert_eq!(trail.custody.seal(KEPT).await.unwrap(), 10, "up to the checkpoint");
    assert_eq!(trail.custody.seal(KEPT).await.unwrap(), 0);
    let found = trail.verify(Some(&external)).await;
    assert_eq!((found.records, found.last, found.compared), (11, 21, true), "{found:?}");
    assert_eq!(found.faults, []);
    let records = following(&trail.storage.scope(), 0, 100).await.unwrap();
    let (first, last) = (records.first().unwrap(), records.last().unwrap());
    assert_eq!((first.sequence, first.previous), (11, external.hash));
    assert_eq!((last.action.as_str(), last.object_kind.as_str()), ("seal", "audit_log"));
    assert_eq!(end(&trail.storage.scope()).await.unwrap(), (21, last.hash));
    // More than was sealed cannot go unnoticed.
    let faults = trail.after(None, async |tx| delete(tx, 11).await).await;
    assert_eq!(faults, [Fault::Beginning(12)]);
    // Everything may be old.
    trail.custody.checkpoint().await.unwrap();
    trail.clock.advance(KEPT * 2);
    assert_eq!(trail.custody.seal(KEPT).await.unwrap(), 11);
    let found = trail.verify(None).await;
    assert_eq!((found.records, found.last, found.faults), (1, 22, Vec::new()));
    assert_eq!(trail.storage.scope().tenant(), TenantId::DEFAULT);
}
