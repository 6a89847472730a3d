//! What is counted of jobs and attempts, for whoever watches the platform from outside.
//!
//! Jobs and open attempts are counted in the table. What ended is counted from the start of the process, for the table
//! forgets.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Id, StageKind};

use super::Jobs;
use super::error::TableError;
use super::record::Outcome;
use super::report::Report;
use super::rows::{JobCount, OpenAttempts};

/// What ended of a view since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub success: u64,
    pub stopped: u64,
    pub failed: u64,
    /// Tiles or rows that batch jobs wrote online.
    pub online_rows: u64,
    /// Tiles or rows that batch jobs wrote offline.
    pub offline_rows: u64,
}

/// What a view's stream did not bring since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Events that came too late for the online store.
    pub late: u64,
    /// Events that were not read, for they had arrived longer ago than the stream keeps them.
    pub expired: u64,
}

/// Counts what ends, and what streams leave out.
#[derive(Default)]
pub(super) struct Tally(Mutex<BTreeMap<Id, Ended>>, Mutex<BTreeMap<Id, LeftOut>>);

impl Tally {
    fn streams(&self) -> MutexGuard<'_, BTreeMap<Id, LeftOut>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn views(&self) -> MutexGuard<'_, BTreeMap<Id, Ended>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt of that view has ended.
    pub(super) fn ended(&self, view: Id, outcome: &Outcome) {
        let mut views = self.views();
        let ended = views.entry(view).or_default();
        match outcome {
            Outcome::Success => ended.success += 1,
            Outcome::Stopped => ended.stopped += 1,
            Outcome::Failed { .. } => ended.failed += 1,
        }
    }

    /// A batch attempt of that view has written what its report says.
    pub(super) fn wrote(&self, view: Id, report: &Report) {
        let mut views = self.views();
        let ended = views.entry(view).or_default();
        for (kind, rows) in report.rows() {
            match kind {
                StageKind::Online => ended.online_rows += rows,
                StageKind::Offline => ended.offline_rows += rows,
                StageKind::Compute | StageKind::Other(_) => {}
            }
        }
    }
}

impl Jobs {
    /// The jobs that are kept, by view, type and state.
    pub fn counts(&self) -> Result<Vec<JobCount>, TableError> {
        self.table.read(|rows| rows.job_counts())
    }

    /// The attempts that wait or run, by view and state.
    pub fn open_attempts(&self) -> Result<Vec<OpenAttempts>, TableError> {
        self.table.read(|rows| rows.open_attempts())
    }

    /// Counts what a step of a view's stream left out.
    pub fn stream_left_out(&self, view: Id, more: LeftOut) {
        let mut streams = self.tally.streams();
        let all = streams.entry(view).or_default();
        (all.late, all.expired) = (all.late + more.late, all.expired + more.expired);
    }

    /// What streams left out since the start of the process, by view.
    pub fn left_out(&self) -> BTreeMap<Id, LeftOut> {
        self.tally.streams().clone()
    }

    /// What ended since the start of the process, by view.
    pub fn ended(&self) -> BTreeMap<Id, Ended> {
        self.tally.views().clone()
    }
}
