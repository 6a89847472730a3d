//! Uploaded tables: kept for a while, within bounds of number and size.
//!
//! Plain state: no thread and no clock of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use polars::prelude::DataFrame;
use uuid::Uuid;

use super::{Owner, Refusal};

const COUNT: usize = 64;
/// Bytes that all of them may take.
const BYTES: usize = 1 << 30;
/// How long one is kept after it was uploaded or used last.
const KEPT: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct Frames(HashMap<Uuid, Kept>);

struct Kept {
    owner: Owner,
    frame: DataFrame,
    bytes: usize,
    used: bool,
    at: Instant,
}

impl Frames {
    /// Keeps a table. Where there is no room, those that a query has taken already make it, the oldest first; then of
    /// the owner that holds the most the oldest, so that nobody's tables keep another's out.
    pub(super) fn keep(&mut self, owner: Owner, frame: DataFrame, now: Instant) -> Result<Uuid, Refusal> {
        self.sweep(now);
        let bytes = frame.estimated_size();
        if bytes > BYTES {
            return Err(Refusal::Full(format!(
                "The table takes {} MiB in memory, more than the {} MiB that all may take together. Send fewer rows or columns at a \
                 time.",
                bytes >> 20,
                BYTES >> 20
            )));
        }
        while self.0.len() >= COUNT || self.bytes().saturating_add(bytes) > BYTES {
            let Some(id) = self.gives_way() else { break };
            self.0.remove(&id);
        }
        let id = Uuid::new_v4();
        self.0.insert(id, Kept { owner, frame, bytes, used: false, at: now });
        Ok(id)
    }

    /// The table that goes next.
    fn gives_way(&self) -> Option<Uuid> {
        // By its share of what is short, be it number or bytes.
        let share = |owner: Owner| -> f64 {
            let shares = self.0.values().filter(|kept| kept.owner == owner);
            shares.map(|kept| (kept.bytes as f64 / BYTES as f64).max(1.0 / COUNT as f64)).sum()
        };
        let oldest = |kept: &&(&Uuid, &Kept)| (kept.1.at, *kept.0);
        let all: Vec<_> = self.0.iter().collect();
        let used = all.iter().filter(|(_, kept)| kept.used).min_by_key(oldest);
        let most = all.iter().map(|(_, kept)| kept.owner).max_by(|a, b| share(*a).total_cmp(&share(*b)));
        let unused = || all.iter().filter(|(_, kept)| Some(kept.owner) == most).min_by_key(oldest);
        used.or_else(unused).map(|(id, _)| **id)
    }

    /// A table of that owner.
    pub(super) fn get(&mut self, owner: Owner, id: &str, now: Instant) -> Result<DataFrame, Refusal> {
        let found = Uuid::try_parse(id).ok().and_then(|id| self.0.get_mut(&id)).filter(|kept| kept.owner == owner);
        let kept = found.ok_or_else(|| {
            let minutes = KEPT.as_secs() / 60;
            Refusal::NotFound(format!(
                "There is no uploaded table `{id}` (any more): they are kept for {minutes} minutes. Upload it again."
            ))
        })?;
        (kept.used, kept.at) = (true, now);
        Ok(kept.frame.clone())
    }

    /// Forgets those that have been kept for long enough.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.0.retain(|_, kept| now.saturating_duration_since(kept.at) < KEPT);
    }

    fn bytes(&self) -> usize {
        self.0.values().map(|kept| kept.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;
    use crate::model::Id;

    #[test]
    fn tables_that_were_used_make_room_first_and_then_those_of_whoever_holds_the_most() {
        let (mut frames, many, few, now) = (Frames::default(), Owner(Id(0)), Owner(Id(1)), Instant::now());
        let at = |second: usize| now + Duration::from_secs(second as u64);
        let one = || df!("a" => [1]).unwrap();
        let first = frames.keep(few, one(), at(0)).unwrap().to_string();
        let ids: Vec<Uuid> = (1..COUNT).map(|number| frames.keep(many, one(), at(number)).unwrap()).collect();
        frames.get(many, &ids[3].to_string(), at(COUNT)).unwrap();
        let second = frames.keep(few, one(), at(COUNT)).unwrap().to_string();
        assert!(frames.get(many, &ids[3].to_string(), at(COUNT)).is_err(), "it was used");
        // None is used any more: the one who holds most gives way, with the oldest.
        let third = frames.keep(few, one(), at(COUNT)).unwrap().to_string();
        assert!(frames.get(many, &ids[0].to_string(), at(COUNT)).is_err());
        let last = frames.keep(many, one(), at(COUNT)).unwrap().to_string();
        assert!(frames.get(many, &ids[1].to_string(), at(COUNT)).is_err(), "also when it is the one who asks");
        assert_eq!(frames.0.len(), COUNT);
        for kept in [first, second, third] {
            assert!(frames.get(few, &kept, at(COUNT)).is_ok());
        }
        assert!(frames.get(many, &last, at(COUNT)).is_ok());
    }

    #[test]
    fn tables_are_their_owners_and_not_for_ever() {
        let (mut frames, now) = (Frames::default(), Instant::now());
        let id = frames.keep(Owner(Id(0)), df!("a" => [1]).unwrap(), now).unwrap().to_string();
        assert!(matches!(frames.get(Owner(Id(1)), &id, now), Err(Refusal::NotFound(_))));
        assert!(matches!(frames.get(Owner(Id(0)), "nonsense", now), Err(Refusal::NotFound(_))));
        frames.sweep(now + KEPT / 2);
        assert!(frames.get(Owner(Id(0)), &id, now).is_ok());
        frames.sweep(now + KEPT);
        assert!(frames.get(Owner(Id(0)), &id, now).is_err());
    }
}
