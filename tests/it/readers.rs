//! Offline tables are what other programs take them for: Python's deltalake and Polars for Python read the same rows,
//! before and after overwrite, deletion, joining of files and their removal, and what they write is read here.
//!
//! Skipped with a message where Python, or the two packages, cannot be had.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fvtop::model::time::parse_time;
use fvtop::model::{Id, Window};
use fvtop::platform::compute::Cancel;
use fvtop::platform::definition::View;
use fvtop::platform::engine::ask::Control;
use fvtop::platform::engine::{Engine as _, PolarsEngine};
use fvtop::platform::offline::{OfflineTable, Stamp};
use fvtop::platform::registry;
use polars::prelude::*;
use tokio::runtime::Runtime;

use crate::support::{stderr, stdout, write_parquet};

const HEAD: &str = r#"
entities = ["user"]
source = "clicks"
mode = "spark_sql"
offline = true
timestamp_field = "timestamp"
sql = "SELECT user, shop, timestamp, page, amount, seen FROM clicks"
"#;

/// A name, what it adds to `HEAD`, the column of its time, the size of its partitions in seconds.
const VIEWS: [(&str, &str, &str, u32); 3] = [
    (
        "windows",
        r#"
aggregation_interval = "1h"
aggregations = [
    { column = "page", function = "last_n", n = 3, time_window = "1d" },
    { column = "page", function = "last_distinct", n = 2, time_window = "1d" },
    { column = "amount", function = "sum", time_window = "1d" },
    { column = "amount", function = "mean", time_window = "1d" },
]
batch_schedule = "1h"
"#,
        "_anchor_time",
        86_400,
    ),
    ("latest", "batch_schedule = \"1h\"\nttl = \"9d\"\n", "timestamp", 86_400),
    ("hourly", "batch_schedule = \"1h\"\noffline_partition = \"1h\"\n", "timestamp", 3_600),
];

/// Python with both packages below the target folder; the error says why there is none.
fn python() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers");
    let python = place.join("bin/python");
    let run = |program: &Path, arguments: &[&str]| {
        let out = Command::new(program).args(arguments).output().map_err(|e| format!("{}: {e}", program.display()))?;
        let last = || stderr(&out).lines().last().unwrap_or_default().to_owned();
        out.status.success().then_some(()).ok_or_else(last)
    };
    if run(&python, &["-c", "import deltalake, polars"]).is_err() {
        run(Path::new("python3"), &["-m", "venv", &place.to_string_lossy()])?;
        run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "deltalake", "polars"])?;
    }
    Ok(python)
}

fn base() -> DateTime<Utc> {
    parse_time("2026-11-20T20:00:00Z").unwrap()
}

fn hours(from: i64, to: i64) -> Window {
    Window { start: base() + TimeDelta::hours(from), end: base() + TimeDelta::hours(to) }
}

/// Thirty hours of clicks over three days: nulls in every column that may have them, long and odd texts, odd
/// microseconds.
fn clicks() -> DataFrame {
    let rows = 600_i64;
    let start = base().timestamp_micros();
    let times: Vec<i64> = (0..rows).map(|i| start + i * 180_000_000 + i * 7 % 1_000).collect();
    let users: Vec<Option<String>> = (0..rows)
        .map(|i| match i % 5 {
            0 => None,
            1 => Some("it's \"odd\" %3A, ü".to_owned()),
            2 => Some(format!("{}{}", "long".repeat(20), i % 3)),
            n => Some(format!("u{n}")),
        })
        .collect();
    let shops: Vec<Option<i64>> = (0..rows).map(|i| (i % 4 > 0).then_some(i % 4)).collect();
    let pages: Vec<Option<String>> = (0..rows).map(|i| (i % 6 > 0).then(|| format!("p{}", i % 7))).collect();
    let amounts: Vec<Option<f64>> = (0..rows).map(|i| (i % 9 > 0).then_some(i as f64 / 8.0)).collect();
    let seen: Vec<Option<i64>> = times.iter().map(|at| (at % 11 > 0).then_some(at - 1)).collect();
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    df!("user" => users, "shop" => shops, "timestamp" => times, "page" => pages, "amount" => amounts, "seen" => seen)
        .unwrap()
        .lazy()
        .with_columns([col("timestamp").cast(utc.clone()), col("seen").cast(utc)])
        .collect()
        .unwrap()
}

fn views(folder: &Path) -> Vec<Arc<View>> {
    std::fs::create_dir_all(folder.join("views")).unwrap();
    write_parquet(&folder.join("clicks.parquet"), clicks(), &[]);
    let keys = "[{ name = \"user\", type = \"string\" }, { name = \"shop\", type = \"int64\" }]";
    let text = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    text("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n");
    text("entities.toml", &format!("[[entity]]\nname = \"user\"\njoin_keys = {keys}\n"));
    text(
        "sources.toml",
        "[[source]]\nname = \"clicks\"\nfiles = \"clicks.parquet\"\ntimestamp_column = \"timestamp\"\n",
    );
    for (name, more, ..) in VIEWS {
        text(&format!("views/{name}.toml"), &format!("name = \"{name}\"{HEAD}{more}"));
    }
    let repository = registry::load(folder);
    assert!(repository.errors.is_empty(), "{:?}", repository.errors);
    repository.views
}

fn made(view: &View, window: Window) -> DataFrame {
    PolarsEngine.materialize(view, window, window.end, Control::quiet(&Cancel::default(), 1 << 30)).unwrap()
}

/// One table, and what it must hold.
struct Case {
    python: PathBuf,
    folder: PathBuf,
    root: PathBuf,
    time: &'static str,
    size: u32,
    table: OfflineTable,
    runtime: Runtime,
    expected: DataFrame,
    jobs: u128,
}

impl Case {
    fn python(&self, arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/check.py");
        let mut command = Command::new(&self.python);
        let size = self.size.to_string();
        command.arg(script).arg(arguments[0]).arg(&self.root).args(&arguments[1..]);
        command.args(["--time", self.time, "--size", &size, "--key", "user"]);
        let out = command.output().unwrap();
        let said = stdout(&out);
        assert!(out.status.success(), "{said}{}", stderr(&out));
        said
    }

    fn file(&self, name: &str, rows: &DataFrame) -> String {
        let path = self.folder.join(name);
        write_parquet(&path, rows.clone(), &[]);
        path.to_string_lossy().into_owned()
    }

    /// Both readers find what is expected.
    #[expect(clippy::print_stdout, reason = "what was checked")]
    fn check(&self, after: &str) -> String {
        let said = self.python(&["read", &self.file("expected.parquet", &self.expected)]);
        println!("{} after {after}:\n{said}", self.root.display());
        said
    }

    fn replace(&mut self, window: Window, rows: DataFrame) {
        self.jobs += 1;
        let (from, to) = (window.start.timestamp_micros(), window.end.timestamp_micros());
        let scale = if self.time == "timestamp" { 1 } else { 1_000 };
        let at = || col(self.time).cast(DataType::Int64).floor_div(lit(scale));
        let outside = self.expected.clone().lazy().filter(at().lt(lit(from)).or(at().gt_eq(lit(to))));
        self.expected = concat([outside, rows.clone().lazy()], UnionArgs::default()).unwrap().collect().unwrap();
        let stamp = Stamp { job: Id(self.jobs), attempt: 1 };
        self.runtime.block_on(self.table.replace(window, rows, stamp)).unwrap();
    }

    /// The rows of ours are what is expected too.
    fn read(&self) {
        let read = self.runtime.block_on(self.table.read(None)).unwrap();
        let by = ["user", "shop", self.time];
        let order = SortMultipleOptions::default();
        let sorted = |frame: &DataFrame| frame.sort(by, order.clone()).unwrap();
        assert!(sorted(&read).equals_missing(&sorted(&self.expected)), "{}", self.root.display());
    }
}

#[test]
fn other_programs_read_and_write_offline_tables() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return println!("skipped: Python with deltalake and polars cannot be had: {why}"),
    };
    let folder = tempfile::tempdir().unwrap();
    for view in views(&folder.path().join("repository")) {
        let (name, _, time, size) = VIEWS.into_iter().find(|(name, ..)| *name == view.name).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let dir = folder.path().join("offline");
        let table = runtime.block_on(OfflineTable::open_or_create(&dir, &view)).unwrap();
        let root = dir.join("prod").join(name);
        let expected = made(&view, hours(0, 1)).clear();
        let folder = folder.path().to_owned();
        let mut case = Case { python: python.clone(), folder, root, time, size, table, runtime, expected, jobs: 0 };
        play(&view, &mut case);
    }
}

fn play(view: &View, case: &mut Case) {
    // More commits than a checkpoint sums up.
    for hour in 0..26 {
        case.replace(hours(hour, hour + 1), made(view, hours(hour, hour + 1)));
    }
    assert!(case.expected.height() > 300 && case.root.join("_delta_log/_last_checkpoint").exists());
    case.check("the first jobs");

    let again = made(view, hours(2, 9)).head(Some(40));
    case.replace(hours(2, 9), again);
    let said = case.check("an overwrite");
    assert!(said.contains("history: WRITE by fvtop job ") && said.contains(", attempt 1"), "{said}");

    let keys = df!("user" => ["u3", "it's \"odd\" %3A, ü"], "shop" => [3_i64, 1]).unwrap();
    let gone = col("user").eq(lit("u3")).and(col("shop").eq(lit(3)));
    let odd = col("user").eq(lit("it's \"odd\" %3A, ü")).and(col("shop").eq(lit(1)));
    let before = case.expected.height();
    let kept = case.expected.clone().lazy().filter(gone.or(odd).fill_null(lit(false)).not());
    case.expected = kept.collect().unwrap();
    let stamp = Stamp { job: Id(900), attempt: 1 };
    let deleted = case.runtime.block_on(case.table.delete(&keys, stamp)).unwrap();
    assert_eq!(deleted.rows as usize, before - case.expected.height());
    assert!(deleted.rows > 10, "{deleted:?}");
    case.check("a deletion");

    let now = Utc::now();
    let joined = case.runtime.block_on(case.table.maintain(hours(0, 30), now)).unwrap();
    assert_eq!(joined.compacted > 0, case.size == 86_400, "an hour has few files");
    case.check("the joining of small files");
    let removed = case.runtime.block_on(case.table.maintain(hours(0, 30), now + TimeDelta::days(9))).unwrap();
    assert_eq!(removed.vacuumed > 0, case.size == 86_400);
    case.check("the removal of dropped files");

    foreign(view, case);
}

/// Others write; we read that and go on.
fn foreign(view: &View, case: &mut Case) {
    let more = made(view, hours(27, 29));
    assert!(more.height() > 5);
    case.python(&["append", &case.file("more.parquet", &more)]);
    case.expected = case.expected.vstack(&more).unwrap();
    case.python(&["delete", "\"user\" = 'u4' and shop = 1"]);
    let kept = case.expected.clone().lazy();
    let gone = col("user").eq(lit("u4")).and(col("shop").eq(lit(1))).fill_null(lit(false));
    case.expected = kept.filter(gone.not()).collect().unwrap();
    case.table = case.runtime.block_on(OfflineTable::open_or_create(&case.folder.join("offline"), view)).unwrap();
    case.read();
    // Files of others in a window that is replaced go like our own.
    let window = hours(27, 28);
    case.replace(window, made(view, window));
    case.read();
    case.check("another program's writes and an overwrite of them");
}
