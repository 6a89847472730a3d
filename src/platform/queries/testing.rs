//! An engine that does what its arguments say, for the tests of everything around it.

use std::time::Duration;

use polars::prelude::{DataFrame, LazyFrame, df};

use crate::model::{Time, Window};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::View;
use crate::platform::engine::ask::{Answer, Control, HistoryArgs, Rows, RunArgs, Streamed};
use crate::platform::engine::polars_engine::stored;
use crate::platform::engine::{Engine, PolarsEngine};

/// Runs and history by what the arguments say; windows and events as ever.
pub(crate) struct Obedient;

impl Engine for Obedient {
    fn materialize(
        &self,
        view: &View,
        window: Window,
        now: Time,
        control: Control<'_>,
    ) -> Result<DataFrame, EngineError> {
        PolarsEngine.materialize(view, window, now, control)
    }

    fn transform_stream(&self, view: &View, events: DataFrame) -> Result<Streamed, EngineError> {
        PolarsEngine.transform_stream(view, events)
    }

    /// By the level: `wait` goes on until it is cancelled, `panic`, `memory` and `source` fail; with a mock table that
    /// table comes back, else two rows.
    fn run(&self, _: &View, args: &RunArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError> {
        match args.query.aggregation_level.as_deref() {
            Some("wait") => wait(control),
            Some("panic") => panic!("by request"),
            Some("memory") => Err(failed(ErrorKind::Memory, "too much")),
            Some("source") => Err(failed(ErrorKind::Source, "file gone")),
            Some("full") | None => {
                let frame = args.query.mock_sources.values().next().cloned().unwrap_or_else(two_rows);
                (control.progress)(7);
                Ok(Answer { frame, warnings: vec!["short range".to_owned()], timestamp_key: None })
            }
            Some(other) => Err(failed(ErrorKind::Arguments, &format!("`{other}` is not a level"))),
        }
    }

    /// The stored rows, else the spine, else two rows; warns of what it was given.
    fn history(&self, _: &View, args: &HistoryArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError> {
        if args.query.timestamp_key.as_deref() == Some("wait") {
            return wait(control);
        }
        let query = |error: polars::prelude::PolarsError| failed(ErrorKind::Query, &error.to_string());
        let frame = match (&args.rows, &args.query.spine) {
            (Rows::Stored(rows), _) => stored::scan(rows).and_then(LazyFrame::collect).map_err(query)?,
            (Rows::Source, Some(spine)) => spine.clone(),
            (Rows::Source, None) => two_rows(),
        };
        let given = format!("separator {} start {:?}", args.separator, args.feature_start_time);
        let timestamp_key = args.query.spine.as_ref().map(|_| "at".to_owned());
        Ok(Answer { frame, warnings: vec![given], timestamp_key })
    }
}

pub(crate) fn two_rows() -> DataFrame {
    df!("carrier" => ["UA", "B6"], "delay" => [Some(1.5), None]).unwrap()
}

fn wait(control: Control<'_>) -> Result<Answer, EngineError> {
    (control.progress)(3);
    while !control.cancel.is_cancelled() {
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(failed(ErrorKind::Cancelled, "cancelled"))
}

fn failed(kind: ErrorKind, message: &str) -> EngineError {
    EngineError { kind, message: message.to_owned() }
}
