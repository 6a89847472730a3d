//! A computation that is stopped, or takes too much: it ends with that reason, the process lives on, and nothing goes
//! on behind its back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fvtop::model::Window;
use fvtop::platform::compute::{Cancel, EngineError, ErrorKind};
use fvtop::platform::definition::View;
use fvtop::platform::engine::ask::Control;
use fvtop::platform::engine::{Engine as _, PolarsEngine};
use fvtop::platform::registry;
use polars::prelude::*;

use super::scene::{at, table};
use super::support::{GUARD, wait_for, write_parquet};

/// Events, and a plain table, of this many rows each: joined without a condition they give ten thousand million.
const ROWS: i64 = 100_000;

fn view(root: &Path, sql: &str) -> Arc<View> {
    std::fs::create_dir_all(root.join("views")).unwrap();
    let micros: Vec<i64> = (0..ROWS).map(|n| 1_767_225_600_000_000 + n * 800_000).collect();
    let numbers: Vec<i64> = (0..ROWS).collect();
    let keys: Vec<String> = (0..ROWS).map(|n| format!("k{}", n % 50)).collect();
    let (key, ts) = (Column::new("k".into(), &keys), Column::new("ts".into(), micros));
    let events = table(vec![key, ts, Column::new("a".into(), &numbers)]);
    write_parquet(&root.join("events.parquet"), events, &["ts"]);
    write_parquet(&root.join("plain.parquet"), table(vec![Column::new("b".into(), &numbers)]), &[]);
    std::fs::write(root.join("workspaces.toml"), "[[workspace]]\nname = \"prod\"\nlive = true\n").unwrap();
    let entity = "[[entity]]\nname = \"thing\"\njoin_keys = [{ name = \"k\", type = \"string\" }]\n";
    std::fs::write(root.join("entities.toml"), entity).unwrap();
    let sources = "[[source]]\nname = \"events\"\nfiles = \"events.parquet\"\ntimestamp_column = \"ts\"\n\
                   [[source]]\nname = \"plain\"\nfiles = \"plain.parquet\"\n";
    std::fs::write(root.join("sources.toml"), sources).unwrap();
    let view = format!(
        "name = \"v\"\nentities = [\"thing\"]\nsource = [\"events\", \"plain\"]\nmode = \"spark_sql\"\nsql = \"{sql}\"\n\
         offline = true\nbatch_schedule = \"1d\"\n"
    );
    std::fs::write(root.join("views/v.toml"), view).unwrap();
    let repository = registry::load(root);
    let errors: Vec<String> = repository.errors.iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    Arc::clone(&repository.views[0])
}

fn materialize(view: &View, cancel: &Cancel, memory: u64) -> Result<DataFrame, EngineError> {
    let window = Window { start: at("2026-01-01"), end: at("2026-01-02") };
    PolarsEngine.materialize(view, window, window.end, Control::quiet(cancel, memory))
}

const GROUPED: &str = "SELECT events.k AS k, events.ts AS ts, MAX(events.a + plain.b) AS most FROM events CROSS JOIN plain \
                       GROUP BY events.k, events.ts";
const PLAIN: &str = "SELECT events.k AS k, events.ts AS ts, events.a + plain.b AS n FROM events CROSS JOIN plain";

/// Threads of this process that are running a query.
fn running() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.map(name).filter(|name| name.trim() == "query").count()
}

#[test]
fn a_wish_to_stop_reaches_into_a_running_join() {
    for sql in [GROUPED, PLAIN] {
        let folder = tempfile::tempdir().unwrap();
        let view = view(folder.path(), sql);
        let cancel = Cancel::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(400));
                cancel.cancel();
            });
            let error = materialize(&view, &cancel, 8 << 30).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Cancelled, "{}", error.message);
        });
        // Left to itself, it would go on for longer than anybody waits.
        let what = format!("the end of the query behind the scenes: {sql}");
        wait_for(&what, GUARD, || (running() == 0).then_some(()));
    }
}

#[test]
fn a_join_that_grows_past_its_memory_fails_with_that_reason() {
    let folder = tempfile::tempdir().unwrap();
    let view = view(folder.path(), PLAIN);
    let error = materialize(&view, &Cancel::default(), 200 << 20).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Memory, "{}", error.message);
    assert!(error.message.contains("more than the 200 MiB it may. Choose a shorter range"), "{}", error.message);
}
