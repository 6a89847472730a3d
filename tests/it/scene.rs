//! A small feature repository over given events, and the engine asked about it: what the tests of feature values share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fvtop::model::Time;
use fvtop::model::time::{micros, parse_time};
use fvtop::platform::compute::{Cancel, EngineError};
use fvtop::platform::definition::{Repository, View};
use fvtop::platform::engine::ask::{Answer, Control, HistoryArgs, Rows, RunArgs};
use fvtop::platform::engine::{Engine as _, PolarsEngine};
use fvtop::platform::{frame, registry};
use fvtop::wire::queries::{HistoryQuery, RunQuery};
use polars::prelude::*;
use tempfile::TempDir;

use crate::support::write_parquet;

/// The instant of a text such as `2026-01-01 00:30`.
pub(crate) fn at(text: &str) -> Time {
    parse_time(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// A column of instants; an empty text is null.
pub(crate) fn times(name: &str, texts: &[&str]) -> Column {
    let micros: Vec<Option<i64>> = texts.iter().map(|text| (!text.is_empty()).then(|| micros(at(text)))).collect();
    Column::new(name.into(), micros).cast(&frame::timestamp_type()).unwrap()
}

/// A frame of columns.
pub(crate) fn table(columns: Vec<Column>) -> DataFrame {
    DataFrame::new_infer_height(columns).unwrap()
}

/// A repository with one source `events` (event time `ts`) and one view.
pub(crate) struct Scene {
    _folder: TempDir,
    /// The view.
    pub view: Arc<View>,
}

impl Scene {
    /// The view of that text over the events; `keys` are its join keys with their types.
    pub(crate) fn new(events: &DataFrame, keys: &[(&str, &str)], view: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Self::load(folder.path(), events, keys, view);
        let errors: Vec<String> = repository.errors.iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        Self { view: Arc::clone(&repository.views[0]), _folder: folder }
    }

    /// The repository as it is read, errors and all.
    pub(crate) fn load(root: &Path, events: &DataFrame, keys: &[(&str, &str)], view: &str) -> Repository {
        std::fs::create_dir_all(root.join("views")).unwrap();
        write_parquet(&root.join("events.parquet"), events.clone(), &[]);
        let keys: Vec<String> =
            keys.iter().map(|(name, word)| format!("{{ name = \"{name}\", type = \"{word}\" }}")).collect();
        let entity = format!("[[entity]]\nname = \"thing\"\njoin_keys = [{}]\n", keys.join(", "));
        std::fs::write(root.join("workspaces.toml"), "[[workspace]]\nname = \"prod\"\nlive = true\n").unwrap();
        std::fs::write(root.join("entities.toml"), entity).unwrap();
        let source = "[[source]]\nname = \"events\"\nfiles = \"events.parquet\"\ntimestamp_column = \"ts\"\n";
        std::fs::write(root.join("sources.toml"), source).unwrap();
        let head = "name = \"v\"\nentities = [\"thing\"]\nmode = \"spark_sql\"\nonline = true\noffline = true\n";
        std::fs::write(root.join("views/v.toml"), format!("{head}{view}")).unwrap();
        registry::load(root)
    }

    /// `run`.
    pub(crate) fn run(
        &self,
        start: Option<&str>,
        end: Option<&str>,
        level: Option<&str>,
    ) -> Result<Answer, EngineError> {
        self.run_with(start, end, level, BTreeMap::new())
    }

    /// `run` with mocks, at 2026-02-01 10:30.
    pub(crate) fn run_with(
        &self,
        start: Option<&str>,
        end: Option<&str>,
        level: Option<&str>,
        mock_sources: BTreeMap<String, DataFrame>,
    ) -> Result<Answer, EngineError> {
        let query = RunQuery {
            start_time: start.map(at),
            end_time: end.map(at),
            aggregation_level: level.map(str::to_owned),
            mock_sources,
            ..RunQuery::default()
        };
        let args = RunArgs { query: &query, now: at("2026-02-01 10:30") };
        controlled(|control| PolarsEngine.run(&self.view, &args, control))
    }

    /// `get_historical_features` with these arguments.
    pub(crate) fn history(&self, args: &HistoryArgs<'_>) -> Result<Answer, EngineError> {
        controlled(|control| PolarsEngine.history(&self.view, args, control))
    }

    /// Feature values at a spine, from the source.
    pub(crate) fn at_spine(&self, spine: DataFrame) -> DataFrame {
        self.history(&settled(&HistoryQuery { spine: Some(spine), ..nothing() })).unwrap().frame
    }

    /// All values of a range, from the source.
    pub(crate) fn in_range(&self, start: &str, end: &str) -> DataFrame {
        let (start_time, end_time) = (Some(at(start)), Some(at(end)));
        self.history(&settled(&HistoryQuery { start_time, end_time, ..nothing() })).unwrap().frame
    }
}

fn controlled<T>(ask: impl FnOnce(Control<'_>) -> T) -> T {
    ask(Control::quiet(&Cancel::default(), 1 << 30))
}

/// No arguments: all feature values.
pub(crate) fn nothing() -> HistoryQuery<DataFrame> {
    HistoryQuery::default()
}

/// What the engine takes as given: the source, and 2026-02-01 10:30.
pub(crate) fn settled(query: &HistoryQuery<DataFrame>) -> HistoryArgs<'_> {
    let (rows, separator, now) = (Rows::Source, ".".to_owned(), at("2026-02-01 10:30"));
    HistoryArgs { query, rows, feature_start_time: None, separator, now }
}

/// The values of a column as text, for short assertions: `1`, `2.5`, `x`, `[a,b]`, `-` for null, instants to the
/// microsecond.
pub(crate) fn texts(frame: &DataFrame, column: &str) -> Vec<String> {
    frame::values(frame.column(column).unwrap()).iter().map(one).collect()
}

fn one(value: &fvtop::model::Value) -> String {
    use fvtop::model::Value;
    match value {
        Value::Null => "-".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{}", (number * 1e9).round() / 1e9),
        Value::Text(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Time(at) => at.format("%m-%d %H:%M:%S%.6f").to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(one).collect::<Vec<_>>().join(",")),
    }
}
