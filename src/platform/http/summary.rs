//! The rows of a view's summary past the eight fixed ones (docs/wire.md section 2.4): what a person on call wants to
//! know.

use crate::model::time::{print_span, print_windows};
use crate::model::{BatchTrigger, FeatureView, Freshness, ViewKind, Window};
use crate::platform::definition::View;
use crate::platform::source::kept;
use crate::wire::convert::{summary_item as item, summary_list as list};
use crate::wire::proto::status::SummaryItem;

/// The title of the item about events that came too late.
const LATE: &str = "Late data";
/// The title of the item about the batch side of a stream without files.
const KEPT: &str = "Kept events";

/// The items, in the order they are shown.
pub(super) fn items(view: &View, model: &FeatureView, freshness: &Freshness) -> Vec<SummaryItem> {
    let mut items = vec![item("type", "Type", &kind(model))];
    items.extend(freshness_items(freshness));
    items.extend(keys(model));
    items.push(list("features", "Features", model.features.iter().map(feature).collect()));
    items.extend(time(view, model));
    items.push(item("stores", "Stores", stores(model)));
    items.extend(sources(view));
    items.push(item("transformation", "Transformation", &one_line(&view.sql)));
    items
}

/// What is wrong with the stores; nothing where they are sound.
pub(super) fn trouble(online: Option<String>, lost_online: &[Window], lost_offline: &[Window]) -> Vec<SummaryItem> {
    let closed = online.map(|why| {
        let value =
            format!("not written for now: {why}. It is opened again by itself; until then lookups give what it has");
        item("onlineStore", "Online store", &value)
    });
    let lost = |key: &str, title: &str, windows: &[Window]| {
        let value = format!("lost {}: materialize again with overwrite", print_windows(windows));
        (!windows.is_empty()).then(|| item(key, title, &value))
    };
    let each =
        [closed, lost("onlineLost", "Online store", lost_online), lost("offlineLost", "Offline store", lost_offline)];
    each.into_iter().flatten().collect()
}

/// What came after the jobs of its windows.
pub(super) fn late(sentence: Option<String>) -> Option<SummaryItem> {
    sentence.map(|sentence| item("lateData", LATE, &sentence))
}

fn kind(model: &FeatureView) -> String {
    let source = if model.is_stream { "stream" } else { "batch" };
    match &model.kind {
        ViewKind::Aggregate { interval: Some(interval) } => {
            format!("{source} feature view, aggregates over tiles of {}", print_span(*interval))
        }
        ViewKind::Aggregate { interval: None } => format!("{source} feature view, continuous aggregates"),
        ViewKind::Temporal { ttl: Some(ttl) } => format!("{source} feature view, latest row for {}", print_span(*ttl)),
        ViewKind::Temporal { ttl: None } => format!("{source} feature view, latest row"),
        ViewKind::OnDemand | ViewKind::Other => format!("{source} feature view"),
    }
}

fn freshness_items(freshness: &Freshness) -> Vec<SummaryItem> {
    if !freshness.materialization_enabled {
        return vec![item("materialization", "Materialization", "off: the workspace is not live")];
    }
    let age = freshness.freshness.map_or_else(|| "nothing was written yet".to_owned(), print_span);
    let verdict = if freshness.is_stale { "stale" } else { "fresh" };
    let value = match (freshness.freshness, freshness.expected) {
        (Some(_), Some(expected)) => format!("{age}, {verdict} (expected within {})", print_span(expected)),
        _ => age,
    };
    vec![item("freshness", "Freshness", &value)]
}

fn keys(model: &FeatureView) -> Vec<SummaryItem> {
    let keys = model.join_keys.iter().map(|key| format!("{} ({})", key.name, key.data_type)).collect();
    let mut items = vec![list("entities", "Entities", model.entities.clone()), list("joinKeys", "Join keys", keys)];
    if let Some(wildcard) = model.wildcard_join_key() {
        items.push(item("wildcardJoinKey", "Wildcard join key", wildcard));
    }
    items
}

fn feature(feature: &crate::model::Feature) -> String {
    match (&feature.data_type, feature.definition.as_str()) {
        (Some(data_type), "") => format!("{} ({data_type})", feature.name),
        (_, definition) => format!("{} = {definition}", feature.name),
    }
}

fn time(view: &View, model: &FeatureView) -> Vec<SummaryItem> {
    let trigger = match model.batch_trigger {
        BatchTrigger::Scheduled => "scheduled",
        BatchTrigger::Manual => "manual",
        BatchTrigger::NoBatch => "no batch materialization",
    };
    let mut items = Vec::new();
    if let Some(start) = model.feature_start_time {
        items.push(item("featureStartTimeSeconds", "Feature start time", &start.timestamp().to_string()));
    }
    items.push(item("timestampField", "Timestamp field", &view.timestamp_field));
    items.push(item("batchSchedule", "Batch schedule", &print_span(view.batch_schedule)));
    items.push(item("batchTrigger", "Batch trigger", trigger));
    if let Some(longest) = view.max_batch_aggregation_interval {
        items.push(item("maxBatchAggregationInterval", "Longest backfill job", &print_span(longest)));
    }
    items.push(item("maxDataDelay", "Max data delay", &print_span(view.max_data_delay())));
    items
}

fn stores(model: &FeatureView) -> &'static str {
    match (model.online, model.offline) {
        (true, true) => "online and offline",
        (true, false) => "online only",
        (false, true) => "offline only",
        (false, false) => "none",
    }
}

fn sources(view: &View) -> Vec<SummaryItem> {
    let names = view.inputs.iter().map(|input| input.source.name.clone()).collect();
    let mut items = vec![list("dataSources", "Data sources", names)];
    if let Some(stream) = view.inputs.first().and_then(|input| input.source.stream.as_ref()) {
        let value = format!("watermark {}, retention {}", print_span(stream.watermark), print_span(stream.retention));
        items.push(item("stream", "Stream", &value));
    }
    let kept = view.inputs.first().and_then(|input| kept::sentence(&input.source));
    items.extend(kept.map(|kept| item("keptEvents", KEPT, &kept)));
    items
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
