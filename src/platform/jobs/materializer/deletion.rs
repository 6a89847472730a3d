//! An attempt of a deletion job: the kept keys out of one store. Deleting twice is harmless, so it may be tried again.

use super::{EngineMaterializer, begin, keep, offline_failure, online_failure, permanent, stamp};
use crate::model::StageKind;
use crate::platform::jobs::Work;
use crate::platform::jobs::attempt_log::{describe, grouped};
use crate::platform::jobs::record::Outcome;
use crate::wire::arrow;
use polars::prelude::DataFrame;

/// Most bytes of the kept keys. They were taken in whole, so this is far above what there can be.
const KEYS: u64 = 1 << 32;

impl EngineMaterializer {
    pub(super) fn delete(&self, work: &Work) -> Result<(), Outcome> {
        let keys = work
            .deletion_keys
            .as_deref()
            .ok_or_else(|| permanent("INTERNAL_ERROR", "The keys of this job are gone."))?;
        let damaged = |error| permanent("INTERNAL_ERROR", &format!("The kept keys cannot be read: {error}."));
        let keys = arrow::decode(keys, KEYS).map_err(damaged)?;
        // The last look at the flag: a deletion that was begun is finished.
        if work.cancel.is_cancelled() {
            return Err(Outcome::Stopped);
        }
        if work.job.offline {
            self.delete_offline(work, &keys)?;
        }
        if work.job.online {
            begin(work, StageKind::Online)?;
            let gone = self.online.delete(&work.view, &keys).map_err(online_failure)?;
            work.report.say(&format!("Removed {} from the online store.", describe(Some(gone), None)));
            work.report.done(Some(gone), None);
        }
        work.progress.set(1.0);
        Ok(())
    }

    fn delete_offline(&self, work: &Work, keys: &DataFrame) -> Result<(), Outcome> {
        begin(work, StageKind::Offline)?;
        let (mut table, verdict) = self.open_offline(work, None)?;
        let deleted = self.runtime.block_on(table.delete(keys, stamp(work)));
        // Also where the files could not be removed after the commit.
        keep(work, &table, &verdict, None)?;
        let deleted = deleted.map_err(offline_failure)?;
        let (rows, files) = (describe(Some(deleted.rows), None), grouped(deleted.files));
        work.report
            .say(&format!("Removed {rows} from the offline table; {files} files were written again or dropped."));
        work.report.done(Some(deleted.rows), None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use polars::prelude::df;

    use super::*;
    use crate::model::Stores;
    use crate::platform::clock::Clock;
    use crate::platform::engine::PolarsEngine;
    use crate::platform::jobs::Jobs;
    use crate::platform::jobs::record::Outcome;
    use crate::platform::jobs::worker::Materializer;
    use crate::platform::offline::OfflineTable;
    use crate::platform::online::OnlineStore;
    use crate::platform::testing;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_deletion_takes_what_the_first_attempt_left_before_it_had_committed() {
        let dir = tempfile::tempdir().unwrap();
        let (view, clock) = (Arc::new(testing::view("v")), Clock::from_fn(testing::now));
        let jobs = Jobs::open(&dir.path().join("jobs.sqlite"), &[Arc::clone(&view)], clock.clone()).unwrap();
        jobs.schedule().unwrap();
        let killed = jobs.claim().unwrap().unwrap();
        killed.report.begin(StageKind::Offline).unwrap();
        let offline = dir.path().join("offline");
        drop(OfflineTable::open_or_create(&offline, &view).await.unwrap());
        let left = offline.join("prod/v/time_partition=2023-11-14/part-6f9619ff-8b86-4d01-b42d-00cf4fc964ff.parquet");
        std::fs::create_dir(left.parent().unwrap()).unwrap();
        std::fs::write(&left, "half a fi").unwrap();
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        std::fs::File::open(&left).unwrap().set_modified(long_ago).unwrap();
        jobs.finish(killed.job.id, Outcome::Stopped).unwrap();

        let keys = df!("carrier" => ["UA"]).unwrap();
        jobs.delete(&view, &keys, Stores { online: false, offline: true }).unwrap();
        let work = jobs.claim().unwrap().unwrap();
        let online = Arc::new(OnlineStore::open(&dir.path().join("online")).unwrap());
        let runtime = tokio::runtime::Handle::current();
        let materializer =
            EngineMaterializer { engine: Arc::new(PolarsEngine), offline, online, runtime, clock, memory: 1 << 20 };
        let outcome = tokio::task::spawn_blocking(move || materializer.run(&work)).await.unwrap();
        assert_eq!(outcome, Outcome::Success);
        assert!(!left.exists());
    }
}
