//! The Summary pane: what the view is, how fresh it is, and its features.
//!
//! ```text
//! ╭ Summary ──────────────── ● fresh ╮
//! │ Delays of a carrier by the hour. │
//! │ freshness  2m, stale after 1h30m │
//! │ join keys  carrier string        │
//! │ …                                │
//! │ Features (6)                     │
//! │ dep_delay_mean_1d_1h  float64    │
//! ╰──────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use super::form::hanging;
use super::{pane, trouble};
use crate::client::message::{Offer, Part};
use crate::model::time::print_span;
use crate::model::{BatchTrigger, FeatureView, Freshness, Time, ViewKind};
use crate::tui::ages;
use crate::tui::app::{App, Pane};
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::text::{cut, fit, width, wrap};
use crate::tui::theme::Meaning;

const NAMES: usize = 12;
/// What the pane tells of the definition itself, and so does not repeat of the deployment's summary: the fixed rows
/// that every deployment sends (docs/wire.md section 2.4), and those of ours.
const KNOWN: [&str; 21] = [
    "name",
    "workspace",
    "description",
    "created at",
    "owner",
    "source filename",
    "tags",
    "type",
    "freshness",
    "materialization",
    "entities",
    "join keys",
    "wildcard join key",
    "features",
    "feature start time",
    "timestamp field",
    "batch schedule",
    "batch trigger",
    "max data delay",
    "stores",
    "data sources",
];

/// Draws the pane as far as it is scrolled.
pub(super) fn draw(canvas: &mut Canvas, app: &App, area: Rect) {
    let inner = canvas.frame(area, app.focus == Pane::Summary, &pane::title(app, Pane::Summary), &status(app));
    let foot = trouble::foot(canvas, app, Pane::Summary);
    canvas.frame_foot(area, &foot);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(view) = app.feature_view() else {
        canvas.empty(inner, &pane::waiting(app));
        return;
    };
    let inside = trouble::top(canvas, app, Pane::Summary, inside);
    let lines = lines(app, view, usize::from(inside.width));
    canvas.layout.summary = canvas.lines(inside, &lines, app.summary_scroll);
    let (total, visible) = canvas.layout.summary;
    canvas.thumb(area, app.summary_scroll, visible, total);
}

/// Fresh or stale, in a word; what is not known to be so now, was so.
pub(super) fn status(app: &App) -> Line {
    let current = trouble::is_current(app, Part::Freshness);
    match &app.freshness {
        Some(freshness) if !current && freshness.is_stale => vec![piece("was stale", Meaning::Dim)],
        Some(Freshness { freshness: Some(_), .. }) if !current => vec![piece("was fresh", Meaning::Dim)],
        Some(freshness) if freshness.is_stale => vec![piece("✗ stale", Meaning::Warning)],
        Some(Freshness { freshness: Some(_), .. }) => vec![piece("● fresh", Meaning::Good)],
        _ => Vec::new(),
    }
}

fn lines(app: &App, view: &FeatureView, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in wrap(&view.description, width) {
        lines.push(vec![piece(line, Meaning::Text)]);
    }
    facts(&mut lines, first_facts(app, view), width);
    lines.push(Vec::new());
    features(&mut lines, view, width);
    lines.push(Vec::new());
    facts(&mut lines, other_facts(view), width);
    beyond(&mut lines, app, view, width);
    lines
}

/// What the deployment's summary says beyond the definition.
fn beyond(lines: &mut Vec<Line>, app: &App, view: &FeatureView, width: usize) {
    let is_known = |name: &str| KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
    // Whoever changed the view last is worth a line when it was somebody else.
    let says_more = |(name, value): &&(String, String)| {
        !is_known(name) && !value.is_empty() && (!name.eq_ignore_ascii_case("last modified by") || *value != view.owner)
    };
    let rows: Vec<_> = app.summary_rows.iter().filter(says_more).collect();
    let Some(longest) = rows.iter().map(|(name, _)| self::width(name) + 1).max() else { return };
    lines.push(Vec::new());
    lines.push(vec![piece("the deployment says", Meaning::Strong)]);
    let names = longest.clamp(NAMES, NAMES.max(width / 3));
    for (name, value) in rows {
        pair(lines, (name, names), value, Meaning::Text, width);
    }
}

type Fact = (&'static str, String, Meaning);

fn facts(lines: &mut Vec<Line>, facts: Vec<Fact>, width: usize) {
    for (name, value, meaning) in facts.into_iter().filter(|(_, value, _)| !value.is_empty()) {
        pair(lines, (name, NAMES), &value, meaning, width);
    }
}

fn text(name: &'static str, value: String) -> Fact {
    (name, value, Meaning::Text)
}

/// What is asked most often.
fn first_facts(app: &App, view: &FeatureView) -> Vec<Fact> {
    let kind = match (&view.kind, view.is_stream) {
        (kind, true) => format!("stream, {}", made(kind)),
        (kind, false) => format!("batch, {}", made(kind)),
    };
    let stores = match (view.online, view.offline) {
        (true, true) => "online, offline",
        (true, false) => "online",
        (false, true) => "offline",
        (false, false) => "none: nothing is materialized",
    };
    let trigger = match view.batch_trigger {
        BatchTrigger::Scheduled => "by the platform",
        BatchTrigger::Manual => "by hand (t)",
        BatchTrigger::NoBatch => "none: no batch jobs",
    };
    vec![
        freshness(app),
        text("kind", kind),
        text("join keys", join_keys(view)),
        text("entities", view.entities.join(", ")),
        text("sources", view.data_sources.join(", ")),
        text("stores", stores.to_owned()),
        text("schedule", view.batch_schedule.map(|step| format!("every {}", print_span(step))).unwrap_or_default()),
        text("batch jobs", trigger.to_owned()),
        text("owner", view.owner.clone()),
    ]
}

fn other_facts(view: &FeatureView) -> Vec<Fact> {
    let tags: Vec<String> = view.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let time = |at: Option<Time>| at.map(|at| at.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
    vec![
        text("starts", time(view.feature_start_time)),
        text("data delay", view.max_data_delay.map(print_span).unwrap_or_default()),
        text("timestamp", view.timestamp_field.clone().unwrap_or_default()),
        text("lookup by", lookup_keys(view)),
        text("tags", tags.join(", ")),
        text("family", view.family.clone()),
        text("workspace", view.workspace.clone()),
        text("created", time(view.created_at)),
        text("defined in", view.defined_in.clone()),
        text("url", view.url.clone()),
        text("id", view.id.to_string()),
    ]
}

fn made(kind: &ViewKind) -> String {
    match kind {
        ViewKind::Aggregate { interval: Some(interval) } => format!("aggregate in tiles of {}", print_span(*interval)),
        ViewKind::Aggregate { interval: None } => "aggregate, continuous".to_owned(),
        ViewKind::Temporal { ttl: Some(ttl) } => format!("latest row, ttl {}", print_span(*ttl)),
        ViewKind::Temporal { ttl: None } => "latest row, no ttl".to_owned(),
        ViewKind::OnDemand => "computed when asked for".to_owned(),
        ViewKind::Other => "of a kind not known here".to_owned(),
    }
}

/// The online serving index, where it is not simply all join keys.
fn lookup_keys(view: &FeatureView) -> String {
    if view.wildcard_join_key().is_none() { String::new() } else { view.online_serving_index.join(", ") }
}

fn join_keys(view: &FeatureView) -> String {
    let wildcard = view.wildcard_join_key();
    let keys = view.join_keys.iter().map(|key| match wildcard == Some(&key.name) {
        true => format!("{} {} (wildcard)", key.name, key.data_type),
        false => format!("{} {}", key.name, key.data_type),
    });
    keys.collect::<Vec<_>>().join(", ")
}

fn freshness(app: &App) -> Fact {
    let Some(known) = &app.freshness else {
        let why = match app.offer(Part::Freshness) {
            Offer::Missing(_) => "not served by this deployment",
            Offer::Forbidden(_) => "the API key may not read it",
            Offer::Unknown | Offer::Served => "",
        };
        return ("freshness", why.to_owned(), Meaning::Dim);
    };
    let value = match (known.freshness, known.expected) {
        _ if !known.materialization_enabled => "not materialized".to_owned(),
        (Some(age), Some(expected)) => format!("{}, stale after {}", ages::coarse(age), print_span(expected)),
        (Some(age), None) => ages::coarse(age),
        (None, _) => "nothing was written yet".to_owned(),
    };
    let meaning = match (trouble::is_current(app, Part::Freshness), known.is_stale) {
        (false, _) => Meaning::Dim,
        (true, true) => Meaning::Warning,
        (true, false) => Meaning::Good,
    };
    ("freshness", value, meaning)
}

/// A name in so many cells and its value, wrapped in the cells that are left.
fn pair(lines: &mut Vec<Line>, (name, names): (&str, usize), value: &str, meaning: Meaning, width: usize) {
    let name = fit(&cut(name, names.saturating_sub(1)), names, false);
    lines.extend(hanging(vec![piece(name, Meaning::Dim)], value, width, meaning));
}

/// The features as a table where it fits, else each in two lines.
fn features(lines: &mut Vec<Line>, view: &FeatureView, wide: usize) {
    lines.push(vec![piece(format!("features ({})", view.features.len()), Meaning::Strong)]);
    let longest = |part: fn(&crate::model::Feature) -> String| view.features.iter().map(|f| width(&part(f))).max();
    let names = longest(|feature| feature.name.clone()).unwrap_or(0);
    let types = longest(data_type).unwrap_or(0);
    let definitions = longest(|feature| feature.definition.clone()).unwrap_or(0);
    let one_line = names + types + definitions + 4 <= wide;
    for feature in &view.features {
        let name =
            if one_line || names + types + 2 <= wide { fit(&feature.name, names, false) } else { feature.name.clone() };
        let mut line = vec![piece(name, Meaning::Text), piece(format!("  {}", data_type(feature)), Meaning::Dim)];
        if one_line {
            let blanks = types.saturating_sub(width(&data_type(feature))) + 2;
            line.push(piece(format!("{}{}", " ".repeat(blanks), feature.definition), Meaning::Dim));
        }
        lines.push(line);
        if !one_line && !feature.definition.is_empty() {
            lines.push(vec![piece(format!("  {}", feature.definition), Meaning::Dim)]);
        }
    }
}

fn data_type(feature: &crate::model::Feature) -> String {
    feature.data_type.as_ref().map(ToString::to_string).unwrap_or_default()
}
