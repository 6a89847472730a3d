//! What goes into [`crate::tui::app::update`] and what comes out of it.
//!
//! Plain data. A message says what happened; an effect says what the loop is to do, for `update` itself does no I/O.

use super::chord::Chord;
use super::clipboard::Delivery;
use super::sheet::{Done, Work};
use crate::client::message::{Command, Update};

/// What happened to the console.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A key was pressed, alone or with others held.
    Key(Chord),
    /// A text was pasted; it is one line or many.
    Paste(String),
    /// The terminal has this size now, in columns and rows.
    Resize(u16, u16),
    /// The terminal gained or lost the keyboard.
    Focus(bool),
    /// The client task has something new.
    Update(Update),
    /// A task of the loop came to its end.
    Worked(Done),
    /// What became of a text that was to be copied.
    Copied {
        /// What it is, as a sentence begins with it.
        what: String,
        /// How far it got: nobody answers that it arrived.
        delivery: Delivery,
    },
    /// The instant has come at which something visible is no longer true.
    Tick,
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Hand this to the client task.
    Client(Command),
    /// Do this on another thread; its end comes as [`Message::Worked`].
    Work(Work),
    /// Put this on the user's clipboard; what came of it comes as [`Message::Copied`].
    Copy {
        /// What is to be on the clipboard.
        text: String,
        /// What it is, as a sentence begins with it.
        what: String,
    },
    /// Ring the bell, and show this sentence as a desktop notification where the terminal can.
    Notify(String),
    /// Put the program to sleep.
    Suspend,
    /// Draw every cell again, whatever the terminal shows.
    Repaint,
    /// Give the terminal back and leave the program.
    Quit,
}
