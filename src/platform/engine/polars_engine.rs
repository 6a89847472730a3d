//! The engine on Polars: one process, threads of its own.
//!
//! A thread of a current-thread async runtime must not call it: Polars blocks on a runtime of its own.

pub(crate) mod asof;
pub(crate) mod fold;
pub(crate) mod guard;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod materialize;
pub(crate) mod memory;
pub(crate) mod moments;
pub(crate) mod query;
pub(crate) mod run;
pub(crate) mod sink;
pub(crate) mod stored;
pub(crate) mod stream;
pub(crate) mod tiles;
pub(crate) mod values;
pub(crate) mod watch;
pub(crate) mod windows;

use polars::prelude::DataFrame;

use super::Engine;
use super::ask::{Answer, Control, HistoryArgs, RunArgs, Streamed};
use crate::model::{Time, Window};
use crate::platform::compute::EngineError;
use crate::platform::definition::View;

/// The engine that computes with Polars, the only one there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolarsEngine;

impl Engine for PolarsEngine {
    fn materialize(
        &self,
        view: &View,
        window: Window,
        now: Time,
        control: Control<'_>,
    ) -> Result<DataFrame, EngineError> {
        materialize::materialize(view, window, now, control)
    }

    fn transform_stream(&self, view: &View, events: DataFrame) -> Result<Streamed, EngineError> {
        stream::transform_stream(view, events)
    }

    fn run(&self, view: &View, args: &RunArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError> {
        run::run(view, args, control)
    }

    fn history(&self, view: &View, args: &HistoryArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError> {
        history::history(view, args, control)
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
