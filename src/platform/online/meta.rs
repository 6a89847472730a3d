//! What the online store knows of a view besides its data: the values of its partition in [`Space::Views`].

use std::fmt::Write;

use super::codec;
use super::contract::{Change, ID_BYTES, Space};
use super::key::Key;
use crate::model::time::{from_micros, joined, span_micros};
use crate::model::{Id, Window};
use crate::platform::definition::{Kind, View};
use crate::platform::tiles::names::stored_names;

/// One thing known of a view.
#[derive(Clone, Copy)]
pub(super) enum Meta {
    /// How far its stream was read: a `Position`.
    Position,
    /// The newest event time written.
    LatestEvent,
    /// The windows that batch jobs wrote.
    Windows,
    /// The shape of its stored data.
    Shape,
    /// The order of join keys in its stored keys, a byte each; absent for the view's order.
    Order,
    /// How many of them make the partition, a byte; only at places that keep partitions apart.
    Indexed,
    /// A restart of its stream that is not finished: what is still to be done.
    Restart,
    /// Which records that had been set aside the last write of such made rows of: the mark of who keeps them.
    Released,
}

/// What sort keys begin with under which many values of a view are: events that were seen, by key and by time.
pub(super) const SEEN_BY_KEY: u8 = 8;
pub(super) const SEEN_AT: u8 = 9;

/// The beginning of the keys of many values of a view.
pub(super) fn under(view: Id, what: u8) -> Key {
    Key::split(view.0.to_be_bytes().to_vec(), ID_BYTES).then(&[what])
}

impl Meta {
    pub(super) fn key(self, view: Id) -> Key {
        let mut key = Vec::with_capacity(ID_BYTES + 1);
        key.extend(view.0.to_be_bytes());
        key.push(match self {
            Self::Position => 1,
            Self::LatestEvent => 2,
            Self::Windows => 3,
            Self::Shape => 4,
            Self::Order => 5,
            Self::Indexed => 6,
            Self::Restart => 7,
            Self::Released => 16,
        });
        Key::split(key, ID_BYTES)
    }

    /// Whether a joined key is that of some view.
    pub(super) fn is_of(self, key: &[u8]) -> bool {
        key.len() == ID_BYTES + 1 && key.last() == self.key(Id(0)).joined().last()
    }

    /// The shape of a view's stored data: keys and columns with their types, and the tile size. Data of one shape must
    /// never be read as data of another.
    pub(super) fn shape_of(view: &View) -> Vec<u8> {
        let mut text = stored_names(view).join(",");
        for (_, data_type) in &view.join_keys {
            let _ = write!(text, ";{data_type}");
        }
        match &view.kind {
            Kind::Aggregate { interval, aggregations } => {
                let _ = write!(text, ";{}", span_micros(*interval));
                aggregations.iter().for_each(|a| {
                    let _ = write!(text, ";{} {}", a.column, a.input_type);
                });
            }
            Kind::Temporal { features, .. } => features.iter().for_each(|(_, data_type)| {
                let _ = write!(text, ";{data_type}");
            }),
        }
        text.into_bytes()
    }
}

/// The change that keeps something of a view.
pub(super) fn put(meta: Meta, view: Id, value: Vec<u8>) -> Change {
    Change::Put { space: Space::Views, key: meta.key(view), value, ends: None }
}

/// A set of windows, sorted, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Windows(Vec<Window>);

impl Windows {
    /// The set with one window more.
    pub(super) fn with(&self, window: Window) -> Self {
        let mut all = self.0.clone();
        all.push(window);
        Self(joined(all))
    }

    /// Whether the instant lies inside one of them.
    pub(super) fn contains(&self, at: crate::model::Time) -> bool {
        self.0.iter().any(|window| window.contains(at))
    }

    /// Whether all of the window lies inside one of them.
    pub(super) fn cover(&self, window: Window) -> bool {
        self.0.iter().any(|known| known.start <= window.start && window.end <= known.end)
    }

    /// The windows, in the order of time.
    pub(super) fn list(self) -> Vec<Window> {
        self.0
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|window| [codec::instant(window.start), codec::instant(window.end)]).flatten().collect()
    }

    /// The set behind the bytes; bytes that are left over are ignored.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let at = |bytes: &[u8]| codec::unordered(bytes).map(from_micros);
        let window = |bytes: &[u8]| Some(Window { start: at(bytes.get(..8)?)?, end: at(bytes.get(8..)?)? });
        Self(bytes.chunks_exact(16).filter_map(window).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_join_where_they_touch() {
        let window = |start: i64, end: i64| Window { start: from_micros(start), end: from_micros(end) };
        let all =
            Windows::default().with(window(10, 20)).with(window(30, 40)).with(window(20, 25)).with(window(12, 15));
        assert_eq!(all.0, [window(10, 25), window(30, 40)]);
        assert_eq!(Windows::decode(&all.encode()), all);
        assert!(all.contains(from_micros(24)) && !all.contains(from_micros(25)));
        assert!(all.cover(window(12, 25)) && !all.cover(window(12, 26)) && !all.cover(window(24, 31)));
    }
}
