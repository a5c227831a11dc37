//! How fast rows can be made durable: 100 rows a statement and transaction, about 700 bytes each, through the same
//! libraries and settings as the product's.

use std::path::Path;
use std::time::{Duration, Instant};

use migrations::{Migrator, MigratorTrait as _};
use sea_orm::entity::prelude::DateTimeUtc;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection,
    EntityTrait, TransactionTrait as _,
};
use sealift::clock::{Clock as _, SystemClock};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use uuid::Uuid;

use super::RowsDone;
use super::tables::{bare, report};
use crate::Outcome;
use crate::process::{own_cpu, own_cpu_since};

/// Rows in one statement.
const BATCH: u32 = 100;

/// What makes a row about 700 bytes long.
const TEXT_BYTES: usize = 550;

/// Where rows go.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Table {
    /// The product's own table of reports, with its 14 columns and 4 indexes.
    Reports,
    /// One with 5 columns and a key that counts.
    Bare,
}

/// Inserts for so long, and prints how many rows.
pub(crate) fn run(directory: &Path, millis: u64, table: Table) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = connect(&directory.join("floor.db")).await?;
        Migrator::up(&database, None).await?;
        database.execute_unprepared(bare::TABLE).await?;
        let (text, now) = ("x".repeat(TEXT_BYTES), SystemClock.now());
        let warm_up = Duration::from_millis(millis / 10);
        let span = Duration::from_millis(millis);
        match table {
            Table::Reports => {
                let make = |number| report_row(number, &text, now);
                let next = insert::<report::Entity, _>(&database, 0, warm_up, make).await?.rows;
                insert::<report::Entity, _>(&database, next, span, make).await?.print()
            }
            Table::Bare => {
                let make = |number| bare_row(number, &text, now);
                let next = insert::<bare::Entity, _>(&database, 0, warm_up, make).await?.rows;
                insert::<bare::Entity, _>(&database, next, span, make).await?.print()
            }
        }
    })
}

async fn connect(path: &Path) -> Outcome<DatabaseConnection> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    options.max_connections(1).sqlx_logging(false).test_before_acquire(false).map_sqlx_sqlite_opts(
        |options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(false)
        },
    );
    Ok(Database::connect(options).await?)
}

async fn insert<E, A>(
    database: &DatabaseConnection,
    first: u64,
    span: Duration,
    make: impl Fn(u64) -> A,
) -> Outcome<RowsDone>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E>,
{
    let (begin, cpu) = (Instant::now(), own_cpu()?);
    let mut rows = 0;
    while begin.elapsed() < span {
        let batch = (0..BATCH).map(|at| make(first + rows + u64::from(at)));
        let tx = database.begin().await?;
        E::insert_many(batch).exec_without_returning(&tx).await?;
        tx.commit().await?;
        rows += u64::from(BATCH);
    }
    Ok(RowsDone {
        rows,
        seconds: begin.elapsed().as_secs_f64(),
        cpu_seconds: own_cpu_since(cpu)?.as_secs_f64(),
    })
}

fn device(number: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

fn report_row(number: u64, text: &str, now: DateTimeUtc) -> report::ActiveModel {
    report::ActiveModel {
        id: ActiveValue::NotSet,
        tenant_id: ActiveValue::Set(Uuid::nil()),
        deployment_number: ActiveValue::Set(1),
        deployment_id: ActiveValue::Set(Uuid::from_u128(1)),
        device_number: ActiveValue::Set(i32::try_from(number).unwrap_or(i32::MAX)),
        device_id: ActiveValue::Set(device(number)),
        artifact_id: ActiveValue::Set(Some(Uuid::from_u128(2))),
        artifact_size: ActiveValue::Set(1 << 28),
        status: ActiveValue::Set("installing".to_owned()),
        substate: ActiveValue::Set(Some(text.to_owned())),
        logged: ActiveValue::Set(false),
        created_at: ActiveValue::Set(now),
        started_at: ActiveValue::Set(Some(now)),
        finished_at: ActiveValue::Set(None),
    }
}

fn bare_row(number: u64, text: &str, now: DateTimeUtc) -> bare::ActiveModel {
    bare::ActiveModel {
        id: ActiveValue::NotSet,
        device_id: ActiveValue::Set(device(number)),
        status: ActiveValue::Set("installing".to_owned()),
        text: ActiveValue::Set(text.to_owned()),
        created_at: ActiveValue::Set(now),
    }
}
