//! What every computation has: a way to be stopped, a bound on what it holds, and the ways it may end.
//!
//! Plain data; it must not know what is computed, nor with what.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

/// Most bytes that one computation may hold, unless its caller says otherwise.
pub const MEMORY: u64 = 1 << 30;

/// What an error comes from, kept for the log; the sentence of the error tells it already.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A flag that asks a running computation to stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the computation to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called, on this flag or on a clone of it.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What went wrong, in the words that decide about a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A source cannot be read: may be mended, so the attempt is retried.
    Source,
    /// The query fails on its data: permanent.
    Query,
    /// The work does not fit the memory limits: permanent.
    Memory,
    /// Somebody asked to stop, or the platform stops.
    Cancelled,
    /// The caller asked for something that cannot be: the sentence says what to change.
    Arguments,
}

/// Why a computation ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EngineError {
    /// The class that decides about a retry.
    pub kind: ErrorKind,
    /// What happened, to what, and what to do next.
    pub message: String,
}

impl EngineError {
    /// It ended because somebody asked.
    pub fn cancelled() -> Self {
        Self { kind: ErrorKind::Cancelled, message: "cancelled on request".to_owned() }
    }
}

/// The message that a panic was raised with; `no message` where it is not a text.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
