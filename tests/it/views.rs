//! Feature views on the command line: every attribute of one, and how fresh all are.

use serde_json::Value;

use crate::support::{Server, example_repository, printed};

/// The attributes of Tecton's StreamFeatureView.
const ATTRIBUTES: &str = "batch_schedule created_at data_source_names defined_in description entity_names family \
                          feature_start_time features id is_batch_trigger_manual is_on_demand is_temporal \
                          is_temporal_aggregate join_keys max_data_delay name online_serving_index owner tags \
                          timestamp_field url wildcard_join_key workspace";

fn said(server: &Server, code: i32, arguments: &[&str]) -> String {
    let output = server.run(arguments);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

#[test]
fn a_view_is_shown_with_every_attribute_and_all_views_with_their_freshness() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&example_repository(), &folder.path().join("data"));
    let shown = server.json(&["views", "show", "origin_carriers", "--json"]);
    let known = shown.as_object().unwrap();
    let missing: Vec<_> = ATTRIBUTES.split(' ').filter(|name| !known.contains_key(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert_eq!((&shown["wildcard_join_key"], &shown["batch_schedule"]), (&"carrier".into(), &"6h".into()));
    let table = said(&server, 0, &["views", "show", shown["id"].as_str().unwrap()]);
    for (name, value) in [("entity_names", "origin, carrier"), ("tags", "team=operations, tier=3"), ("url", "-")] {
        let row = table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {table}"));
        assert_eq!(row.strip_prefix(name).map(str::trim), Some(value));
    }
    let feature = table.lines().find(|line| line.starts_with("flights_6h")).unwrap();
    assert_eq!(
        feature.split_whitespace().collect::<Vec<_>>(),
        ["flights_6h", "int64", "count(distance)", "over", "6h"]
    );
    assert!(said(&server, 1, &["views", "show", "nothing"]).contains("no feature view `nothing`"));
    let names = |views: &Value, member: &str| {
        let views = views.as_array().unwrap().iter();
        let mut names: Vec<_> = views.map(|view| view[member].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let fresh = server.json(&["freshness", "--json"]);
    assert_eq!(names(&fresh, "feature_view"), names(&server.json(&["views", "--json"]), "name"));
    assert!(fresh.as_array().unwrap().iter().all(|view| view["materialization_enabled"] == true));
    let off = said(&server, 0, &["freshness", "--workspace", "dev"]);
    let row = off.lines().find(|line| line.starts_with("carrier_delays")).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!((cells[1..5].join(" ").as_str(), cells.last()), ("no - - -", Some(&"yes")), "{off}");
}
