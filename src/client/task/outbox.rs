//! Updates on their way to the console.
//!
//! A newer state replaces an older one that was not taken yet, and a state that was sent already is not sent again;
//! so a console that is slow gets the newest state, and the outbox stays small. Answers to requests are all kept.

use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant};

use super::super::message::Update;

#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Update>,
    /// The last state of each kind that was put in.
    last: Vec<Update>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn pop(&mut self) -> Option<Update> {
        self.queue.pop_front()
    }

    /// Puts an update in. A connection that did not change is left out.
    pub(super) fn push(&mut self, update: Update) {
        match update {
            Update::Connection(_) => self.push_changed(update),
            answer => self.queue.push_back(answer),
        }
    }

    /// Puts a state in, unless it is the one that was put in last.
    pub(super) fn push_changed(&mut self, update: Update) {
        let kind = discriminant(&update);
        match self.last.iter_mut().find(|last| discriminant(*last) == kind) {
            Some(last) if *last == update => return,
            Some(last) => *last = update.clone(),
            None => self.last.push(update.clone()),
        }
        match self.waiting(kind) {
            Some(waiting) => *waiting = update,
            None => self.queue.push_back(update),
        }
    }

    fn waiting(&mut self, kind: Discriminant<Update>) -> Option<&mut Update> {
        self.queue.iter_mut().find(|update| discriminant(*update) == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::message::Connection;
    use crate::model::Workspace;

    fn workspaces(name: &str) -> Update {
        Update::Workspaces(vec![Workspace { name: name.into(), live: true }])
    }

    #[test]
    fn the_newest_state_replaces_one_that_waits_and_nothing_is_sent_twice() {
        let mut outbox = Outbox::default();
        outbox.push_changed(workspaces("a"));
        outbox.push(Update::Connection(Connection::Live));
        outbox.push_changed(workspaces("b"));
        outbox.push(Update::Connection(Connection::Live));
        assert_eq!(outbox.pop(), Some(workspaces("b")));
        assert_eq!(outbox.pop(), Some(Update::Connection(Connection::Live)));
        outbox.push_changed(workspaces("b"));
        assert!(outbox.is_empty());
    }
}
