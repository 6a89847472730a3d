//! A stream is read again from another place: what it wrote from that place on goes first, so that nothing counts twice.
//!
//! What is to be done is written down before anything is, and done again after an end in the middle: removing is right
//! when done again, and the new position comes with the last change.

use super::OnlineError;
use super::chunks::Chunks;
use super::contract::{Change, PartitionStore, Space};
use super::meta::{Meta, Windows, put};
use super::plan::Plan;
use super::{codec, seen, tiles};
use crate::model::Time;
use crate::model::time::{from_micros, micros};
use crate::platform::source::position::Position;

/// Most tiles that are looked for at once.
const AT_ONCE: usize = 50_000;
/// The version of the bytes of a restart.
const VERSION: u8 = 1;

/// From where a stream is read anew, and what goes for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Where it is read from then on.
    pub position: Position,
    /// Tiles that start then or later go, but for those that batch jobs wrote; absent where all stay.
    pub remove_from: Option<Time>,
    /// The newest event that counts as written; absent where it stays as it is, and the inner one where there is none.
    pub newest: Option<Option<Time>>,
    /// Whether events that come again are no duplicates.
    pub forget_seen: bool,
}

impl Restart {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.forget_seen)];
        let instant = |at: Option<Time>| at.map_or(0, micros).to_be_bytes();
        bytes.push(u8::from(self.remove_from.is_some()));
        bytes.extend(instant(self.remove_from));
        bytes.push(match self.newest {
            None => 0,
            Some(None) => 1,
            Some(Some(_)) => 2,
        });
        bytes.extend(instant(self.newest.flatten()));
        bytes.extend(self.position.encode());
        bytes
    }

    /// The restart behind the bytes; absent where they are damaged or of a later release.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [VERSION, forget, removes, rest @ ..] = bytes else { return None };
        let (from, rest) = rest.split_first_chunk::<8>()?;
        let (kind, rest) = rest.split_first()?;
        let (newest, position) = rest.split_first_chunk::<8>()?;
        let at = |bytes: &[u8; 8]| from_micros(i64::from_be_bytes(*bytes));
        Some(Self {
            position: Position::decode(position).ok()?,
            remove_from: (*removes != 0).then(|| at(from)),
            newest: match kind {
                0 => None,
                1 => Some(None),
                2 => Some(Some(at(newest))),
                _ => return None,
            },
            forget_seen: *forget != 0,
        })
    }
}

/// Does what is left of a restart. In a turn to write.
pub(super) fn finish(
    place: &dyn PartitionStore,
    part: usize,
    plan: &Plan,
    restart: &Restart,
    batch: &Windows,
) -> Result<(), OnlineError> {
    if let Some(from) = restart.remove_from.filter(|_| plan.space() == Space::Tiles) {
        loop {
            let (mut found, mut met): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
            place.tiles_in(plan.id, micros(from), i64::MAX, &mut |joined| {
                let is_streams = tiles::start_of(joined).is_some_and(|start| !batch.contains(from_micros(start)));
                met += usize::from(is_streams);
                if is_streams && found.len() < AT_ONCE {
                    found.push(joined.to_vec());
                }
            })?;
            found.sort_unstable();
            let keys = found.into_iter().map(|joined| plan.split(joined)).collect::<Vec<_>>();
            let there = place.get_many(Space::Tiles, &keys)?;
            let mut chunks = Chunks::new(place, part);
            let mut gone = 0;
            for (key, _) in keys.into_iter().zip(there).filter(|(_, there)| there.is_some()) {
                tiles::remove(&mut chunks, key)?;
                gone += 1;
            }
            chunks.finish()?;
            // One that is no longer there may be met too, so that what is met again is no sign of what is left.
            if met <= AT_ONCE || gone == 0 {
                break;
            }
        }
    }
    let mut changes = vec![put(Meta::Position, plan.id, restart.position.encode())];
    match restart.newest {
        Some(Some(newest)) => changes.push(put(Meta::LatestEvent, plan.id, codec::instant(newest).to_vec())),
        Some(None) => changes.push(Change::Remove { space: Space::Views, key: Meta::LatestEvent.key(plan.id) }),
        None => {}
    }
    if restart.forget_seen {
        changes.extend(seen::forget(plan.id));
    }
    changes.push(Change::Remove { space: Space::Views, key: Meta::Restart.key(plan.id) });
    place.write_once(changes).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_survive_their_bytes() {
        for newest in [None, Some(None), Some(Some(from_micros(7)))] {
            for (remove_from, forget_seen) in [(None, false), (Some(from_micros(-5)), true)] {
                let restart = Restart { position: Position::default(), remove_from, newest, forget_seen };
                assert_eq!(Restart::decode(&restart.encode()), Some(restart));
            }
        }
        assert_eq!(Restart::decode(&[2, 0, 0]), None);
    }
}
