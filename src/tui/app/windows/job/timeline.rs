//! The attempts of a job on one axis of time, a line each.
//!
//! ```text
//!   try  state        started         took     08:15              08:45
//!     1  ✗ error      11-22 08:15:00  1.3s     ✗
//!     2  ✗ error      11-22 08:20:00  3.1s      ··✗
//! ▌   3  ● running    11-22 08:40:00  <10s         ·········━━━●
//!  next  ○ in 4m      11-22 08:44:30                            ···○
//! ```
//!
//! Dots are the wait, bars are work, and the last sign says how it ended: it reads without colours.

use crate::model::time::{print_took, short_second, short_time};
use crate::model::{Attempt, AttemptState, Job, Span, Time};
use crate::tui::ages;
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::phase;
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;

/// Attempts that show at most; the chosen one is among them.
const SHOWN: usize = 12;
const BEFORE: usize = 46;
/// Cells of those for the instant at which an attempt began, unless another year makes it longer.
const STARTED: usize = 14;
/// Fewer cells than that are no axis.
const LEAST: usize = 12;
/// Lengths that the axis may have, in seconds: it grows by steps, so that bars do not creep.
const LENGTHS: [i64; 18] = [
    10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 345_600, 604_800,
    1_209_600,
];

/// The axis: from its start over so many seconds in so many cells.
struct Axis {
    start: Time,
    seconds: i64,
    cells: usize,
}

impl Axis {
    fn spanning(job: &Job, now: Time, cells: usize) -> Option<Self> {
        let started = job.attempts.iter().filter_map(|attempt| attempt.created_at);
        let start = started.clone().chain(job.created_at).min()?;
        let ended = job.attempts.iter().filter_map(|attempt| attempt.updated_at);
        let open = !job.state.is_terminal();
        let end = started.chain(ended).chain(open.then_some(now)).chain(due(job)).max().unwrap_or(start);
        let needed = (end - start).num_seconds().max(0);
        let longest = LENGTHS.iter().find(|length| **length > needed).copied();
        let days = (needed / 1_209_600 + 1) * 1_209_600;
        Some(Self { start, seconds: longest.unwrap_or(days), cells })
    }

    /// The cell of an instant.
    fn cell(&self, at: Time) -> usize {
        let past = (at - self.start).num_seconds().clamp(0, self.seconds);
        let cell = i128::from(past) * self.cells as i128 / i128::from(self.seconds.max(1));
        (cell as usize).min(self.cells.saturating_sub(1))
    }

    /// The instant at which the next cell begins.
    fn after(&self, at: Time) -> Option<Time> {
        let next = self.cell(at) as i64 + 1;
        let cells = self.cells.max(1) as i128;
        let seconds = (i128::from(self.seconds) * i128::from(next) + cells - 1) / cells;
        let seconds = i64::try_from(seconds).ok()?;
        self.start.checked_add_signed(Span::seconds(seconds))
    }

    fn label(&self, now: Time) -> String {
        let end = self.start + Span::seconds(self.seconds);
        let text = |at: Time| match self.seconds {
            ..=600 => at.format("%H:%M:%S").to_string(),
            601..86_400 => at.format("%H:%M").to_string(),
            _ => short_time(at, now),
        };
        let (start, end) = (text(self.start), text(end));
        let between = self.cells.saturating_sub(width(&start) + width(&end));
        if between < 1 { fit(&start, self.cells, false) } else { format!("{start}{}{end}", " ".repeat(between)) }
    }
}

/// When the next attempt is due, of a job that waits for one.
fn due(job: &Job) -> Option<Time> {
    let waits = job.last_attempt().is_none_or(|last| last.state == AttemptState::Error);
    job.next_attempt_at.filter(|_| waits && !job.state.is_terminal())
}

/// The lines of the timeline in `wide` cells; `chosen` is the number of the attempt that is marked.
pub(super) fn lines(canvas: &mut Canvas, job: &Job, chosen: Option<u32>, wide: usize) -> Vec<Line> {
    let due = due(job);
    if job.attempts.is_empty() && due.is_none() {
        return vec![vec![piece("No attempt was made yet.", Meaning::Dim)]];
    }
    let started = job.attempts.iter().filter_map(|attempt| attempt.created_at).chain(due);
    let started = started.map(|at| width(&short_second(at, canvas.now))).max().unwrap_or(0).max(STARTED);
    let cells = wide.saturating_sub(BEFORE + started - STARTED);
    let axis = Axis::spanning(job, canvas.now, cells).filter(|_| cells >= LEAST);
    let label = axis.as_ref().map(|axis| axis.label(canvas.now)).unwrap_or_default();
    let head = format!(
        " {}  {}  {}  {}  {label}",
        fit("try", 4, true),
        fit("state", 12, false),
        fit("started", started, false),
        fit("took", 7, false)
    );
    let mut lines = vec![vec![piece(head, Meaning::Head)]];
    let place = job.attempts.iter().position(|attempt| Some(attempt.number) == chosen).unwrap_or(0);
    let last = job.attempts.len().saturating_sub(SHOWN);
    let first = last.min(place);
    if first > 0 {
        lines.push(vec![piece(format!("       {first} earlier, ← shows them"), Meaning::Dim)]);
    }
    for place in first..job.attempts.len().min(first + SHOWN) {
        lines.push(line(canvas, job, place, chosen, axis.as_ref(), started));
    }
    let hidden = job.attempts.len().saturating_sub(first + SHOWN);
    if hidden > 0 {
        lines.push(vec![piece(format!("       {hidden} later, → shows them"), Meaning::Dim)]);
    }
    if let Some(at) = due {
        lines.push(next(canvas, job, at, axis.as_ref(), started));
    }
    lines
}

/// `wide`: cells for the instant at which it began.
fn line(canvas: &mut Canvas, job: &Job, place: usize, chosen: Option<u32>, axis: Option<&Axis>, wide: usize) -> Line {
    let attempt = &job.attempts[place];
    let (word, glyph, meaning) = phase::attempt_phase(&attempt.state);
    let started = attempt.created_at.map(|at| short_second(at, canvas.now)).unwrap_or_default();
    let took = took(canvas, attempt);
    let here = Some(attempt.number) == chosen;
    let mut line = vec![
        piece(if here { "▌" } else { " " }, Meaning::Mark),
        piece(format!("{:>4}  ", attempt.number), if here { Meaning::Strong } else { Meaning::Text }),
        piece(fit(&format!("{glyph} {word}"), 14, false), meaning),
        piece(format!("{}  {}  ", fit(&started, wide, false), fit(&took, 7, false)), Meaning::Dim),
    ];
    let (Some(axis), Some(from)) = (axis, attempt.created_at) else { return line };
    let to = if is_open(&attempt.state) {
        canvas.changes_at(axis.after(canvas.now));
        canvas.now
    } else {
        attempt.updated_at.unwrap_or(from).max(from)
    };
    let waited = match place.checked_sub(1).and_then(|before| job.attempts[before].updated_at) {
        Some(ended) => axis.cell(ended) + 1,
        None => axis.cell(job.created_at.unwrap_or(from)),
    };
    // An attempt that waits for a worker has not begun to work.
    let begun = if attempt.state == AttemptState::Pending { to } else { from };
    line.extend(bar(axis, waited, begun, to, glyph, meaning));
    line
}

fn is_open(state: &AttemptState) -> bool {
    matches!(state, AttemptState::Pending | AttemptState::Running | AttemptState::Cancelling)
}

/// How long the attempt took, or has taken.
fn took(canvas: &mut Canvas, attempt: &Attempt) -> String {
    match (&attempt.state, attempt.created_at, attempt.updated_at) {
        (AttemptState::Pending, ..) => String::new(),
        (AttemptState::Running, Some(from), _) => canvas.moving(ages::since(from, canvas.now)),
        (_, Some(from), Some(to)) if to >= from => print_took(to - from),
        _ => String::new(),
    }
}

/// The wait, the work, and how it ended.
fn bar(axis: &Axis, waited: usize, from: Time, to: Time, sign: &'static str, meaning: Meaning) -> Line {
    let (from, to) = (axis.cell(from), axis.cell(to));
    let blank = waited.min(from);
    vec![
        piece(" ".repeat(blank), Meaning::Dim),
        piece("·".repeat(from - blank), Meaning::Dim),
        piece("━".repeat(to.saturating_sub(from)), meaning),
        piece(sign, meaning),
    ]
}

/// The attempt that is still to come.
fn next(canvas: &mut Canvas, job: &Job, at: Time, axis: Option<&Axis>, wide: usize) -> Line {
    // The last minute is counted down.
    let soon = at - canvas.now <= Span::minutes(1) && at > canvas.now;
    let left = match soon {
        true => format!("in {}", canvas.moving(ages::countdown(at, canvas.now))),
        false => canvas.moving(ages::until(at, canvas.now)),
    };
    if !soon {
        canvas.changes_at(at.checked_sub_signed(Span::minutes(1)).filter(|change| *change > canvas.now));
    }
    let mut line = vec![
        piece(format!(" {}  ", fit("next", 4, true)), Meaning::Dim),
        piece(fit(&format!("○ {left}"), 14, false), Meaning::Waiting),
        piece(format!("{}  {}  ", fit(&short_second(at, canvas.now), wide, false), " ".repeat(7)), Meaning::Dim),
    ];
    if let Some(axis) = axis {
        let ended = job.last_attempt().and_then(|last| last.updated_at).map(|ended| axis.cell(ended) + 1);
        line.extend(bar(axis, ended.unwrap_or(0), at, at, "○", Meaning::Waiting));
    }
    line
}
