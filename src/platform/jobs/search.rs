//! Jobs of many views at once: which ones are wanted, page by page.
//!
//! A page is told by its last job's place in the table, so that jobs that come meanwhile do not shift it.

use crate::model::{Id, Job, JobType, Span, Time};
use crate::wire::proto::enums::StatusState;

use super::table::TableError;
use super::{Jobs, force, requests};

/// Ends of a range, both included; an absent one is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds<T> {
    /// The least.
    pub from: Option<T>,
    /// The greatest.
    pub until: Option<T>,
}

impl<T> Default for Bounds<T> {
    fn default() -> Self {
        Self { from: None, until: None }
    }
}

/// Which jobs are wanted: those that every part lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Views; jobs of others are left out.
    pub views: Vec<Id>,
    /// Where a job as a whole stands, any of these; all when absent.
    pub states: Option<Vec<StatusState>>,
    /// What a job does, any of these; all when absent.
    pub types: Option<Vec<JobType>>,
    /// How many attempts it has.
    pub attempts: Bounds<u32>,
    /// When it last changed.
    pub changed: Bounds<Time>,
    /// When its window starts.
    pub starts: Bounds<Time>,
    /// When its window ends.
    pub ends: Bounds<Time>,
    /// How long its newest attempt took, or takes up to now.
    pub duration: Bounds<Span>,
    /// Whether somebody asked for it.
    pub by_user: Option<bool>,
    /// Whether it writes to the online store.
    pub online: Option<bool>,
    /// Whether it writes to the offline store.
    pub offline: Option<bool>,
}

/// Which part of the jobs that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// Place of the job that the section follows; from the beginning when absent.
    pub after: Option<i64>,
    /// Jobs that are passed over then.
    pub skip: usize,
    /// Most jobs.
    pub size: usize,
    /// Whether it is wanted what may be done with each job.
    pub allowed: bool,
}

/// A job that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its view.
    pub view: Id,
    /// The job.
    pub job: Job,
    /// Whether somebody asked for it.
    pub by_user: bool,
}

/// A section of the jobs that are wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<Found>,
    /// Jobs that are wanted altogether.
    pub total: usize,
    /// Place of the last job, where more follow.
    pub next: Option<i64>,
}

impl Jobs {
    /// The jobs that are wanted, of many views, in the order they were made.
    pub fn search(&self, filter: &Filter, section: Section) -> Result<Page, TableError> {
        let now = self.now();
        let (records, total, next) = self.table.read(|rows| {
            let (places, next) = rows.places(filter, section, now)?;
            let mut records = rows.at_places(&places)?;
            if section.oldest_first {
                records.reverse();
            }
            if section.allowed {
                for record in &mut records {
                    let rivals = requests::rivals(rows, record)?;
                    record.job.allowed = force::allowed(record, &rivals.iter().collect::<Vec<_>>());
                }
            }
            Ok((records, rows.count(filter, now)?, next))
        })?;
        let found = |record: super::record::JobRecord| Found {
            view: record.view,
            by_user: record.by_user,
            job: self.with_progress(record.job),
        };
        Ok(Page { jobs: records.into_iter().map(found).collect(), total, next })
    }

    /// The jobs of a view that have not ended or changed since then, newest first, with what may be done with each.
    pub fn recent(&self, view: Id, since: Option<Time>) -> Result<Vec<Job>, TableError> {
        let Some(since) = since else { return self.list(view) };
        let wanted = |job: &Job| !job.state.is_terminal() || job.updated_at.is_some_and(|at| at >= since);
        let mut jobs = self.list(view)?;
        jobs.retain(wanted);
        Ok(jobs)
    }
}
