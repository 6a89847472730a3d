//! How the data of one view lies in the store: made once a definition, read by every call. No I/O.
//!
//! Keys are the view's id, its join keys with the wildcard key last, and for tiles their start. So the tiles of one key
//! lie together, oldest first, and so do all values of the wildcard key under the same indexed keys.

use super::contract::{Space, after};
use super::meta::Meta;
use super::{OnlineError, codec};
use crate::model::time::{from_micros, micros, span_micros};
use crate::model::{DataType, Id, Span, Time, Value, Window};
use crate::platform::definition::{Kind, View};
use crate::platform::tiles::{StoredColumn, stored_columns};

/// Bytes of a view's id at the front of every key.
pub const ID_BYTES: usize = 16;
/// Bytes of a tile's start: at the end of its key, behind the id in the index.
pub const START_BYTES: usize = 8;

/// What the store needs to know of a view.
pub struct Plan {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// How its features are made.
    pub kind: Kind,
    /// Join keys with types, in the view's order.
    pub join_keys: Vec<(String, DataType)>,
    /// The timestamp column of rows.
    pub timestamp_field: String,
    /// The stored columns of a tile; none for temporal views.
    pub layout: Vec<StoredColumn>,
    /// Where the join keys stand in the view's order, in the order of stored keys.
    pub order: Vec<usize>,
    /// The names of features as lookups answer them.
    pub feature_names: Vec<String>,
    /// See [`Meta::shape_of`].
    pub shape: Vec<u8>,
    index: Vec<String>,
}

impl Plan {
    /// The plan of a view.
    pub fn of(view: &View) -> Self {
        Self {
            id: view.id,
            name: view.name.clone(),
            kind: view.kind.clone(),
            join_keys: view.join_keys.clone(),
            timestamp_field: view.timestamp_field.clone(),
            layout: stored_columns(view),
            order: key_order(view),
            feature_names: view.feature_names().iter().map(|name| format!("{}.{name}", view.name)).collect(),
            shape: Meta::shape_of(view),
            index: view.online_serving_index.clone(),
        }
    }

    /// Whether it is the plan of that definition.
    pub fn fits(&self, view: &View) -> bool {
        self.name == view.name
            && self.join_keys == view.join_keys
            && self.index == view.online_serving_index
            && self.timestamp_field == view.timestamp_field
            && self.kind == view.kind
    }

    /// Where its data is.
    pub fn space(&self) -> Space {
        if matches!(self.kind, Kind::Aggregate { .. }) { Space::Tiles } else { Space::Rows }
    }

    /// Size of a tile and the longest window, microseconds; zero for temporal views.
    pub fn reach(&self) -> (i64, i64) {
        let Kind::Aggregate { interval, aggregations } = &self.kind else { return (0, 0) };
        let longest = aggregations.iter().map(|aggregation| aggregation.time_window).max().unwrap_or(*interval);
        (span_micros(*interval), span_micros(longest))
    }

    /// How long a row counts; absent for ever, and for aggregates.
    pub fn ttl(&self) -> Option<Span> {
        if let Kind::Temporal { ttl, .. } = &self.kind { *ttl } else { None }
    }

    /// The first tile start that a lookup at `now` or later can reach, microseconds: its tile ends behind
    /// `floor(now) - longest window` (docs/semantics.md section 6).
    pub fn first_start(&self, now: i64) -> i64 {
        let (interval, longest) = self.reach();
        let edge = if interval > 0 { now.div_euclid(interval).saturating_mul(interval) } else { now };
        edge.saturating_sub(longest).saturating_sub(interval).saturating_add(1)
    }

    /// The instant at which a row of that time is over, both in microseconds; absent where rows count for ever.
    pub fn row_ends(&self, time: i64) -> Option<i64> {
        self.ttl().map(|ttl| time.saturating_add(span_micros(ttl)))
    }

    /// The times whose tiles or rows a lookup at an instant can see.
    pub fn seen_at(&self, at: Time) -> Window {
        let start = match (&self.kind, self.ttl()) {
            // The end of the first tile that counts lies behind this.
            (Kind::Aggregate { .. }, _) => {
                Some(from_micros(self.first_start(micros(at)).saturating_add(self.reach().0 - 1)))
            }
            (Kind::Temporal { .. }, ttl) => ttl.and_then(|ttl| at.checked_sub_signed(ttl)),
        };
        Window { start: start.unwrap_or(Time::MIN_UTC), end: at }
    }

    /// Where the keys of the serving index stand in the view's order, in the index's order.
    pub fn index_order(&self) -> Vec<usize> {
        let place = |name: &String| self.join_keys.iter().position(|(key, _)| key == name);
        self.index.iter().filter_map(place).collect()
    }

    /// The order of stored keys, a byte a key.
    pub fn order_bytes(&self) -> Vec<u8> {
        self.order.iter().map(|at| *at as u8).collect()
    }

    /// Refuses keys that are not those of the view.
    pub fn check_keys(&self, keys: &[Value]) -> Result<(), OnlineError> {
        if keys.len() == self.join_keys.len() {
            return keys
                .iter()
                .zip(&self.join_keys)
                .try_for_each(|(key, (name, data_type))| fits(name, data_type, key));
        }
        let names: Vec<&str> = self.join_keys.iter().map(|(name, _)| name.as_str()).collect();
        Err(OnlineError::Mismatch(format!(
            "view {} needs {} join keys ({}), got {}",
            self.name,
            names.len(),
            names.join(", "),
            keys.len()
        )))
    }

    /// The beginning of all keys of a join key, given in the view's order. Room for a tile's start is kept.
    pub fn prefix(&self, keys: &[Value]) -> Result<Vec<u8>, OnlineError> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(self.id.0.to_be_bytes());
        for at in &self.order {
            let (key, (name, data_type)) = (&keys[*at], &self.join_keys[*at]);
            codec::push_key(&mut bytes, key).ok_or_else(|| unfit_key(name, data_type, key))?;
        }
        Ok(bytes)
    }

    /// The beginning of all keys under the keys of the serving index, given in the index's order.
    pub fn index_prefix(&self, indexed: &[Value]) -> Result<Vec<u8>, OnlineError> {
        let places = self.index_order();
        if indexed.len() != places.len() {
            return Err(OnlineError::Mismatch(format!(
                "view {} is queried by {} keys ({}), got {}",
                self.name,
                places.len(),
                self.index.join(", "),
                indexed.len()
            )));
        }
        let mut keys = vec![Value::Null; self.join_keys.len()];
        for (place, key) in places.iter().zip(indexed) {
            fits(&self.join_keys[*place].0, &self.join_keys[*place].1, key)?;
            keys[*place] = key.clone();
        }
        let mut bytes = self.id.0.to_be_bytes().to_vec();
        for at in &self.order[..places.len()] {
            codec::push_key(&mut bytes, &keys[*at])
                .ok_or_else(|| unfit_key(&self.join_keys[*at].0, &self.join_keys[*at].1, &keys[*at]))?;
        }
        Ok(bytes)
    }

    /// All keys of the view in a space: from the first to the first behind them.
    pub fn everything(&self) -> (Vec<u8>, Vec<u8>) {
        let first = self.id.0.to_be_bytes();
        (first.to_vec(), after(&first))
    }

    /// The key of the index for a tile.
    pub fn index_key(&self, tile: &[u8]) -> Option<Vec<u8>> {
        let (rest, start) = tile.split_last_chunk::<START_BYTES>()?;
        Some([rest.get(..ID_BYTES)?, start, rest.get(ID_BYTES..)?].concat())
    }

    /// The edge in the index before all tiles of that start or later, microseconds.
    pub fn index_edge(&self, start: i64) -> Vec<u8> {
        [self.id.0.to_be_bytes().as_slice(), &codec::ordered(start)].concat()
    }
}

/// The key of the tile that an entry of the index stands for.
pub fn tile_key(index: &[u8]) -> Option<Vec<u8>> {
    let (id, rest) = index.split_at_checked(ID_BYTES)?;
    let (start, key) = rest.split_at_checked(START_BYTES)?;
    Some([id, key, start].concat())
}

/// Join keys in the view's order, the wildcard key moved to the end.
pub fn key_order(view: &View) -> Vec<usize> {
    let indexed = |at: &usize| view.online_serving_index.contains(&view.join_keys[*at].0);
    let (mut order, wildcard): (Vec<usize>, Vec<usize>) = (0..view.join_keys.len()).partition(indexed);
    order.extend(wildcard);
    order
}

fn fits(name: &str, data_type: &DataType, key: &Value) -> Result<(), OnlineError> {
    let fits = match key {
        Value::Null => true,
        Value::Int(_) => *data_type == DataType::Int64,
        Value::Text(_) => *data_type == DataType::String,
        _ => false,
    };
    if fits { Ok(()) } else { Err(unfit_key(name, data_type, key)) }
}

fn unfit_key(name: &str, data_type: &DataType, key: &Value) -> OnlineError {
    OnlineError::Mismatch(format!("join key `{name}` must be {data_type}, and {key:?} is not"))
}
