//! From what is asked to the engine and back: settles what the engine takes as given (the rows, the present, when
//! features begin), runs it, and keeps the result as a dataset where that is wanted.
//!
//! It must not judge arguments: the engine does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polars::prelude::DataFrame;
use tokio::runtime::Handle;

use super::{Ask, Compute, Computed, Failure, Separator, coverage};
use crate::model::time::{floor, print_time};
use crate::model::{Span, Time, Window};
use crate::platform::clock::Clock;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::datasets::{DatasetError, Datasets, NewDataset};
use crate::platform::definition::{FeatureStart, Kind, View};
use crate::platform::engine::Engine;
use crate::platform::engine::ask::{Answer, Control, HistoryArgs, Rows, RunArgs};
use crate::platform::frame;
use crate::platform::jobs::Jobs;
use crate::platform::jobs::verdict::Verdict;
use crate::platform::offline::OfflineTable;
use crate::platform::source::kept;
use crate::wire::queries::{HistoryQuery, Query, QueryError};
use crate::wire::status;

/// How long a question waits at most for what has arrived to be kept.
const CATCH_UP: Duration = Duration::from_secs(3);
/// How often it looks.
const CATCH_UP_LOOK: Duration = Duration::from_millis(50);

/// Computes with the engine over the embedded stores.
pub(crate) struct EngineCompute {
    pub engine: Arc<dyn Engine>,
    /// Folder of the offline tables.
    pub offline: PathBuf,
    pub datasets: Arc<Datasets>,
    /// Knows when views were applied.
    pub jobs: Arc<Jobs>,
    /// Where async work of the offline store runs.
    pub runtime: Handle,
    pub clock: Clock,
    /// What stands between view and feature in column names.
    pub separator: Separator,
}

impl Compute for EngineCompute {
    fn compute(&self, ask: &Ask, control: Control<'_>) -> Result<Computed, Failure> {
        match &ask.query {
            Query::Run(run) => {
                let behind = self.catch_up(&ask.view, control);
                let args = RunArgs { query: run, now: self.clock.now() };
                let mut answer = self.engine.run(&ask.view, &args, control).map_err(engine_failure)?;
                answer.warnings.extend(behind);
                Ok(Computed { frame: answer.frame, warnings: answer.warnings, saved_as: None })
            }
            Query::History(query) => {
                let ask = HistoryAsk { view: &ask.view, query };
                let answer = self.history(&ask, control)?;
                // The last look at the flag: a dataset that was begun is finished.
                if control.cancel.is_cancelled() {
                    return Err(Failure::Cancelled);
                }
                let saved_as = query.save_as.as_ref().map(|name| self.keep(&ask, name, &answer)).transpose()?;
                Ok(Computed { frame: answer.frame, warnings: answer.warnings, saved_as })
            }
        }
    }
}

/// A history that is asked for.
struct HistoryAsk<'a> {
    view: &'a View,
    query: &'a HistoryQuery<DataFrame>,
}

impl EngineCompute {
    /// Waits a while until what has arrived for the view is kept, so that whoever has sent an event finds it. Returns
    /// the sentence about what is not there even so.
    fn catch_up(&self, view: &View, control: Control<'_>) -> Option<String> {
        let (now, until) = (self.clock.now(), Instant::now() + CATCH_UP);
        let source = view.inputs.iter().map(|input| &input.source).find(|source| source.kept.is_some())?;
        let kept = source.kept.as_ref()?;
        while !kept::has_all_until(kept, now) {
            if Instant::now() >= until || control.cancel.is_cancelled() {
                let since = kept::until(kept).map_or("the start of the platform".to_owned(), print_time);
                return Some(format!(
                    "What has arrived for source {} since {since} may not be kept yet, and is then not in these rows.",
                    source.name
                ));
            }
            std::thread::sleep(CATCH_UP_LOOK);
        }
        None
    }

    fn history(&self, ask: &HistoryAsk<'_>, control: Control<'_>) -> Result<Answer, Failure> {
        let behind = if ask.query.from_source { self.catch_up(ask.view, control) } else { None };
        let now = self.clock.now();
        let table = if ask.query.from_source { None } else { Some(self.sound(ask)?) };
        let mut args = HistoryArgs {
            query: ask.query,
            rows: table.as_ref().map_or(Ok(Rows::Source), |table| rows(ask, table))?,
            feature_start_time: self.feature_start(ask.view, now),
            separator: self.separator.as_str().to_owned(),
            now,
        };
        let mut answer = self.engine.history(ask.view, &args, control);
        // A deletion of keys removes files at once: those of the newest version are read instead.
        if answer.is_err() && table.is_some_and(|table| table.is_outdated(needed(ask))) {
            args.rows = rows(ask, &self.sound(ask)?)?;
            answer = self.engine.history(ask.view, &args, control);
        }
        let mut answer = answer.map_err(engine_failure)?;
        answer.warnings.extend(behind);
        if !ask.query.from_source {
            answer.warnings.extend(self.missing(ask, &answer, args.feature_start_time));
        }
        Ok(answer)
    }

    /// What the offline store lacks of what was read.
    fn missing(&self, ask: &HistoryAsk<'_>, answer: &Answer, begins: Option<Time>) -> Option<String> {
        let reach = match (&ask.query.spine, &answer.timestamp_key) {
            (Some(spine), Some(key)) => coverage::reach(ask.view, spine, key, begins),
            _ => needed(ask),
        };
        coverage::warning(&self.jobs.coverage(ask.view.id).ok()?.offline, reach?)
    }

    /// When the view's features begin: what was kept when it was first applied, else counted from now.
    fn feature_start(&self, view: &View, now: Time) -> Option<Time> {
        match view.feature_start_time? {
            FeatureStart::At(at) => Some(at),
            FeatureStart::BeforeApply(span) => {
                let kept = self.jobs.applied(view.id).and_then(|applied| applied.feature_start);
                Some(kept.unwrap_or_else(|| floor(now - span, view.batch_schedule)))
            }
        }
    }

    /// The offline table, found to be what jobs made of it as far as the question needs it.
    fn sound(&self, ask: &HistoryAsk<'_>) -> Result<OfflineTable, Failure> {
        check_offline(ask.view).map_err(Failure::Error)?;
        let mut judged = self.judged(ask)?;
        // A deletion of keys removes files while they are looked at.
        if judged.1.is_bad() && judged.0.as_ref().is_some_and(|table| table.is_outdated(needed(ask))) {
            judged = self.judged(ask)?;
        }
        let (table, verdict) = judged;
        if verdict.is_bad() {
            let name = &ask.view.name;
            let message = format!("The offline table of `{name}` is not read: {}.", verdict.sentence(name));
            return Err(failed(status::FAILED_PRECONDITION, message));
        }
        table.ok_or_else(|| {
            let name = &ask.view.name;
            let message = format!(
                "Nothing of feature view `{name}` is materialized offline yet. Wait until a job of it has succeeded \
                 (`fvtop jobs --view {name}`), or compute from the source (from_source, --from-source)."
            );
            failed(status::FAILED_PRECONDITION, message)
        })
    }

    fn judged(&self, ask: &HistoryAsk<'_>) -> Result<(Option<OfflineTable>, Verdict), Failure> {
        let internal = |error: String| failed(status::INTERNAL, error);
        let known = self.jobs.ledger(ask.view.id).map(|ledger| ledger.known()).transpose();
        let known = known.map_err(|error| internal(error.to_string()))?;
        let opened = self.runtime.block_on(OfflineTable::open(&self.offline, ask.view));
        let table = opened.map_err(|error| internal(error.to_string()))?;
        let verdict = known.map(|known| known.judge(table.as_ref(), needed(ask), true)).transpose();
        Ok((table, verdict.map_err(|error| internal(error.to_string()))?.unwrap_or_default()))
    }

    fn keep(&self, ask: &HistoryAsk<'_>, name: &str, answer: &Answer) -> Result<String, Failure> {
        let new = NewDataset {
            name: name.to_owned(),
            workspace: ask.view.workspace.clone(),
            feature_view: ask.view.name.clone(),
            feature_service: None,
            key_columns: ask.query.spine.as_ref().map(key_columns),
            timestamp_key: answer.timestamp_key.clone().filter(|_| ask.query.spine.is_some()),
        };
        let kept = self.datasets.save(new, &answer.frame, self.clock.now());
        kept.map(|dataset| dataset.name).map_err(|error| failed(code_of(&error), error.to_string()))
    }
}

/// The rows of the offline table that the answer needs.
fn rows(ask: &HistoryAsk<'_>, table: &OfflineTable) -> Result<Rows, Failure> {
    let rows = table.scan(needed(ask)).map_err(|error| failed(status::INTERNAL, error.to_string()))?;
    Ok(Rows::Stored(rows))
}

/// Whether the offline store can hold rows of the view at all.
///
/// # Errors
/// With the sentence that says what to do.
pub(crate) fn check_offline(view: &View) -> Result<(), QueryError> {
    let why = match (view.live, view.offline) {
        (true, true) => return Ok(()),
        (false, _) => "its workspace is not live",
        (true, false) => "it has offline=false",
    };
    let message = format!(
        "Feature view `{}` has no materialized values, because {why}. Compute from the source (from_source, \
         --from-source), or materialize it: offline = true in a live workspace.",
        view.name
    );
    Err(QueryError { code: status::FAILED_PRECONDITION, message })
}

/// The code for an error about a dataset.
pub(crate) fn code_of(error: &DatasetError) -> i32 {
    match error {
        DatasetError::Name(_) => status::INVALID_ARGUMENT,
        DatasetError::Missing { .. } => status::NOT_FOUND,
        DatasetError::Taken { .. } | DatasetError::Damaged { .. } | DatasetError::Unwritten { .. } => {
            status::FAILED_PRECONDITION
        }
        DatasetError::Disk { .. } => status::INTERNAL,
    }
}

/// The range of stored rows that a question about a range of time can need; all of them for a spine.
fn needed(ask: &HistoryAsk<'_>) -> Option<Window> {
    let (start, end) = (ask.query.start_time?, ask.query.end_time?);
    let interval = match &ask.view.kind {
        Kind::Aggregate { interval, .. } => *interval,
        Kind::Temporal { .. } => Span::zero(),
    };
    let back = ask.view.longest_window().unwrap_or_default() + interval;
    Some(Window { start: start.checked_sub_signed(back)?, end })
}

/// The columns of a spine that are no times.
fn key_columns(spine: &DataFrame) -> Vec<String> {
    let keys = spine.columns().iter().filter(|column| !frame::is_time(column));
    keys.map(|column| column.name().to_string()).collect()
}

fn failed(code: i32, message: String) -> Failure {
    Failure::Error(QueryError { code, message })
}

fn engine_failure(error: EngineError) -> Failure {
    let code = match error.kind {
        ErrorKind::Cancelled => return Failure::Cancelled,
        ErrorKind::Arguments => status::INVALID_ARGUMENT,
        ErrorKind::Source | ErrorKind::Query => status::FAILED_PRECONDITION,
        ErrorKind::Memory => status::RESOURCE_EXHAUSTED,
    };
    failed(code, error.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::testing;

    #[test]
    fn a_view_that_is_not_materialized_offline_says_why_and_what_to_do() {
        let checked = |live, offline| check_offline(&View { live, offline, ..testing::view("v") });
        assert_eq!(checked(true, true), Ok(()));
        let to_do = "Compute from the source (from_source, --from-source), or materialize it: offline = true in a live workspace.";
        for (live, offline, why) in [
            (false, true, "its workspace is not live"),
            (false, false, "its workspace is not live"),
            (true, false, "it has offline=false"),
        ] {
            let error = checked(live, offline).unwrap_err();
            assert_eq!(error.code, status::FAILED_PRECONDITION);
            assert_eq!(error.message, format!("Feature view `v` has no materialized values, because {why}. {to_do}"));
        }
    }
}
