use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;

use crate::store::{Store, conformance};

use super::SqliteStore;

mod disk;
mod kill;
mod leasing;
mod opening;
mod truth;

struct File {
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("agent.db"), _folder: folder }
    }
}

#[async_trait]
impl conformance::Backend for File {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(open(&self.path).await)
    }
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).await.unwrap()
}

#[tokio::test]
async fn the_store_in_a_file_keeps_the_contract() {
    let (folder, made) = (tempfile::tempdir().unwrap(), Cell::new(0));
    conformance::run(async || {
        made.set(made.get() + 1);
        Arc::new(open(&folder.path().join(format!("{}.db", made.get()))).await) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn the_store_in_a_file_keeps_the_contract_over_restarts() {
    conformance::run_reopen(File::new).await;
}
