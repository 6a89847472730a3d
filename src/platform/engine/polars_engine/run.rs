//! `run`: the view over a range of time, nothing written (docs/semantics.md section 7).
//!
//! Rows outside the range do not exist for it, and its tiles are aligned so that the end of the range is an edge.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::keys::Keys;
use super::query::{Reach, Reader, checked, query_error};
use super::sink::Collector;
use super::tiles::{Grid, TileBuilder, Tiles, Wanted};
use super::windows::{Points, features};
use crate::model::Window;
use crate::model::time::{micros, print_span};
use crate::platform::compute::EngineError;
use crate::platform::definition::{Kind, View};
use crate::platform::engine::args::{self, Level, refused};
use crate::platform::engine::ask::{Answer, Control, RunArgs};
use crate::platform::frame::instants;
use crate::platform::tiles;
use crate::platform::tiles::names::{Taken, shown_name};
use crate::wire::typed::declared;

/// As [`crate::platform::engine::Engine::run`] has it.
///
/// # Errors
/// As it says there.
pub(crate) fn run(view: &View, args: &RunArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError> {
    let mut plan = args::run(view, args)?;
    let mocks = mocks(view, args)?;
    let source = view.source_window(plan.window);
    let reach = Reach { source, rows: Some(plan.window) };
    let failed = |error: PolarsError| query_error(view, Some(plan.window), &error);
    let frame = match (&view.kind, plan.level, Grid::of(view)) {
        (Kind::Aggregate { .. }, level @ (Level::Partial | Level::Full), Some(grid)) => {
            let grid = grid.with_edge(micros(plan.window.end));
            let reader = Reader::new(view, &mocks, Some(view.query_columns()), args.now, control)?;
            let builder = TileBuilder::new(view, grid, Keys::new(&view.join_keys), Wanted::All, false);
            plan.warnings.extend(reader.later(reach)?);
            let tiles = reader.read(reach, builder)?.finish().map_err(failed)?;
            match level {
                Level::Partial => partial(view, grid, tiles),
                _ => full(view, grid, &tiles, None),
            }
        }
        _ => {
            let reader = Reader::new(view, &mocks, None, args.now, control)?;
            let columns = reader.output().map_err(failed)?;
            plan.warnings.extend(reader.later(reach)?);
            reader.read(reach, Collector::default())?.rows(&columns)
        }
    };
    Ok(Answer { frame: frame.map_err(failed)?, warnings: plan.warnings, timestamp_key: None })
}

/// Mocks with the columns in the types that the source declares.
fn mocks(view: &View, args: &RunArgs<'_>) -> Result<BTreeMap<String, DataFrame>, EngineError> {
    let mut mocks = BTreeMap::new();
    let query = checked(view)?;
    for input in &view.inputs {
        let Some(mock) = args.query.mock_sources.get(&input.name) else { continue };
        let mut columns = Vec::new();
        for (name, word) in &input.source.columns {
            let Ok(column) = mock.column(name) else { continue };
            let typed = declared(column, word);
            columns.push(
                typed.map_err(|misfit| refused(format!("mock source `{}`, column `{name}`: {misfit}", input.name)))?,
            );
        }
        // Columns that the source has and the mock lacks matter only where the query reads them.
        let read = query.columns_of(&input.name).unwrap_or_default();
        let missing = input.source.columns.iter().map(|(name, _)| name.as_str());
        let missing: Vec<&str> =
            missing.filter(|name| read.contains(&name.to_lowercase()) && mock.column(name).is_err()).collect();
        if !missing.is_empty() {
            let message =
                format!("mock source `{}` lacks columns that the query reads: add {}", input.name, missing.join(", "));
            return Err(refused(message));
        }
        let frame = DataFrame::new(mock.height(), columns).map_err(|error| {
            refused(format!("mock source `{}` is no table: {}", input.name, crate::model::foreign::sentence(&error)))
        })?;
        mocks.insert(input.name.clone(), frame);
    }
    Ok(mocks)
}

/// Tiles as they are shown.
fn partial(view: &View, grid: Grid, tiles: Tiles) -> PolarsResult<DataFrame> {
    let mut columns = tiles.keys.columns(&tiles.key);
    let continuous = grid.interval == 0;
    let suffix = match &view.kind {
        Kind::Aggregate { interval, .. } if !continuous => print_span(*interval),
        _ => "continuous".to_owned(),
    };
    let layout = tiles::stored_columns(view);
    let keys = view.join_keys.iter().map(|(name, _)| name.as_str());
    let mut taken = Taken::by(keys.chain(continuous.then_some(view.timestamp_field.as_str())));
    let (starts, ends) = (taken.give("tile_start_time".to_owned()), taken.give("tile_end_time".to_owned()));
    let mut shown: Vec<String> = Vec::new();
    for (stored, column) in layout.iter().zip(tiles.values).filter(|(stored, _)| stored.part.is_shown()) {
        let mut name = shown_name(stored, &suffix);
        if shown.contains(&name) {
            // Two lists of one column: the stored name tells them apart.
            name = format!("{}_{suffix}", stored.name);
        }
        let name = taken.give(name);
        columns.push(column.with_name(name.as_str().into()));
        shown.push(name);
    }
    if continuous {
        columns.insert(view.join_keys.len(), instants(&view.timestamp_field, tiles.start)?);
    } else {
        let last = tiles.start.iter().map(|start| start + grid.interval).collect();
        columns.push(instants(&starts, tiles.start)?);
        columns.push(instants(&ends, last)?);
    }
    in_order(DataFrame::new(tiles.key.len(), columns)?, if continuous { &view.timestamp_field } else { &starts })
}

/// Features at the end of each tile, those ends inside `range` where one is given: keys, timestamp, features.
pub(crate) fn full(view: &View, grid: Grid, tiles: &Tiles, range: Option<Window>) -> PolarsResult<DataFrame> {
    let mut points = Points::default();
    let range = range.map(|range| (micros(range.start), micros(range.end)));
    for (key, start) in tiles.key.iter().zip(&tiles.start) {
        let end = start + grid.interval;
        if range.is_none_or(|(from, to)| from <= end && end < to) {
            points.key.push(*key);
            points.at.push(end);
        }
    }
    let mut columns = tiles.keys.columns(&points.key);
    let values = features(&view.kind, grid, tiles, &points)?;
    columns.push(instants(&view.timestamp_field, points.at)?);
    columns.extend(values);
    in_order(DataFrame::new(points.key.len(), columns)?, &view.timestamp_field)
}

fn in_order(frame: DataFrame, by: &str) -> PolarsResult<DataFrame> {
    frame.sort([by], SortMultipleOptions::default().with_maintain_order(true))
}
