//! A run under watch: its progress is told, a wish to stop and the bound on memory end it.
//!
//! The work goes on a thread of its own. Nobody waits for the engine's threads once the run is to stop: they end by
//! themselves at the next batch. It must not know what is computed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use polars::prelude::*;

use super::guard::Look;
use super::memory;
use super::sink::Sink;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::engine::ask::Control;

/// How often a run is looked at: for a wish to stop, its progress, its memory.
const LOOK: Duration = Duration::from_millis(50);

/// Stack of the thread that plans and starts a run: plans are trees that are walked.
const STACK: usize = 16 << 20;

/// A look at the wish to stop.
pub(crate) fn look<S: Sink>(shared: &Arc<Shared<S>>) -> Look {
    let shared = Arc::clone(shared);
    Arc::new(move || if shared.stop.load(Ordering::Relaxed) { Err(stopping()) } else { Ok(()) })
}

fn stopping() -> PolarsError {
    polars_err!(ComputeError: "stopped")
}

/// What a run and its watcher share.
pub(crate) struct Shared<S> {
    sink: Mutex<Option<S>>,
    rows: AtomicU64,
    stop: AtomicBool,
    why: Mutex<Option<EngineError>>,
}

impl<S: Sink> Shared<S> {
    /// Hands a batch to the sink.
    pub(crate) fn push(&self, batch: &DataFrame, memory: u64, view: &str) -> PolarsResult<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(stopping());
        }
        self.rows.fetch_add(batch.height() as u64, Ordering::Relaxed);
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sink) = sink.as_mut() else { return Err(stopping()) };
        sink.push(batch)?;
        self.hold(sink.bytes(), memory, view).map_err(|_| stopping())
    }

    /// Stops the run when it holds more than it may.
    pub(crate) fn hold(&self, bytes: usize, memory: u64, view: &str) -> Result<(), EngineError> {
        if bytes as u64 > memory {
            self.end(memory::exceeded(view, bytes as u64, memory));
        }
        self.stopped()
    }

    /// Stops the run for that reason; the first one stays.
    fn end(&self, why: EngineError) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Why the run is to stop, if it is.
    pub(crate) fn stopped(&self) -> Result<(), EngineError> {
        match &*self.why.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }
}

/// Does the work on a thread of its own and watches it: progress is told, a wish to stop and the bound on memory end
/// it.
pub(crate) fn watch<S: Sink>(
    view: &str,
    control: Control<'_>,
    sink: S,
    work: impl FnOnce(&Arc<Shared<S>>) -> Result<(), EngineError> + Send + 'static,
) -> Result<S, EngineError> {
    let shared = Arc::new(Shared {
        sink: Mutex::new(Some(sink)),
        rows: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        why: Mutex::new(None),
    });
    if control.cancel.is_cancelled() {
        return Err(EngineError::cancelled());
    }
    let (done, ended) = channel();
    let inside = Arc::clone(&shared);
    let started = std::thread::Builder::new().name("query".to_owned()).stack_size(STACK).spawn(move || {
        let _ = done.send(work(&inside));
    });
    started.map_err(|error| fault(view, &error.to_string()))?;
    let mut resident = memory::Growth::begin();
    let result = loop {
        let looked = ended.recv_timeout(LOOK);
        (control.progress)(shared.rows.load(Ordering::Relaxed));
        match looked {
            Ok(result) => break result,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break Err(fault(view, "the engine stopped with a fault")),
        }
        if control.cancel.is_cancelled() {
            shared.end(EngineError::cancelled());
        } else if let Some(bytes) = resident.above(control.memory) {
            shared.end(memory::exceeded(view, bytes, control.memory));
        }
        if shared.stop.load(Ordering::Relaxed) {
            break Ok(());
        }
    };
    shared.stopped()?;
    result?;
    let sink = shared.sink.lock().unwrap_or_else(PoisonError::into_inner).take();
    sink.ok_or_else(|| fault(view, "the engine lost its result"))
}

fn fault(view: &str, problem: &str) -> EngineError {
    let message = format!("view {view}: {problem}. Report it with the log");
    EngineError { kind: ErrorKind::Query, message }
}
