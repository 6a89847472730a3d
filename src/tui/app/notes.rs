//! Notes for the user: the newest ones stand on the screen as toasts, all of them in the journal.
//!
//! Plain data, bounded. Errors stay until they were read: until esc, or until a key is pressed that long after they
//! came that whoever pressed it has seen them. The rest leaves by itself.

use std::collections::VecDeque;

use crate::model::{Span, Time};

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the journal alone: a request that was sent.
    Trace,
    /// Worth knowing, and nothing to do about.
    Info,
    /// Something that was asked for went well.
    Good,
    /// Something needs the eye of the user.
    Warning,
    /// Went wrong; stays until read.
    Bad,
}

/// Something that happened, for the user to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The instant at which it was made.
    pub at: Time,
    /// How much it matters to the user.
    pub level: Level,
    /// What happened, in one or two sentences.
    pub text: String,
    /// When it leaves the screen by itself; absent for errors.
    pub until: Option<Time>,
}

/// The notes on the screen, and those of before.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// On the screen, oldest first; at most three.
    pub toasts: VecDeque<Note>,
    /// All of them, oldest first; at most 500.
    pub journal: VecDeque<Note>,
}

/// Most toasts at a time.
pub(super) const TOASTS: usize = 3;
/// Most notes in the journal.
pub(super) const JOURNAL: usize = 500;
/// How long it takes to read an error.
const READING: Span = Span::seconds(3);
/// How long a toast stays.
const STAYS: Span = Span::seconds(6);

impl Notes {
    /// Adds a note to the log, and to the screen unless it is but a trace.
    pub fn add(&mut self, now: Time, level: Level, text: impl Into<String>) {
        let until = (level != Level::Bad).then(|| now + STAYS);
        let note = Note { at: now, level, text: text.into(), until };
        if level != Level::Trace {
            self.toasts.retain(|toast| toast.text != note.text);
            self.toasts.push_back(note.clone());
            if self.toasts.len() > TOASTS {
                self.toasts.pop_front();
            }
        }
        self.journal.push_back(note);
        if self.journal.len() > JOURNAL {
            self.journal.pop_front();
        }
    }

    /// Drops the toasts whose time is over.
    pub fn expire(&mut self, now: Time) {
        self.toasts.retain(|toast| toast.until.is_none_or(|until| until > now));
    }

    /// A key was pressed: whoever did it has read the errors that have stood for a while.
    pub fn read(&mut self, now: Time) {
        self.toasts.retain(|toast| toast.until.is_some() || now - toast.at < READING);
    }

    /// Drops all toasts; false when there were none.
    pub fn dismiss(&mut self) -> bool {
        let any = !self.toasts.is_empty();
        self.toasts.clear();
        any
    }
}
