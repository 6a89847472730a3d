//! How the data of one view lies in the store: made once a definition, read by every call. No I/O.
//!
//! A partition is the view's id and the keys of its serving index; behind it, as sort key, come the wildcard key, where
//! the view has one, and of tiles their start. So the tiles of one key lie together, oldest first, and so do all values
//! of the wildcard key under the same indexed keys: a lookup and a query each read one range of one partition.

use super::contract::{ID_BYTES, Over, PartitionReads, Space, TIME_BYTES};
use super::key::Key;
use super::meta::Meta;
use super::{OnlineError, codec};
use crate::model::time::{floor, from_micros, micros, span_micros};
use crate::model::{DataType, Id, Span, Time, Value, Window};
use crate::platform::definition::{FeatureStart, Kind, View};
use crate::platform::tiles::{StoredColumn, stored_columns};

/// What the store needs to know of a view.
pub(super) struct Plan {
    pub id: Id,
    pub name: String,
    /// How its features are made.
    pub kind: Kind,
    /// The end of the first windows that make features, microseconds: what is held of earlier ones only makes these
    /// whole. Absent where all do.
    pub features_begin: Option<i64>,
    /// Join keys with types, in the view's order.
    pub join_keys: Vec<(String, DataType)>,
    /// The timestamp column of rows.
    pub timestamp_field: String,
    /// The stored columns of a tile; none for temporal views.
    pub layout: Vec<StoredColumn>,
    /// Where the join keys stand in the view's order, in the order of stored keys.
    pub order: Vec<usize>,
    /// How many of them, from the front, make the partition.
    pub indexed: usize,
    /// The names of features as lookups answer them.
    pub feature_names: Vec<String>,
    pub shape: Vec<u8>,
    index: Vec<String>,
    reach: (i64, i64),
}

impl Plan {
    /// The plan of a view.
    pub(super) fn new(view: &View) -> Self {
        let order = key_order(view);
        Self {
            id: view.id,
            name: view.name.clone(),
            kind: view.kind.clone(),
            features_begin: features_begin(view),
            join_keys: view.join_keys.clone(),
            timestamp_field: view.timestamp_field.clone(),
            layout: stored_columns(view),
            indexed: order.iter().filter(|at| is_indexed(view, **at)).count(),
            order,
            feature_names: view.feature_names().iter().map(|name| format!("{}.{name}", view.name)).collect(),
            shape: Meta::shape_of(view),
            index: view.online_serving_index.clone(),
            reach: reach(&view.kind),
        }
    }

    /// Whether it is the plan of that definition.
    pub(super) fn fits(&self, view: &View) -> bool {
        self.name == view.name
            && self.join_keys == view.join_keys
            && self.index == view.online_serving_index
            && self.timestamp_field == view.timestamp_field
            && self.kind == view.kind
            && self.features_begin == features_begin(view)
    }

    /// The space of its values: tiles of aggregates, rows of temporal views.
    pub(super) fn space(&self) -> Space {
        if matches!(self.kind, Kind::Aggregate { .. }) { Space::Tiles } else { Space::Rows }
    }

    /// Size of a tile and the longest window, microseconds; zero for temporal views.
    pub(super) fn reach(&self) -> (i64, i64) {
        self.reach
    }

    /// How long a row counts; absent for ever, and for aggregates.
    pub(super) fn ttl(&self) -> Option<Span> {
        if let Kind::Temporal { ttl, .. } = &self.kind { *ttl } else { None }
    }

    /// The first tile start that a lookup at `now` or later can reach, microseconds: its tile ends behind
    /// `floor(now) - longest window` (docs/semantics.md section 6).
    pub(super) fn first_start(&self, now: i64) -> i64 {
        let (interval, longest) = self.reach();
        let edge = if interval > 0 { now.div_euclid(interval).saturating_mul(interval) } else { now };
        edge.saturating_sub(longest).saturating_sub(interval).saturating_add(1)
    }

    /// The instant from which no lookup sees the tile that starts at `start`, both in microseconds: the first whose
    /// [`Plan::first_start`] lies behind it.
    pub(super) fn tile_ends(&self, start: i64) -> i64 {
        let (interval, longest) = self.reach();
        let end = start.saturating_add(interval).saturating_add(longest);
        // What is seen changes at the edges of tiles alone.
        if interval > 0 { end.saturating_add((-end).rem_euclid(interval)) } else { end }
    }

    /// The instant from which no lookup sees a stored value, microseconds; absent where it counts for ever, or is
    /// damaged.
    pub(super) fn ends(&self, sort: &[u8], value: &[u8]) -> Option<i64> {
        match self.space() {
            Space::Tiles => codec::unordered(sort.last_chunk::<TIME_BYTES>()?).map(|start| self.tile_ends(start)),
            _ => codec::unordered(value.first_chunk::<TIME_BYTES>()?).and_then(|time| self.row_ends(time)),
        }
    }

    /// What no lookup at `now` (microseconds) or later sees; absent where everything counts for ever.
    pub(super) fn over(&self, now: i64) -> Option<Over> {
        let before = match self.space() {
            Space::Tiles => self.first_start(now),
            _ => now.saturating_sub(span_micros(self.ttl()?)).saturating_add(1),
        };
        Some(Over { now, before })
    }

    /// The instant at which a row of that time is over, both in microseconds; absent where rows count for ever.
    pub(super) fn row_ends(&self, time: i64) -> Option<i64> {
        self.ttl().map(|ttl| time.saturating_add(span_micros(ttl)))
    }

    /// The times whose tiles or rows a lookup at an instant can see.
    pub(super) fn seen_at(&self, at: Time) -> Window {
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
    pub(super) fn index_order(&self) -> Vec<usize> {
        let place = |name: &String| self.join_keys.iter().position(|(key, _)| key == name);
        self.index.iter().filter_map(place).collect()
    }

    /// Refuses keys that are not those of the view.
    pub(super) fn check_keys(&self, keys: &[Value]) -> Result<(), OnlineError> {
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

    /// The key of a join key, given in the view's order: of a row, and the beginning of those of its tiles. Room for a
    /// tile's start is kept.
    pub(super) fn key(&self, keys: &[Value]) -> Result<Key, OnlineError> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(self.id.0.to_be_bytes());
        let mut split = bytes.len();
        for (at, place) in self.order.iter().enumerate() {
            let (key, (name, data_type)) = (&keys[*place], &self.join_keys[*place]);
            codec::push_key(&mut bytes, key).ok_or_else(|| unfit_key(name, data_type, key))?;
            if at < self.indexed {
                split = bytes.len();
            }
        }
        Ok(Key::split(bytes, split))
    }

    /// The partition of keys of the serving index, given in the index's order; and the join keys in the view's order,
    /// the wildcard key null.
    pub(super) fn partition(&self, indexed: &[Value]) -> Result<(Key, Vec<Value>), OnlineError> {
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
        for at in &self.order[..self.indexed] {
            codec::push_key(&mut bytes, &keys[*at])
                .ok_or_else(|| unfit_key(&self.join_keys[*at].0, &self.join_keys[*at].1, &keys[*at]))?;
        }
        let split = bytes.len();
        Ok((Key::split(bytes, split), keys))
    }

    /// The key behind a joined one, of this view. Of a damaged one all is the partition.
    pub(super) fn split(&self, joined: Vec<u8>) -> Key {
        let mut keys = joined.get(ID_BYTES..);
        for _ in 0..self.indexed {
            keys = keys.and_then(codec::split_key).map(|(_, rest)| rest);
        }
        let split = joined.len() - keys.map_or(0, <[u8]>::len);
        Key::split(joined, split)
    }

    /// What is stored of the view cannot be read.
    pub(super) fn damaged(&self, place: &dyn PartitionReads) -> OnlineError {
        OnlineError::Store {
            path: place.place(),
            problem: format!(
                "stored data of view {} cannot be read: materialize its windows again with overwrite",
                self.name
            ),
            source: None,
        }
    }
}

/// Join keys in the view's order, the wildcard key moved to the end.
pub(super) fn key_order(view: &View) -> Vec<usize> {
    let (mut order, wildcard): (Vec<usize>, Vec<usize>) =
        (0..view.join_keys.len()).partition(|at| is_indexed(view, *at));
    order.extend(wildcard);
    order
}

/// As history has it (docs/semantics.md section 8.1). A start that goes by when the view was applied is never ahead.
fn features_begin(view: &View) -> Option<i64> {
    let (Kind::Aggregate { interval, .. }, Some(FeatureStart::At(start))) = (&view.kind, view.feature_start_time)
    else {
        return None;
    };
    Some(micros(if interval.is_zero() { start } else { floor(start, *interval) }))
}

fn reach(kind: &Kind) -> (i64, i64) {
    let Kind::Aggregate { interval, aggregations } = kind else { return (0, 0) };
    let longest = aggregations.iter().map(|aggregation| aggregation.time_window).max().unwrap_or(*interval);
    (span_micros(*interval), span_micros(longest))
}

fn is_indexed(view: &View, at: usize) -> bool {
    view.online_serving_index.contains(&view.join_keys[at].0)
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
