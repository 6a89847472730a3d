//! Two strips of what is materialized around a window, online and offline, and the words for their glyphs.
//!
//! ```text
//!  online   ████████████████▒▒▒▒····○○○○
//!  offline  ████████████████········○○○○
//!                           ▲▲▲▲             the window
//!           11-22 00:00           11-22 13:00
//! ```

use crate::model::time::short_time;
use crate::model::{Job, JobType, Time, Window};
use crate::tui::app::ViewCoverage;
use crate::tui::app::periods::{Fill, Grid, Strip};
use crate::tui::canvas::{Line, piece};
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;

/// What the strips are made from.
pub(crate) struct Shown<'a> {
    /// The window that is marked.
    pub window: Window,
    /// Where windows may begin and end.
    pub grid: &'a Grid,
    /// What is known to be materialized.
    pub covered: &'a ViewCoverage,
    /// All jobs of the view.
    pub jobs: &'a [Job],
    /// The stores the view has: online, offline.
    pub stores: [bool; 2],
    /// The instant up to which periods are complete.
    pub now: Time,
}

/// Glyph, meaning and word of what a cell stands for.
fn glyph(fill: Fill) -> (&'static str, Meaning, &'static str) {
    match fill {
        Fill::Full => ("█", Meaning::Good, "materialized"),
        Fill::Part => ("▒", Meaning::Good, "in part"),
        Fill::Busy => ("○", Meaning::Running, "a job has it"),
        Fill::Free => ("·", Meaning::Text, "free"),
        Fill::Outside => (" ", Meaning::Dim, ""),
    }
}

/// The strips in `wide` cells, of which `names` are for the names at the left.
pub(crate) fn lines(shown: &Shown<'_>, names: usize, wide: usize) -> Vec<Line> {
    let strip = Strip::around(shown.window, shown.grid, wide.saturating_sub(names), shown.now);
    let mut lines = Vec::new();
    let Some(coverage) = &shown.covered.known else {
        let (text, meaning) = match &shown.covered.problem {
            Some(problem) => (format!("Cannot tell what is materialized. {problem}"), Meaning::Warning),
            None => ("asking what is materialized…".to_owned(), Meaning::Dim),
        };
        return crate::tui::text::wrap(&text, wide).into_iter().map(|line| vec![piece(line, meaning)]).collect();
    };
    let mut seen = Vec::new();
    let stores = [("online", 0, &coverage.online), ("offline", 1, &coverage.offline)];
    for (name, at, windows) in stores.into_iter().filter(|(_, at, _)| shown.stores[*at]) {
        let fills = strip.fills(windows, &busy(shown.jobs, at), shown.grid, shown.now);
        let mut line = vec![piece(fit(name, names, false), Meaning::Dim)];
        for run in fills.chunk_by(|a, b| a == b) {
            let (sign, meaning, _) = glyph(run[0]);
            line.push(piece(sign.repeat(run.len()), meaning));
        }
        seen.extend(fills);
        lines.push(line);
    }
    let mut marks: Line = vec![piece(" ".repeat(names), Meaning::Dim)];
    for run in strip.touched(shown.window).chunk_by(|a, b| a == b) {
        marks.push(piece(if run[0] { "▲" } else { " " }.repeat(run.len()), Meaning::Accent));
    }
    lines.push(marks);
    lines.push(axis(&strip, names, shown.now));
    let words = [Fill::Full, Fill::Part, Fill::Busy, Fill::Free].into_iter().filter(|fill| seen.contains(fill));
    let mut legend: Line = vec![piece(" ".repeat(names), Meaning::Dim)];
    for (sign, meaning, word) in words.map(glyph) {
        legend.extend([piece(sign, meaning), piece(format!(" {word}   "), Meaning::Dim)]);
    }
    legend.extend([piece("▲", Meaning::Accent), piece(" the window", Meaning::Dim)]);
    lines.push(legend);
    if let Some(problem) = &shown.covered.problem {
        let text = format!("This may be old. {problem}");
        lines.extend(crate::tui::text::wrap(&text, wide).into_iter().map(|line| vec![piece(line, Meaning::Warning)]));
    }
    lines
}

/// Both ends of the range, below it.
fn axis(strip: &Strip, names: usize, now: Time) -> Line {
    let (start, end) = (short_time(strip.range.start, now), short_time(strip.range.end, now));
    let between = strip.cells.saturating_sub(width(&start) + width(&end));
    let text = if between == 0 { start } else { format!("{start}{}{end}", " ".repeat(between)) };
    vec![piece(" ".repeat(names), Meaning::Dim), piece(text, Meaning::Dim)]
}

/// Windows that jobs which have not ended are to write to a store.
fn busy(jobs: &[Job], store: usize) -> Vec<Window> {
    let open = |job: &&Job| job.job_type == JobType::Batch && !job.state.is_terminal();
    let writes = |job: &&Job| if store == 0 { job.online } else { job.offline };
    jobs.iter().filter(open).filter(writes).filter_map(|job| job.window).collect()
}
