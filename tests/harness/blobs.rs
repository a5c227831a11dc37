//! The files of a server's blob store.

use std::fs;
use std::path::{Path, PathBuf};

use crate::server::TestServer;

impl TestServer {
    /// Returns the files of the blob store below its folder, sorted: whole ones as `ab/cdef…`, others as `tmp/…`.
    ///
    /// # Panics
    ///
    /// When the folder cannot be read. A file that goes away meanwhile may be listed or not.
    #[track_caller]
    pub fn blob_files(&self) -> Vec<PathBuf> {
        let root = self.data_dir().join("blobs");
        let mut found = Vec::new();
        for folder in fs::read_dir(&root).expect("the blob store is readable").map_while(Result::ok) {
            let folder = folder.path();
            let Ok(files) = fs::read_dir(&folder) else {
                found.push(folder);
                continue;
            };
            found.extend(files.map_while(Result::ok).map(|file| file.path()));
        }
        let inner =
            |path: PathBuf| path.strip_prefix(&root).map(Path::to_owned).expect("it is in the folder");
        let mut found: Vec<PathBuf> = found.into_iter().map(inner).collect();
        found.sort();
        found
    }
}
