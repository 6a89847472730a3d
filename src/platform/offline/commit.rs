//! Commits: planned from the newest version, on disk before they are acknowledged, planned anew where somebody else was
//! faster.
//!
//! The log's own library retries with rules that may lose an overwrite, and does not put its commits on disk; so the
//! entry is written here. It must not decide what is committed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use deltalake_core::kernel::transaction::{CommitData, PROTOCOL};
use deltalake_core::kernel::{Action, Add, Metadata, MetadataExt, Remove, StructType, Transaction};
use deltalake_core::protocol::DeltaOperation;
use deltalake_core::protocol::checkpoints::create_checkpoint;
use deltalake_core::table::state::DeltaTableState;
use serde_json::json;

use super::{OfflineError, OfflineTable, Stamp, files};
use crate::platform::private;

/// How often a commit is planned when somebody else commits in between.
const MAX_PLANS: usize = 20;

/// After so many commits the log is summed up in a checkpoint, so that opening a table stays quick.
const CHECKPOINT: u64 = 20;

/// New files that no commit names yet: they go when it is dropped, unless a commit names them.
pub(super) struct Fresh {
    root: PathBuf,
    paths: Vec<String>,
    /// The actions that name them.
    pub adds: Vec<Add>,
    /// Their checksums by their paths.
    pub checksums: HashMap<String, u64>,
}

impl Fresh {
    /// Files below `root` that are about to be written.
    pub(super) fn new(root: &Path, paths: Vec<String>) -> Self {
        Self { root: root.to_owned(), paths, adds: Vec::new(), checksums: HashMap::new() }
    }

    /// Takes over what another has.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.paths.append(&mut other.paths);
        self.adds.append(&mut other.adds);
        self.checksums.extend(other.checksums.drain());
    }

    /// Leaves the files where they are, for a commit names them.
    pub(super) fn keep(&mut self) {
        self.paths.clear();
    }

    pub(super) fn bytes(&self) -> u64 {
        self.adds.iter().map(|add| u64::try_from(add.size).unwrap_or_default()).sum()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // What stays behind is an orphan, which the upkeep removes.
        self.paths.iter().for_each(|path| drop(std::fs::remove_file(self.root.join(path))));
    }
}

/// What a commit is to do.
pub(super) struct Plan {
    pub removes: Vec<Remove>,
    /// The files that were written for it.
    pub fresh: Fresh,
    /// Rows that it is about.
    pub rows: u64,
}

impl Plan {
    pub(super) fn new(root: &Path) -> Self {
        Self { removes: Vec::new(), fresh: Fresh::new(root, Vec::new()), rows: 0 }
    }
}

impl Stamp {
    /// The name under which the table remembers the job.
    fn application(self) -> String {
        format!("fvtop-job-{}", self.job)
    }
}

impl OfflineTable {
    /// Commits what `plan` makes of the newest version, together with `standing` files that do not depend on it. A plan
    /// of nothing commits nothing and gives nothing.
    pub(super) async fn commit(
        &mut self,
        operation: DeltaOperation,
        stamp: Option<Stamp>,
        mut standing: Fresh,
        mut plan: impl FnMut(&Self) -> Result<Option<Plan>, OfflineError>,
    ) -> Result<Option<Plan>, OfflineError> {
        for _ in 0..MAX_PLANS {
            self.refresh().await?;
            if let Some(stamp) = stamp {
                self.check(stamp).await?;
            }
            let version = self.table.version();
            let mut planned = match plan(self) {
                Ok(Some(planned)) => planned,
                Ok(None) => return Ok(None),
                Err(error) => {
                    // A file that another commit dropped may be gone already.
                    self.refresh().await?;
                    if self.table.version() == version {
                        return Err(error);
                    }
                    continue;
                }
            };
            if self.put(&operation, stamp, &mut standing, &mut planned)? {
                self.written.extend(standing.checksums.drain().chain(planned.fresh.checksums.drain()));
                self.refresh().await?;
                self.checkpoint().await;
                return Ok(Some(planned));
            }
        }
        let problem = format!("others committed {MAX_PLANS} times in between. Try again");
        Err(OfflineError::passing(&self.root, problem))
    }

    pub(super) async fn refresh(&mut self) -> Result<(), OfflineError> {
        self.table.update_state().await.map_err(|e| OfflineError::log(&self.root, e))
    }

    /// An attempt must not undo what a later attempt of its job did.
    async fn check(&self, stamp: Stamp) -> Result<(), OfflineError> {
        let log = |e| OfflineError::log(&self.root, e);
        let state = self.table.snapshot().map_err(log)?;
        let known =
            state.transaction_version(self.table.log_store().as_ref(), stamp.application()).await.map_err(log)?;
        match known.filter(|known| *known > i64::from(stamp.attempt)) {
            None => Ok(()),
            Some(known) => {
                let Stamp { job, attempt } = stamp;
                let problem = format!(
                    "attempt {attempt} of job {job} comes after attempt {known} of the same job has written. Nothing was done"
                );
                Err(OfflineError::permanent(&self.root, problem))
            }
        }
    }

    /// Writes the entry of the next version; `false` when somebody else has written it.
    fn put(
        &self,
        operation: &DeltaOperation,
        stamp: Option<Stamp>,
        standing: &mut Fresh,
        planned: &mut Plan,
    ) -> Result<bool, OfflineError> {
        let log = |e| OfflineError::log(&self.root, e);
        let state = self.table.snapshot().map_err(log)?;
        let adds = standing.adds.iter().chain(&planned.fresh.adds).cloned().map(Action::Add);
        let wider = self.wider(state).map_err(|e| OfflineError::permanent(&self.root, e))?;
        let removes = planned.removes.iter().cloned().map(Action::Remove);
        let actions: Vec<Action> = wider.into_iter().map(Action::Metadata).chain(removes).chain(adds).collect();
        PROTOCOL.can_commit(state, &actions, operation).map_err(|e| log(e.into()))?;
        let entry = entry(actions, operation.clone(), stamp).map_err(|e| log(e.into()))?;
        let version = state.version() + 1;
        let disk =
            |e: std::io::Error| OfflineError::disk(&self.root, &format!("version {version} cannot be committed"), e);
        let folder = self.root.join("_delta_log");
        if !link(&folder, version, &entry).map_err(disk)? {
            return Ok(false);
        }
        standing.keep();
        planned.fresh.keep();
        files::sync_folder(&folder).map_err(disk)?;
        Ok(true)
    }

    /// The metadata with the columns that a table of an earlier version lacks; nothing where it has them all. They are
    /// nullable, so that its files stay what they are.
    fn wider(&self, state: &DeltaTableState) -> Result<Option<Metadata>, String> {
        let wanted = self.layout.fields()?;
        if state.schema().fields().len() == wanted.len() {
            return Ok(None);
        }
        let schema = StructType::try_new(wanted).map_err(|e| e.to_string())?;
        state.metadata().clone().with_schema(&schema).map(Some).map_err(|e| e.to_string())
    }

    /// Sums the log up when it is time. The commit stands without it.
    async fn checkpoint(&self) {
        let Some(version) = self.table.version().filter(|version| (version + 1).is_multiple_of(CHECKPOINT)) else {
            return;
        };
        let folder = self.root.join("_delta_log");
        let made = create_checkpoint(&self.table, None).await.map_err(|e| OfflineError::log(&self.root, e));
        let kept = made.and_then(|()| {
            let sync = |path: &Path| {
                private::settle(path)?;
                File::open(path).and_then(|file| file.sync_all())
            };
            let checkpoint = sync(&folder.join(format!("{version:020}.checkpoint.parquet")));
            let all = checkpoint
                .and_then(|()| sync(&folder.join("_last_checkpoint")))
                .and_then(|()| files::sync_folder(&folder));
            all.map_err(|e| OfflineError::disk(&self.root, "a checkpoint is not on disk", e))
        });
        if let Err(error) = kept {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "no checkpoint was made; the next one will be tried after {CHECKPOINT} commits"
            );
        }
    }
}

/// The text of a log entry. The stamp is in it twice: for the check of later attempts, and for people who read the
/// history.
fn entry(
    actions: Vec<Action>,
    operation: DeltaOperation,
    stamp: Option<Stamp>,
) -> Result<Vec<u8>, deltalake_core::kernel::transaction::TransactionError> {
    let info = stamp.map(|Stamp { job, attempt }| {
        [
            ("userMetadata".to_owned(), json!(format!("fvtop job {job}, attempt {attempt}"))),
            ("job".to_owned(), json!(job.to_string())),
            ("attempt".to_owned(), json!(attempt)),
        ]
    });
    let transaction = stamp.map(|stamp| Transaction::new(stamp.application(), i64::from(stamp.attempt)));
    let info = info.into_iter().flatten().collect();
    let entry = CommitData::new(actions, operation, info, transaction.into_iter().collect()).get_bytes()?;
    Ok(entry.to_vec())
}

/// Puts an entry on disk, and under its name only then: a version is there whole or not at all, also after a power cut.
/// `false` when the name is taken.
fn link(folder: &Path, version: u64, entry: &[u8]) -> std::io::Result<bool> {
    let temporary = folder.join(format!("_commit_{}.json.tmp", uuid::Uuid::new_v4()));
    let write = || {
        let mut file = File::create_new(&temporary)?;
        private::settle(&temporary)?;
        file.write_all(entry)?;
        file.sync_all()?;
        match std::fs::hard_link(&temporary, folder.join(format!("{version:020}.json"))) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            linked => linked.map(|()| true),
        }
    };
    let linked = write();
    // It has no reader; the upkeep removes what is left behind.
    let _ = std::fs::remove_file(&temporary);
    linked
}
