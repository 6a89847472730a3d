//! The arguments of `run` and `get_historical_features`, judged (docs/reference.md, run and get_historical_features;
//! docs/semantics.md sections 7 and 8).
//!
//! Each refusal says what is wrong, with what, and what to change. Nothing is read or computed here.

use polars::prelude::{DataFrame, DataType as Polars};

use super::ask::{HistoryArgs, RunArgs};
use crate::model::time::{floor, from_micros, print_span, print_time, span_micros};
use crate::model::{DataType, Span, Window};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{Kind, View};
use crate::platform::frame;

/// A refusal of what was asked for.
pub(crate) fn refused(message: String) -> EngineError {
    EngineError { kind: ErrorKind::Arguments, message }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Disabled,
    Partial,
    Full,
}

/// What `run` is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunPlan {
    pub window: Window,
    /// How far it goes; views without aggregations always give their rows.
    pub level: Level,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

/// Judges the arguments of `run`.
pub(crate) fn run(view: &View, args: &RunArgs<'_>) -> Result<RunPlan, EngineError> {
    let level = level(view, args.query.aggregation_level.as_deref())?;
    check_mocks(view, args)?;
    let window = run_window(view, args);
    if window.end <= window.start {
        return Err(refused(format!(
            "end_time {} is not after start_time {}: give a later end_time",
            print_time(window.end),
            print_time(window.start)
        )));
    }
    let warnings = run_warnings(view, window, level);
    Ok(RunPlan { window, level, warnings })
}

fn level(view: &View, word: Option<&str>) -> Result<Level, EngineError> {
    let Kind::Aggregate { .. } = view.kind else {
        return match word {
            None => Ok(Level::Disabled),
            Some(word) => Err(refused(format!(
                "aggregation_level is `{}`, and view {} has no aggregations: leave it out",
                word.escape_debug(),
                view.name
            ))),
        };
    };
    match word {
        None | Some("full") => Ok(Level::Full),
        Some("partial") => Ok(Level::Partial),
        Some("disabled") => Ok(Level::Disabled),
        Some(other) => {
            Err(refused(format!("aggregation_level is `{}`: write disabled, partial or full", other.escape_debug())))
        }
    }
}

fn check_mocks(view: &View, args: &RunArgs<'_>) -> Result<(), EngineError> {
    let inputs: Vec<&str> = view.inputs.iter().map(|input| input.name.as_str()).collect();
    match args.query.mock_sources.keys().find(|name| !inputs.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(refused(format!(
            "view {} has no input `{}` that a mock could stand for: its inputs are {}",
            view.name,
            unknown.escape_debug(),
            inputs.join(", ")
        ))),
    }
}

/// The range with its defaults, by batch_schedule (docs/reference.md, run).
fn run_window(view: &View, args: &RunArgs<'_>) -> Window {
    let step = view.batch_schedule;
    let (start, end) = match (args.query.start_time, args.query.end_time) {
        (Some(start), Some(end)) => (start, end),
        (Some(start), None) => (start, start + step),
        (None, Some(end)) => (end - step, end),
        (None, None) => (floor(args.now, step) - step, floor(args.now, step)),
    };
    Window { start, end }
}

fn run_warnings(view: &View, window: Window, level: Level) -> Vec<String> {
    let mut warnings = Vec::new();
    let Kind::Aggregate { interval, .. } = &view.kind else { return warnings };
    if interval.is_zero() || level == Level::Disabled {
        return warnings;
    }
    let longest = view.longest_window().unwrap_or(*interval);
    if level == Level::Full && window.span() < longest {
        warnings.push(format!(
            "The range, {}, is shorter than the longest window, {}: features of that window see only part of it. Start at {} \
             or earlier to fill it.",
            print_span(window.span()),
            print_span(longest),
            print_time(window.end - longest)
        ));
    }
    if span_micros(window.span()) % span_micros(*interval).max(1) != 0 {
        warnings.push(format!(
            "The range, {}, is not a multiple of the aggregation interval, {}: tiles are aligned to end_time, and the first one \
             is not whole.",
            print_span(window.span()),
            print_span(*interval)
        ));
    }
    warnings
}

/// What `get_historical_features` is to do.
pub(crate) enum HistoryPlan {
    /// Values at the rows of a spine.
    Spine {
        /// The spine, as it came.
        spine: DataFrame,
        timestamp_key: String,
    },
    /// All values of a range.
    Range {
        window: Window,
        /// The keys that are wanted: a frame of join keys, each row once.
        entities: Option<DataFrame>,
    },
}

/// Judges the arguments of `get_historical_features`; the warnings say what was bent.
pub(crate) fn history(view: &View, args: &HistoryArgs<'_>) -> Result<(HistoryPlan, Vec<String>), EngineError> {
    match &args.query.spine {
        Some(spine) => spine_plan(view, args, spine),
        None => range_plan(view, args),
    }
}

fn spine_plan(
    view: &View,
    args: &HistoryArgs<'_>,
    spine: &DataFrame,
) -> Result<(HistoryPlan, Vec<String>), EngineError> {
    let given = [
        ("start_time", args.query.start_time.is_some()),
        ("end_time", args.query.end_time.is_some()),
        ("entities", args.query.entities.is_some()),
    ];
    if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
        let message =
            format!("{name} is only for a range of time, and a spine was given: leave out {name} or the spine");
        return Err(refused(message));
    }
    let timestamp_key = timestamp_key(args.query.timestamp_key.as_deref(), spine)?;
    let optional = wildcard(view, spine);
    for (key, declared) in view.join_keys.iter().filter(|(key, _)| Some(key.as_str()) != optional) {
        check_key(spine, "spine", key, declared)?;
    }
    if view.join_keys.iter().any(|(key, _)| *key == timestamp_key) {
        return Err(refused(format!("timestamp_key `{timestamp_key}` is a join key: name the spine's time column")));
    }
    let names = feature_names(view, &args.separator);
    if let Some(taken) = names.iter().find(|name| spine.column(name).is_ok()) {
        return Err(refused(format!("the spine has a column `{taken}`, which is the name of a feature: rename it")));
    }
    Ok((HistoryPlan::Spine { spine: spine.clone(), timestamp_key }, Vec::new()))
}

/// The names of feature columns beside a spine: `view.feature`, with the separator of the settings.
pub(crate) fn feature_names(view: &View, separator: &str) -> Vec<String> {
    view.feature_names().into_iter().map(|feature| format!("{}{separator}{feature}", view.name)).collect()
}

/// The wildcard join key, where the spine lacks it: one result for each of its values (docs/semantics.md section 9).
pub(crate) fn wildcard<'a>(view: &'a View, spine: &DataFrame) -> Option<&'a str> {
    let missing =
        |name: &str| !view.online_serving_index.iter().any(|index| index == name) && spine.column(name).is_err();
    view.join_keys.iter().map(|(name, _)| name.as_str()).find(|name| missing(name))
}

fn timestamp_key(given: Option<&str>, spine: &DataFrame) -> Result<String, EngineError> {
    let columns = spine.columns();
    let times: Vec<&str> = columns.iter().filter(|c| frame::is_time(c)).map(|c| c.name().as_str()).collect();
    let Some(key) = given else {
        return match times.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => {
                let names: Vec<&str> = columns.iter().map(|column| column.name().as_str()).collect();
                Err(refused(format!(
                    "the spine has no timestamp column among {}: add one, or make its times timestamps",
                    names.join(", ")
                )))
            }
            several => Err(refused(format!(
                "the spine has several timestamp columns, {}: say which one is meant with timestamp_key",
                several.join(", ")
            ))),
        };
    };
    match spine.column(key) {
        Err(_) => Err(refused(format!(
            "the spine has no column `{}` for timestamp_key: {}",
            key.escape_debug(),
            if times.is_empty() {
                "it has no timestamp column at all".to_owned()
            } else {
                format!("choose from {}", times.join(", "))
            }
        ))),
        Ok(column) if !frame::is_time(column) => Err(refused(format!(
            "timestamp_key `{key}` is {}, not a timestamp: make its values timestamps",
            column.dtype()
        ))),
        Ok(_) => Ok(key.to_owned()),
    }
}

fn check_key(rows: &DataFrame, what: &str, key: &str, declared: &DataType) -> Result<(), EngineError> {
    let column = rows.column(key).map_err(|_| {
        refused(format!("the {what} has no column for the join key `{key}`: add it, of type {declared}"))
    })?;
    // A column of nothing but nulls has no type of its own.
    let fits = matches!(column.dtype(), Polars::Null) || frame::data_type(column.dtype()).as_ref() == Some(declared);
    if fits {
        return Ok(());
    }
    let found = frame::data_type(column.dtype()).map_or_else(|| column.dtype().to_string(), |word| word.to_string());
    Err(refused(format!("join key `{key}` is {found} in the {what}, and the view's is {declared}: convert the column")))
}

fn range_plan(view: &View, args: &HistoryArgs<'_>) -> Result<(HistoryPlan, Vec<String>), EngineError> {
    if args.query.timestamp_key.is_some() {
        let message = "timestamp_key names a column of a spine, and no spine was given: leave it out, or give a spine";
        return Err(refused(message.to_owned()));
    }
    let entities = args.query.entities.as_ref().map(|entities| check_entities(view, entities)).transpose()?;
    let mut warnings = Vec::new();
    let mut start = args.query.start_time.or(args.feature_start_time).unwrap_or_else(|| from_micros(0));
    if let Some(begins) = args.feature_start_time.filter(|begins| start < *begins) {
        warnings.push(format!(
            "start_time {} is before the features begin: the range starts at feature_start_time, {}.",
            print_time(start),
            print_time(begins)
        ));
        start = begins;
    }
    // The tile that has just ended belongs to the range.
    let tick = Span::microseconds(1);
    let end = args.query.end_time.unwrap_or_else(|| match &view.kind {
        Kind::Aggregate { interval, .. } => floor(args.now, *interval) + tick,
        Kind::Temporal { .. } => args.now,
    });
    if args.query.end_time.is_some_and(|end| end <= args.query.start_time.unwrap_or(start)) {
        return Err(refused(format!(
            "end_time {} is not after start_time {}: give a later end_time",
            print_time(end),
            print_time(args.query.start_time.unwrap_or(start))
        )));
    }
    Ok((HistoryPlan::Range { window: Window { start, end: end.max(start) }, entities }, warnings))
}

fn check_entities(view: &View, entities: &DataFrame) -> Result<DataFrame, EngineError> {
    let keys: Vec<&str> = view.join_keys.iter().map(|(name, _)| name.as_str()).collect();
    if entities.width() == 0 {
        return Err(refused(format!("entities has no column: give some of the join keys {}", keys.join(", "))));
    }
    for column in entities.columns() {
        let name = column.name().as_str();
        let Some((_, declared)) = view.join_keys.iter().find(|(key, _)| key == name) else {
            return Err(refused(format!(
                "entities has a column `{}`, which is no join key of view {}: keep only {}",
                name.escape_debug(),
                view.name,
                keys.join(", ")
            )));
        };
        check_key(entities, "entities frame", name, declared)?;
    }
    Ok(entities.clone())
}
