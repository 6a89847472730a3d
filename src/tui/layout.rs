//! What drawing learned of the screen, for the message that follows.
//!
//! Plain data: drawing fills it, the next key moves by it. It knows neither the state nor how anything is drawn.

use std::sync::Arc;

use crate::client::message::RequestId;
use crate::model::Time;

/// What drawing learned, for the next message; and when the picture will be out of date by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The screen shows tabs and one pane instead of all four.
    pub tabs: bool,
    /// How many rows of the job table are visible.
    pub jobs_rows: usize,
    /// Lines of the Summary pane, and how many are visible.
    pub summary: (usize, usize),
    /// Lines of the Lookup answer, and how many are visible.
    pub lookup: (usize, usize),
    /// How many records of the stream are visible.
    pub stream_rows: usize,
    /// Widths of the record columns: they grow, so that columns do not jump.
    pub stream_widths: Vec<usize>,
    /// How the table of an answer stands on the screen.
    pub table: TableLayout,
    /// The record of a quarantine that shows in full.
    pub record: Option<Arc<RecordText>>,
    /// Lines of the topmost window, and how many are visible.
    pub window: (usize, usize),
    /// The instant at which some visible text will be another.
    pub next_change: Option<Time>,
}

/// What drawing the table of an answer learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableLayout {
    /// How many rows are visible.
    pub rows: usize,
    /// The first column that shows to the right of the keys.
    pub left: usize,
    /// Widths of the columns that showed so far, 0 for others: they grow, so that columns do not jump.
    pub widths: Vec<usize>,
}

/// The text of a record, wrapped: a long one is wrapped once, not for each picture.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordText {
    /// The question that it answered.
    pub request: RequestId,
    /// Cells of a line.
    pub wide: usize,
    /// Its lines.
    pub lines: Vec<String>,
}
