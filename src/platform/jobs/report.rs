//! What a running attempt tells of itself: its stages, with rows and bytes, and its log.
//!
//! Stages and lines are on disk when the next stage begins and when the attempt ends; in between [`Report::detail`] has
//! them. It must not decide anything about the job.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{AttemptDetail, Id, StageKind, StageState, Stores, Time};
use crate::platform::clock::Clock;

use super::attempt_log::{Line, MAX_LINES, StageRecord, detail};
use super::error::TableError;
use super::record::Outcome;
use super::rows::Rows;
use super::table::JobTable;

/// The stages and the log of one attempt. Clones share them.
#[derive(Clone)]
pub struct Report {
    attempt: Id,
    view: Id,
    table: Arc<JobTable>,
    clock: Clock,
    course: Arc<Mutex<Course>>,
}

/// How the attempt went so far.
#[derive(Clone, Default)]
struct Course {
    stages: Vec<StageRecord>,
    /// Lines that are not on disk yet.
    unsaved: Vec<Line>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({})", self.attempt)
    }
}

impl Report {
    /// The report of an attempt that will go through these stages.
    pub fn new(attempt: Id, view: Id, stages: Vec<StageKind>, table: &Arc<JobTable>, clock: &Clock) -> Self {
        let course = Course { stages: stages.into_iter().map(StageRecord::pending).collect(), unsaved: Vec::new() };
        Self { attempt, view, table: Arc::clone(table), clock: clock.clone(), course: Arc::new(Mutex::new(course)) }
    }

    pub fn attempt(&self) -> Id {
        self.attempt
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a stage, ending the one before. It returns once that is on disk: a store is not written to before it is
    /// kept that it was.
    pub fn begin(&self, kind: StageKind) -> Result<(), TableError> {
        let now = self.clock.now();
        let mut course = self.lock();
        course.end_running(StageState::Success, None, now);
        if let Some(stage) = course.stages.iter_mut().find(|stage| stage.kind == kind) {
            (stage.state, stage.started_at) = (StageState::Running, Some(now));
        }
        let stores = Stores { online: kind == StageKind::Online, offline: kind == StageKind::Offline };
        self.table.write(|rows| {
            rows.will_write(self.view, stores)?;
            course.save(self.attempt, rows)
        })?;
        course.unsaved.clear();
        Ok(())
    }

    /// Tells how far the running stage is, 0 to 1.
    pub fn progress(&self, share: f32) {
        if let Some(stage) = self.lock().running() {
            stage.progress = Some(share.clamp(0.0, 1.0));
        }
    }

    /// Ends the running stage well.
    pub fn done(&self, rows: Option<u64>, bytes: Option<u64>) {
        let now = self.clock.now();
        let mut course = self.lock();
        if let Some(stage) = course.running() {
            (stage.rows, stage.bytes) = (rows, bytes);
        }
        course.end_running(StageState::Success, None, now);
    }

    /// What each stage that has ended read or wrote, in rows.
    pub(super) fn rows(&self) -> Vec<(StageKind, u64)> {
        self.lock().stages.iter().filter_map(|stage| Some((stage.kind.clone(), stage.rows?))).collect()
    }

    /// Adds a line to the log.
    pub fn say(&self, text: &str) {
        let line = Line::new(self.clock.now(), text);
        self.lock().say(line);
    }

    /// Keeps how the attempt ended: `keep` gets the transaction's rows after the report is written, and returns what
    /// the caller wants of it. On an error nothing is changed.
    pub(super) fn close<T>(
        &self,
        outcome: &Outcome,
        keep: impl FnOnce(&Rows) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        let mut course = self.lock();
        let mut ended = course.clone();
        ended.end(outcome, self.clock.now());
        let done = self.table.write(|rows| {
            ended.save(self.attempt, rows)?;
            keep(rows)
        })?;
        ended.unsaved.clear();
        *course = ended;
        Ok(done)
    }

    /// What the attempt has done so far.
    pub fn detail(&self) -> Result<AttemptDetail, TableError> {
        // Under the lock, so that no line is on its way to the disk meanwhile.
        let course = self.lock();
        let mut lines = self.table.read(|rows| rows.log(self.attempt))?;
        lines.extend(course.unsaved.iter().cloned());
        Ok(detail(self.attempt, course.stages.clone(), lines))
    }
}

impl Course {
    fn running(&mut self) -> Option<&mut StageRecord> {
        self.stages.iter_mut().find(|stage| stage.state == StageState::Running)
    }

    fn end_running(&mut self, state: StageState, error: Option<String>, now: Time) {
        if let Some(stage) = self.running() {
            (stage.state, stage.ended_at, stage.error, stage.progress) = (state, Some(now), error, None);
        }
    }

    fn end(&mut self, outcome: &Outcome, now: Time) {
        match outcome {
            Outcome::Success => self.end_running(StageState::Success, None, now),
            Outcome::Stopped => self.end_running(StageState::Cancelled, None, now),
            Outcome::Failed { message, .. } => {
                self.end_running(StageState::Error, Some(Line::new(now, message).text), now);
            }
        }
    }

    fn say(&mut self, line: Line) {
        if self.unsaved.len() == MAX_LINES {
            self.unsaved.remove(0);
        }
        self.unsaved.push(line);
    }

    fn save(&self, attempt: Id, rows: &Rows) -> Result<(), TableError> {
        rows.save_stages(attempt, &self.stages)?;
        rows.append_log(attempt, &self.unsaved)
    }
}
