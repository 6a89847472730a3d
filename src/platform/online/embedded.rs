//! The online store on this machine: fjall, an embedded log-structured store.

use std::path::Path;

use polars::prelude::DataFrame;

use super::{OnlineError, OnlineStore, StreamWrite};
use crate::model::{FeatureVector, Id, Time, Value, Window};
use crate::platform::registry::definition::View;

/// The store in one folder.
pub struct EmbeddedStore {}

impl EmbeddedStore {
    /// Opens the store in `dir`, creating it when it is not there.
    pub fn open(dir: &Path) -> Result<Self, OnlineError> {
        Err(OnlineError::Store { path: dir.display().to_string(), problem: "not built yet".to_owned() })
    }
}

fn not_built<T>() -> Result<T, OnlineError> {
    Err(OnlineError::Mismatch("not built yet".to_owned()))
}

impl OnlineStore for EmbeddedStore {
    fn write_batch(&self, _view: &View, _window: Window, _rows: &DataFrame) -> Result<u64, OnlineError> {
        not_built()
    }

    fn write_stream(
        &self,
        _view: &View,
        _rows: &DataFrame,
        _offset: Time,
        _latest_event: Option<Time>,
    ) -> Result<StreamWrite, OnlineError> {
        not_built()
    }

    fn stream_offset(&self, _view: Id) -> Result<Option<Time>, OnlineError> {
        not_built()
    }

    fn latest_event(&self, _view: Id) -> Result<Option<Time>, OnlineError> {
        not_built()
    }

    fn lookup(&self, _view: &View, _keys: &[Value], _at: Time) -> Result<FeatureVector, OnlineError> {
        not_built()
    }
}
