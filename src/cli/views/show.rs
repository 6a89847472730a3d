//! `fvtop views show`: every attribute of one feature view, under the name that Tecton gives it.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{as_json, kind};
use crate::cli::failure::Failure;
use crate::cli::output::{json_time, print, print_json, table, value_of_json};
use crate::cli::session::Session;
use crate::cli::target::TargetArgs;
use crate::model::time::print_span;
use crate::model::{FeatureView, ViewKind};

/// Show every attribute of one feature view.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view, by name or id
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints them.
///
/// # Errors
/// When the deployment is not reached or refuses, or does not have the view.
pub(super) async fn run(args: ShowArgs) -> Result<(), Failure> {
    let view = Session::run(&args.target, async |session| {
        Ok(session.api.feature_view(&session.workspace, &args.view).await?)
    })
    .await?;
    if args.json {
        return print_json(&whole(&view));
    }
    let row = |(name, value): (&str, Value)| vec![name.to_owned(), value_of_json(&value)];
    let attributes: Vec<_> = attributes(&view).into_iter().map(row).collect();
    let feature = |feature: &crate::model::Feature| {
        let data_type = feature.data_type.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        vec![feature.name.clone(), data_type, feature.definition.clone()]
    };
    let features: Vec<_> = view.features.iter().map(feature).collect();
    let (attributes, features) =
        (table(&["ATTRIBUTE", "VALUE"], &attributes), table(&["FEATURE", "TYPE", "DEFINITION"], &features));
    print(&format!("{attributes}\n{features}"))
}

/// What the list says of the view, and every attribute under its own name.
fn whole(view: &FeatureView) -> Value {
    let mut members = Map::new();
    members.insert("kind".to_owned(), kind(view).into());
    members.extend(attributes(view).into_iter().map(|(name, value)| (name.to_owned(), value)));
    members.insert("definition".to_owned(), as_json(view));
    Value::Object(members)
}

/// The attributes of Tecton's StreamFeatureView, in the order of the alphabet; null where a view has none.
fn attributes(view: &FeatureView) -> [(&'static str, Value); 24] {
    let span = |span: Option<crate::model::Span>| Value::from(span.map(print_span));
    let names: Vec<_> = view.features.iter().map(|feature| feature.name.as_str()).collect();
    let keys: Vec<_> = view.join_keys.iter().map(|key| key.name.as_str()).collect();
    [
        ("batch_schedule", span(view.batch_schedule)),
        ("created_at", json_time(view.created_at)),
        ("data_source_names", json!(view.data_sources)),
        ("defined_in", view.defined_in.as_str().into()),
        ("description", view.description.as_str().into()),
        ("entity_names", json!(view.entities)),
        ("family", view.family.as_str().into()),
        ("feature_start_time", json_time(view.feature_start_time)),
        ("features", json!(names)),
        ("id", view.id.to_string().into()),
        ("is_batch_trigger_manual", view.is_batch_trigger_manual().into()),
        ("is_on_demand", (view.kind == ViewKind::OnDemand).into()),
        ("is_temporal", matches!(view.kind, ViewKind::Temporal { .. }).into()),
        ("is_temporal_aggregate", matches!(view.kind, ViewKind::Aggregate { .. }).into()),
        ("join_keys", json!(keys)),
        ("max_data_delay", span(view.max_data_delay)),
        ("name", view.name.as_str().into()),
        ("online_serving_index", json!(view.online_serving_index)),
        ("owner", view.owner.as_str().into()),
        ("tags", json!(view.tags)),
        ("timestamp_field", view.timestamp_field.as_deref().into()),
        ("url", view.url.as_str().into()),
        ("wildcard_join_key", view.wildcard_join_key().into()),
        ("workspace", view.workspace.as_str().into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BatchTrigger, DataType, Feature, Id, JoinKey, Span};

    fn view() -> FeatureView {
        let key = |name: &str| JoinKey { name: name.to_owned(), data_type: DataType::String };
        let definition = "mean(delay) over 1d".to_owned();
        let feature = Feature { name: "delay_mean".to_owned(), data_type: Some(DataType::Float64), definition };
        let at = crate::model::time::parse_time("2026-11-24T10:00:00Z").ok();
        FeatureView {
            id: Id(1),
            name: "v".to_owned(),
            workspace: "prod".to_owned(),
            description: "Delays.".to_owned(),
            owner: "me@example.com".to_owned(),
            family: "delays".to_owned(),
            tags: [("team".to_owned(), "ops".to_owned())].into(),
            entities: vec!["route".to_owned()],
            data_sources: vec!["flights".to_owned()],
            join_keys: vec![key("origin"), key("dest")],
            online_serving_index: vec!["origin".to_owned()],
            timestamp_field: Some("at".to_owned()),
            features: vec![feature],
            kind: ViewKind::Aggregate { interval: Some(Span::hours(1)) },
            is_stream: true,
            online: true,
            offline: false,
            materialization_enabled: true,
            batch_schedule: Some(Span::hours(6)),
            feature_start_time: at,
            longest_window: None,
            max_data_delay: None,
            batch_trigger: BatchTrigger::Manual,
            created_at: at,
            defined_in: "views/v.toml".to_owned(),
            url: "https://example.com/v".to_owned(),
        }
    }

    #[test]
    fn all_attributes_are_there_with_their_values() {
        let time = "2026-11-24T10:00:00Z";
        let expected = json!({
            "batch_schedule": "6h", "created_at": time, "data_source_names": ["flights"], "defined_in": "views/v.toml",
            "description": "Delays.", "entity_names": ["route"], "family": "delays", "feature_start_time": time,
            "features": ["delay_mean"], "id": "00000000000000000000000000000001", "is_batch_trigger_manual": true,
            "is_on_demand": false, "is_temporal": false, "is_temporal_aggregate": true, "join_keys": ["origin", "dest"],
            "max_data_delay": null, "name": "v", "online_serving_index": ["origin"], "owner": "me@example.com",
            "tags": {"team": "ops"}, "timestamp_field": "at", "url": "https://example.com/v",
            "wildcard_join_key": "dest", "workspace": "prod"
        });
        let found: Map<_, _> = attributes(&view()).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(Value::Object(found), expected);
        let whole = whole(&view());
        assert_eq!(
            (&whole["kind"], &whole["definition"]["aggregation_interval"]),
            (&json!("stream aggregate"), &json!("1h"))
        );
        for (kind, attribute) in [
            (ViewKind::OnDemand, "is_on_demand"),
            (ViewKind::Temporal { ttl: None }, "is_temporal"),
            (ViewKind::Other, "none"),
        ] {
            let other = FeatureView { kind, ..view() };
            let set = attributes(&other).into_iter().filter(|(name, value)| {
                ["is_on_demand", "is_temporal", "is_temporal_aggregate"].contains(name) && *value == json!(true)
            });
            assert_eq!(
                set.map(|(name, _)| name).collect::<Vec<_>>(),
                if attribute == "none" { vec![] } else { vec![attribute] }
            );
        }
    }
}
