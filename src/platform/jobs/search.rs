//! Jobs of many views at once, page by page.
//!
//! A page is told by its last job's place in the table, so that jobs that come meanwhile do not shift it.

use crate::model::{Id, Job};

use super::error::TableError;
use super::filter::{Filter, Section};
use super::record::JobRecord;
use super::{Jobs, force, requests};

/// A job that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub view: Id,
    pub job: Job,
    /// Whether somebody asked for it.
    pub by_user: bool,
}

/// A section of the jobs that are wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The jobs of the section, in the order that was asked for.
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
        let found = |record: JobRecord| Found {
            view: record.view,
            by_user: record.by_user,
            job: self.with_progress(record.job),
        };
        Ok(Page { jobs: records.into_iter().map(found).collect(), total, next })
    }
}
