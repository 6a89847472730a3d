//! What a user of a repository sees: the sound example, and the whole text of errors.

use super::definition::{Function, Kind};
use super::load;
use crate::model::{BatchTrigger, Span};
use crate::platform::registry::definition::FeatureStart;

#[test]
fn the_example_repository_is_sound() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights");
    let repository = load(&root);
    let errors: Vec<String> = repository.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    let prod: Vec<_> = repository.views.iter().filter(|view| view.workspace == "prod").collect();
    assert_eq!(prod[0].name, "aircraft_state");
    assert_eq!(prod.len(), 8);
    assert!(prod.iter().all(|view| view.is_stream() && view.live && !view.owner.is_empty() && !view.tags.is_empty()));
    let by_name = |name: &str| prod.iter().find(|view| view.name == name).copied().unwrap();
    assert_eq!(by_name("origin_carriers").online_serving_index, ["origin"]);
    assert_eq!(by_name("aircraft_utilization").batch_trigger, BatchTrigger::Manual);
    let delays = by_name("carrier_delays");
    assert_eq!(delays.feature_start_time, Some(FeatureStart::BeforeApply(Span::days(3))));
    let Kind::Aggregate { aggregations, .. } = &delays.kind else { panic!("not an aggregate") };
    assert_eq!(aggregations[1].feature, "dep_delay_mean_1h_1h");
    assert_eq!(aggregations[1].function, Function::Mean);
}
