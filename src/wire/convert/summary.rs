//! The summary table: fixed rows of the metadata, then the items that the deployment sends (docs/wire.md section 2.4).

use super::time_from_proto;
use super::view::metadata_of;
use crate::model::FeatureView;
use crate::model::time::print_time;
use crate::wire::proto::common::FcoMetadata;
use crate::wire::proto::status::{FcoSummary, SummaryItem};

/// The key whose value is unix seconds and shown as a time.
const START_SECONDS: &str = "featureStartTimeSeconds";

/// A view's summary with those items after the fixed rows.
pub fn summary_to_proto(view: &FeatureView, items: Vec<SummaryItem>) -> FcoSummary {
    FcoSummary { fco_metadata: Some(metadata_of(view)), summary_items: items }
}

/// An item with one value.
pub fn summary_item(key: &str, display_name: &str, value: &str) -> SummaryItem {
    SummaryItem { value: Some(value.to_owned()), ..named(key, display_name) }
}

/// An item with a list of values.
pub fn summary_list(key: &str, display_name: &str, values: Vec<String>) -> SummaryItem {
    SummaryItem { multi_values: values, ..named(key, display_name) }
}

/// An item with items below it.
pub fn summary_nested(key: &str, display_name: &str, items: Vec<SummaryItem>) -> SummaryItem {
    SummaryItem { nested_summary_items: items, ..named(key, display_name) }
}

fn named(key: &str, display_name: &str) -> SummaryItem {
    SummaryItem { key: Some(key.to_owned()), display_name: Some(display_name.to_owned()), ..Default::default() }
}

/// The rows that people see: (name, value).
pub fn summary_rows(summary: &FcoSummary) -> Vec<(String, String)> {
    let mut rows = summary.fco_metadata.as_ref().map(fixed_rows).unwrap_or_default();
    for item in &summary.summary_items {
        if let Some(name) = item.display_name.as_deref().filter(|name| !name.is_empty()) {
            rows.push((name.to_owned(), value_of(item)));
        }
    }
    rows
}

fn fixed_rows(metadata: &FcoMetadata) -> Vec<(String, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let created = metadata.created_at.and_then(time_from_proto).map(|at| format!("{} UTC", print_time(at)));
    let tags: Vec<String> =
        metadata.tags.iter().map(|tag| format!("{}={}", text(&tag.key), text(&tag.value))).collect();
    let rows = [
        ("Name", text(&metadata.name)),
        ("Workspace", text(&metadata.workspace)),
        ("Description", text(&metadata.description)),
        ("Created At", created.unwrap_or_default()),
        ("Owner", text(&metadata.owner)),
        ("Last Modified By", text(&metadata.last_modified_by)),
        ("Source Filename", text(&metadata.source_filename)),
        ("Tags", if tags.is_empty() { "None".to_owned() } else { tags.join(", ") }),
    ];
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn value_of(item: &SummaryItem) -> String {
    if !item.multi_values.is_empty() {
        return item.multi_values.join(", ");
    }
    if !item.nested_summary_items.is_empty() {
        let parts = item.nested_summary_items.iter().filter_map(|nested| {
            let name = nested.display_name.as_deref()?;
            Some(format!("{name}: {}", value_of(nested)))
        });
        return parts.collect::<Vec<_>>().join(", ");
    }
    let value = item.value.clone().unwrap_or_default();
    if item.key.as_deref() != Some(START_SECONDS) {
        return value;
    }
    let seconds = value.parse().ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    seconds.map_or(value, |at| format!("{} UTC", print_time(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_with_a_name_and_times_are_printed() {
        let hidden = SummaryItem { key: Some("h".into()), value: Some("x".into()), ..Default::default() };
        let summary = FcoSummary {
            fco_metadata: None,
            summary_items: vec![
                summary_item(START_SECONDS, "Feature Start Time", "1640995200"),
                hidden,
                summary_list("features", "Features", vec!["a".into(), "b".into()]),
                summary_nested("m", "Materialization", vec![summary_item("online", "Online", "True")]),
            ],
        };
        let rows = summary_rows(&summary);
        let expected = [
            ("Feature Start Time", "2022-01-01 00:00:00 UTC"),
            ("Features", "a, b"),
            ("Materialization", "Online: True"),
        ];
        assert_eq!(rows, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
