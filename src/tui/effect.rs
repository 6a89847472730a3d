//! What goes into [`crate::tui::app::update`] and what comes out of it.
//!
//! Plain data. A message says what happened; an effect says what the loop is to do, for `update` itself does no I/O.

use super::chord::Chord;
use super::clipboard::Delivery;
use super::sheet::{Done, Work};
use crate::client::message::{Command, Update};

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size now, in columns and rows.
    Resize(u16, u16),
    /// The terminal gained or lost the keyboard.
    Focus(bool),
    /// The client task told something.
    Update(Update),
    /// A task of the loop came to its end.
    Worked(Done),
    /// What became of a text that was to be copied.
    Copied {
        /// What it is, as a sentence begins with it.
        what: String,
        /// Where it got to.
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
    /// Do this on another thread; its end is told as [`Message::Worked`].
    Work(Work),
    /// Put this on the user's clipboard; what came of it is told as [`Message::Copied`].
    Copy {
        /// The text.
        text: String,
        /// What it is, as a sentence begins with it.
        what: String,
    },
    /// Ring the bell, and show this sentence as a desktop notification where the terminal can.
    Notify(String),
    /// Put the program to sleep.
    Suspend,
    /// Draw every cell again.
    Repaint,
    /// Leave.
    Quit,
}
