//! What a running attempt tells of itself: its stages, with rows and bytes, and its log.
//!
//! Stages and lines are on disk when the next stage begins and when the attempt ends; in between [`Report::detail`] has them.
//! It must not decide anything about the job.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::time::print_time;
use crate::model::{AttemptDetail, Id, Span, Stage, StageKind, StageState, Stores, Time, clean};
use crate::platform::clock::Clock;

use super::record::Outcome;
use super::rows::Rows;
use super::table::{JobTable, TableError};

/// Most lines in the log of an attempt; of more, the newest stay.
pub const MAX_LINES: usize = 500;
/// Most characters of a line.
const MAX_LINE: usize = 1_000;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was said.
    pub at: Time,
    /// What was said; one line, cleaned, not longer than is allowed.
    pub text: String,
}

impl Line {
    /// A line of any text.
    pub fn new(at: Time, text: &str) -> Self {
        let mut text = clean(text.trim()).into_owned();
        if let Some((end, _)) = text.char_indices().nth(MAX_LINE - 1).filter(|_| text.chars().count() > MAX_LINE) {
            text.truncate(end);
            text.push('…');
        }
        Self { at, text }
    }
}

/// One stage, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct StageRecord {
    /// What it does.
    pub kind: StageKind,
    /// Where it stands.
    pub state: StageState,
    /// Share done, 0 to 1, while it runs.
    pub progress: Option<f32>,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Rows that it read or wrote.
    pub rows: Option<u64>,
    /// Bytes that it wrote.
    pub bytes: Option<u64>,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
}

impl StageRecord {
    fn pending(kind: StageKind) -> Self {
        Self {
            kind,
            state: StageState::Pending,
            progress: None,
            started_at: None,
            ended_at: None,
            rows: None,
            bytes: None,
            error: None,
        }
    }

    fn shown(self) -> Stage {
        let took = self.started_at.zip(self.ended_at).map(|(from, to)| (to - from).max(Span::zero()));
        Stage {
            kind: self.kind,
            state: self.state,
            progress: self.progress,
            started_at: self.started_at,
            took,
            description: describe(self.rows, self.bytes),
            error: self.error,
        }
    }
}

/// An amount as people read it: `12,345 rows, 1.2 MB`; empty when nothing is known.
pub fn describe(rows: Option<u64>, bytes: Option<u64>) -> String {
    let rows = rows.map(|rows| if rows == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(rows)) });
    rows.into_iter().chain(bytes.map(print_bytes)).collect::<Vec<_>>().join(", ")
}

/// A number with commas between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn print_bytes(bytes: u64) -> String {
    let units = [(1_000_000_000_u64, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", bytes as f64 / size as f64),
        None => format!("{bytes} B"),
    }
}

/// The stages and the log of one attempt. Clones share them.
#[derive(Clone)]
pub struct Report {
    attempt: Id,
    view: Id,
    table: Arc<JobTable>,
    clock: Clock,
    told: Arc<Mutex<Told>>,
}

#[derive(Clone, Default)]
struct Told {
    stages: Vec<StageRecord>,
    /// Lines that are not on disk yet.
    fresh: Vec<Line>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({})", self.attempt)
    }
}

impl Report {
    /// The report of an attempt that will go through these stages.
    pub fn new(attempt: Id, view: Id, stages: Vec<StageKind>, table: &Arc<JobTable>, clock: &Clock) -> Self {
        let told = Told { stages: stages.into_iter().map(StageRecord::pending).collect(), fresh: Vec::new() };
        Self { attempt, view, table: Arc::clone(table), clock: clock.clone(), told: Arc::new(Mutex::new(told)) }
    }

    /// The attempt.
    pub fn attempt(&self) -> Id {
        self.attempt
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a stage, ending the one before. It returns once that is on disk: a store is not written to before it is kept
    /// that it was.
    pub fn begin(&self, kind: StageKind) -> Result<(), TableError> {
        let now = self.clock.now();
        let mut told = self.lock();
        told.end_running(StageState::Success, None, now);
        if let Some(stage) = told.stages.iter_mut().find(|stage| stage.kind == kind) {
            (stage.state, stage.started_at) = (StageState::Running, Some(now));
        }
        let stores = Stores { online: kind == StageKind::Online, offline: kind == StageKind::Offline };
        self.table.write(|rows| {
            rows.will_write(self.view, stores)?;
            told.save(self.attempt, rows)
        })?;
        told.fresh.clear();
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
        let mut told = self.lock();
        if let Some(stage) = told.running() {
            (stage.rows, stage.bytes) = (rows, bytes);
        }
        told.end_running(StageState::Success, None, now);
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

    /// Keeps how the attempt ended: `keep` gets the transaction's rows after the report is written, and returns what the
    /// caller wants of it. On an error nothing is changed.
    pub(super) fn close<T>(
        &self,
        outcome: &Outcome,
        keep: impl FnOnce(&Rows) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        let mut told = self.lock();
        let mut ended = told.clone();
        ended.end(outcome, self.clock.now());
        let done = self.table.write(|rows| {
            ended.save(self.attempt, rows)?;
            keep(rows)
        })?;
        ended.fresh.clear();
        *told = ended;
        Ok(done)
    }

    /// What the attempt has done so far.
    pub fn detail(&self) -> Result<AttemptDetail, TableError> {
        // Under the lock, so that no line is on its way to the disk meanwhile.
        let told = self.lock();
        let mut lines = self.table.read(|rows| rows.log(self.attempt))?;
        lines.extend(told.fresh.iter().cloned());
        Ok(detail(self.attempt, told.stages.clone(), lines))
    }
}

/// An attempt's detail from its parts.
pub fn detail(attempt: Id, stages: Vec<StageRecord>, lines: Vec<Line>) -> AttemptDetail {
    let skipped = lines.len().saturating_sub(MAX_LINES);
    let line = |line: &Line| format!("{} {}", print_time(line.at), line.text);
    AttemptDetail {
        attempt,
        stages: stages.into_iter().map(StageRecord::shown).collect(),
        log: lines[skipped..].iter().map(line).collect(),
    }
}

impl Told {
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
        if self.fresh.len() == MAX_LINES {
            self.fresh.remove(0);
        }
        self.fresh.push(line);
    }

    fn save(&self, attempt: Id, rows: &Rows) -> Result<(), TableError> {
        rows.save_stages(attempt, &self.stages)?;
        rows.append_log(attempt, &self.fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(describe(Some(12_345), Some(1_234_567)), "12,345 rows, 1.2 MB");
        assert_eq!(describe(Some(1), None), "1 row");
        assert_eq!(describe(Some(0), Some(999)), "0 rows, 999 B");
        assert_eq!(describe(Some(1_000_000), Some(2_500_000_000)), "1,000,000 rows, 2.5 GB");
        assert_eq!(describe(None, None), "");
    }

    #[test]
    fn a_line_is_one_line_clean_and_bounded() {
        let line = Line::new(from_micros(0), "  no\u{1b}[31m\nway  ");
        assert_eq!(line.text, "no␛[31m⏎way");
        let long = Line::new(from_micros(0), &"ü".repeat(3_000));
        assert_eq!(long.text.chars().count(), MAX_LINE);
        assert!(long.text.ends_with("ü…"));
        assert_eq!(Line::new(from_micros(0), &"ü".repeat(MAX_LINE)).text, "ü".repeat(MAX_LINE));
    }
}
