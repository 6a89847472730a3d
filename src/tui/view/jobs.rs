//! The Jobs pane: a table of which only the visible rows are made.
//!
//! ```text
//! ╭ Jobs  42 · ✗ 1 failure · ● 2 running ───────────────────────────────────────────╮
//! │ state ↑       type    window               progress      attempts  reason       │
//! │▌✗ failure     batch   11-21 00:00 – 22 …   took 1.2s            3  SOURCE_ERROR │
//! │ ● running     batch   …                    ━━━━──── 52%         1               │
//! ╰─────────────────────────────────────────────────────────────────────────────────╯
//! ```
//!
//! Columns are left out by priority where the pane is narrow; the reason takes what is left.

use ratatui::layout::Rect;

use super::{pane, progress, trouble};
use crate::model::time::{floor, print_time, short_time};
use crate::model::{BatchTrigger, FeatureView};
use crate::model::{Job, JobState, JobType, Time};
use crate::tui::ages;
use crate::tui::app::{App, Column, Pane, Pending, Typing, columns};
use crate::tui::canvas::{Canvas, Line, line_width, piece};
use crate::tui::phase;
use crate::tui::scroll::first_visible;
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;

/// Left to right, each with its priority: the greater ones are left out first.
const COLUMNS: [(Column, u8); 9] = [
    (Column::State, 0),
    (Column::Type, 3),
    (Column::Window, 1),
    (Column::Progress, 2),
    (Column::Attempts, 6),
    (Column::Age, 4),
    (Column::Stores, 7),
    (Column::Id, 8),
    (Column::Reason, 5),
];
/// Rows that are looked at to find how wide columns must be, besides those that show.
const SAMPLE: usize = 100;
/// Fewer cells than that are no use to the reason.
const LEAST_REASON: usize = 12;

/// Draws the pane with the rows that show.
pub(super) fn draw(canvas: &mut Canvas, app: &App, area: Rect) {
    let mut title = pane::title(app, Pane::Jobs);
    let mut long = counts(app, true);
    if line_width(&long) + if app.jobs.marks.is_empty() { 18 } else { 34 } > usize::from(area.width) {
        long = counts(app, false);
    }
    title.push(match (app.jobs.loaded, app.jobs.rest) {
        (false, _) => piece("", Meaning::Dim),
        (true, None) => piece(format!(" {}  ", app.jobs.all.len()), Meaning::Dim),
        (true, Some(total)) => {
            let total = total.map(|total| format!(" of {total}")).unwrap_or_default();
            piece(format!(" first {}{total}, loading  ", app.jobs.all.len()), Meaning::Warning)
        }
    });
    if !app.jobs.marks.is_empty() {
        title.push(piece(format!("◆ {} marked  ", app.jobs.marks.len()), Meaning::Accent));
    }
    title.extend(long);
    let inner = canvas.frame(area, app.focus == Pane::Jobs, &title, &[]);
    let foot = trouble::foot(canvas, app, Pane::Jobs);
    canvas.frame_foot(area, &foot);
    let inner = if app.jobs.loaded { problem(canvas, app, inner) } else { inner };
    let inner = filter(canvas, app, inner);
    if app.jobs.order.is_empty() || inner.height < 2 {
        canvas.empty(inner, &nothing(app));
        return;
    }
    let rows = usize::from(inner.height) - 1;
    canvas.layout.jobs_rows = rows;
    let top = first_visible(app.jobs.top, app.jobs.row, rows, app.jobs.order.len());
    let columns = fitting_columns(app, canvas, usize::from(inner.width), top, rows);
    head(canvas, app, inner, &columns);
    for (place, y) in (top..app.jobs.order.len()).zip(inner.y + 1..inner.bottom()) {
        if let Some(job) = app.jobs.at(place) {
            row(canvas, app, job, &columns, Rect { y, height: 1, ..inner });
            if place == app.jobs.row {
                select(canvas, app, Rect { y, height: 1, ..inner });
            }
        }
    }
    canvas.thumb(area, top, rows, app.jobs.order.len());
}

/// What is wrong with the list, above it; returns what is left of the area.
fn problem(canvas: &mut Canvas, app: &App, inner: Rect) -> Rect {
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let left = trouble::top(canvas, app, Pane::Jobs, inside);
    Rect { y: left.y, height: left.height, ..inner }
}

/// The filter's line, where one is typed or set; returns what is left of the area.
fn filter(canvas: &mut Canvas, app: &App, inner: Rect) -> Rect {
    let typed = app.typing == Some(Typing::JobFilter) && app.windows.is_empty();
    if inner.height < 3 || (!typed && app.jobs.filter.text().is_empty()) {
        return inner;
    }
    let remark = match &app.jobs.filter_error {
        Some(error) => piece(error.clone(), Meaning::Bad),
        None => piece(format!("{} of {}", app.jobs.order.len(), app.jobs.all.len()), Meaning::Dim),
    };
    let wide = (width(&remark.0) as u16).min(inner.width.saturating_sub(14));
    canvas.text(inner.x + 1, inner.y, 2, "/ ", Meaning::Key);
    canvas.field(inner.x + 3, inner.y, inner.width.saturating_sub(wide + 6), &app.jobs.filter, typed);
    canvas.line_right(inner.right() - 1, inner.y, wide, &[remark]);
    Rect { y: inner.y + 1, height: inner.height - 1, ..inner }
}

/// How many jobs there are in each state, what needs an eye first.
pub(super) fn counts(app: &App, words: bool) -> Line {
    let mut line = Line::new();
    for (phase, count) in &app.jobs.counts {
        let text = if words {
            format!("{} {count} {}  ", phase.glyph, phase.word)
        } else {
            format!("{}{count} ", phase.glyph)
        };
        line.push(piece(text, phase.meaning));
    }
    if let Some((last, _)) = line.last_mut() {
        last.truncate(last.trim_end().len());
    }
    line
}

/// Why the table is empty.
fn nothing(app: &App) -> String {
    let Some(view) = app.feature_view() else { return pane::waiting(app) };
    match (app.jobs.loaded, app.jobs.all.is_empty()) {
        (false, _) if app.is_live() => {
            trouble::instead(app, Pane::Jobs).unwrap_or_else(|| "Loading the jobs.".to_owned())
        }
        (false, _) => "Waiting for the deployment to answer.".to_owned(),
        (true, false) => "No job matches the filter. Press esc to drop it.".to_owned(),
        (true, true) => none_yet(app, view),
    }
}

fn none_yet(app: &App, view: &FeatureView) -> String {
    match (view.batch_trigger, view.batch_schedule) {
        _ if !view.materialization_enabled => {
            "No jobs: this workspace is not live, nothing is materialized.".to_owned()
        }
        (BatchTrigger::Manual, _) => "No jobs yet: batch jobs of this view are started by hand. Press t.".to_owned(),
        (BatchTrigger::NoBatch, _) => "No jobs: this view has no batch materialization.".to_owned(),
        (BatchTrigger::Scheduled, Some(step)) => {
            let first = floor(app.now, step) + step + view.max_data_delay.unwrap_or_default();
            format!("No jobs yet: the first one is due at {} UTC.", print_time(first))
        }
        (BatchTrigger::Scheduled, None) => "No jobs yet.".to_owned(),
    }
}

/// The columns that fit and their widths.
fn fitting_columns(app: &App, canvas: &mut Canvas, wide: usize, top: usize, rows: usize) -> Vec<(Column, usize)> {
    let places = (0..SAMPLE).chain(top..top + rows);
    let jobs: Vec<&Job> = places.filter_map(|place| app.jobs.at(place)).collect();
    let long = wide >= 120;
    // Rows that do not show must not make the clock tick.
    let next_change = canvas.layout.next_change;
    let (mut all, mut wanted): (Vec<(Column, u8, usize)>, _) = (Vec::new(), Vec::new());
    for (column, priority) in COLUMNS {
        let (mut cells, mut known) = (0, 0);
        for job in &jobs {
            let wide = line_width(&cell(canvas, app, job, column, long));
            cells = cells.max(wide);
            known = if is_known(job, column) { known.max(wide) } else { known };
        }
        let least = if column == Column::Reason { 0 } else { width(head_word(column)) + 2 };
        let used = !(column == Column::Reason && cells == 0);
        if used {
            all.push((column, priority, known.min(most(column)).max(least)));
            wanted.push((column, cells));
        }
    }
    canvas.layout.next_change = next_change;
    // One cell for the mark, one for the badge, two between columns.
    let taken = |all: &[(Column, u8, usize)]| 2 + all.iter().map(|(_, _, cells)| cells + 2).sum::<usize>();
    while taken(&all) > wide + 2 && all.len() > 1 {
        let last = all.iter().map(|(_, priority, _)| *priority).max();
        all.retain(|(_, priority, _)| Some(*priority) != last);
    }
    // Words that were cut get what is left, and the reason the rest of it.
    let mut left = (wide + 2).saturating_sub(taken(&all));
    for (column, _, cells) in &mut all {
        let wanted = wanted.iter().find(|(known, _)| known == column).map_or(0, |(_, wanted)| *wanted);
        let more = if *column == Column::Reason { left } else { wanted.saturating_sub(*cells).min(left) };
        *cells += more;
        left -= more;
    }
    all.into_iter().map(|(column, _, cells)| (column, cells)).collect()
}

/// Whether what the column says of the job is of this program's making. A word of the deployment's own may be of any
/// length: it takes what the other columns leave, and hides none of them.
fn is_known(job: &Job, column: Column) -> bool {
    match column {
        Column::State => !matches!(job.state, JobState::Other(_)),
        Column::Type => !matches!(job.job_type, JobType::Other(_)),
        _ => true,
    }
}

/// The most cells that a column takes from the others.
fn most(column: Column) -> usize {
    match column {
        Column::Progress => 20,
        Column::Reason => LEAST_REASON,
        _ => usize::MAX,
    }
}

fn head_word(column: Column) -> &'static str {
    match column {
        Column::Attempts => "tries",
        column => column.name(),
    }
}

fn head(canvas: &mut Canvas, app: &App, inner: Rect, columns: &[(Column, usize)]) {
    let mut x = inner.x + 2;
    for (column, cells) in columns {
        let sorted = *column == app.jobs.sort;
        let arrow = if app.jobs.descending { " ↓" } else { " ↑" };
        let text = format!("{}{}", head_word(*column), if sorted { arrow } else { "" });
        let meaning = if sorted { Meaning::Key } else { Meaning::Head };
        canvas.text(x, inner.y, *cells as u16, &fit(&text, *cells, *column == Column::Attempts), meaning);
        x += *cells as u16 + 2;
    }
}

fn row(canvas: &mut Canvas, app: &App, job: &Job, columns: &[(Column, usize)], area: Rect) {
    if app.jobs.marks.contains(&job.id) {
        canvas.text(area.x + 1, area.y, 1, "◆", Meaning::Accent);
    } else if app.jobs.waits.contains(&job.id) {
        canvas.text(area.x + 1, area.y, 1, "◷", Meaning::Accent);
    }
    let long = usize::from(area.width) >= 120;
    let mut x = area.x + 2;
    for (column, cells) in columns {
        let room = (*cells as u16).min(area.right().saturating_sub(x));
        let line = shortened(cell(canvas, app, job, *column, long), usize::from(room));
        match column {
            Column::Attempts => {
                canvas.line_right(x + room, area.y, room, &line);
            }
            _ => {
                canvas.line(x, area.y, room, &line);
            }
        }
        x += *cells as u16 + 2;
    }
}

/// A cell of one piece that has more than its room, with a mark at its end.
fn shortened(mut line: Line, room: usize) -> Line {
    if let [(text, _)] = line.as_mut_slice()
        && width(text) > room
    {
        *text = crate::tui::text::cut(text, room).into_owned();
    }
    line
}

/// The selected row: a bar of its own where the pane has the keys, else the mark alone.
fn select(canvas: &mut Canvas, app: &App, area: Rect) {
    if app.focus == Pane::Jobs {
        canvas.select(area);
    } else {
        canvas.text(area.x, area.y, 1, "▌", Meaning::Mark);
    }
}

/// What a column says of a job.
fn cell(canvas: &mut Canvas, app: &App, job: &Job, column: Column, long: bool) -> Line {
    let dim = |text: String| vec![piece(text, Meaning::Dim)];
    match column {
        Column::State => state(app, job),
        Column::Type => dim(job.job_type.to_string().to_lowercase()),
        Column::Window => window(job, long, app.now),
        Column::Attempts => dim(columns::attempts(job).to_string()),
        Column::Progress => match (&job.state, columns::failed(job).and_then(|attempt| attempt.reason.clone())) {
            (JobState::Failure, Some(reason)) => vec![piece(reason, Meaning::Bad)],
            _ => progress::job(canvas, job),
        },
        Column::Age => match job.created_at {
            Some(at) => dim(canvas.moving(ages::since(at, app.now))),
            None => Vec::new(),
        },
        Column::Stores => dim(columns::stores(job).to_owned()),
        Column::Id => dim(job.id.to_string().chars().take(if long { 32 } else { 8 }).collect()),
        Column::Reason => {
            let failed = columns::failed(job).and_then(|attempt| attempt.message.clone().or(attempt.reason.clone()));
            vec![piece(failed.unwrap_or_default(), Meaning::Text)]
        }
    }
}

/// The job's window; what has none has gone on since its beginning.
fn window(job: &Job, long: bool, now: Time) -> Line {
    match (job.window, job.created_at) {
        (Some(window), _) if long => vec![piece(columns::long_window(window), Meaning::Text)],
        (Some(window), _) => vec![piece(columns::short_window(window, now), Meaning::Text)],
        (None, Some(at)) if long => vec![piece(at.format("since %Y-%m-%d %H:%M").to_string(), Meaning::Dim)],
        (None, Some(at)) => vec![piece(format!("since {}", short_time(at, now)), Meaning::Dim)],
        (None, None) => Vec::new(),
    }
}

fn state(app: &App, job: &Job) -> Line {
    let asked = |pending: &Pending| *pending == Pending::Cancel(job.id) || *pending == Pending::Retry(job.id);
    if app.pending.values().any(asked) {
        return vec![piece("◌ asking…", Meaning::Warning)];
    }
    let phase = phase::phase(job);
    vec![piece(format!("{} {}", phase.glyph, phase.word), phase.meaning)]
}

#[cfg(test)]
mod tests;
