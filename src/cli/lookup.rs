//! `fvtop lookup`: one feature vector from the online store.

use clap::Args;
use serde_json::json;

use super::failure::{Failure, USAGE};
use super::output::{json_time, print, print_json, table, time, value};
use super::session::Session;
use super::target::TargetArgs;
use crate::model::{FeatureStatus, FeatureValue, FeatureVector, clean};
use crate::wire::table::json as json_value;

/// Look one key up in the online store.
#[derive(Args, Clone, Debug)]
pub struct LookupArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// Join keys, each as key=value
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub keys: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints the vector. A key that is not there gives nulls, not an error.
///
/// # Errors
/// When a key is not `key=value`, or the deployment is not reached or refuses.
pub async fn run(args: LookupArgs) -> Result<(), Failure> {
    let keys = args.keys.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    let session = Session::open(&args.target).await?;
    let vector = session.api.lookup(&session.workspace, &args.view, &keys).await;
    session.close().await;
    let vector = vector?;
    if args.json {
        return print_json(&as_json(&vector));
    }
    let rows: Vec<_> = vector.features.iter().map(as_row).collect();
    let mut text = table(&["FEATURE", "TYPE", "VALUE", "EFFECTIVE", "STATUS"], &rows);
    if let Some(seconds) = vector.server_seconds {
        text.push_str(&format!("\nserver time {:.1} ms\n", seconds * 1e3));
    }
    print(&text)
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
        "server_seconds": vector.server_seconds,
        "store_seconds": vector.store_seconds,
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
