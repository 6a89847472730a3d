//! The terminal's modes: set on entering, undone on every way out that can be caught.
//!
//! Knows which modes it set and undoes exactly those, in reverse, as raw bytes. It never asks the terminal anything: no
//! cursor position, no colours, no size but the kernel's. Frames are `writer.rs`'s.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

/// Alternate screen, cursor hidden, bracketed paste, focus events.
pub(super) const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h";
/// The same undone in reverse. The first byte ends an escape sequence that was cut off half-way; the second ends a
/// synchronized update.
pub(super) const LEAVE: &[u8] = b"\x18\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
/// Most time that leaving may take; a terminal that takes no bytes must not keep the program alive.
pub(super) const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// Whether the modes are set now.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// The thread whose panic ends the console.
static OWNER: OnceLock<ThreadId> = OnceLock::new();

/// Takes the keyboard: raw mode. The caller writes [`ENTER`] next.
pub(super) fn enter() -> io::Result<()> {
    if ENTERED.load(Ordering::SeqCst) {
        // Others may have changed the terminal while this program was stopped; raw mode is set only from its opposite.
        disable_raw_mode()?;
    }
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    Ok(())
}

/// Drops what was written to the terminal and has not reached it yet, so that what is written next finds room at once.
pub(super) fn drop_unsent() {
    // A standard output that is no terminal has no such queue.
    let _ = rustix::termios::tcflush(io::stdout(), rustix::termios::QueueSelector::OFlush);
}

/// Gives the keyboard back. True when it was taken, so that the caller has [`LEAVE`] to write, once.
pub(super) fn leave() -> bool {
    let entered = ENTERED.swap(false, Ordering::SeqCst);
    if entered {
        // There is nobody left to tell if this fails.
        drop(disable_raw_mode());
    }
    entered
}

/// From now on a panic of this thread restores the terminal before its report is printed; a panic of any other thread
/// goes to the log, for it would otherwise be printed across the screen.
pub(super) fn restore_on_panic() {
    if OWNER.set(thread::current().id()).is_err() {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let owner = OWNER.get() == Some(&thread::current().id());
        if !owner && ENTERED.load(Ordering::SeqCst) {
            tracing::error!(panic = %info, "a thread panicked");
            return;
        }
        if leave() {
            drop_unsent();
            write_within(LEAVE.to_vec(), LEAVE_LIMIT);
        }
        before(info);
    }));
}

/// Writes to standard output from another thread, and waits no longer than that.
fn write_within(bytes: Vec<u8>, limit: Duration) {
    let (done, wait) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut out = io::stdout();
        let written = out.write_all(&bytes).and_then(|()| out.flush());
        drop(done.send(written));
    });
    drop(wait.recv_timeout(limit));
}
