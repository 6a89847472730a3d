//! The same work by the platform's engine: from a definition to feature values, and to a commit.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use fvtop::model::time::parse_time;
use fvtop::model::{Id, Window};
use fvtop::platform::compute::Cancel;
use fvtop::platform::definition::View;
use fvtop::platform::engine::ask::{Control, HistoryArgs, Rows};
use fvtop::platform::engine::{Engine as _, PolarsEngine};
use fvtop::platform::offline::{OfflineTable, Stamp};
use fvtop::platform::registry;
use fvtop::wire::queries::HistoryQuery;
use polars::prelude::*;

use crate::data::{SMALL, digest, spine_of};
use crate::plain::DAYS;

/// Peak that the bench allows; the engine's own bound is below it.
const MEMORY: u64 = 1 << 30;

fn view(dir: &Path, name: &str) -> Arc<View> {
    let root = dir.join("repository");
    std::fs::create_dir_all(root.join("views")).unwrap();
    let file = dir.join("events.parquet");
    std::fs::write(root.join("workspaces.toml"), "[[workspace]]\nname = \"bench\"\n").unwrap();
    let entity = "[[entity]]\nname = \"aircraft\"\njoin_keys = [{ name = \"tailnum\", type = \"string\" }]\n";
    std::fs::write(root.join("entities.toml"), entity).unwrap();
    let source =
        format!("[[source]]\nname = \"flights\"\nfiles = \"{}\"\ntimestamp_column = \"timestamp\"\n", file.display());
    std::fs::write(root.join("sources.toml"), source).unwrap();
    let head = |name: &str, columns: &str| {
        format!(
            "name = \"{name}\"\nentities = [\"aircraft\"]\nsource = \"flights\"\nmode = \"spark_sql\"\noffline = true\nbatch_schedule = \"1d\"\n\
             sql = \"SELECT tailnum, timestamp, {columns} FROM flights\"\n"
        )
    };
    let latest = head("latest", "carrier, origin, dest, dep_delay") + "ttl = \"30d\"\n";
    let mut windows = head("windows", "distance") + "aggregation_interval = \"1h\"\n";
    for days in DAYS {
        for function in ["count", "sum", "mean"] {
            write!(
                windows,
                "[[aggregations]]\ncolumn = \"distance\"\nfunction = \"{function}\"\ntime_window = \"{days}d\"\n"
            )
            .unwrap();
        }
    }
    std::fs::write(root.join("views/latest.toml"), latest).unwrap();
    std::fs::write(root.join("views/windows.toml"), windows).unwrap();
    let repository = registry::load_with(&root, &[dir.to_owned()]);
    let errors: Vec<String> = repository.errors.iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    Arc::clone(repository.views.iter().find(|view| view.name == name).unwrap())
}

fn history(view: &View, spine: DataFrame) -> DataFrame {
    let cancel = Cancel::default();
    let control = Control::quiet(&cancel, MEMORY);
    let args = HistoryArgs {
        query: &HistoryQuery { spine: Some(spine), ..HistoryQuery::default() },
        rows: Rows::Source,
        feature_start_time: None,
        separator: ".".to_owned(),
        now: parse_time("2026-01-01").unwrap(),
    };
    PolarsEngine.history(view, &args, control).unwrap().frame
}

/// Latest rows at a spine.
pub(crate) fn as_of(dir: &Path) -> String {
    let spine = spine_of(dir, SMALL).collect().unwrap();
    let frame = history(&view(dir, "latest"), spine);
    digest(&frame, &["latest.carrier", "latest.origin", "latest.dest", "latest.dep_delay"])
}

/// Nine aggregates at a spine.
pub(crate) fn windows(dir: &Path, rows: usize) -> String {
    let view = view(dir, "windows");
    let frame = history(&view, spine_of(dir, rows).collect().unwrap());
    let names: Vec<String> = view.feature_names().iter().map(|name| format!("windows.{name}")).collect();
    digest(&frame, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A year materialized and committed.
pub(crate) fn tiles(dir: &Path) -> String {
    let view = view(dir, "windows");
    let window = Window { start: parse_time("2012-12-31").unwrap(), end: parse_time("2014-01-03").unwrap() };
    let rows = PolarsEngine.materialize(&view, window, window.end, Control::quiet(&Cancel::default(), MEMORY)).unwrap();
    let table = dir.join("offline");
    let _ = std::fs::remove_dir_all(&table);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut table = OfflineTable::open_or_create(&table, &view).await.unwrap();
        table.replace(window, rows.clone(), Stamp { job: Id(1), attempt: 1 }).await.unwrap();
    });
    digest(&rows, &["count_distance", "sum_distance", "mean_distance"])
}
