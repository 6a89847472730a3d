//! The names that this program gives to columns, kept apart from those that its users give.
//!
//! Pure data. Names are equal whatever their case, for that is how Spark reads the tables they stand in.

use std::collections::BTreeSet;

use super::{StoredColumn, stored_columns};
use crate::platform::definition::{Kind, View};

pub(crate) struct Taken(BTreeSet<String>);

impl Taken {
    /// By these, which stay as they are.
    pub(crate) fn by<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(str::to_lowercase).collect())
    }

    /// The name, or where it is taken the first free one with `_` before it; now taken.
    pub(crate) fn give(&mut self, mut name: String) -> String {
        while !self.0.insert(name.to_lowercase()) {
            name.insert(0, '_');
        }
        name
    }
}

/// Name of the tile start (aggregates) or the aligned timestamp (temporal views), int64 nanoseconds.
pub(crate) const ANCHOR: &str = "_anchor_time";

/// The partition column of offline tables.
pub(crate) const PARTITION: &str = "time_partition";

/// The companion of an ordered stored column that holds the event times of its values. It begins with what no name of a
/// user's holds.
pub(crate) fn times_name(stored: &str) -> String {
    format!("\u{0}at_{stored}")
}

/// Names of the stored columns of a view as they are shown: keys; timestamp (continuous and temporal views); tile
/// columns or features; `_anchor_time` (docs/semantics.md section 10).
pub(crate) fn stored_names(view: &View) -> Vec<String> {
    let mut names: Vec<String> = view.join_keys.iter().map(|(name, _)| name.clone()).collect();
    if view.is_continuous() || matches!(view.kind, Kind::Temporal { .. }) {
        names.push(view.timestamp_field.clone());
    }
    match &view.kind {
        Kind::Aggregate { .. } => {
            let shown = stored_columns(view).into_iter().filter(|stored| stored.part.is_shown());
            names.extend(shown.map(|stored| stored.name));
        }
        Kind::Temporal { features, .. } => names.extend(features.iter().map(|(name, _)| name.clone())),
    }
    names.push(ANCHOR.to_owned());
    names
}

/// The name of a tile column as `run` shows it (docs/semantics.md section 3): `{c}_{fn}_{interval}`, last-n without its
/// n.
pub(crate) fn shown_name(stored: &StoredColumn, interval: &str) -> String {
    format!("{}_{}_{interval}", stored.column, stored.part.stem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once_whatever_its_case() {
        let mut taken = Taken::by(["Count_x", "_count_X"]);
        let given = ["sum_x", "count_x", "SUM_x"].map(|name| taken.give(name.to_owned()));
        assert_eq!(given, ["sum_x", "__count_x", "_SUM_x"]);
    }
}
