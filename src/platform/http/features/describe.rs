//! What a view or service wants to be given, and what it answers (docs/wire.md section 3.2).

use std::time::Instant;

use super::target::Target;
use crate::model::DataType;
use crate::platform::Platform;
use crate::platform::http::fault::Fault;
use crate::wire::convert::types::type_to_json;
use crate::wire::features::{DEFAULT, DescribeRequest, Described, ServiceMetadata, WILDCARD};

/// The names and types of join keys and features. There are no realtime features here, so no context is wanted.
pub(super) fn describe(platform: &Platform, asked: DescribeRequest, _began: Instant) -> Result<ServiceMetadata, Fault> {
    let asked = asked.params;
    let target = Target::find(platform, &asked.workspace_name, &asked.locator)?;
    let wildcard = target.wildcard_key();
    let is_wildcard = |name: &str| wildcard.is_some_and(|(wildcard, _)| wildcard == name);
    let keys = target.keys();
    let features = target.columns.iter().map(|column| described(&column.name, &column.data_type));
    Ok(ServiceMetadata {
        feature_service_type: if wildcard.is_some() { WILDCARD } else { DEFAULT }.to_owned(),
        input_join_keys: keys.iter().filter(|(name, _)| !is_wildcard(name)).map(|(n, t)| described(n, t)).collect(),
        input_request_context_keys: Vec::new(),
        output_join_keys: wildcard.iter().map(|(name, data_type)| described(name, data_type)).collect(),
        feature_values: features.collect(),
    })
}

fn described(name: &str, data_type: &DataType) -> Described {
    Described { name: name.to_owned(), data_type: type_to_json(data_type) }
}
