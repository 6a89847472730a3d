//! The signals that concern a terminal program, as a stream of values.

use std::io;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// End; the number of the signal.
    End(i32),
    /// The program is to sleep.
    Stop,
    /// Woken after a sleep that was not announced: the terminal may have been used by others.
    Continue,
}

/// All the signals that are caught, each with its own stream.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    quit: Signal,
    stop: Signal,
    resume: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(super) fn new() -> io::Result<Self> {
        let catch = |number| signal(SignalKind::from_raw(number));
        Ok(Self {
            interrupt: catch(SIGINT)?,
            terminate: catch(SIGTERM)?,
            hang_up: catch(SIGHUP)?,
            quit: catch(SIGQUIT)?,
            stop: catch(SIGTSTP)?,
            resume: catch(SIGCONT)?,
        })
    }

    /// Waits for the next signal; one that ends the program comes first.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Asked::End(SIGTERM),
            _ = self.hang_up.recv() => Asked::End(SIGHUP),
            _ = self.interrupt.recv() => Asked::End(SIGINT),
            _ = self.quit.recv() => Asked::End(SIGQUIT),
            _ = self.stop.recv() => Asked::Stop,
            _ = self.resume.recv() => Asked::Continue,
        }
    }
}

/// Puts the whole program to sleep, as the terminal's own ctrl-z would; returns when it is woken.
pub(super) fn sleep() -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(SIGTSTP)
}
