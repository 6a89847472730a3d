//! What is asked: a query with its tables read, and its view.
//!
//! Plain data; the engine judges it.

use std::sync::Arc;

use polars::prelude::DataFrame;

use crate::platform::definition::View;
use crate::wire::queries::Query;

/// What is to be computed. Nothing is judged yet but that the view is there; the name of a dataset to keep is settled.
#[derive(Clone, Debug)]
pub struct Ask {
    pub view: Arc<View>,
    /// What is asked of it, whole microseconds.
    pub query: Query<DataFrame>,
}

impl Ask {
    /// Bytes that its tables take.
    pub fn bytes(&self) -> usize {
        self.query.tables().into_iter().map(DataFrame::estimated_size).sum()
    }
}
