//! The stages and the log lines of an attempt, as they are kept and shown, and amounts as people read them.
//!
//! Values alone: who collects them while an attempt runs is `report.rs`.

use crate::model::time::print_time;
use crate::model::{AttemptDetail, Id, Span, Stage, StageKind, StageState, Time, clean};

/// Most lines in the log of an attempt; of more, the newest stay.
pub(crate) const MAX_LINES: usize = 500;
/// Most characters of a line.
const MAX_LINE: usize = 1_000;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
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
    /// What the stage does: compute, or write to a store.
    pub kind: StageKind,
    /// Whether it waits, runs, or how it ended.
    pub state: StageState,
    /// Share done, 0 to 1, while it runs.
    pub progress: Option<f32>,
    /// When it began; absent while it waits.
    pub started_at: Option<Time>,
    /// When it ended; absent before.
    pub ended_at: Option<Time>,
    /// Rows that it read or wrote.
    pub rows: Option<u64>,
    /// Bytes that it wrote, where that is counted.
    pub bytes: Option<u64>,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
}

impl StageRecord {
    /// A stage that has not begun.
    pub fn pending(kind: StageKind) -> Self {
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
pub(crate) fn describe(rows: Option<u64>, bytes: Option<u64>) -> String {
    let rows = rows.map(|rows| if rows == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(rows)) });
    rows.into_iter().chain(bytes.map(print_bytes)).collect::<Vec<_>>().join(", ")
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
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

/// An attempt's detail from its parts.
pub(crate) fn detail(attempt: Id, stages: Vec<StageRecord>, lines: Vec<Line>) -> AttemptDetail {
    let skipped = lines.len().saturating_sub(MAX_LINES);
    let line = |line: &Line| format!("{} {}", print_time(line.at), line.text);
    AttemptDetail {
        attempt,
        stages: stages.into_iter().map(StageRecord::shown).collect(),
        log: lines[skipped..].iter().map(line).collect(),
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
