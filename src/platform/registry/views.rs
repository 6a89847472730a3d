//! `views/*.toml`: one feature view a file, read and checked (docs/semantics.md sections 2, 3, 4 and 10).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use super::catalog::{self, Catalog};
use super::document::{Document, Fields};
use super::features;
use super::identity::stable_id;
use crate::model::time::{parse_span, parse_time, print_span, span_micros};
use crate::model::{BatchTrigger, DataType, Span, Workspace, suggest};
use crate::platform::definition::{Entity, FeatureStart, Input, Kind, RepositoryError, View};
use crate::platform::registry::document::multiple;
use crate::platform::sql::{self, Refusal};
use crate::platform::tiles::names::{ANCHOR, PARTITION};

/// Reads one view file. Gives the view once for each workspace it belongs to; none when anything is wrong with it.
pub(super) fn read(
    root: &Path,
    file: &Path,
    catalog: &Catalog,
    errors: &mut Vec<RepositoryError>,
) -> (String, Vec<View>) {
    let document = Document::read(root, file);
    let mut name = String::new();
    let mut views = Vec::new();
    if let Some(table) = document.table() {
        let fields = Fields::of(&document, &table);
        name = fields.text("name").unwrap_or_default();
        let found = catch_unwind(AssertUnwindSafe(|| view(&fields, file, catalog))).unwrap_or_else(|_| {
            // A library's fault over one definition is not one of the others.
            document.report(None, "", "reading it stopped with a fault of this program", "report it with the log");
            None
        });
        fields.finish();
        views = found.filter(|_| document.is_sound()).unwrap_or_default();
    }
    errors.extend(document.into_problems());
    (name, views)
}

fn view(fields: &Fields<'_>, file: &Path, catalog: &Catalog) -> Option<Vec<View>> {
    let name = fields.required_text("name", "`name = \"...\"`, the name of the view");
    catalog::check_name(fields, name.as_deref(), &[]);
    let description = fields.text("description").unwrap_or_default();
    let owner = fields.text("owner").unwrap_or_default();
    let family = fields.text("family").unwrap_or_default();
    let tags = fields.tags("tags");
    let workspaces = catalog::workspaces(fields, catalog);
    let entities = entities(fields, catalog);
    let inputs = inputs(fields, catalog);
    let join_keys: Vec<(String, DataType)> =
        entities.iter().flatten().flat_map(|entity| entity.join_keys.iter().cloned()).collect();
    let online_serving_index = serving_index(fields, &join_keys);
    let query = query(fields);
    let schedule = schedule(fields);
    let timestamp = fields.text("timestamp_field");
    let output = query.as_deref().and_then(|query| {
        let names = join_keys.iter().map(|(name, _)| name.as_str()).chain(timestamp.as_deref());
        let output = match inputs.as_deref() {
            Some(inputs) => sql::output::of_query(inputs, query, names).map(Some),
            // Without inputs only the text tells what is wrong with it.
            None => sql::check(query).map(|_| None),
        };
        output.map_err(|refusal| report_refusal(fields, &refusal)).ok().flatten()
    });
    let features = features::read(fields, schedule.interval, &join_keys, output.as_deref());
    let batch_schedule = schedule.checked(fields, features.as_ref().map(|(_, kind)| kind));
    let (timestamp_field, kind) = features?;
    check_stored_names(fields, &join_keys, &timestamp_field, &kind, schedule.offline);
    let view = View {
        id: stable_id("", "view", ""),
        name: name?,
        workspace: String::new(),
        live: false,
        description,
        owner,
        family,
        tags,
        defined_in: file.to_string_lossy().into_owned(),
        entities: entities?,
        inputs: inputs?,
        sql: query?,
        join_keys,
        online_serving_index,
        timestamp_field,
        kind,
        online: schedule.online,
        offline: schedule.offline,
        batch_schedule: batch_schedule?,
        max_batch_aggregation_interval: schedule.max_batch,
        offline_partition: schedule.partition.unwrap_or(Span::days(1)),
        feature_start_time: schedule.feature_start,
        batch_trigger: schedule.trigger,
        expected_freshness: schedule.expected_freshness,
    };
    Some(workspaces.iter().map(|workspace| place(&view, workspace)).collect())
}

/// Reports names of the user's that stored rows have for themselves, whatever their case.
fn check_stored_names(
    fields: &Fields<'_>,
    join_keys: &[(String, DataType)],
    timestamp: &str,
    kind: &Kind,
    offline: bool,
) {
    let mut names: Vec<&str> = join_keys.iter().map(|(name, _)| name.as_str()).collect();
    match kind {
        // Tiles keep no timestamp, and name their columns themselves.
        Kind::Aggregate { interval, .. } if !interval.is_zero() => {}
        Kind::Aggregate { .. } => names.push(timestamp),
        Kind::Temporal { features, .. } => {
            names.push(timestamp);
            names.extend(features.iter().map(|(name, _)| name.as_str()));
        }
    }
    let reserved =
        [(ANCHOR, true, "stored rows keep their time"), (PARTITION, offline, "offline tables keep their partition")];
    for name in names {
        let meets = |(reserved, holds, _): &&(&str, bool, &str)| *holds && name.eq_ignore_ascii_case(reserved);
        let Some((.., what)) = reserved.iter().find(meets) else { continue };
        let is_key = join_keys.iter().any(|(key, _)| key == name);
        let fix =
            if is_key { "give the join key another name, here and in entities.toml" } else { "rename it with AS" };
        fields.report("sql", format!("the column `{name}` has the name under which {what}"), fix);
    }
}

/// The view as it is in one workspace.
fn place(view: &View, workspace: &Workspace) -> View {
    View {
        id: stable_id(&workspace.name, "view", &view.name),
        workspace: workspace.name.clone(),
        live: workspace.live,
        ..view.clone()
    }
}

fn entities(fields: &Fields<'_>, catalog: &Catalog) -> Option<Vec<Arc<Entity>>> {
    fields.require("entities", "`entities = [\"...\"]`, names from entities.toml");
    let names = fields.texts("entities")?;
    let mut found: Vec<Arc<Entity>> = Vec::new();
    for name in &names {
        match catalog.entities.iter().find(|entity| entity.name == *name) {
            Some(entity) => found.push(Arc::clone(entity)),
            None => {
                unknown(fields, "entities", "entity", name, catalog, catalog.entities.iter().map(|e| e.name.as_str()))
            }
        }
    }
    if names.is_empty() {
        fields.report("entities", "is empty", "name at least one entity");
    }
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in found.iter().flat_map(|entity| &entity.join_keys) {
        if keys.contains(&key.as_str()) {
            fields.report("entities", format!("join key `{key}` comes twice"), "remove one of the entities");
        }
        keys.push(key);
    }
    (!found.is_empty() && found.len() == names.len()).then_some(found)
}

fn unknown<'a>(
    fields: &Fields<'_>,
    field: &str,
    kind: &str,
    name: &str,
    catalog: &Catalog,
    known: impl Iterator<Item = &'a str> + Clone,
) {
    if catalog.broken.iter().any(|broken| broken == name) {
        fields.report(field, format!("{kind} `{name}` has errors"), "correct them first");
    } else {
        fields.report(field, format!("there is no {kind} `{name}`"), suggest::fix(name, known));
    }
}

fn inputs(fields: &Fields<'_>, catalog: &Catalog) -> Option<Vec<Input>> {
    let example = "`source = \"flights\"`, or a list of `{ name = \"...\", source = \"...\" }`";
    fields.require("source", example);
    let named: Vec<NamedInput> = match fields.tables("source") {
        Some(tables) => tables.iter().filter_map(named_input).collect(),
        None => fields.texts("source")?.into_iter().map(NamedInput::plain).collect(),
    };
    let mut inputs: Vec<Input> = Vec::new();
    for NamedInput { name, source, filtered, start_time_offset } in &named {
        if inputs.iter().any(|input| input.name == *name) {
            fields.report("source", format!("input `{name}` comes twice"), "give one of them another name");
        }
        match catalog.sources.iter().find(|known| known.name == *source) {
            Some(source) => inputs.push(Input {
                name: name.clone(),
                source: Arc::clone(source),
                filtered: *filtered,
                start_time_offset: *start_time_offset,
            }),
            None => {
                let known = catalog.sources.iter().map(|known| known.name.as_str());
                unknown(fields, "source", "source", source, catalog, known);
            }
        }
    }
    check_inputs(fields, &inputs);
    (!inputs.is_empty() && inputs.len() == named.len()).then_some(inputs)
}

/// An input as it is written.
struct NamedInput {
    name: String,
    source: String,
    filtered: bool,
    start_time_offset: Span,
}

impl NamedInput {
    fn plain(source: String) -> Self {
        Self { name: source.clone(), source, filtered: true, start_time_offset: Span::zero() }
    }
}

/// `{ name, source, filtered, start_time_offset }` (docs/semantics.md section 2).
fn named_input(table: &Fields<'_>) -> Option<NamedInput> {
    let source = table.required_text("source", "`source = \"...\"`, a name from sources.toml");
    let name = table.text("name").or_else(|| source.clone());
    let filtered = table.flag("filtered").unwrap_or(true);
    let offset = table.text("start_time_offset").map(|text| {
        let span = text.trim().strip_prefix('-').and_then(|span| parse_span(span).ok()).map(|span| -span);
        let zero = parse_span(&text).ok().filter(Span::is_zero);
        if span.or(zero).is_none() {
            let fix = "write zero or a time back, such as \"-1h\"";
            table.report("start_time_offset", format!("`{text}` is not a time before the window"), fix);
        }
        span.or(zero).unwrap_or(Span::zero())
    });
    if offset.is_some() && !filtered {
        table.report("start_time_offset", "has no meaning for an input that is not filtered", "remove one of the two");
    }
    table.finish();
    Some(NamedInput { name: name?, source: source?, filtered, start_time_offset: offset.unwrap_or(Span::zero()) })
}

fn check_inputs(fields: &Fields<'_>, inputs: &[Input]) {
    let Some((first, others)) = inputs.split_first() else { return };
    if first.source.timestamp_column.is_none() {
        let fix = "put a source with a timestamp_column first";
        fields.report("source", format!("the first input `{}` has no event time", first.name), fix);
    }
    if !first.filtered && first.source.replay.is_some() {
        let problem = format!("the first input `{}` is replayed for ever and cannot be read whole", first.name);
        fields.report("source", problem, "remove `filtered = false`");
    }
    for input in others.iter().filter(|input| input.source.timestamp_column.is_some()) {
        let problem = format!("input `{}` has event times, and only the first input may", input.name);
        fields.report("source", problem, "join plain tables only: sources without a timestamp_column");
    }
}

fn serving_index(fields: &Fields<'_>, join_keys: &[(String, DataType)]) -> Vec<String> {
    let all: Vec<String> = join_keys.iter().map(|(name, _)| name.clone()).collect();
    let Some(index) = fields.texts("online_serving_index") else { return all };
    if all.is_empty() {
        return index;
    }
    for name in index.iter().filter(|name| !all.contains(name)) {
        let fix = suggest::fix(name, all.iter().map(String::as_str));
        fields.report("online_serving_index", format!("`{name}` is not a join key"), fix);
    }
    if index.is_empty() || index.len() + 1 < all.len() {
        let problem = "leaves out more than one join key, or all of them";
        fields.report("online_serving_index", problem, "name all join keys but one");
    }
    index
}

fn query(fields: &Fields<'_>) -> Option<String> {
    fields.require("mode", "`mode = \"spark_sql\"`");
    if let Some(mode) = fields.text("mode").filter(|mode| mode != "spark_sql") {
        fields.report("mode", format!("`{mode}` cannot be run"), "write mode = \"spark_sql\"");
    }
    fields.required_text("sql", "`sql = \"\"\"SELECT ...\"\"\"`")
}

/// Reports all that is wrong with the query, each on its line of the file.
fn report_refusal(fields: &Fields<'_>, refusal: &Refusal) {
    for Refusal { construct, line, column, problem, fix, .. } in refusal.all() {
        let problem = match construct.as_str() {
            "the query" => problem.clone(),
            construct => format!("line {line}, column {column} of the query: {construct}: {problem}"),
        };
        fields.report_line("sql", *line, problem, fix.clone());
    }
}

/// The fields that say what is materialized, where and when.
struct Schedule {
    online: bool,
    offline: bool,
    interval: Option<Span>,
    batch_schedule: Option<Span>,
    max_batch: Option<Span>,
    partition: Option<Span>,
    feature_start: Option<FeatureStart>,
    trigger: BatchTrigger,
    expected_freshness: Option<Span>,
}

fn schedule(fields: &Fields<'_>) -> Schedule {
    let trigger = match fields.text("batch_trigger").as_deref() {
        None | Some("scheduled") => BatchTrigger::Scheduled,
        Some("manual") => BatchTrigger::Manual,
        Some(other) => {
            let fix = "write \"scheduled\" or \"manual\"";
            fields.report("batch_trigger", format!("`{other}` is not a trigger"), fix);
            BatchTrigger::Scheduled
        }
    };
    Schedule {
        online: fields.flag("online").unwrap_or(false),
        offline: fields.flag("offline").unwrap_or(false),
        interval: interval(fields),
        batch_schedule: fields.positive_span("batch_schedule"),
        max_batch: fields.positive_span("max_batch_aggregation_interval"),
        partition: fields.positive_span("offline_partition"),
        feature_start: feature_start(fields),
        trigger,
        expected_freshness: fields.positive_span("expected_freshness"),
    }
}

/// Size of a tile; zero for `aggregation_mode = "continuous"`.
fn interval(fields: &Fields<'_>) -> Option<Span> {
    let interval = fields.positive_span("aggregation_interval");
    match fields.text("aggregation_mode").as_deref() {
        None | Some("time_interval") => interval,
        Some("continuous") => {
            if fields.has("aggregation_interval") {
                let fix = "remove it, or write aggregation_mode = \"time_interval\"";
                fields.report("aggregation_interval", "has no meaning in continuous mode", fix);
            }
            Some(Span::zero())
        }
        Some(other) => {
            let fix = "write \"time_interval\" or \"continuous\"";
            fields.report("aggregation_mode", format!("`{other}` is not a mode"), fix);
            None
        }
    }
}

impl Schedule {
    /// `batch_schedule` with its default, after the checks of docs/semantics.md section 2.
    fn checked(&self, fields: &Fields<'_>, kind: Option<&Kind>) -> Option<Span> {
        if self.batch_schedule.is_none() && !fields.has("aggregations") {
            fields.require("batch_schedule", "`batch_schedule = \"1d\"`, how often batch jobs run");
        }
        // In continuous mode a day, else a tile (docs/semantics.md section 2).
        let default = self.interval.map(|interval| if interval.is_zero() { Span::days(1) } else { interval });
        let batch_schedule = self.batch_schedule.or(default)?;
        if let Some(Kind::Aggregate { interval, .. }) = kind
            && !interval.is_zero()
        {
            multiple(fields, "batch_schedule", batch_schedule, "aggregation_interval", *interval);
            if let Some(partition) = self.partition {
                multiple(fields, "offline_partition", partition, "aggregation_interval", *interval);
            }
        }
        self.check_partition(fields);
        if let Some(max) = self.max_batch {
            multiple(fields, "max_batch_aggregation_interval", max, "batch_schedule", batch_schedule);
        }
        Some(batch_schedule)
    }
}

impl Schedule {
    /// Partitions are named by day, or by an instant of one (docs/semantics.md section 10).
    fn check_partition(&self, fields: &Fields<'_>) {
        let Some(partition) = self.partition else { return };
        let (size, day) = (span_micros(partition).max(1), span_micros(Span::days(1)));
        if size % day != 0 && day % size != 0 {
            let problem = format!("{} is neither whole days nor a divisor of a day", print_span(partition));
            fields.report("offline_partition", problem, "write a size such as `1h`, `6h` or `1d`");
        } else if !self.offline {
            fields.report("offline_partition", "has no meaning without `offline = true`", "add that, or remove it");
        }
    }
}

fn feature_start(fields: &Fields<'_>) -> Option<FeatureStart> {
    let text = fields.text("feature_start_time")?;
    let before = text.trim().strip_prefix("apply").map(|rest| rest.trim().strip_prefix('-').map(str::trim));
    let start = match before {
        Some(span) => span.and_then(|span| parse_span(span).ok()).map(FeatureStart::BeforeApply),
        None => parse_time(&text).ok().map(FeatureStart::At),
    };
    if start.is_none() {
        let fix = "write a time such as \"2026-01-01T00:00:00Z\", or \"apply - 3d\"";
        fields.report("feature_start_time", format!("`{text}` is not a time"), fix);
    }
    start
}
