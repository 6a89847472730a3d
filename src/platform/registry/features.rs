//! What a view makes of its query's output: aggregations over windows, or the columns themselves.

use std::collections::BTreeSet;

use super::document::Fields;
use crate::model::time::{print_span, span_micros};
use crate::model::{DataType, Span, suggest};
use crate::platform::definition::{Aggregation, Kind, functions};
use crate::platform::registry::document::multiple;

/// Most aggregations of one view.
const MAX_AGGREGATIONS: usize = 500;
/// Most tiles inside one window: a lookup reads them all.
const MAX_TILES: i64 = 100_000;

/// The timestamp field and the features of a view. `output` is the query's output, absent when the query is not sound;
/// then only what needs no columns is checked.
pub(super) fn read(
    fields: &Fields<'_>,
    interval: Option<Span>,
    join_keys: &[(String, DataType)],
    output: Option<&[(String, DataType)]>,
) -> Option<(String, Kind)> {
    let timestamp = timestamp_field(fields, output);
    if let Some(output) = output {
        check_keys(fields, join_keys, output);
    }
    let ttl = fields.positive_span("ttl");
    let wants_tiles = fields.has("aggregations");
    let aggregations = aggregations(fields, interval, join_keys, timestamp.as_deref(), output);
    let kind = if wants_tiles {
        if fields.has("ttl") {
            fields.report("ttl", "cannot be given with aggregations", "remove it: windows say how long events count");
        }
        if !interval.is_some_and(|interval| interval.is_zero()) {
            let fix = "`aggregation_interval = \"1h\"`, the size of a tile, or `aggregation_mode = \"continuous\"`";
            fields.require("aggregation_interval", fix);
        }
        Kind::Aggregate { interval: interval?, aggregations: aggregations? }
    } else {
        for field in ["aggregation_interval", "aggregation_mode"] {
            if fields.has(field) {
                fields.report(field, "is there without aggregations", format!("add aggregations, or remove {field}"));
            }
        }
        let not_feature =
            |name: &String| Some(name) == timestamp.as_ref() || join_keys.iter().any(|(key, _)| key == name);
        let features: Vec<_> = output?.iter().filter(|(name, _)| !not_feature(name)).cloned().collect();
        if features.is_empty() {
            fields.report("sql", "selects no feature", "select a column besides the join keys and the timestamp");
        }
        Kind::Temporal { ttl, features }
    };
    Some((timestamp?, kind))
}

fn timestamp_field(fields: &Fields<'_>, output: Option<&[(String, DataType)]>) -> Option<String> {
    let given = fields.text("timestamp_field");
    let output = output?;
    let instants = || output.iter().filter(|(_, t)| *t == DataType::Timestamp).map(|(name, _)| name.as_str());
    if let Some(name) = given {
        if !instants().any(|column| column == name) {
            let problem = format!("the query has no timestamp column `{name}`");
            fields.report("timestamp_field", problem, suggest::fix(&name, instants()));
        }
        return Some(name);
    }
    let found: Vec<&str> = instants().collect();
    match found.as_slice() {
        [one] => Some((*one).to_owned()),
        [] => {
            let fix = "select the event time in the SQL";
            fields.report("timestamp_field", "the query has no timestamp column", fix);
            None
        }
        several => {
            let problem = format!("the query has several timestamp columns: {}", several.join(", "));
            fields.report("timestamp_field", problem, format!("add timestamp_field = \"{}\"", several[0]));
            None
        }
    }
}

fn check_keys(fields: &Fields<'_>, join_keys: &[(String, DataType)], output: &[(String, DataType)]) {
    for (key, declared) in join_keys {
        match output.iter().find(|(name, _)| name == key) {
            None => {
                let problem = format!("the query does not select the join key `{key}`");
                fields.report("sql", problem, format!("add `{key}` to the SELECT"));
            }
            Some((_, found)) if found != declared => {
                let problem = format!("join key `{key}` is {found} in the query, and its entity says {declared}");
                fields.report("sql", problem, format!("write CAST({key} AS ...) AS {key}, or change the entity"));
            }
            Some(_) => {}
        }
    }
}

fn aggregations(
    fields: &Fields<'_>,
    interval: Option<Span>,
    join_keys: &[(String, DataType)],
    timestamp: Option<&str>,
    output: Option<&[(String, DataType)]>,
) -> Option<Vec<Aggregation>> {
    let example = "`aggregations = [{ column = \"...\", function = \"mean\", time_window = \"1d\" }]`";
    let list = fields.list("aggregations", example);
    if fields.has("aggregations") && list.is_empty() {
        fields.report("aggregations", "is empty", format!("write {example}"));
    }
    if list.len() > MAX_AGGREGATIONS {
        fields.report("aggregations", format!("has more than {MAX_AGGREGATIONS} entries"), "split the view");
        return None;
    }
    // Spark reads names in any case.
    let mut taken: BTreeSet<String> = join_keys.iter().map(|(name, _)| name.to_lowercase()).collect();
    taken.extend(timestamp.map(str::to_lowercase));
    let mut found = Vec::new();
    for entry in &list {
        let aggregation = aggregation(entry, interval, output);
        entry.finish();
        if let Some(aggregation) = &aggregation
            && !taken.insert(aggregation.feature.to_lowercase())
        {
            let problem = format!("the feature name `{}` is taken", aggregation.feature);
            entry.report("name", problem, "remove the repeated aggregation, or give it a `name`");
        }
        found.push(aggregation);
    }
    found.into_iter().collect()
}

fn aggregation(
    entry: &Fields<'_>,
    interval: Option<Span>,
    output: Option<&[(String, DataType)]>,
) -> Option<Aggregation> {
    let column = entry.required_text("column", "`column = \"...\"`, a column of the query");
    let word = entry.required_text("function", "`function = \"mean\"`");
    let n = entry.integer("n");
    entry.require("time_window", "`time_window = \"1d\"`");
    let window = entry.positive_span("time_window");
    let name = entry.text("name");
    if let Some(name) = &name
        && (name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    {
        entry.report("name", format!("`{}` is not a plain name", name.escape_debug()), "use letters, digits and `_`");
    }
    check_window(entry, window, interval);
    let function = functions::parse(&word?, n).map_err(|(problem, fix)| entry.report("function", problem, fix)).ok();
    let column = column?;
    let output = output?;
    // Names in queries do not care about case.
    let exact = output.iter().find(|(name, _)| *name == column);
    let found = exact.or_else(|| output.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column)));
    let Some((of_query, input_type)) = found.cloned() else {
        let fix = suggest::fix(&column, output.iter().map(|(name, _)| name.as_str()));
        entry.report("column", format!("the query has no column `{column}`"), fix);
        return None;
    };
    let (function, spelling) = function?;
    let output_type = functions::output_type(function, &column, &input_type);
    let output_type = output_type.map_err(|(problem, fix)| entry.report("function", problem, fix)).ok()?;
    let (window, interval) = (window?, interval?);
    let feature = name.unwrap_or_else(|| functions::feature_name(&column, &spelling, window, interval));
    Some(Aggregation { column: of_query, function, time_window: window, feature, input_type, output_type })
}

fn check_window(entry: &Fields<'_>, window: Option<Span>, interval: Option<Span>) {
    let Some((window, interval)) = window.zip(interval).filter(|(_, interval)| !interval.is_zero()) else { return };
    multiple(entry, "time_window", window, "aggregation_interval", interval);
    if span_micros(window) / span_micros(interval).max(1) > MAX_TILES {
        let problem = format!("{} holds more than {MAX_TILES} tiles", print_span(window));
        entry.report("time_window", problem, "use a longer aggregation_interval");
    }
}
