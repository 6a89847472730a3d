//! What is asked: the arguments of a query with its tables read.
//!
//! Plain data; the engine judges it.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::DataFrame;

use crate::model::Time;
use crate::platform::definition::View;

/// What is to be computed, with its tables. Nothing is judged yet but that the view is there.
#[derive(Clone, Debug)]
pub enum Ask {
    /// `run`.
    Run(RunAsk),
    /// `get_historical_features`.
    History(HistoryAsk),
}

/// `run`.
#[derive(Clone, Debug)]
pub struct RunAsk {
    /// The view.
    pub view: Arc<View>,
    /// First instant.
    pub start_time: Option<Time>,
    /// First instant after.
    pub end_time: Option<Time>,
    /// The level as it was written.
    pub aggregation_level: Option<String>,
    /// Tables that stand for inputs, by the input's name.
    pub mock_sources: BTreeMap<String, DataFrame>,
}

/// `get_historical_features`.
#[derive(Clone, Debug)]
pub struct HistoryAsk {
    /// The view.
    pub view: Arc<View>,
    /// The spine.
    pub spine: Option<DataFrame>,
    /// The spine's time column.
    pub timestamp_key: Option<String>,
    /// First instant.
    pub start_time: Option<Time>,
    /// First instant after.
    pub end_time: Option<Time>,
    /// The keys that are wanted.
    pub entities: Option<DataFrame>,
    /// Compute from the source.
    pub from_source: bool,
    /// The name of the dataset that the result is kept as.
    pub save_as: Option<String>,
}

impl Ask {
    /// Bytes that its tables take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Run(run) => run.mock_sources.values().map(DataFrame::estimated_size).sum(),
            Self::History(history) => {
                history.spine.iter().chain(&history.entities).map(DataFrame::estimated_size).sum()
            }
        }
    }
}
