//! Running a view's query over its source: batches of rows into a sink.
//!
//! A query whose rows come of single rows of its first input streams file by file: memory is what the sink keeps. Any
//! other query sees its first input whole, as far as the window reaches, and never a piece of it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use polars::prelude::*;

use super::guard;
use super::sink::Sink;
use super::stored::scan;
use super::watch::{Shared, look, watch};
use crate::model::time::{from_micros, print_time};
use crate::model::{Time, Window};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{Source, View};
use crate::platform::engine::ask::Control;
use crate::platform::frame::{self, StoredRows};
use crate::platform::source::files::{self, Part};
use crate::platform::source::kept;
use crate::platform::sql::{self, Follows};

/// The beginning of a reach that has none: year 1, before everything that a table holds, and far from the ends of what
/// calendars can show.
pub(super) const EARLIEST: i64 = -62_135_596_800_000_000;
/// Rows of one batch, about.
const BATCH: usize = 1 << 17;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach {
    /// Event times of the first input, half-open; absent for all.
    pub source: Option<Window>,
    /// Timestamps of the query's rows, half-open; absent for all.
    pub rows: Option<Window>,
}

/// A view's query, ready to run.
pub(crate) struct Reader<'a> {
    view: &'a View,
    query: sql::Query,
    mocks: &'a BTreeMap<String, DataFrame>,
    /// Columns that the sink wants; absent for all.
    wanted: Option<Vec<String>>,
    now: Time,
    control: Control<'a>,
}

impl<'a> Reader<'a> {
    /// The query of a view. `mocks` stand for inputs by name; `wanted` are the columns of the query's output that are
    /// needed, all where absent.
    pub(crate) fn new(
        view: &'a View,
        mocks: &'a BTreeMap<String, DataFrame>,
        wanted: Option<Vec<String>>,
        now: Time,
        control: Control<'a>,
    ) -> Result<Self, EngineError> {
        Ok(Self { view, query: checked(view)?, mocks, wanted, now, control })
    }

    /// Columns and types of the query's output, known types only.
    pub(crate) fn output(&self) -> PolarsResult<Vec<(String, crate::model::DataType)>> {
        sql::output::columns_of(&self.view.inputs, &self.query)
    }

    /// The sentence about events in reach that are left out because they are later than now.
    pub(crate) fn later(&self, reach: Reach) -> Result<Option<String>, EngineError> {
        match self.view.inputs.first() {
            Some(input) if !self.mocks.contains_key(&input.name) => {
                files::later(&input.source, reach.source.or(reach.rows), self.now)
            }
            _ => Ok(None),
        }
    }

    /// Reads into the sink and gives it back.
    pub(crate) fn read<S: Sink>(&self, reach: Reach, sink: S) -> Result<S, EngineError> {
        let work = Work {
            view: self.view.clone(),
            query: self.query.clone(),
            tables: self.tables()?,
            first: self.first(reach)?,
            wanted: self.wanted.clone(),
            reach,
            now: self.now,
            memory: self.control.memory,
        };
        watch(&self.view.name, self.control, sink, move |shared| work.run(shared))
    }

    /// The inputs after the first, whole.
    fn tables(&self) -> Result<Vec<(String, DataFrame)>, EngineError> {
        let tables = self.view.inputs.iter().skip(1).map(|input| {
            let table = match self.mocks.get(&input.name) {
                Some(mock) => mock.clone(),
                None => files::whole(&input.source, &needed(&self.query, &input.name, &input.source))?,
            };
            Ok((input.name.clone(), table))
        });
        tables.collect()
    }

    fn first(&self, reach: Reach) -> Result<First, EngineError> {
        let input = self.view.inputs.first().ok_or_else(|| EngineError {
            kind: ErrorKind::Query,
            message: format!("view {} has no input: name a source", self.view.name),
        })?;
        if let Some(mock) = self.mocks.get(&input.name) {
            return Ok(First::Mock(mock.clone(), input.name.clone()));
        }
        // A history asks for rows whose events may be of other times: what it looks back to is taken for theirs.
        if let Some(asked) = reach.source.or(reach.rows) {
            kept::check(&input.source, asked, asked.start > from_micros(EARLIEST))?;
        }
        let parts = files::parts(&input.source, reach.source, self.now)?;
        let mut columns = needed(&self.query, &input.name, &input.source);
        let time = input.source.timestamp_column.as_ref().filter(|time| !columns.contains(*time));
        columns.extend(time.filter(|_| self.query.asks_for_order()).cloned());
        let ordered = files::needs_order(&input.source);
        Ok(First::Files { source: Arc::clone(&input.source), name: input.name.clone(), parts, columns, ordered })
    }
}

/// The view's query, parsed and checked.
///
/// # Errors
/// Of kind `Query` when it is refused.
pub(crate) fn checked(view: &View) -> Result<sql::Query, EngineError> {
    let query = sql::check(&view.sql).map_err(|refusal| EngineError {
        kind: ErrorKind::Query,
        message: format!("view {}: its query is refused: {refusal}", view.name),
    })?;
    Ok(query.spelled(view.names()))
}

/// What a query that fails says: of which view and window.
pub(crate) fn query_error(view: &View, window: Option<Window>, error: &PolarsError) -> EngineError {
    let place = match window {
        Some(window) => format!(", window {} to {}", print_time(window.start), print_time(window.end)),
        None => ", stream".to_owned(),
    };
    let problem = sql::first_line(error);
    EngineError {
        kind: ErrorKind::Query,
        message: format!("view {}{place}: the query fails: {problem}. Correct its SQL or the data", view.name),
    }
}

/// Whether every row of the query comes of one row of the first input, in the same order: then its files can be queried
/// one by one.
fn is_row_wise(view: &View, query: &sql::Query) -> bool {
    view.inputs.first().is_some_and(|input| query.follows(&input.name) == Follows::InOrder)
}

/// The columns that a query may need of an input, at least one.
pub(crate) fn needed(query: &sql::Query, input: &str, source: &Source) -> Vec<String> {
    let all = source.columns.iter().map(|(name, _)| name.clone());
    let Some(needed) = query.columns_of(input) else { return all.collect() };
    let found: Vec<String> = all.clone().filter(|name| needed.contains(&name.to_lowercase())).collect();
    if found.is_empty() { all.take(1).collect() } else { found }
}

enum First {
    Mock(DataFrame, String),
    Files { source: Arc<Source>, name: String, parts: Vec<Part>, columns: Vec<String>, ordered: bool },
}

/// Everything that a run needs, so that it can go on a thread of its own.
struct Work {
    view: View,
    query: sql::Query,
    tables: Vec<(String, DataFrame)>,
    first: First,
    wanted: Option<Vec<String>>,
    reach: Reach,
    now: Time,
    memory: u64,
}

impl Work {
    fn run<S: Sink>(&self, shared: &Arc<Shared<S>>) -> Result<(), EngineError> {
        match &self.first {
            First::Mock(mock, name) => {
                let events = self.mocked(mock.clone()).and_then(|events| self.feed(name, events, shared));
                events.map_err(|error| self.failed(&error))
            }
            First::Files { source, name, parts, columns, ordered } if is_row_wise(&self.view, &self.query) => {
                for part in parts {
                    let lazy = || files::lazy(source, part, columns, *ordered);
                    let fed = files::unpanicked(|| lazy().and_then(|events| self.feed(name, events, shared)));
                    if let Err(error) = fed {
                        // The file or the query? Who can read the file alone knows.
                        shared.stopped()?;
                        files::guarded(source, &part.data, || lazy().and_then(LazyFrame::collect))?;
                        return Err(self.failed(&error));
                    }
                }
                Ok(())
            }
            First::Files { source, name, parts, columns, ordered } => {
                let events = self.whole(source, parts, columns, *ordered, shared)?;
                self.feed(name, events.lazy(), shared).map_err(|error| self.failed(&error))
            }
        }
    }

    /// The rows of a mock that lie in the window of the source.
    fn mocked(&self, mock: DataFrame) -> PolarsResult<LazyFrame> {
        let time = self.view.inputs.first().and_then(|input| input.source.timestamp_column.clone());
        let mut events = mock.lazy();
        if let (Some(window), Some(time)) = (self.reach.source, time)
            && events.collect_schema()?.contains(&time)
        {
            events = events.filter(frame::within(&time, window));
        }
        Ok(events)
    }

    /// All events of the parts, as long as they fit.
    fn whole<S: Sink>(
        &self,
        source: &Source,
        parts: &[Part],
        columns: &[String],
        ordered: bool,
        shared: &Arc<Shared<S>>,
    ) -> Result<DataFrame, EngineError> {
        let mut frames = Vec::new();
        let mut bytes = 0;
        for part in parts {
            shared.stopped()?;
            let read = files::guarded(source, &part.data, || {
                let events = files::lazy(source, part, columns, ordered)?;
                streamed(guard::at_rows(events, &look(shared)))
            });
            let events = read.map_err(|error| shared.stopped().err().unwrap_or(error))?;
            bytes += events.estimated_size();
            shared.hold(bytes, self.memory, &self.view.name)?;
            frames.push(events);
        }
        files::together(source, columns, frames)
    }

    /// Runs the query over the first input's events into the sink.
    fn feed<S: Sink>(&self, name: &str, events: LazyFrame, shared: &Arc<Shared<S>>) -> PolarsResult<()> {
        let look = look(shared);
        let events = in_time(&self.view, &self.query, events)?;
        let mut inputs = vec![(name, guard::at_rows(events, &look))];
        inputs.extend(self.tables.iter().map(|(name, table)| (name.as_str(), table.clone().lazy())));
        let mut rows = guard::at_joins(sql::lazy(&self.query, inputs, self.now, self.compute(shared))?, &look);
        let schema = rows.collect_schema()?;
        let wanted = |name: &PlSmallStr| {
            self.wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted.as_str() == name.as_str()))
        };
        let columns = schema.iter().filter(|(name, _)| wanted(name));
        let columns: Vec<Expr> = columns.filter_map(|(name, dtype)| frame::normal(name, dtype)).collect();
        let time = self.view.timestamp_field.as_str();
        let mut rows = rows.select(columns).filter(frame::named(time).is_not_null());
        if let Some(window) = self.reach.rows {
            rows = rows.filter(frame::within(time, window));
        }
        into_sink(rows, shared, self.memory, &self.view.name)
    }

    /// How tables that the query reads several times are computed: under the same watch.
    fn compute<S: Sink>(&self, shared: &Arc<Shared<S>>) -> sql::Compute {
        let (shared, view, memory) = (Arc::clone(shared), self.view.name.clone(), self.memory);
        Arc::new(move |table| {
            let rows = streamed(guard::at_joins(table, &look(&shared)))?;
            shared
                .hold(rows.estimated_size(), memory, &view)
                .map_err(|error| polars_err!(ComputeError: "{}", error))?;
            Ok(rows)
        })
    }

    fn failed(&self, error: &PolarsError) -> EngineError {
        query_error(&self.view, self.reach.rows, error)
    }
}

/// The first input's events in the order of their times, where the query asks for the first or last row of a group.
/// Events of one time stay as they are.
pub(crate) fn in_time(view: &View, query: &sql::Query, mut events: LazyFrame) -> PolarsResult<LazyFrame> {
    let time = view.inputs.first().and_then(|input| input.source.timestamp_column.as_deref());
    let Some(time) = time.filter(|_| query.asks_for_order()) else { return Ok(events) };
    if !events.collect_schema()?.contains(time) {
        return Ok(events);
    }
    Ok(events.sort([time], SortMultipleOptions::default().with_maintain_order(true)))
}

/// Collects on the streaming engine, which looks at guards between batches.
fn streamed(plan: LazyFrame) -> PolarsResult<DataFrame> {
    Ok(plan.collect_with_engine(Engine::Streaming)?.unwrap_single())
}

/// Runs the plan, its rows into the shared sink in their order.
fn into_sink<S: Sink>(rows: LazyFrame, shared: &Arc<Shared<S>>, memory: u64, view: &str) -> PolarsResult<()> {
    let (into, view) = (Arc::clone(shared), view.to_owned());
    let take = PlanCallback::new(move |batch: DataFrame| {
        into.push(&batch, memory, &view)?;
        Ok(false)
    });
    let batches = rows.sink_batches(take, true, NonZeroUsize::new(BATCH))?;
    batches.collect_with_engine(Engine::Streaming).map(drop)
}

/// Feeds stored rows, but for those that `of` leaves out, into a sink, under the same watch.
pub(crate) fn feed_stored<S: Sink>(
    view: &str,
    stored: &StoredRows,
    of: Option<Expr>,
    control: Control<'_>,
    sink: S,
) -> Result<S, EngineError> {
    let unreadable = |view: &str, error: &PolarsError| {
        let problem = sql::first_line(error);
        let fix = "Materialize its windows again with overwrite";
        EngineError {
            kind: ErrorKind::Source,
            message: format!("view {view}: its offline table cannot be read: {problem}. {fix}"),
        }
    };
    let mut rows = scan(stored).map_err(|error| unreadable(view, &error))?;
    if let Some(of) = of {
        rows = rows.filter(of);
    }
    let (name, memory) = (view.to_owned(), control.memory);
    watch(view, control, sink, move |shared| {
        into_sink(rows, shared, memory, &name).map_err(|error| unreadable(&name, &error))
    })
}
