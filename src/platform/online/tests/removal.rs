//! Deletion and expiry: what must go goes, and nothing else.

use super::contract::Space;
use super::*;
use crate::model::time::micros;

/// Times of what is stored of a view: starts of tiles, or times of rows; what finds tiles by their starts must agree
/// with them.
fn stored(place: &dyn PartitionStore, view: &View) -> Vec<Time> {
    let all = |space: Space| {
        let mut found = Vec::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            found.push((key.to_vec(), value.to_vec()));
            std::ops::ControlFlow::Continue(())
        };
        place.values_of(space, view.id, &mut visit).unwrap();
        found.sort();
        found
    };
    let mut found: Vec<Vec<u8>> = Vec::new();
    place.tiles_in(view.id, i64::MIN, i64::MAX, &mut |tile| found.push(tile.to_vec())).unwrap();
    found.sort();
    assert_eq!(found, all(Space::Tiles).into_iter().map(|(key, _)| key).collect::<Vec<_>>());
    let tiles = found.iter().map(|key| tiles::start_of(key).unwrap());
    let rows = all(Space::Rows).into_iter().map(|(_, value)| rows::time_of(&value).unwrap());
    tiles.chain(rows).map(from_micros).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn deletion_removes_its_keys_and_leaves_their_neighbours(
        events in prop::collection::vec(event(), 0..60),
        chosen in prop::sample::subsequence(pair_keys(), 0..6),
        rows in any::<bool>(),
        embedded in any::<bool>(),
    ) {
        let view = if rows { pair_rows(None) } else { pair_view() };
        let (_folder, place) = new_place(embedded);
        let (store, without) = (OnlineStore::over(place), in_memory());
        stream(&store, &view, &events);
        let others: Vec<Event> =
            events.iter().filter(|e| !chosen.contains(&[e.text.clone(), e.key.clone()])).cloned().collect();
        stream(&without, &view, &others);
        store.delete(&view, &keys_frame(&chosen)).unwrap();
        prop_assert_eq!(answers(&store, &view, 0..9), answers(&without, &view, 0..9));
        prop_assert_eq!(store.delete(&view, &keys_frame(&chosen)).unwrap(), 0);
        // Not a ban: later events of the keys count.
        stream(&store, &view, &events);
        stream(&without, &view, &events);
        let key = chosen.first().cloned().unwrap_or(pair_keys()[0].clone());
        let fresh = in_memory();
        stream(&fresh, &view, &events);
        let at = base() + Span::hours(5);
        let expected = if chosen.is_empty() { without.lookup(&view, &key, at) } else { fresh.lookup(&view, &key, at) };
        prop_assert_eq!(store.lookup(&view, &key, at).unwrap().found, expected.unwrap().found);
    }

    #[test]
    fn expiry_takes_all_that_no_lookup_can_reach_and_nothing_else(
        events in prop::collection::vec(event(), 0..60),
        later in prop::collection::vec(event(), 0..10),
        minutes in prop::collection::vec(0i64..600, 1..4),
        rows in any::<bool>(),
        embedded in any::<bool>(),
    ) {
        let ttl = Span::hours(2);
        let view = if rows { pair_rows(Some(ttl)) } else { pair_view() };
        let (_folder, place) = new_place(embedded);
        let store = OnlineStore::over(place.clone());
        stream(&store, &view, &events);
        let mut minutes = minutes;
        minutes.sort_unstable();
        for (turn, minute) in minutes.into_iter().enumerate() {
            let now = base() + Span::minutes(minute);
            if turn == 1 {
                stream(&store, &view, &later);
            }
            let hours = minute.div_euclid(60);
            let at_now = |store: &OnlineStore| pair_keys().iter().map(|k| store.lookup(&view, k, now).unwrap().found).collect::<Vec<_>>();
            let before = (at_now(&store), answers(&store, &view, hours + 1..13));
            let (held, mut gone) = (stored(&*place, &view).len() as u64, 0);
            loop {
                let some = store.expire(&view, now, 2).unwrap();
                prop_assert!(some <= 2);
                gone += some;
                if some == 0 {
                    break;
                }
            }
            prop_assert_eq!((at_now(&store), answers(&store, &view, hours + 1..13)), before);
            let left = stored(&*place, &view);
            prop_assert_eq!(left.len() as u64 + gone, held);
            let end = |at: &Time| if rows { *at + ttl } else { *at + Span::hours(4) };
            let edge = if rows { now } else { floor(now, Span::hours(1)) };
            prop_assert!(left.iter().all(|at| end(at) > edge), "{left:?} at {now}");
        }
    }
}

#[test]
fn keys_of_other_types_and_columns_are_refused() {
    on_each(|store| {
        let view = pair_view();
        let keys = polars::df!("s" => [1_i64], "k" => ["a"]).unwrap();
        let error = store.delete(&view, &keys).unwrap_err().to_string();
        assert_eq!(error, "view view: join key `s` must be string, and that column is not");
        let keys = polars::df!("k" => ["a"]).unwrap();
        assert!(store.delete(&view, &keys).unwrap_err().to_string().contains("do not fit"));
    });
}

#[test]
fn deletion_counts_what_is_gone_and_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let view = pair_view();
    let text = |t: &str| Value::Text(t.to_owned());
    let event = |s: &str, minute: i64| Event { text: text(s), ..one(1, minute) };
    {
        let store = OnlineStore::open(folder.path()).unwrap();
        stream(&store, &view, &[event("x", 5), event("x", 65), event("xx", 5), event("y", 5)]);
        let keys = keys_frame(&[[text("x"), text("a")], [text("never"), text("a")]]);
        assert_eq!(store.delete(&view, &keys).unwrap(), 2);
    }
    let store = OnlineStore::open(folder.path()).unwrap();
    let found = store.query(&view, &[text("a")], base() + Span::hours(1)).unwrap().found;
    assert_eq!(found.iter().map(|(keys, _)| keys[0].clone()).collect::<Vec<_>>(), [text("xx"), text("y")]);
}

#[test]
fn a_batch_leaves_out_what_no_lookup_can_reach() {
    on_each(|store| {
        let window = Window { start: base(), end: base() + Span::hours(3) };
        let events = [one(1, 5), one(2, 65), one(3, 125)];
        let view = pair_view();
        let rows = stream::fold(&view, frame(&events), Some(window), false).unwrap();
        // At 05:30 the longest window begins at 02:00: the tiles of the two hours before are out of reach.
        let done = store.write_batch(&view, window, &rows, base() + Span::minutes(330)).unwrap();
        assert_eq!((done.rows, done.skipped), (1, 2));
        assert!(done.bytes > 0);
        assert!(store.is_materialized(view.id, window).unwrap());
        let view = View { id: stable_id("test", "view", "rows"), ..pair_rows(Some(Span::hours(2))) };
        let rows = stream::fold(&view, frame(&events), Some(window), false).unwrap();
        let done = store.write_batch(&view, window, &rows, base() + Span::minutes(245)).unwrap();
        assert_eq!((done.rows, done.skipped, done.bytes), (0, 3, 0));
        let done = store.write_batch(&view, window, &rows, base() + Span::minutes(244)).unwrap();
        assert_eq!((done.rows, done.skipped), (1, 2));
    });
}

#[test]
fn a_value_is_over_when_no_lookup_sees_it_any_more() {
    for (view, step) in [(pair_view(), 1_800_000_000), (pair_rows(Some(Span::hours(2))), 1), (pair_rows(None), 1)] {
        let plan = plan::Plan::new(&view);
        for time in (-4..4).map(|n| micros(base()) / 3_600_000_000 * 3_600_000_000 + n * 3_600_000_000) {
            let (sort, value) = match plan.space() {
                Space::Tiles => (codec::ordered(time).to_vec(), Vec::new()),
                _ => (Vec::new(), codec::ordered(time).to_vec()),
            };
            let Some(ends) = plan.ends(&sort, &value) else {
                assert_eq!((plan.ttl(), plan.over(i64::MAX)), (None, None));
                continue;
            };
            for now in [ends - step, ends - 1, ends, ends + 1, ends + step] {
                assert_eq!(plan.over(now).unwrap().before > time, ends <= now, "{time} {ends} {now}");
            }
        }
    }
}
