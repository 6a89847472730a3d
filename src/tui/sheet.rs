//! Reading a table of any size: cells as text, order of rows, what a column holds, a column over time.
//!
//! Pure functions of a data frame. Whatever looks at every row is a [`Task`] that the loop hands to a thread of its own
//! ([`Work`] in, [`Done`] out), so that a million rows never hold up a key. Nothing here knows the screen.

mod cell;
mod describe;
mod order;
mod plot;

use std::path::PathBuf;

pub use cell::{Kind, cell, exact, head};
pub use describe::{Distinct, Summary, describe};
pub use order::{Rows, names, order};
pub use plot::{Axis, Bin, Plot, plot};

use crate::client::message::Table;

/// Something that takes long, or that only the loop may look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Finds whoever waits for the outcome.
    pub ticket: u64,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Filter and sort the rows.
    Order {
        /// The table whose rows they are.
        table: Table,
        /// The filter as typed; one that cannot be read hides nothing.
        filter: String,
        /// A prefix that names in the filter may leave out.
        prefix: String,
        /// The column to sort by, and whether large comes first.
        sort: Option<(usize, bool)>,
    },
    /// Say what a column holds.
    Describe {
        /// The table that is looked at.
        table: Table,
        /// The place of the column.
        column: usize,
        /// The rows that are looked at.
        rows: Rows,
    },
    /// Lay a column over time.
    Plot {
        /// The table that is looked at.
        table: Table,
        /// The place of the column.
        column: usize,
        /// The column of the instants; absent for the number of the row.
        time: Option<usize>,
        /// The rows that are looked at.
        rows: Rows,
    },
    /// Say whether there is a file of that name.
    Find(PathBuf),
}

/// A task came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The ticket of the task, by which its owner is found.
    pub ticket: u64,
    /// The answer, or that there is none.
    pub outcome: Outcome,
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The rows that show, in their order.
    Order(Rows),
    /// What the column holds, in figures.
    Summary(Box<Summary>),
    /// The column over time, or why it cannot be drawn.
    Plot(Result<Box<Plot>, String>),
    /// Whether the file is there.
    Found(bool),
    /// The task broke off: nothing is known.
    Failed,
}

/// Does a task. May take as long as the table is large: never on the thread that draws.
pub fn work(work: Work) -> Done {
    let outcome = match work.task {
        Task::Order { table, filter, prefix, sort } => Outcome::Order(order(&table.0, &filter, &prefix, sort)),
        Task::Describe { table, column, rows } => {
            describe(&table.0, column, &rows).map_or(Outcome::Failed, |summary| Outcome::Summary(Box::new(summary)))
        }
        Task::Plot { table, column, time, rows } => Outcome::Plot(plot(&table.0, column, time, &rows).map(Box::new)),
        Task::Find(path) => Outcome::Found(path.exists()),
    };
    Done { ticket: work.ticket, outcome }
}
