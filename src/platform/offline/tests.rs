//! What a replace promises, over real tiles and rows.

use std::sync::Arc;

use super::*;
use crate::model::time::parse_time;
use crate::model::{Span, Time};
use crate::platform::engine::{self, Cancel};
use crate::platform::registry;

fn stamp(job: u128) -> Stamp {
    Stamp { job: Id(job), attempt: 1 }
}

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
    engine::materialize(view, window, window.end + Span::hours(1), (&Cancel::default(), engine::MEMORY), &|_| {})
        .unwrap()
}

fn sorted(frame: &DataFrame) -> Vec<String> {
    let names: Vec<&str> = frame.get_column_names().into_iter().map(|name| name.as_str()).collect();
    let rows = engine::frame::rows(frame, &names).unwrap();
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
        table.replace(both, all.clone(), stamp(1)).await.unwrap();
        // Another job empties half of the first hour: the file is written again without those rows.
        let half = Window { start: before.start, end: before.start + Span::minutes(30) };
        let none = all.slice(0, 0);
        assert_eq!(table.replace(half, none, stamp(2)).await.unwrap().rows, 0);
        assert_eq!(table.read(Some(half)).await.unwrap().height(), 0, "{name}");
        let mut again = OfflineTable::open(folder.path(), &view).await.unwrap().unwrap();
        assert_eq!(sorted(&again.read(Some(after)).await.unwrap()), sorted(&rows(&view, after)));
        // A plan over all files, and over those of one day alone.
        let scanned = again.scan(None).unwrap().collect().unwrap();
        let read = again.read(None).await.unwrap();
        assert_eq!((scanned.schema(), sorted(&scanned)), (read.schema(), sorted(&read)), "{name}");
        let day = again.scan(Some(after)).unwrap().collect().unwrap();
        assert_eq!(sorted(&day), sorted(&rows(&view, after)), "{name}");
        let far = Window { start: after.end + Span::days(9), end: after.end + Span::days(10) };
        assert_eq!(again.scan(Some(far)).unwrap().collect().unwrap().schema(), read.schema());
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
