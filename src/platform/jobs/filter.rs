//! Which jobs of many views are wanted, and which part of them.

use crate::model::{Id, JobType, Span, Time};
use crate::wire::proto::enums::StatusState;

/// Ends of a range, both included; an absent one is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds<T> {
    /// The least that is let through.
    pub from: Option<T>,
    /// The greatest that is let through.
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
    /// When it last changed in any way: state, attempt or schedule.
    pub changed: Bounds<Time>,
    /// When its window starts; jobs without a window are let through by open bounds alone.
    pub starts: Bounds<Time>,
    /// When its window ends; jobs without a window are let through by open bounds alone.
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
    /// The most jobs that the section holds.
    pub size: usize,
    /// Whether it is wanted what may be done with each job.
    pub allowed: bool,
}
