//! The columns of the job table: name, head, what a cell says, how rows sort by it.
//!
//! Pure functions of a [`Job`]. Widths and colours of the screen are `view/jobs.rs`'s.

use crate::model::job::{Attempt, AttemptState, Job, JobState};
use crate::model::time::{is_shown, short_time};
use crate::model::{Id, Span, Time, Window};
use crate::tui::phase;

/// A column of the job table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// When the job was made.
    Age,
    /// Where the job stands, as `phase` calls it.
    State,
    /// Batch, stream, ingest or deletion.
    Type,
    /// The window of time that it materializes.
    Window,
    /// How many attempts were made.
    Attempts,
    /// How far the running attempt is, or when the next one is due, or how long the last one took.
    Progress,
    /// The stores that it writes to.
    Stores,
    /// Why its last attempt failed.
    Reason,
    /// Its id, cut where the pane is narrow.
    Id,
}

impl Column {
    /// All columns, in the order in which sorting steps through them.
    pub const ALL: [Self; 9] = [
        Self::Age,
        Self::State,
        Self::Type,
        Self::Window,
        Self::Attempts,
        Self::Progress,
        Self::Stores,
        Self::Reason,
        Self::Id,
    ];

    /// Its name: on the screen, in filters and in `:sort`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::State => "state",
            Self::Type => "type",
            Self::Window => "window",
            Self::Attempts => "attempts",
            Self::Progress => "progress",
            Self::Stores => "stores",
            Self::Reason => "reason",
            Self::Id => "id",
        }
    }

    /// What rows are sorted by: first the number, then the text; small first. Ages count the youngest as small.
    pub fn sort_key(self, job: &Job) -> (i64, String) {
        let micros = |at: Option<Time>| at.map_or(i64::MIN, |at| at.timestamp_micros());
        match self {
            Self::Age => (micros(job.created_at).saturating_neg(), String::new()),
            Self::State => (i64::from(phase::phase(job).rank), String::new()),
            Self::Type => (0, job.job_type.to_string()),
            Self::Window => (micros(job.window.map(|window| window.start)), String::new()),
            Self::Attempts => (attempts(job) as i64, String::new()),
            Self::Progress => match progress(job) {
                Progress::Share(share) => ((share * 1_000.0) as i64, String::new()),
                Progress::Next(at) => (micros(Some(at)), String::new()),
                Progress::Took(span) => (span.num_milliseconds(), String::new()),
                Progress::Nothing => (-1, String::new()),
            },
            Self::Stores => (0, stores(job).to_owned()),
            Self::Reason => (0, reason(job)),
            Self::Id => (0, job.id.to_string()),
        }
    }
}

/// What there is to say of how far a job is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// Share of the running attempt, 0 to 1.
    Share(f32),
    /// The next attempt is due then.
    Next(Time),
    /// The last attempt took that long.
    Took(Span),
    /// The job has not begun, or says nothing of it.
    Nothing,
}

/// How far the job is.
pub(crate) fn progress(job: &Job) -> Progress {
    if let Some(share) = job.progress() {
        return Progress::Share(share.clamp(0.0, 1.0));
    }
    let last = job.last_attempt();
    let waits = last.is_none_or(|attempt| attempt.state == AttemptState::Error);
    if let (Some(at), false, true) = (job.next_attempt_at, job.state.is_terminal(), waits) {
        return Progress::Next(at);
    }
    let ended = last.filter(|attempt| matches!(attempt.state, AttemptState::Success | AttemptState::Error));
    match ended.map(|attempt| (attempt.created_at, attempt.updated_at)) {
        Some((Some(from), Some(to))) if to >= from => Progress::Took(to - from),
        _ => Progress::Nothing,
    }
}

/// The first digits of an id: enough to tell jobs apart.
pub(crate) fn short_id(id: Id) -> String {
    id.to_string().chars().take(8).collect()
}

/// How many attempts were made so far, without the one that waits for a worker.
pub(crate) fn attempts(job: &Job) -> usize {
    job.attempts.iter().filter(|attempt| attempt.state != AttemptState::Pending).count()
}

/// Where the job writes to.
pub(crate) fn stores(job: &Job) -> &'static str {
    match (job.online, job.offline) {
        (true, true) => "online offline",
        (true, false) => "online",
        (false, true) => "offline",
        (false, false) => "none",
    }
}

/// The newest failed attempt of a job that has not succeeded after all.
pub(crate) fn failed(job: &Job) -> Option<&Attempt> {
    let failed = job.attempts.iter().rev().find(|attempt| attempt.state == AttemptState::Error);
    failed.filter(|_| job.state != JobState::Success)
}

/// Reason and message of the newest failure in one line; empty when nothing failed.
pub(crate) fn reason(job: &Job) -> String {
    let Some(failed) = failed(job) else { return String::new() };
    match (&failed.reason, &failed.message) {
        (Some(reason), Some(message)) => format!("{reason}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.clone(),
        (None, None) => String::new(),
    }
}

/// A window in short: the second is left out, the year where it is this one, the end's day where it is the start's; the
/// end of a day is its 24:00.
pub(crate) fn short_window(window: Window, now: Time) -> String {
    if let Some(words) = unbounded(window, |at| short_time(at, now)) {
        return words;
    }
    let start = short_time(window.start, now);
    let last = window.end - Span::microseconds(1);
    if window.start.date_naive() != last.date_naive() {
        return format!("{start} – {}", short_time(window.end, now));
    }
    if last.date_naive() == window.end.date_naive() {
        return format!("{start} – {}", window.end.format("%H:%M"));
    }
    format!("{start} – 24:00")
}

/// A window in full, with both years.
pub(crate) fn long_window(window: Window) -> String {
    let full = |at: Time| at.format("%Y-%m-%d %H:%M").to_string();
    unbounded(window, full).unwrap_or_else(|| format!("{} – {}", full(window.start), full(window.end)))
}

/// A window that has no start or no end, in words.
fn unbounded(window: Window, shown: impl Fn(Time) -> String) -> Option<String> {
    match (is_shown(window.start), is_shown(window.end)) {
        (true, true) => None,
        (true, false) => Some(format!("since {}", shown(window.start))),
        (false, true) => Some(format!("until {}", shown(window.end))),
        (false, false) => Some("all time".to_owned()),
    }
}
