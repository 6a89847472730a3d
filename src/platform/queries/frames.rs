//! Uploaded tables: kept for a while, within bounds of number and size.
//!
//! Plain state: no thread and no clock of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use polars::prelude::DataFrame;
use uuid::Uuid;

use super::{Owner, Refusal};

/// Tables at most.
const COUNT: usize = 64;
/// Bytes that all of them may take.
const BYTES: usize = 1 << 30;
/// How long one is kept after it was uploaded or used last.
const KEPT: Duration = Duration::from_secs(600);

/// The tables.
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
    /// Keeps a table. Those that a query has taken already make room for it, the oldest first.
    pub(super) fn keep(&mut self, owner: Owner, frame: DataFrame, now: Instant) -> Result<Uuid, Refusal> {
        self.sweep(now);
        let bytes = frame.estimated_size();
        let mut used: Vec<_> = self.0.iter().filter(|(_, kept)| kept.used).map(|(id, kept)| (kept.at, *id)).collect();
        used.sort_unstable();
        let mut used = used.into_iter();
        while self.0.len() >= COUNT || self.bytes().saturating_add(bytes) > BYTES {
            let Some((_, id)) = used.next() else {
                return Err(Refusal::Full(format!(
                    "The platform holds {} uploaded tables of {} MiB and has no room for one more. Try again in some minutes.",
                    self.0.len(),
                    self.bytes() >> 20
                )));
            };
            self.0.remove(&id);
        }
        let id = Uuid::new_v4();
        self.0.insert(id, Kept { owner, frame, bytes, used: false, at: now });
        Ok(id)
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
    fn tables_that_were_used_make_room_and_others_do_not() {
        let (mut frames, owner, now) = (Frames::default(), Owner(Id(0)), Instant::now());
        let one = || df!("a" => [1]).unwrap();
        let ids: Vec<Uuid> = (0..COUNT).map(|_| frames.keep(owner, one(), now).unwrap()).collect();
        let refused = frames.keep(owner, one(), now).unwrap_err();
        assert!(matches!(&refused, Refusal::Full(text) if text.contains("64")), "{refused}");
        frames.get(owner, &ids[3].to_string(), now).unwrap();
        frames.keep(owner, one(), now).unwrap();
        assert!(frames.get(owner, &ids[3].to_string(), now).is_err());
        assert!(frames.get(owner, &ids[4].to_string(), now).is_ok());
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
