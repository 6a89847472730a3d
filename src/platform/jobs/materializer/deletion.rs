//! An attempt of a deletion job: the kept keys out of one store. Deleting twice is harmless, so it may be tried again.

use super::{EngineMaterializer, begin, offline_failure, online_failure, permanent, stamp};
use crate::model::StageKind;
use crate::platform::jobs::Work;
use crate::platform::jobs::record::Outcome;
use crate::platform::jobs::report::{describe, grouped};
use crate::platform::offline::{Deleted, OfflineTable};
use crate::wire::arrow;
use polars::prelude::DataFrame;

/// Most bytes of the kept keys. They were taken in whole, so this is far above what there can be.
const KEYS: u64 = 1 << 32;

impl EngineMaterializer {
    pub(super) fn delete(&self, work: &Work) -> Result<(), Outcome> {
        let keys = work.keys.as_deref().ok_or_else(|| permanent("INTERNAL_ERROR", "The keys of this job are gone."))?;
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
        let deleted = self.runtime.block_on(async {
            match OfflineTable::open(&self.offline, &work.view).await? {
                Some(mut table) => table.delete(keys, stamp(work)).await,
                None => Ok(Deleted::default()),
            }
        });
        let deleted = deleted.map_err(offline_failure)?;
        let (rows, files) = (describe(Some(deleted.rows), None), grouped(deleted.files));
        work.report
            .say(&format!("Removed {rows} from the offline table; {files} files were written again or dropped."));
        work.report.done(Some(deleted.rows), None);
        Ok(())
    }
}
