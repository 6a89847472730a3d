//! Queries by the indexed keys.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_query_is_the_lookups_of_all_wildcard_values_that_have_anything(
        events in prop::collection::vec(event(), 0..40),
        hour in 0i64..9,
        rows in any::<bool>(),
        embedded in any::<bool>(),
    ) {
        let at = base() + Span::hours(hour);
        let view = if rows { pair_rows(Some(Span::hours(2))) } else { pair_view() };
        let (_folder, place) = new_place(embedded);
        let store = OnlineStore::over(place);
        stream(&store, &view, &events);
        for k in [Value::Null, Value::Text("a".into()), Value::Text("never".into())] {
            let found = store.query(&view, std::slice::from_ref(&k), at).unwrap().found;
            let mut expected = Vec::new();
            // In the order of the wildcard value, null first.
            for s in pair_keys().into_iter().filter(|key| key[1] == Value::Null).map(|[s, _]| s) {
                let keys = vec![s, k.clone()];
                let vector = store.lookup(&view, &keys, at).unwrap().found;
                if vector.features.iter().any(|feature| feature.status == Some(FeatureStatus::Present)) {
                    expected.push((keys, vector));
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_query_needs_the_keys_of_the_index_and_answers_so_many_entries_at_most() {
    on_each(|store| {
        let view = pair_rows(None);
        let error = store.query(&view, &[], base()).unwrap_err().to_string();
        assert_eq!(error, "view view is queried by 1 keys (k), got 0");
        let error = store.query(&view, &[Value::Int(1)], base()).unwrap_err().to_string();
        assert_eq!(error, "join key `k` must be string, and Int(1) is not");
        let events: Vec<Event> =
            (0..=query::MOST_ENTRIES).map(|n| Event { text: Value::Text(n.to_string()), ..one(1, 0) }).collect();
        stream(store, &view, &events[1..]);
        let a = [Value::Text("a".into())];
        assert_eq!(store.query(&view, &a, base()).unwrap().found.len(), query::MOST_ENTRIES);
        stream(store, &view, &events[..1]);
        let error = store.query(&view, &a, base()).unwrap_err().to_string();
        assert!(error.contains("more than 10000 entries"), "{error}");
    });
}

#[test]
fn a_view_without_a_wildcard_key_is_queried_by_its_full_key() {
    on_each(|store| {
        let view = aggregate_view();
        stream(store, &view, &[one(1, 5)]);
        let at = base() + Span::hours(1);
        let found = store.query(&view, &[Value::Text("a".into())], at).unwrap().found;
        assert_eq!(found, [(vec![Value::Text("a".into())], lookup(store, &view, at))]);
    });
}
