//! Places for requests that are worked on, shared out by API key.
//!
//! An API key may take a place while it holds fewer than are free: alone it gets half of them, and whoever comes next
//! still finds some. A place is taken once a request is whole, so that nobody holds one by being slow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::Fault;
use crate::model::Id;

/// The places. Clones share them.
#[derive(Clone)]
pub(super) struct Places {
    all: usize,
    taken: Arc<Mutex<HashMap<Id, usize>>>,
}

/// One place; it is free again when this is dropped.
pub(super) struct Place {
    taken: Arc<Mutex<HashMap<Id, usize>>>,
    key: Id,
}

fn lock(taken: &Mutex<HashMap<Id, usize>>) -> MutexGuard<'_, HashMap<Id, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Places {
    /// As many places, none of them taken.
    pub(super) fn new(all: usize) -> Self {
        Self { all, taken: Arc::default() }
    }

    /// A place for a request of that key.
    ///
    /// # Errors
    /// When the key holds its share already.
    pub(super) fn take(&self, key: Id) -> Result<Place, Fault> {
        let mut taken = lock(&self.taken);
        let free = self.all.saturating_sub(taken.values().sum());
        let mine = taken.get(&key).copied().unwrap_or_default();
        if mine >= free {
            return Err(Fault::too_busy());
        }
        taken.insert(key, mine + 1);
        Ok(Place { taken: Arc::clone(&self.taken), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(mine) = taken.get_mut(&self.key) {
            *mine -= 1;
            if *mine == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_takes_all_it_can_leaves_room_for_others() {
        let places = Places::new(16);
        let all = |key: u128| {
            let mut held = Vec::new();
            while let Ok(place) = places.take(Id(key)) {
                held.push(place);
            }
            held
        };
        let first = all(1);
        assert_eq!(first.len(), 8);
        let second = all(2);
        assert_eq!(second.len(), 4);
        let third = all(3);
        assert_eq!(third.len(), 2);
        assert!(places.take(Id(4)).is_ok());
        drop((first, second, third));
        assert_eq!(all(5).len(), 8, "places come back");
        assert!(lock(&places.taken).is_empty());
    }
}
