//! What the window of a stream job says of the stream: how it stands, where its events went, how far each partition is.
//!
//! ```text
//! stream        flights (kafka)  ● running
//! lag           42 events, 3s; the oldest arrived 11-22 12:00:27
//!
//! events             since it began  last minute
//!   read                     14 040          420  events and records that were read
//!   written                  13 700          396  events that a tile or row was made of, or added to
//!
//! partition  offset  lag   read  written  newest event
//!         0   88412   40  9 040    8 795  11-22 12:00:02
//! ```

use crate::model::time::short_second;
use crate::model::{STREAM_COUNTS, StreamFigures, StreamPartition, Time};
use crate::tui::action::Action;
use crate::tui::canvas::{Line, piece};
use crate::tui::flow;
use crate::tui::text::{cut, fit, width};
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;
use crate::tui::view::form::hanging;

use super::NAMES;

/// Cells of the names of counts.
const COUNTS: usize = 16;
/// The longest offset that is shown whole.
const OFFSET: usize = 24;
/// What `waiting` counts, which is no end of an event and so none of [`STREAM_COUNTS`].
const WAITING: &str = "events that were read and are not written yet";

/// All of it, at most so wide.
pub(super) fn lines(figures: &StreamFigures, now: Time, wide: usize) -> Vec<Line> {
    let mut lines = facts(figures, now, wide);
    lines.push(Vec::new());
    lines.extend(counts(figures, wide));
    if !figures.partitions.is_empty() {
        lines.push(Vec::new());
        lines.extend(partitions(&figures.partitions, now, wide));
    }
    lines
}

fn facts(figures: &StreamFigures, now: Time, wide: usize) -> Vec<Line> {
    let standing = flow::standing(figures);
    let of = if figures.kind.is_empty() { String::new() } else { format!(" ({})", figures.kind) };
    let mut lines = vec![vec![
        piece(fit("stream", NAMES, false), Meaning::Dim),
        piece(format!("{}{of}  ", figures.source), Meaning::Text),
        piece(format!("{} {}", standing.glyph, standing.word), standing.meaning),
    ]];
    let mut pair = |name: &str, value: String, meaning| {
        lines.extend(hanging(vec![piece(fit(name, NAMES, false), Meaning::Dim)], &value, wide, meaning));
    };
    let oldest = figures.oldest.map(|at| format!("; the oldest arrived {}", short_second(at, now))).unwrap_or_default();
    if let Some(lag) = flow::lag(figures) {
        pair("lag", format!("{}{oldest}", lag.trim_start_matches("lag ")), Meaning::Text);
    }
    pair("rate", format!("{} over the last minute", flow::rates(figures)), Meaning::Text);
    if let Some(watermark) = figures.watermark {
        let newest = figures.newest_event.map(|at| format!(", newest event {}", short_second(at, now)));
        let text = format!("{}{}", short_second(watermark, now), newest.unwrap_or_default());
        pair("watermark", text, Meaning::Text);
    }
    if let Some(trouble) = flow::trouble(figures) {
        pair("trouble", trouble, Meaning::Bad);
    }
    pair("to do", what_can_be_done(figures), Meaning::Dim);
    lines
}

fn what_can_be_done(figures: &StreamFigures) -> String {
    let key = |action: Action| action.info().keys.first().copied().unwrap_or_default();
    match &figures.state {
        Some(state) if state.can_cancel() => return format!("{} stops it", key(Action::Cancel)),
        Some(state) if !state.is_terminal() => return "nothing, until it has stopped".to_owned(),
        _ => {}
    }
    let (again, elsewhere) = (key(Action::ForceRetry), key(Action::RestartStream));
    format!("{again} starts it from where it stopped, {elsewhere} from another place")
}

/// Each count since the stream began and of the last minute, with what it counts.
fn counts(figures: &StreamFigures, wide: usize) -> Vec<Line> {
    let (total, minute) = (figures.total.list(), figures.minute.list());
    let mut rows: Vec<(&str, String, String, &str)> = STREAM_COUNTS
        .iter()
        .zip(total.iter().zip(&minute))
        .map(|(count, ((_, total), (_, minute)))| (count.name, grouped(*total), grouped(*minute), count.meaning))
        .collect();
    // Before the one that is none of the sum.
    let end = rows.len().saturating_sub(1);
    rows.insert(end, ("waiting", grouped(figures.waiting), String::new(), WAITING));
    let heads = ("since it began", "last minute");
    let widest = |head: &str, cell: fn(&(&str, String, String, &str)) -> usize| {
        rows.iter().map(cell).max().unwrap_or(0).max(width(head))
    };
    let (first, second) = (widest(heads.0, |row| width(&row.1)), widest(heads.1, |row| width(&row.2)));
    let head = vec![
        piece(fit("events", COUNTS, false), Meaning::Strong),
        piece(format!("{}  {}", fit(heads.0, first, true), fit(heads.1, second, true)), Meaning::Dim),
    ];
    let left = wide.saturating_sub(COUNTS + first + second + 4);
    let line = |(name, total, minute, meaning): &(&str, String, String, &str)| {
        let trouble = *name == "quarantined" && *total != "0";
        let value = if trouble { Meaning::Warning } else { Meaning::Value };
        vec![
            piece(fit(&format!("  {name}"), COUNTS, false), Meaning::Dim),
            piece(format!("{}  {}", fit(total, first, true), fit(minute, second, true)), value),
            piece(format!("  {}", cut(meaning, left)), Meaning::Dim),
        ]
    };
    std::iter::once(head).chain(rows.iter().map(line)).collect()
}

/// A column of the partitions: its head, its cells, and when it is left out where there is little room; 0 never is.
struct Column {
    head: &'static str,
    cells: Vec<String>,
    left_out: u8,
}

fn partitions(partitions: &[StreamPartition], now: Time, wide: usize) -> Vec<Line> {
    let column = |head, left_out, cell: &dyn Fn(&StreamPartition) -> String| Column {
        head,
        cells: partitions.iter().map(cell).collect(),
        left_out,
    };
    let mut columns = vec![
        column("partition", 0, &|partition| partition.partition.to_string()),
        column("offset", 0, &|partition| cut(&partition.offset, OFFSET).into_owned()),
        column("lag", 0, &|partition| partition.lag_events.map_or_else(|| "?".to_owned(), grouped)),
        column("read", 6, &|partition| grouped(partition.counts.read)),
        column("written", 4, &|partition| grouped(partition.counts.written)),
        column("filtered", 2, &|partition| grouped(partition.counts.filtered)),
        column("late", 3, &|partition| grouped(partition.counts.late)),
        column("quarantined", 5, &|partition| grouped(partition.counts.quarantined)),
        column("deduplicated", 1, &|partition| grouped(partition.counts.deduplicated)),
        column("waiting", 2, &|partition| grouped(partition.waiting)),
        column("newest event", 7, &|partition| {
            partition.newest_event.map(|at| short_second(at, now)).unwrap_or_default()
        }),
    ];
    let wide_of =
        |column: &Column| column.cells.iter().map(|cell| width(cell)).max().unwrap_or(0).max(width(column.head));
    let taken = |columns: &[Column]| columns.iter().map(|column| wide_of(column) + 2).sum::<usize>().saturating_sub(2);
    for turn in 1..=7 {
        if taken(&columns) <= wide {
            break;
        }
        columns.retain(|column| column.left_out != turn);
    }
    let widths: Vec<usize> = columns.iter().map(wide_of).collect();
    let row = |cells: &mut dyn Iterator<Item = &str>, meaning| {
        let cells = cells.zip(&widths).map(|(cell, wide)| fit(cell, *wide, true)).collect::<Vec<_>>();
        vec![piece(cells.join("  "), meaning)]
    };
    let head = row(&mut columns.iter().map(|column| column.head), Meaning::Head);
    let rows = (0..partitions.len())
        .map(|at| row(&mut columns.iter().map(|column| column.cells[at].as_str()), Meaning::Value));
    std::iter::once(head).chain(rows).collect()
}
