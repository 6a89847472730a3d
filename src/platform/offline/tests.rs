//! What a replace promises, over real tiles and rows.

use std::sync::Arc;

use deltalake_core::kernel::CommitInfo;
use futures::TryStreamExt;

use super::testing::{self, data_files, frame, keys, row, stamp};
use super::*;
use crate::model::time::parse_time;
use crate::model::{DataType, Span, Time, Value};
use crate::platform::compute::{self, Cancel};
use crate::platform::definition::{Function, Kind};
use crate::platform::engine::ask::{Control, HistoryArgs, Rows};
use crate::platform::engine::polars_engine::stream;
use crate::platform::engine::{Engine, PolarsEngine};
use crate::platform::{frame, registry};
use crate::wire::queries::HistoryQuery;

fn view(name: &str) -> Arc<View> {
    let repository = registry::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights"));
    Arc::clone(repository.views.iter().find(|view| view.name == name && view.workspace == "prod").unwrap())
}

/// The hour before midnight and the hour after: two partitions.
fn hours() -> [Window; 2] {
    let midnight: Time = parse_time("2026-11-22").unwrap();
    let hour = Span::hours(1);
    [Window { start: midnight - hour, end: midnight }, Window { start: midnight, end: midnight + hour }]
}

fn rows(view: &View, window: Window) -> DataFrame {
    PolarsEngine
        .materialize(view, window, window.end + Span::hours(1), Control::quiet(&Cancel::default(), compute::MEMORY))
        .unwrap()
}

fn sorted(frame: &DataFrame) -> Vec<String> {
    let names: Vec<&str> = frame.get_column_names().into_iter().map(|name| name.as_str()).collect();
    let rows = frame::rows(frame, &names).unwrap();
    let mut rows: Vec<String> = rows.into_iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replace_touches_its_window_alone_and_a_job_writes_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["aircraft_destinations", "aircraft_state"] {
        let view = view(name);
        let [before, after] = hours();
        let both = Window { start: before.start, end: after.end };
        let all = rows(&view, both);
        let mut table = OfflineTable::open_or_create(folder.path(), &view).await.unwrap();
        assert_eq!(table.replace(both, all.clone(), stamp(1)).await.unwrap().rows, all.height() as u64);
        assert_eq!(sorted(&table.read(None).await.unwrap()), sorted(&all));
        // The same job again, after a crash that came between its commit and its acknowledgement.
        let again = Stamp { attempt: 2, ..stamp(1) };
        assert!(table.replace(both, all.clone(), again).await.unwrap().bytes > 0);
        assert_eq!(sorted(&table.read(None).await.unwrap()), sorted(&all));
        // Another job empties half of the first hour: the file is written again without those rows.
        let half = Window { start: before.start, end: before.start + Span::minutes(30) };
        let none = all.slice(0, 0);
        assert_eq!(table.replace(half, none, stamp(2)).await.unwrap().rows, 0);
        assert_eq!(table.read(Some(half)).await.unwrap().height(), 0, "{name}");
        let mut again = OfflineTable::open(folder.path(), &view).await.unwrap().unwrap();
        assert_eq!(sorted(&again.read(Some(after)).await.unwrap()), sorted(&rows(&view, after)));
        // A plan over all files, and over those of one day alone.
        let scanned = testing::scanned(&again, None);
        let read = again.read(None).await.unwrap();
        assert_eq!((scanned.schema(), sorted(&scanned)), (read.schema(), sorted(&read)), "{name}");
        let day = testing::scanned(&again, Some(after));
        assert_eq!(sorted(&day), sorted(&rows(&view, after)), "{name}");
        let far = Window { start: after.end + Span::days(9), end: after.end + Span::days(10) };
        assert_eq!(testing::scanned(&again, Some(far)).schema(), read.schema());
        // An overwrite by a third job brings the window back, from a handle that has not seen the second.
        again.replace(before, rows(&view, before), stamp(3)).await.unwrap();
        let written = table.replace(after, rows(&view, after), stamp(4)).await.unwrap();
        assert_eq!(written.rows, rows(&view, after).height() as u64);
        assert_eq!(sorted(&table.read(None).await.unwrap()), sorted(&all), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_outside_the_window_and_changed_definitions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let view = view("carrier_delays");
    let [before, after] = hours();
    let mut table = OfflineTable::open_or_create(folder.path(), &view).await.unwrap();
    let error = table.replace(before, rows(&view, after), stamp(1)).await.unwrap_err();
    assert!(error.to_string().contains("outside the window"), "{error}");
    assert_eq!(table.read(None).await.unwrap().height(), 0);
    let changed = View { join_keys: vec![("origin".to_owned(), crate::model::DataType::String)], ..(*view).clone() };
    let error = OfflineTable::open_or_create(folder.path(), &changed).await.err().unwrap();
    assert!(error.to_string().contains("another definition"), "{error}");
}

async fn open(folder: &Path, partition: Span) -> OfflineTable {
    OfflineTable::open_or_create(folder, &testing::view(partition)).await.unwrap()
}

fn now() -> Time {
    std::time::SystemTime::now().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_names_the_job_and_an_older_attempt_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path(), Span::days(1)).await;
    let second = Stamp { attempt: 2, ..stamp(7) };
    table.replace(testing::hours(0, 1), frame(&[row("a", 1, 0, 5)]), second).await.unwrap();
    let history: Vec<CommitInfo> = table.table.history(Some(1)).try_collect().await.unwrap();
    let stamped = format!("fvtop job {}, attempt 2", Id(7));
    assert_eq!(history[0].user_metadata.as_deref(), Some(stamped.as_str()));
    assert_eq!(history[0].info["job"], Id(7).to_string());
    let error = table.replace(testing::hours(0, 1), frame(&[]), stamp(7)).await.unwrap_err();
    assert!(error.is_permanent() && error.to_string().contains("comes after attempt 2 of the same job"), "{error}");
    assert_eq!(table.read(None).await.unwrap().height(), 1);
    assert_eq!(data_files(folder.path()).len(), 1, "a refused attempt leaves no files");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_key_is_off_the_disk_and_its_neighbours_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path(), Span::days(1)).await;
    let null = (None, Some(1), 5, 5);
    let first = vec![row("a", 1, 0, 1), row("a", 2, 0, 2), row("b", 1, 1, 3), null.clone()];
    table.replace(testing::hours(0, 2), frame(&first), stamp(1)).await.unwrap();
    table.replace(testing::hours(24, 25), frame(&[row("c", 1, 24, 4)]), stamp(2)).await.unwrap();
    // The first version of the rows is dropped, and still on the disk for readers of it.
    table.replace(testing::hours(1, 2), frame(&[row("a", 1, 1, 9)]), stamp(3)).await.unwrap();
    assert_eq!(data_files(folder.path()).len(), 4);
    let version = table.table.version();
    let wanted = keys(&[(Some("a"), Some(1)), (None, Some(1)), (Some("nobody"), Some(1))]);
    assert_eq!(table.delete(&wanted, stamp(4)).await.unwrap(), Deleted { rows: 2, files: 2 });
    assert_eq!(table.table.version(), version.map(|version| version + 1), "one commit");
    let left = vec![null, row("a", 2, 0, 2), row("c", 1, 24, 4)];
    assert_eq!(testing::rows(&table.read(None).await.unwrap()), left);
    // Nothing on the disk holds the key, and the file of the other day was not touched.
    let files = data_files(folder.path());
    let held: Vec<DataFrame> = files.iter().map(|file| files::read(file, None).unwrap()).collect();
    assert_eq!(held.iter().map(testing::rows).collect::<Vec<_>>().concat().len(), left.len());
    // Again, as an attempt whose acknowledgement was lost: nothing to do, and what a kill left behind goes.
    let behind = folder.path().join("prod/latest/time_partition=2026-11-20/part-behind.parquet");
    std::fs::copy(&files[0], &behind).unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(4_000);
    std::fs::File::open(&behind).unwrap().set_modified(long_ago).unwrap();
    let again = Stamp { attempt: 2, ..stamp(4) };
    assert_eq!(table.delete(&wanted, again).await.unwrap(), Deleted::default());
    assert_eq!(data_files(folder.path()), files);
    // Of files that no version names, one of an earlier process goes at once; this one's may be about to be named, as
    // may be a foreign one.
    let unnamed = |name: &str, back: u64| {
        let path = behind.with_file_name(name);
        std::fs::write(&path, "half a fi").unwrap();
        let changed = std::time::SystemTime::from(*BEGAN) - std::time::Duration::from_secs(back);
        std::fs::File::open(&path).unwrap().set_modified(changed).unwrap();
        path
    };
    let killed = unnamed("part-6f9619ff-8b86-4d01-b42d-00cf4fc964ff.parquet", 1);
    let written = unnamed("part-6f9619ff-8b86-4d01-b42d-00cf4fc964fe.parquet", 0);
    let foreign = unnamed("part-00000-6f9619ff-8b86-4d01-b42d-00cf4fc964ff-c000.snappy.parquet", 1);
    assert_eq!(table.delete(&wanted, Stamp { attempt: 3, ..stamp(4) }).await.unwrap(), Deleted::default());
    assert_eq!([killed, written, foreign].map(|path| path.exists()), [false, true, true]);
    let error = table.delete(&wanted.select(["k"]).unwrap(), stamp(5)).await.unwrap_err();
    assert!(error.is_permanent() && error.to_string().contains("the keys do not fit"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_files_are_joined_and_what_nobody_reads_goes_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path(), Span::days(1)).await;
    for hour in (0..11).rev() {
        let rows = frame(&[row("a", hour, hour, 0)]);
        table.replace(testing::hours(hour, hour + 1), rows, stamp(hour as u128)).await.unwrap();
    }
    let day = testing::hours(3, 4);
    assert_eq!(table.maintain(day, now()).await.unwrap(), Maintained::default(), "eleven are few");
    table.replace(testing::hours(30, 31), frame(&[row("a", 1, 30, 0)]), stamp(30)).await.unwrap();
    table.replace(testing::hours(11, 12), frame(&[row("a", 11, 11, 0)]), stamp(31)).await.unwrap();
    let before = table.read(None).await.unwrap();
    assert_eq!(table.maintain(day, now()).await.unwrap(), Maintained { compacted: 12, vacuumed: 0 });
    assert_eq!(table.files().unwrap().len(), 2, "one a day");
    assert_eq!(testing::rows(&table.read(None).await.unwrap()), testing::rows(&before));
    assert!(files::read(&data_files(folder.path())[0], None).is_ok());
    assert_eq!(table.maintain(day, now()).await.unwrap().compacted, 0, "it is done once");
    // A file of a killed attempt, and one that another program just writes.
    let folder_of = folder.path().join("prod/latest/time_partition=2026-11-20");
    std::fs::write(folder_of.join("part-killed.parquet"), "half a fi").unwrap();
    let later = table.maintain(day, now() + Span::hours(2)).await.unwrap();
    assert_eq!(later.vacuumed, 0, "readers may be at it");
    assert_eq!(data_files(folder.path()).len(), 15);
    let later = table.maintain(day, now() + Span::days(2)).await.unwrap();
    assert_eq!(later.vacuumed, 1, "the unnamed one");
    let hour_later = table.maintain(day, now() + Span::days(8)).await.unwrap();
    assert_eq!(hour_later.vacuumed, 12, "those that the joining dropped");
    assert_eq!(data_files(folder.path()).len(), 2);
    assert_eq!(testing::rows(&table.read(None).await.unwrap()), testing::rows(&before));
    std::fs::write(folder_of.join("part-killed.parquet"), "half a fi").unwrap();
    let at_once = table.maintain(day, now() + Span::days(8) + Span::minutes(59)).await.unwrap();
    assert_eq!(at_once.vacuumed, 0, "the disk is left alone for an hour");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_outside_of_what_is_asked_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path(), Span::days(1)).await;
    for hour in [0, 5, 30] {
        let key = format!("k{hour}");
        table
            .replace(testing::hours(hour, hour + 1), frame(&[row(&key, hour, hour, 0)]), stamp(hour as u128))
            .await
            .unwrap();
    }
    // Of one partition all but the hour 0, and of the other all, is spoilt.
    let spoil = |table: &OfflineTable, window: Window| {
        table
            .files_of(Some(window))
            .unwrap()
            .iter()
            .for_each(|file| std::fs::write(table.path(file), "spoilt").unwrap());
    };
    spoil(&table, testing::hours(5, 6));
    spoil(&table, testing::hours(30, 31));
    let asked = Some(testing::hours(0, 5));
    assert_eq!(table.read(asked).await.unwrap().height(), 1, "by partition, and by the statistics of the time");
    assert_eq!(testing::scanned(&table, asked).height(), 1);
    assert_eq!(table.delete(&keys(&[(Some("k0"), Some(0))]), stamp(50)).await.unwrap().rows, 1, "by those of the keys");
    table.replace(testing::hours(1, 5), frame(&[row("n", 1, 2, 0)]), stamp(51)).await.unwrap();
    let error = table.read(Some(testing::hours(5, 6))).await.unwrap_err().to_string();
    let file = table.path(&table.files_of(Some(testing::hours(5, 6))).unwrap()[0]);
    assert!(error.contains(&format!("file {} cannot be read", file.display())), "{error}");
    let fix = "materialize 2026-11-20 00:00:00 to 2026-11-21 00:00:00 again with overwrite";
    assert!(error.contains(fix), "{error}");
    // That helps: what is replaced whole is not opened.
    table.replace(testing::hours(0, 24), frame(&[row("n", 2, 5, 0)]), stamp(52)).await.unwrap();
    table.replace(testing::hours(30, 31), frame(&[]), stamp(53)).await.unwrap();
    assert_eq!(table.read(None).await.unwrap().height(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_goes_on_when_a_deletion_removes_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path(), Span::days(1)).await;
    let both = [row("a", 1, 0, 1), row("b", 1, 0, 2)];
    table.replace(testing::hours(0, 1), frame(&both), stamp(1)).await.unwrap();
    let reader = open(folder.path(), Span::days(1)).await;
    assert!(!reader.is_outdated(None));
    table.delete(&keys(&[(Some("a"), Some(1))]), stamp(2)).await.unwrap();
    assert!(reader.is_outdated(None));
    assert_eq!(testing::rows(&reader.read(None).await.unwrap()), both[1..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_named_by_their_size_which_stays() {
    let folder = tempfile::tempdir().unwrap();
    let names = |root: &str| -> Vec<String> {
        let entries = std::fs::read_dir(folder.path().join(root)).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name.starts_with("time_partition"));
        names.sort();
        names
    };
    let rows = [row("a", 1, 1, 0), row("a", 1, 26, 0)];
    let cases = [
        (Span::hours(1), vec!["time_partition=2026-11-20-01%3A00%3A00", "time_partition=2026-11-21-02%3A00%3A00"]),
        (Span::days(1), vec!["time_partition=2026-11-20", "time_partition=2026-11-21"]),
        (Span::days(2), vec!["time_partition=2026-11-19", "time_partition=2026-11-21"]),
    ];
    for (size, expected) in cases {
        let view = View { name: format!("v{}", size.num_hours()), ..testing::view(size) };
        let mut table = OfflineTable::open_or_create(folder.path(), &view).await.unwrap();
        table.replace(testing::hours(0, 48), frame(&rows), stamp(1)).await.unwrap();
        assert_eq!(names(&format!("prod/{}", view.name)), expected);
        let read = table.read(Some(testing::hours(26, 27))).await.unwrap();
        assert_eq!(testing::rows(&read), rows[1..]);
        let log = std::fs::read_to_string(folder.path().join(format!("prod/{}/_delta_log/{:020}.json", view.name, 1)));
        let escaped = log.unwrap().contains("time_partition=2026-11-20-01%253A00%253A00/part-");
        assert_eq!(escaped, size == Span::hours(1), "a path is a URI in the log");
        let other = View { offline_partition: Span::hours(6), ..view };
        let error = OfflineTable::open_or_create(folder.path(), &other).await.err().unwrap();
        assert!(error.is_permanent() && error.to_string().contains("and the view wants 6h"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_play_along_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path(), Span::days(1)).await;
    let root = folder.path().join("prod/latest");
    table.replace(testing::hours(0, 1), frame(&[row("a", 1, 0, 1)]), stamp(1)).await.unwrap();
    // A file where a folder must be.
    let partition = root.join("time_partition=2026-11-21");
    std::fs::write(&partition, "").unwrap();
    let rows = frame(&[row("a", 1, 0, 2), row("a", 1, 24, 3)]);
    let error = table.replace(testing::hours(0, 48), rows.clone(), stamp(2)).await.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    assert!(
        error.to_string().contains("cannot be written") && error.to_string().ends_with("Check the disk"),
        "{error}"
    );
    assert_eq!(data_files(folder.path()).len(), 1, "the failed attempt leaves no files");
    assert_eq!(table.read(None).await.unwrap().height(), 1);
    std::fs::remove_file(&partition).unwrap();
    table.replace(testing::hours(0, 48), rows, Stamp { attempt: 2, ..stamp(2) }).await.unwrap();
    assert_eq!(table.read(None).await.unwrap().height(), 2);
    // A log that makes no sense.
    std::fs::write(root.join(format!("_delta_log/{:020}.json", 3)), "{ not json").unwrap();
    let error = table.replace(testing::hours(0, 1), frame(&[]), stamp(3)).await.unwrap_err();
    assert!(error.is_permanent() && error.to_string().contains("its _delta_log is damaged"), "{error}");
    assert_eq!(data_files(folder.path()).len(), 3, "what was there before is there");
}

/// A small disk of its own, unmounted when it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Nothing where this user may not mount.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let done = Self::mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"], folder.path());
        done.then(|| Self(folder))
    }

    fn mount(arguments: &[&str], place: &Path) -> bool {
        let run = std::process::Command::new("mount").args(arguments).arg(place).output();
        run.is_ok_and(|out| out.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_and_a_read_only_disk_are_told_and_lose_nothing() {
    let Some(disk) = Disk::new() else { return println!("skipped: this user may not mount a disk") };
    let folder = disk.0.path();
    let mut table = open(folder, Span::days(1)).await;
    table.replace(testing::hours(0, 1), frame(&[row("a", 1, 0, 1)]), stamp(1)).await.unwrap();
    let kept = table.read(None).await.unwrap();

    // Full at every point: before the first byte, in the middle of a file, before the commit.
    let filler = folder.join("filler");
    let rows: Vec<_> = (0..2_000).map(|i| row(&format!("k{}", i * 7_919 % 9_973), i, 1, i * i)).collect();
    for left in [0, 9_000, 34_000] {
        std::fs::write(&filler, "").unwrap();
        while let Ok(()) = append(&filler, 4_096) {}
        let size = std::fs::metadata(&filler).unwrap().len();
        std::fs::File::options().write(true).open(&filler).unwrap().set_len(size - left).unwrap();
        let full = table.replace(testing::hours(1, 2), frame(&rows), stamp(2)).await.map(drop);
        if let Err(error) = full {
            assert!(!error.is_permanent(), "{error}");
            assert!(error.to_string().ends_with("(os error 28). The disk is full: free some space"), "{error}");
            assert_eq!(table.read(None).await.unwrap(), kept, "{left}");
            assert_eq!(data_files(folder).len(), 1, "what was begun is removed: {left}");
        } else {
            assert!(left > 30_000, "{left} bytes were enough");
        }
    }
    std::fs::remove_file(&filler).unwrap();
    let again = Stamp { attempt: 2, ..stamp(2) };
    table.replace(testing::hours(1, 2), frame(&rows), again).await.unwrap();

    assert!(Disk::mount(&["-o", "remount,ro"], folder));
    let error = table.replace(testing::hours(0, 1), frame(&[]), stamp(3)).await.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    assert!(error.to_string().ends_with("The disk is mounted read-only: mount it for writing"), "{error}");
    let error = table.delete(&keys(&[(Some("a"), Some(1))]), stamp(4)).await.unwrap_err();
    assert!(error.to_string().ends_with("The disk is mounted read-only: mount it for writing"), "{error}");
    let reader = OfflineTable::open(folder, &testing::view(Span::days(1))).await.unwrap().unwrap();
    assert_eq!(reader.read(None).await.unwrap().height(), 2_001, "it is read all the same");
}

/// Makes a file longer, for certain.
fn append(path: &Path, bytes: usize) -> std::io::Result<()> {
    use std::io::Write as _;
    std::fs::File::options().append(true).open(path)?.write_all(&vec![7; bytes])
}

/// Deviations of small numbers by hour, and what they are made of, a value a minute.
fn spread_view() -> (View, impl Fn(i64, &[f64]) -> DataFrame) {
    let mut view = crate::platform::testing::view("spread");
    let Kind::Aggregate { aggregations, .. } = &mut view.kind else { panic!("not an aggregate") };
    aggregations[0].function = Function::VarPop;
    aggregations[0].time_window = Span::hours(3);
    let made = view.clone();
    let rows = move |hour: i64, values: &[f64]| {
        let at = |minute: usize| Value::Time(testing::hours(hour, hour + 1).start + Span::minutes(minute as i64));
        let times: Vec<Value> = (0..values.len()).map(at).collect();
        let values: Vec<Value> = values.iter().map(|value| Value::Float(*value)).collect();
        let keys = vec![Value::Text("AA".to_owned()); values.len()];
        let columns = [
            ("carrier", DataType::String, keys),
            ("timestamp", DataType::Timestamp, times),
            ("delay", DataType::Float64, values),
        ];
        let column = |(name, word, values): &(&str, DataType, Vec<Value>)| frame::column(name, word, values).unwrap();
        let events = DataFrame::new(columns[0].2.len(), columns.iter().map(column).collect()).unwrap();
        stream::fold(&made, events, None, false).unwrap()
    };
    (view, rows)
}

/// The value at the end of the third hour, and the warnings.
async fn spread_at(view: &View, table: &OfflineTable) -> (f64, Vec<String>) {
    let (view, rows) = (view.clone(), table.scan(None).unwrap());
    let work = move || {
        let at = frame::column("at", &DataType::Timestamp, &[Value::Time(testing::hours(3, 4).start)]).unwrap();
        let key = frame::column("carrier", &DataType::String, &[Value::Text("AA".to_owned())]).unwrap();
        let args = HistoryArgs {
            query: &HistoryQuery { spine: DataFrame::new(1, vec![key, at]).ok(), ..HistoryQuery::default() },
            rows: Rows::Stored(rows),
            feature_start_time: None,
            separator: ".".to_owned(),
            now: testing::hours(9, 10).start,
        };
        let answer = PolarsEngine.history(&view, &args, Control::quiet(&Cancel::default(), compute::MEMORY)).unwrap();
        let values = frame::values(answer.frame.column("spread.delay_mean_1d_1h").unwrap());
        let Value::Float(value) = values[0] else { panic!("{values:?}") };
        (value, answer.warnings)
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_an_earlier_version_is_read_written_and_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let (view, rows) = spread_view();
    let older = Layout::of_earlier_version(&view);
    let root = root(folder.path(), &view);
    let table = CreateBuilder::new()
        .with_location(root.to_string_lossy())
        .with_columns(older.fields().unwrap())
        .with_partition_columns([PARTITION])
        .with_configuration([(SIZE, Some(older.size()))])
        .with_raise_if_key_not_exists(false)
        .await
        .unwrap();
    let mut table = OfflineTable { table, root, layout: older, written: HashMap::new() };
    let (first, second) = (testing::hours(0, 1), testing::hours(1, 2));
    table.replace(first, rows(0, &[1.0, 2.0, 3.0]), stamp(1)).await.unwrap();
    let old = table.read(None).await.unwrap();
    assert!(old.column("sum_of_squares_delay").is_ok() && old.column("_squared_distances_delay").is_err());

    let mut table = OfflineTable::open(folder.path(), &view).await.unwrap().unwrap();
    assert_eq!(table.read(None).await.unwrap().column("_squared_distances_delay").unwrap().null_count(), 1);
    let (value, warnings) = spread_at(&view, &table).await;
    assert!((value - 2.0 / 3.0).abs() < 1e-12, "{value}");
    assert!(
        warnings.len() == 1 && warnings[0].contains("Materialize their windows again with overwrite"),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("between 2026-11-20 00:00:00 and 2026-11-20 01:00:00"), "{warnings:?}");

    // What is written makes the table one of this version, for its old files as well.
    table.replace(second, rows(1, &[5.0]), stamp(2)).await.unwrap();
    let mut table = OfflineTable::open(folder.path(), &view).await.unwrap().unwrap();
    assert_eq!(table.table.snapshot().unwrap().schema().fields().len(), view_fields(&view));
    assert_eq!(table.read(None).await.unwrap().column("_squared_distances_delay").unwrap().null_count(), 1);
    let (value, _) = spread_at(&view, &table).await;
    assert!((value - 2.1875).abs() < 1e-12, "{value}");
    table.replace(first, rows(0, &[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]), stamp(3)).await.unwrap();
    table.replace(second, rows(1, &[]), stamp(4)).await.unwrap();
    let (value, warnings) = spread_at(&view, &table).await;
    assert!((value - 2.0 / 3.0).abs() < 1e-12 && warnings.is_empty(), "{value} {warnings:?}");
}

fn view_fields(view: &View) -> usize {
    Layout::of(view).fields().unwrap().len()
}
