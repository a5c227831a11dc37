//! How fast the columns that a start needs can be read.

use std::path::Path;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use sea_orm::{ConnectOptions, Database, DbBackend, Statement, StreamTrait as _};
use uuid::Uuid;

use super::RowsDone;
use crate::Outcome;
use crate::process::own_cpu;

/// The columns of `storage::overview`.
const COLUMNS: &str = "SELECT d.number, d.id, d.tenant_id, d.status, d.generation, d.inventory_digest, \
    d.identity_hash, COALESCE(s.seen_at, 0), COALESCE(p.digest, 0), a.id, a.spki_sha256, a.status \
    FROM devices d LEFT JOIN auth_sets a ON a.device_number = d.number \
    LEFT JOIN device_sightings s ON s.device_number = d.number \
    LEFT JOIN device_provides p ON p.device_number = d.number ORDER BY d.number";

type Row = (i32, Uuid, Uuid, String, i64, i64, Vec<u8>, i64, i64);

/// Reads all rows, and prints how long that took, with the start of the process.
pub(crate) fn run(path: &Path) -> Outcome<()> {
    let begin = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=ro", path.display()));
        options.max_connections(1).sqlx_logging(false);
        let database = Database::connect(options).await?;
        let statement = Statement::from_string(DbBackend::Sqlite, COLUMNS);
        let mut stream = database.stream_raw(statement).await?;
        let (mut rows, mut read) = (0, 0);
        while let Some(row) = stream.try_next().await? {
            let (number, id, ..): Row = (
                row.try_get_by_index(0)?,
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
                row.try_get_by_index(3)?,
                row.try_get_by_index(4)?,
                row.try_get_by_index(5)?,
                row.try_get_by_index(6)?,
                row.try_get_by_index(7)?,
                row.try_get_by_index(8)?,
            );
            let set: (Option<Uuid>, Option<Vec<u8>>, Option<String>) =
                (row.try_get_by_index(9)?, row.try_get_by_index(10)?, row.try_get_by_index(11)?);
            // What nobody looks at need not be read.
            read += u64::from(number > 0 && !id.is_nil() && set.0.is_some());
            rows += 1;
        }
        if read != rows {
            return Err(format!("{read} of {rows} rows are devices with a key").into());
        }
        RowsDone { rows, seconds: begin.elapsed().as_secs_f64(), cpu_seconds: own_cpu()?.as_secs_f64() }
            .print()
    })
}
