//! Things of sources that are opened when first asked for, once each, and shared from then on.
//!
//! Opening may take seconds: who asks for the same source waits, who asks for another does not. A failure is not kept. It
//! must not know what is opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Id;

type Slot<T> = Arc<Mutex<Option<T>>>;

/// What is open, by the id of its source.
pub(super) struct Slots<T>(Mutex<HashMap<Id, Slot<T>>>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Slots<T> {
    fn slot(&self, source: Id) -> Slot<T> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(source).or_default())
    }

    /// What is open of a source, opened now if it was not.
    ///
    /// # Errors
    /// Those of the opening.
    pub(super) fn get<E>(&self, source: Id, open: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let slot = self.slot(source);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = slot.as_ref() {
            return Ok(known.clone());
        }
        Ok(slot.insert(open()?).clone())
    }

    /// What is open of a source; nothing while somebody is at it.
    pub(super) fn opened(&self, source: Id) -> Option<T> {
        self.slot(source).try_lock().ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::platform::testing;

    #[test]
    fn what_fails_is_tried_again_and_what_was_opened_is_shared() {
        let (slots, tries) = (Slots::default(), Cell::new(0));
        let id = testing::view("v").inputs[0].source.id;
        let open = || {
            tries.set(tries.get() + 1);
            if tries.get() == 1 { Err("it is away") } else { Ok(Arc::new(tries.get())) }
        };
        assert_eq!(slots.opened(id), None);
        assert_eq!(slots.get(id, open), Err("it is away"));
        assert_eq!(slots.get(id, open), Ok(Arc::new(2)));
        assert!(Arc::ptr_eq(&slots.get(id, open).unwrap(), &slots.opened(id).unwrap()));
        assert_eq!(tries.get(), 2);
    }
}
