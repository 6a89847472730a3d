//! Every golden result, computed anew: the real engines' values over the real data (`tests/fixtures/golden`).
//!
//! Each case's view is written as a definition and loaded like any other; nothing here knows how values come about.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fvtop::model::time::{micros, parse_time};
use fvtop::model::{Id, Time, Value, Window};
use fvtop::platform::compute::Cancel;
use fvtop::platform::definition::{FeatureStart, Repository, View};
use fvtop::platform::engine::ask::{Answer, Control, HistoryArgs, Rows, RunArgs};
use fvtop::platform::engine::{Engine as _, PolarsEngine};
use fvtop::platform::offline::{OfflineTable, Stamp};
use fvtop::platform::{frame, registry};
use fvtop::wire::queries::{HistoryQuery, RunQuery};
use polars::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Cases {
    pub view: Vec<ViewCase>,
    pub case: Vec<Case>,
}

#[derive(Deserialize)]
pub(super) struct ViewCase {
    pub name: String,
    pub source: String,
    timestamp_field: String,
    batch_schedule: String,
    kind: String,
    aggregation_mode: Option<String>,
    aggregation_interval: Option<String>,
    pub join_keys: Vec<String>,
    pub columns: Vec<String>,
    ttl: Option<String>,
    feature_start_time: Option<toml::value::Datetime>,
    #[serde(default)]
    aggregations: Vec<AggregationCase>,
}

#[derive(Deserialize)]
pub(super) struct AggregationCase {
    column: String,
    function: String,
    time_window: String,
    n: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Case {
    pub id: String,
    pub view: String,
    op: String,
    pub expected: String,
    rows: usize,
    keys: Vec<String>,
    pub columns: Vec<String>,
    #[serde(default)]
    pub skip_columns: Vec<String>,
    start_time: Option<toml::value::Datetime>,
    end_time: Option<toml::value::Datetime>,
    aggregation_level: Option<String>,
    spine: Option<String>,
    pub timestamp_key: Option<String>,
    from_source: Option<bool>,
    #[serde(default)]
    materialized: Vec<WindowCase>,
    entities: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    timestamp_tolerance_us: i64,
}

#[derive(Deserialize)]
struct WindowCase {
    start_time: toml::value::Datetime,
    end_time: toml::value::Datetime,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden")
}

pub(super) fn cases() -> Cases {
    toml::from_str(&std::fs::read_to_string(folder().join("cases.toml")).unwrap()).unwrap()
}

fn time(at: &toml::value::Datetime) -> Time {
    parse_time(&at.to_string().replace("+00:00", "Z")).unwrap()
}

pub(super) fn read(name: &str) -> DataFrame {
    ParquetReader::new(std::fs::File::open(folder().join(name)).unwrap()).finish().unwrap()
}

/// A feature repository with all views of the cases over the files of the example.
fn repository(root: &Path, views: &[ViewCase]) -> Vec<Arc<View>> {
    let data = data();
    let source = |source: &str| {
        let file = data.join(source).with_extension("parquet");
        format!("files = \"{}\"\ntimestamp_column = \"timestamp\"\n", file.display())
    };
    define(root, views, &source);
    std::fs::write(root.join("workspaces.toml"), "[[workspace]]\nname = \"golden\"\n").unwrap();
    sound(registry::load_with(root, &[data]))
}

/// The events that all cases are made of.
pub(super) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights/data")
}

/// The views of a repository without errors.
pub(super) fn sound(repository: Repository) -> Vec<Arc<View>> {
    let errors: Vec<String> = repository.errors.iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    repository.views
}

/// Writes entities, sources and views of the cases; `source` gives what is said of a source besides its name.
pub(super) fn define(root: &Path, views: &[ViewCase], source_of: &dyn Fn(&str) -> String) {
    std::fs::create_dir_all(root.join("views")).unwrap();
    let mut entities = String::new();
    let mut sources = String::new();
    let mut known: Vec<&str> = Vec::new();
    for view in views {
        for key in &view.join_keys {
            if !known.contains(&key.as_str()) {
                known.push(key);
                write!(
                    entities,
                    "[[entity]]\nname = \"{key}\"\njoin_keys = [{{ name = \"{key}\", type = \"string\" }}]\n"
                )
                .unwrap();
            }
        }
        let source = view.source.trim_end_matches(".parquet");
        if !known.contains(&view.source.as_str()) {
            known.push(&view.source);
            write!(sources, "[[source]]\nname = \"{source}\"\n{}", source_of(source)).unwrap();
        }
        let mut text = format!(
            "name = \"{}\"\nentities = {:?}\nsource = \"{source}\"\nmode = \"spark_sql\"\nsql = \"SELECT {} FROM {source}\"\n\
             timestamp_field = \"{}\"\nbatch_schedule = \"{}\"\nbatch_trigger = \"manual\"\noffline = true\nonline = true\n",
            view.name,
            view.join_keys,
            view.columns.join(", "),
            view.timestamp_field,
            view.batch_schedule,
        );
        let mut field = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                writeln!(text, "{name} = \"{value}\"").unwrap();
            }
        };
        field("ttl", &view.ttl);
        field("aggregation_interval", &view.aggregation_interval);
        field("aggregation_mode", &view.aggregation_mode);
        field("feature_start_time", &view.feature_start_time.as_ref().map(|at| at.to_string()));
        assert_eq!(view.kind == "aggregate", !view.aggregations.is_empty());
        for aggregation in &view.aggregations {
            let n = aggregation.n.map_or(String::new(), |n| format!("n = {n}\n"));
            let AggregationCase { column, function, time_window, .. } = aggregation;
            write!(text, "[[aggregations]]\ncolumn = \"{column}\"\nfunction = \"{function}\"\ntime_window = \"{time_window}\"\n{n}").unwrap();
        }
        std::fs::write(root.join(format!("views/{}.toml", view.name)), text).unwrap();
    }
    std::fs::write(root.join("entities.toml"), entities).unwrap();
    std::fs::write(root.join("sources.toml"), sources).unwrap();
}

fn answer(case: &Case, view: &View) -> Answer {
    let cancel = Cancel::default();
    let control = Control::quiet(&cancel, 1 << 30);
    let (start_time, end_time) = (case.start_time.as_ref().map(time), case.end_time.as_ref().map(time));
    let now = parse_time("2026-01-01").unwrap();
    if case.op == "run" {
        let aggregation_level = case.aggregation_level.clone();
        let query = RunQuery { start_time, end_time, aggregation_level, ..RunQuery::default() };
        let args = RunArgs { query: &query, now };
        return PolarsEngine.run(view, &args, control).unwrap();
    }
    let rows = if case.from_source == Some(false) { stored(case, view) } else { Rows::Source };
    let columns = |columns: &BTreeMap<String, Vec<String>>| {
        let column = |(name, values): (&String, &Vec<String>)| Column::new(name.as_str().into(), values.clone());
        DataFrame::new_infer_height(columns.iter().map(column).collect()).unwrap()
    };
    let query = HistoryQuery {
        spine: case.spine.as_deref().map(read),
        timestamp_key: case.timestamp_key.clone(),
        start_time,
        end_time,
        entities: case.entities.as_ref().map(columns),
        ..HistoryQuery::default()
    };
    let args = HistoryArgs {
        query: &query,
        rows,
        feature_start_time: match view.feature_start_time {
            Some(FeatureStart::At(at)) => Some(at),
            _ => None,
        },
        separator: "__".to_owned(),
        now,
    };
    assert!(case.op == "historical_spine" || case.op == "historical_range", "{}", case.op);
    PolarsEngine.history(view, &args, control).unwrap()
}

/// The offline table once the case's windows were materialized into it.
fn stored(case: &Case, view: &View) -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let rows = runtime.block_on(async {
        let mut table = OfflineTable::open_or_create(folder.path(), view).await.unwrap();
        for (job, window) in case.materialized.iter().enumerate() {
            let window = Window { start: time(&window.start_time), end: time(&window.end_time) };
            let now = window.end;
            let rows = std::thread::scope(|scope| {
                let work = || {
                    PolarsEngine.materialize(view, window, now, Control::quiet(&Cancel::default(), 1 << 30)).unwrap()
                };
                scope.spawn(work).join().unwrap()
            });
            table.replace(window, rows, Stamp { job: Id(job as u128 + 1), attempt: 1 }).await.unwrap();
        }
        table.read(None).await.unwrap()
    });
    Rows::Stored(rows.into())
}

/// Rows as values in an order of their own: by the key columns, then by what they hold.
fn sorted(frame: &DataFrame, keys: &[String], columns: &[&str]) -> Vec<Vec<Value>> {
    let names: Vec<&str> = keys.iter().map(String::as_str).chain(columns.iter().copied()).collect();
    let mut rows = frame::rows(frame, &names).unwrap();
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows
}

pub(super) fn equal(found: &Value, expected: &Value, tolerance: i64) -> bool {
    match (found, expected) {
        (Value::Float(a), Value::Float(b)) => {
            (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6_f64.max(1e-7 * b.abs()) || a == b
        }
        (Value::Float(a), Value::Int(b)) | (Value::Int(b), Value::Float(a)) => *a == *b as f64,
        (Value::Time(a), Value::Time(b)) => (micros(*a) - micros(*b)).abs() <= tolerance,
        (a, b) => a == b,
    }
}

#[test]
fn every_golden_result_is_computed_again() {
    let cases = cases();
    let root = tempfile::tempdir().unwrap();
    let views = repository(root.path(), &cases.view);
    let (mut compared, mut values, mut wrong) = (0, 0, String::new());
    for case in &cases.case {
        let view = views.iter().find(|view| view.name == case.view).unwrap();
        let found = answer(case, view).frame;
        let expected = read(&case.expected);
        assert_eq!((expected.height(), found.height()), (case.rows, case.rows), "{}: rows", case.id);
        // `_effective_timestamp` is the timestamp again, and optional.
        let compare =
            |name: &&str| !case.skip_columns.iter().any(|skipped| skipped == name) && *name != "_effective_timestamp";
        let columns: Vec<&str> = case
            .columns
            .iter()
            .map(String::as_str)
            .filter(compare)
            .filter(|name| !case.keys.iter().any(|k| k == name))
            .collect();
        assert!(!columns.is_empty() && expected.width() == case.columns.len(), "{}", case.id);
        let (found, expected) = (sorted(&found, &case.keys, &columns), sorted(&expected, &case.keys, &columns));
        for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
            for (place, (a, b)) in found.iter().zip(expected).enumerate() {
                values += 1;
                if !equal(a, b, case.timestamp_tolerance_us) && wrong.len() < 4_000 {
                    let name = case.keys.iter().map(String::as_str).chain(columns.iter().copied()).nth(place).unwrap();
                    writeln!(
                        wrong,
                        "{} row {row} {:?}: {name} is {a:?}, expected {b:?}",
                        case.id,
                        &found[..case.keys.len()]
                    )
                    .unwrap();
                }
            }
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Every result file belongs to a case, so that none is left out by a slip.
    let files = std::fs::read_dir(folder()).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let results = files.filter(|name| name.ends_with(".parquet") && !name.ends_with(".spine.parquet")).count();
    assert_eq!((compared, results), (cases.case.len(), cases.case.len()), "cases were skipped");
    assert_eq!((compared, values), (27, 156_841), "the README says how much is compared");
    // Past the harness's capture: how much was compared belongs to the result.
    writeln!(std::io::stderr(), "golden: {compared} cases, {values} values compared, all equal").unwrap();
}
