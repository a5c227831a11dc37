//! What somebody has who stole the database of a server, but not the file with its master key.

use std::fs;

use crate::server::TestServer;

/// Returns everything that the database of a server holds, which has to be stopped: the bytes of its files, or each row as
/// text followed by the bytes of its binary columns.
#[track_caller]
pub fn dump(server: &TestServer) -> Vec<u8> {
    match server.cluster().zip(server.database_url()) {
        None => {
            let files = ["sealift.db", "sealift.db-wal"].map(|name| server.data_dir().join(name));
            let all: Vec<u8> = files.iter().filter_map(|file| fs::read(file).ok()).flatten().collect();
            assert!(all.starts_with(b"SQLite format 3"), "no database in {}", server.data_dir().display());
            all
        }
        Some((cluster, url)) => {
            let tables =
                cluster.query(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
            let mut all = Vec::new();
            for table in tables.lines() {
                let rows = cluster.query(url, &format!("SELECT to_jsonb(t)::text FROM \"{table}\" t"));
                all.extend(binary_columns(&rows));
                all.extend(rows.into_bytes());
            }
            all
        }
    }
}

/// The bytes of each `\x…`, as PostgreSQL shows them.
fn binary_columns(rows: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for hex in rows.split("\\\\x").skip(1) {
        let digits: Vec<u8> =
            hex.bytes().map_while(|digit| char::from(digit).to_digit(16)).map(low).collect();
        bytes.extend(digits.chunks_exact(2).map(|pair| pair[0] * 16 + pair[1]));
        bytes.push(0);
    }
    bytes
}

fn low(digit: u32) -> u8 {
    u8::try_from(digit).expect("a hexadecimal digit")
}
