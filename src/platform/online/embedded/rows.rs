//! Latest rows of temporal views.

use std::collections::BTreeMap;

use fjall::OwnedWriteBatch;
use polars::prelude::DataFrame;

use super::super::{OnlineError, StreamWrite, codec};
use super::tiles::unfit;
use super::{EmbeddedStore, key_prefix};
use crate::model::{Time, Value};
use crate::platform::engine::frame;
use crate::platform::registry::definition::{Kind, View};

impl EmbeddedStore {
    /// Writes rows whose time is not before that of the stored row of their key. Among rows of one time the later wins.
    pub(super) fn upsert_rows(
        &self,
        batch: &mut OwnedWriteBatch,
        view: &View,
        rows: &DataFrame,
    ) -> Result<StreamWrite, OnlineError> {
        let Kind::Temporal { features, .. } = &view.kind else { return Ok(StreamWrite::default()) };
        let keys = view.join_keys.iter().map(|(name, _)| name.as_str());
        let stored = features.iter().map(|(name, _)| name.as_str());
        let names: Vec<&str> = keys.chain([view.timestamp_field.as_str()]).chain(stored).collect();
        let mut newest: BTreeMap<Vec<u8>, (Time, Vec<Value>)> = BTreeMap::new();
        let mut done = StreamWrite::default();
        for mut keys in frame::rows(rows, &names).map_err(|error| unfit(view, &error))? {
            let values = keys.split_off(view.join_keys.len());
            let Some(Value::Time(time)) = values.first().cloned() else { continue };
            let key = key_prefix(view, &keys)?;
            let known = match newest.get(&key) {
                Some((time, _)) => Some(*time),
                None => self.row_at(view, &key)?.map(|(time, _)| time),
            };
            if known.is_some_and(|known| known > time) {
                done.late += 1;
            } else {
                done.written += 1;
                newest.insert(key, (time, values));
            }
        }
        for (key, (_, values)) in newest {
            batch.insert(&self.rows, key, codec::encode(&values));
        }
        Ok(done)
    }

    /// The stored row of a key: its time and features.
    pub(super) fn read_row(&self, view: &View, keys: &[Value]) -> Result<Option<(Time, Vec<Value>)>, OnlineError> {
        self.row_at(view, &key_prefix(view, keys)?)
    }

    fn row_at(&self, view: &View, key: &[u8]) -> Result<Option<(Time, Vec<Value>)>, OnlineError> {
        let Some(bytes) = self.rows.get(key).map_err(|error| self.failed(&error))? else { return Ok(None) };
        let mut values = codec::decode(&bytes).unwrap_or_default().into_iter();
        match values.next() {
            Some(Value::Time(time)) => Ok(Some((time, values.collect()))),
            _ => Err(self.damaged(view)),
        }
    }
}
