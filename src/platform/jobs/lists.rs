//! The list of a view's jobs. A console asks for it twice in one breath, as the list of jobs and as the status table,
//! and it is read once.
//!
//! A list is given again only while nothing was committed since it was read, so nobody ever sees an old one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Id, Job, Time};

use super::error::TableError;
use super::record::JobRecord;
use super::table::JobTable;
use super::{Jobs, force};

/// How long a list is kept for whoever asks next: many jobs take much memory.
const KEPT: Duration = Duration::from_secs(5);

/// The list that was read last.
#[derive(Default)]
pub(super) struct LastList(Mutex<Option<List>>);

struct List {
    view: Id,
    version: i64,
    read_at: Instant,
    jobs: Arc<Vec<Job>>,
}

impl LastList {
    fn lock(&self) -> MutexGuard<'_, Option<List>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The jobs of a view as the table has them. Whoever asks meanwhile waits for the same list.
    fn jobs(&self, table: &JobTable, view: Id) -> Result<Arc<Vec<Job>>, TableError> {
        let mut last = self.lock();
        table.read(|rows| {
            let version = rows.version()?;
            if let Some(list) = last.as_ref().filter(|list| list.view == view && list.version == version) {
                return Ok(Arc::clone(&list.jobs));
            }
            let jobs = Arc::new(with_allowed(rows.jobs(view)?));
            *last = Some(List { view, version, read_at: Instant::now(), jobs: Arc::clone(&jobs) });
            Ok(jobs)
        })
    }

    /// Drops a list that was read a while ago. It does not wait for one that is being read now.
    pub(super) fn drop_old(&self) {
        if let Ok(mut last) = self.0.try_lock() {
            last.take_if(|list| list.read_at.elapsed() >= KEPT);
        }
    }
}

/// The jobs, with what may be done with each. All of a view must be there: one may stand in another's way.
fn with_allowed(mut records: Vec<JobRecord>) -> Vec<Job> {
    let rivals = force::Rivals::among(&records);
    let allowed: Vec<_> = records.iter().map(|record| force::allowed(record, &rivals.of(record))).collect();
    for (record, allowed) in records.iter_mut().zip(allowed) {
        record.job.allowed = allowed;
    }
    records.into_iter().map(|record| record.job).collect()
}

impl Jobs {
    /// All jobs of a view, newest first, with the progress of running attempts.
    pub fn list(&self, view: Id) -> Result<Vec<Job>, TableError> {
        let jobs = self.last_list.jobs(&self.table, view)?;
        Ok(jobs.iter().cloned().map(|job| self.with_progress(job)).collect())
    }

    /// The jobs of a view that have not ended or changed since then, newest first, with what may be done with each.
    pub fn recent(&self, view: Id, since: Option<Time>) -> Result<Vec<Job>, TableError> {
        let wanted = |job: &Job| {
            since.is_none_or(|since| !job.state.is_terminal() || job.updated_at.is_some_and(|at| at >= since))
        };
        let jobs = with_allowed(self.table.read(|rows| rows.jobs(view))?);
        Ok(jobs.into_iter().map(|job| self.with_progress(job)).filter(wanted).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;
    use crate::model::{Span, Window};
    use crate::platform::testing::view;

    #[test]
    fn a_list_is_read_once_and_again_after_each_change() {
        let dir = tempfile::tempdir().unwrap();
        let table = JobTable::open(&dir.path().join("jobs.sqlite")).unwrap();
        let (view, now, last) = (view("v"), from_micros(0), LastList::default());
        let new = || JobRecord::batch(&view, Window { start: now, end: now + Span::hours(1) }, now, now);
        table.write(|rows| rows.register(&view, now, None).and_then(|_| rows.save(&mut new()))).unwrap();
        let first = last.jobs(&table, view.id).unwrap();
        assert_eq!(first.len(), 1);
        assert!(Arc::ptr_eq(&first, &last.jobs(&table, view.id).unwrap()), "nothing has changed");
        table.write(|rows| rows.save(&mut new())).unwrap();
        assert_eq!(last.jobs(&table, view.id).unwrap().len(), 2);
        last.drop_old();
        assert!(last.lock().is_some(), "it was just read");
    }
}
