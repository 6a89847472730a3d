//! Functions that need a window; `frames` computes them. Aggregates may have a window too.

use super::Kind::Window;
use super::{Function, sure};

/// What a window function asks about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranking {
    /// Its number in the partition.
    RowNumber,
    /// How many rows are before its peers, and one.
    Place,
    /// How many groups of peers are before its own, and one.
    Dense,
    /// (rank - 1) / (rows - 1).
    Percent,
    /// The share of rows up to its peers.
    CumeDist,
    /// Its share, of that many.
    Ntile,
    /// A value of a row before.
    Lag,
    /// A value of a row behind.
    Lead,
    /// The first value of the frame.
    First,
    /// The last value of the frame.
    Last,
}

pub(super) static FUNCTIONS: &[Function] = &[
    sure(
        "row_number",
        "-> int",
        "Number of the row in its partition. Let the ORDER BY settle all ties: Spark may number equal rows in any order.",
        "row_number() OVER (PARTITION BY k ORDER BY ts)",
        Window(Ranking::RowNumber),
    ),
    sure(
        "rank",
        "-> int",
        "Equal rows share a number, the next one counts them.",
        "rank() OVER (ORDER BY x)",
        Window(Ranking::Place),
    ),
    sure(
        "dense_rank",
        "-> int",
        "Equal rows share a number, the next one does not count them.",
        "dense_rank() OVER (ORDER BY x)",
        Window(Ranking::Dense),
    ),
    sure(
        "percent_rank",
        "-> double",
        "(rank - 1) / (rows - 1).",
        "percent_rank() OVER (ORDER BY x)",
        Window(Ranking::Percent),
    ),
    sure(
        "cume_dist",
        "-> double",
        "Share of the rows up to this one and its equals.",
        "cume_dist() OVER (ORDER BY x)",
        Window(Ranking::CumeDist),
    ),
    sure(
        "ntile",
        "steps -> int",
        "Which of that many parts of about equal size.",
        "ntile(4) OVER (ORDER BY x)",
        Window(Ranking::Ntile),
    ),
    sure(
        "lag",
        "any, steps?, arg? -> arg",
        "The value that many rows before (default 1); the third, or null, where there is none.",
        "lag(x) OVER (PARTITION BY k ORDER BY ts)",
        Window(Ranking::Lag),
    ),
    sure(
        "lead",
        "any, steps?, arg? -> arg",
        "The value that many rows behind.",
        "lead(x, 2) OVER (PARTITION BY k ORDER BY ts)",
        Window(Ranking::Lead),
    ),
    sure(
        "first_value",
        "any -> arg",
        "The first value of the frame; with IGNORE NULLS the first that is not null.",
        "first_value(x) OVER (PARTITION BY k ORDER BY ts)",
        Window(Ranking::First),
    ),
    sure(
        "last_value",
        "any -> arg",
        "The last value of the frame (by default the frame ends with the row and its equals).",
        "last_value(x) IGNORE NULLS OVER (PARTITION BY k ORDER BY ts)",
        Window(Ranking::Last),
    ),
];
