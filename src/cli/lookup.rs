//! `fvtop lookup`: one feature vector from the online store, or one for each value of the wildcard key.

use clap::Args;
use serde_json::json;

use super::failure::{Failure, USAGE};
use super::output::{json_time, print, print_json, table, time, value};
use super::rows::count;
use super::session::Session;
use super::target::TargetArgs;
use crate::model::{FeatureStatus, FeatureValue, FeatureVector, FeatureVectors, clean};
use crate::wire::features::Locator;
use crate::wire::table::json as json_value;

/// Look one key up in the online store, or all values of the wildcard key.
#[derive(Args, Clone, Debug)]
pub struct LookupArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view, or with --service the feature service
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Join keys, each as key=value; without the wildcard key, all its values are looked up
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub keys: Vec<String>,
    /// Look up the features of a feature service
    #[arg(long)]
    pub service: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What was found.
enum Found {
    /// The vector of a full key.
    One(FeatureVector),
    /// The vectors of all values of the wildcard key, and what headings leave out of the features' names.
    All(String, FeatureVectors),
}

/// Prints the vector. A key that is not there gives nulls, not an error. Where the view's wildcard key is left out, prints a
/// row for each of its values that has anything.
///
/// # Errors
/// When a key is not `key=value`, or the deployment is not reached or refuses.
pub(crate) async fn run(args: LookupArgs) -> Result<(), Failure> {
    let keys = args.keys.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    let found = Session::run(&args.target, async |session| find(session, &args, &keys).await).await?;
    match (found, args.json) {
        (Found::One(vector), true) => print_json(&as_json(&vector)),
        (Found::One(vector), false) => print(&as_table(&vector)),
        (Found::All(_, vectors), true) => print_json(&all_as_json(&vectors)),
        (Found::All(prefix, vectors), false) => print(&all_as_table(&prefix, &keys, &vectors)),
    }
}

/// The view or service says whether a key that is left out is the wildcard key.
async fn find(session: &Session, args: &LookupArgs, keys: &[(String, String)]) -> Result<Found, Failure> {
    let (api, workspace) = (&session.api, session.workspace.as_str());
    let (wildcard, of, prefix) = if args.service {
        let wildcard = api.wildcard_key_of_service(workspace, &args.name).await?;
        (wildcard, Locator::service(&args.name), String::new())
    } else {
        let known = api.feature_view(workspace, &args.name).await?;
        let wildcard = known.wildcard_join_key().map(str::to_owned);
        (wildcard, Locator::view(&args.name), format!("{}.", known.name))
    };
    Ok(match wildcard {
        Some(wildcard) if keys.iter().all(|(name, _)| *name != wildcard) => {
            Found::All(prefix, api.query(workspace, of, keys).await?)
        }
        _ => Found::One(api.lookup(workspace, of, keys).await?),
    })
}

fn as_table(vector: &FeatureVector) -> String {
    let rows: Vec<_> = vector.features.iter().map(as_row).collect();
    let mut text = table(&["FEATURE", "TYPE", "VALUE", "EFFECTIVE", "STATUS"], &rows);
    if let Some(seconds) = vector.server_seconds {
        text.push_str(&format!("\nserver time {:.1} ms\n", seconds * 1e3));
    }
    text
}

/// A row for each value of the wildcard key: join keys, then features without the prefix.
fn all_as_table(prefix: &str, keys: &[(String, String)], found: &FeatureVectors) -> String {
    let given = keys.iter().map(|(name, _)| name.as_str());
    let wildcard = found.wildcard_keys.iter().map(|key| key.name.as_str());
    let features = found.features.iter().map(|(name, _)| name.strip_prefix(prefix).unwrap_or(name));
    let headings: Vec<&str> = given.chain(wildcard).chain(features).collect();
    let row = |vector: &FeatureVector| {
        let keys = vector.join_keys.iter().map(|(_, key)| value(key));
        keys.chain(vector.features.iter().map(|feature| value(&feature.value))).collect()
    };
    let mut text = table(&headings, &found.vectors.iter().map(row).collect::<Vec<_>>());
    text.push_str(&format!("\n{}", count(found.vectors.len())));
    if let Some(seconds) = found.server_seconds {
        text.push_str(&format!(", server time {:.1} ms", seconds * 1e3));
    }
    text.push('\n');
    text
}

fn key(text: &str) -> Result<(String, String), Failure> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let wrong = || Failure::new(USAGE, format!("`{}` is not a join key: write it as key=value.", clean(text)));
    parts.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(wrong)
}

fn status(status: Option<&FeatureStatus>) -> Option<&str> {
    status.map(|status| match status {
        FeatureStatus::Present => "PRESENT",
        FeatureStatus::Missing => "MISSING_DATA",
        FeatureStatus::Other(word) => word,
    })
}

fn as_row(feature: &FeatureValue) -> Vec<String> {
    vec![
        feature.name.clone(),
        feature.data_type.to_string(),
        value(&feature.value),
        time(feature.effective_time),
        status(feature.status.as_ref()).unwrap_or("-").to_owned(),
    ]
}

fn as_json(vector: &FeatureVector) -> serde_json::Value {
    let mut json = key_and_features(vector);
    json["server_seconds"] = vector.server_seconds.into();
    json["store_seconds"] = vector.store_seconds.into();
    json
}

fn all_as_json(found: &FeatureVectors) -> serde_json::Value {
    json!({
        "rows": found.vectors.iter().map(key_and_features).collect::<Vec<_>>(),
        "server_seconds": found.server_seconds,
        "store_seconds": found.store_seconds,
    })
}

fn key_and_features(vector: &FeatureVector) -> serde_json::Value {
    let feature = |feature: &FeatureValue| {
        json!({
            "name": feature.name,
            "type": feature.data_type.to_string(),
            "value": json_value(&feature.value),
            "effective_time": json_time(feature.effective_time),
            "status": status(feature.status.as_ref()),
        })
    };
    let keys: serde_json::Map<_, _> =
        vector.join_keys.iter().map(|(name, value)| (name.clone(), json_value(value))).collect();
    json!({
        "join_keys": keys,
        "features": vector.features.iter().map(feature).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DataType, JoinKey, Value};

    /// What a query for the carriers of JFK found.
    fn carriers(names: &[&str]) -> FeatureVectors {
        let text = |text: &str| Value::Text(text.to_owned());
        let feature = FeatureValue {
            name: "v.n".to_owned(),
            data_type: DataType::Int64,
            value: Value::Int(7),
            effective_time: None,
            status: Some(FeatureStatus::Present),
        };
        let vector = |carrier: &&str| FeatureVector {
            features: vec![feature.clone()],
            join_keys: vec![("origin".to_owned(), text("JFK")), ("carrier".to_owned(), text(carrier))],
            ..FeatureVector::default()
        };
        FeatureVectors {
            wildcard_keys: vec![JoinKey { name: "carrier".to_owned(), data_type: DataType::String }],
            features: vec![("v.n".to_owned(), DataType::Int64)],
            vectors: names.iter().map(vector).collect(),
            server_seconds: Some(0.0015),
            store_seconds: None,
        }
    }

    #[test]
    fn keys_may_hold_equals_signs_and_nothing() {
        assert_eq!(key("a=b=c").unwrap(), ("a".into(), "b=c".into()));
        assert_eq!(key("a=").unwrap(), ("a".into(), String::new()));
        assert!(key("=b").is_err() && key("ab").is_err());
    }

    #[test]
    fn a_row_shows_the_join_keys_then_the_features_without_the_views_name() {
        let found = carriers(&["B6", "U\u{1b}A"]);
        let keys = [("origin".to_owned(), "JFK".to_owned())];
        let text = all_as_table("v.", &keys, &found);
        assert_eq!(text, "origin  carrier  n\nJFK     B6       7\nJFK     U␛A      7\n\n2 rows, server time 1.5 ms\n");
        let text = all_as_table("v.", &keys, &FeatureVectors { server_seconds: None, ..carriers(&[]) });
        assert_eq!(text, "origin  carrier  n\n\n0 rows\n");
    }

    #[test]
    fn rows_in_json_are_as_the_answer_for_one_key() {
        let found = carriers(&["B6"]);
        let feature = json!({"name": "v.n", "type": "int64", "value": 7, "effective_time": null, "status": "PRESENT"});
        let row = json!({"join_keys": {"origin": "JFK", "carrier": "B6"}, "features": [feature]});
        assert_eq!(all_as_json(&found), json!({"rows": [row], "server_seconds": 0.0015, "store_seconds": null}));
    }
}
