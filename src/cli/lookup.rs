//! `fvtop lookup`: one feature vector from the online store, or one for each value of the wildcard key.

use clap::Args;
use serde_json::json;

use super::failure::{Failure, USAGE};
use super::output::{json_time, print, print_json, table, time, value};
use super::rows::count;
use super::session::Session;
use super::target::TargetArgs;
use crate::model::{FeatureStatus, FeatureValue, FeatureVector, FeatureVectors, FeatureView, clean};
use crate::wire::table::json as json_value;

/// Look one key up in the online store, or all values of the wildcard key.
#[derive(Args, Clone, Debug)]
pub struct LookupArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// Join keys, each as key=value; without the wildcard key, all its values are looked up
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub keys: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What was found.
enum Found {
    One(FeatureVector),
    All(FeatureView, FeatureVectors),
}

/// Prints the vector. A key that is not there gives nulls, not an error. Where the view's wildcard key is left out, prints a
/// row for each of its values that has anything.
///
/// # Errors
/// When a key is not `key=value`, or the deployment is not reached or refuses.
pub async fn run(args: LookupArgs) -> Result<(), Failure> {
    let keys = args.keys.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    let found = Session::run(&args.target, async |session| find(session, &args.view, &keys).await).await?;
    match (found, args.json) {
        (Found::One(vector), true) => print_json(&as_json(&vector)),
        (Found::One(vector), false) => print(&as_table(&vector)),
        (Found::All(_, vectors), true) => print_json(&all_as_json(&vectors)),
        (Found::All(view, vectors), false) => print(&all_as_table(&view, &keys, &vectors)),
    }
}

/// The view says whether a key that is left out is the wildcard key.
async fn find(session: &Session, view: &str, keys: &[(String, String)]) -> Result<Found, Failure> {
    let known = session.api.feature_view(&session.workspace, view).await?;
    let given = |wildcard| keys.iter().any(|(name, _)| name == wildcard);
    Ok(match known.wildcard_join_key() {
        Some(wildcard) if !given(wildcard) => {
            let vectors = session.api.query(&session.workspace, view, keys).await?;
            Found::All(known, vectors)
        }
        _ => Found::One(session.api.lookup(&session.workspace, view, keys).await?),
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

/// Join keys, then features, of which the view's name is known: a row for each value of the wildcard key.
fn all_as_table(view: &FeatureView, keys: &[(String, String)], found: &FeatureVectors) -> String {
    let prefix = format!("{}.", view.name);
    let given = keys.iter().map(|(name, _)| name.as_str());
    let wildcard = found.wildcard_keys.iter().map(|key| key.name.as_str());
    let features = found.features.iter().map(|(name, _)| name.strip_prefix(&prefix).unwrap_or(name));
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

    #[test]
    fn keys_may_hold_equals_signs_and_nothing() {
        assert_eq!(key("a=b=c").unwrap(), ("a".into(), "b=c".into()));
        assert_eq!(key("a=").unwrap(), ("a".into(), String::new()));
        assert!(key("=b").is_err() && key("ab").is_err());
    }
}
