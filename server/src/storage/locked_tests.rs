//! A SQLite file that another process keeps to itself.

use std::time::Duration;

use super::testing::TestDatabase;
use crate::ids::TenantId;

#[tokio::test]
async fn a_file_that_stays_locked_is_an_outage_that_passes() {
    let storage = TestDatabase::on_sqlite().await;
    let held = storage.again().await.begin(TenantId::DEFAULT).await.unwrap();
    let refused = storage.database.begin(TenantId::DEFAULT).await.err().unwrap();
    assert!(refused.is_outage(), "{refused:?}");
    // What is read needs no lock.
    storage.database.ping().await.unwrap();
    drop(held);
    let again = async {
        while storage.database.begin(TenantId::DEFAULT).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), again).await.unwrap();
}
