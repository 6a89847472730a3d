//! The shared tails: one per view, running while somebody listens, and their listeners.
//!
//! A tail is started when it is first asked for and ends a minute after its last listener left. It begins at the oldest
//! event that its stream keeps. Every record has a number; a listener that is too slow is told how many it missed.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::model::{Id, foreign};
use crate::platform::clock::pause;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::View;
use crate::platform::engine::{Engine, sound};
use crate::platform::frame;
use crate::platform::source::position::{BATCH, Position};
use crate::platform::source::readers::Readers;
use crate::platform::source::{Read, newest_of};

use super::record;
use super::tail::{self, Progress, Tail};

/// Newest records kept for those who come later.
pub(crate) const HISTORY: usize = 1_000;
/// Records of one message to the listeners.
const CHUNK: usize = 256;
/// Messages a listener may lag behind.
const LAG: usize = 64;
/// How often the stream is read when the tail is caught up.
const TICK: Duration = Duration::from_millis(500);
const BACKOFF: Duration = Duration::from_secs(5);
/// How long a tail goes on without listeners.
const LINGER: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Batch {
    first: u64,
    records: Vec<Box<str>>,
}

/// What a tail tells besides its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// The records' columns; absent until the source is open.
    pub columns: Option<Arc<Vec<String>>>,
    /// Whether it has read up to the present.
    pub caught_up: bool,
    pub progress: Progress,
    /// What keeps it from going on.
    pub trouble: Option<String>,
    /// Why events were left out, the last time that some were.
    pub left_out: Option<String>,
}

#[derive(Default)]
struct History {
    next: u64,
    newest: VecDeque<Box<str>>,
}

pub(super) struct Shared {
    history: Mutex<History>,
    records: broadcast::Sender<Arc<Batch>>,
    status: watch::Sender<Status>,
}

/// The tails of a platform.
pub struct Tails {
    engine: Arc<dyn Engine>,
    readers: Arc<Readers>,
    stop: CancellationToken,
    open: Arc<Mutex<HashMap<Id, Arc<Shared>>>>,
}

/// One listener of a tail.
pub struct Listener {
    shared: Arc<Shared>,
    records: broadcast::Receiver<Arc<Batch>>,
    status: watch::Receiver<Status>,
    next: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Records, after `dropped` that were missed.
    Records {
        /// Records lost because this listener was too slow.
        dropped: u64,
        records: Vec<Box<str>>,
    },
    Ended,
}

impl Tails {
    /// Tails over these readers, computed by that engine, until `stop`.
    pub fn new(engine: Arc<dyn Engine>, readers: Arc<Readers>, stop: CancellationToken) -> Self {
        Self { engine, readers, stop, open: Arc::default() }
    }

    /// Listens to the tail of `view`, starting it when it does not run.
    pub fn listen(&self, view: &Arc<View>) -> std::io::Result<Listener> {
        let mut open = lock(&self.open);
        let shared = match open.get(&view.id) {
            Some(shared) => Arc::clone(shared),
            None => {
                let shared = Arc::new(Shared::new());
                self.spawn(view, &shared)?;
                open.insert(view.id, Arc::clone(&shared));
                shared
            }
        };
        let (records, status) = (shared.records.subscribe(), shared.status.subscribe());
        Ok(Listener { shared, records, status, next: 0 })
    }

    fn spawn(&self, view: &Arc<View>, shared: &Arc<Shared>) -> std::io::Result<()> {
        let (view, shared, open) = (Arc::clone(view), Arc::clone(shared), Arc::clone(&self.open));
        let (engine, readers, stop) = (Arc::clone(&self.engine), Arc::clone(&self.readers), self.stop.clone());
        let thread = std::thread::Builder::new().name(format!("tail-{}", view.name));
        thread.spawn(move || {
            let mut source =
                Source { engine: engine.as_ref(), view: &view, readers: &readers, position: Position::default() };
            run(&mut source, &shared, &open, &stop);
        })?;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a tail's events come from.
pub(super) struct Source<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) view: &'a View,
    pub(super) readers: &'a Readers,
    pub(super) position: Position,
}

impl Source<'_> {
    /// Reads one micro-batch into `tail` and publishes what it completes. True when there is more to read at once.
    pub(super) fn step(&mut self, tail: &mut Tail, shared: &Shared) -> Result<bool, EngineError> {
        let Some(source) = self.view.stream_source() else { return Ok(false) };
        let stream = self.readers.get(source)?;
        if shared.status.borrow().columns.is_none() {
            let none = frame::empty(&source.columns).map_err(|error| EngineError {
                kind: ErrorKind::Source,
                message: format!("source {}: its columns make no table: {}", source.name, foreign::sentence(&error)),
            })?;
            let columns = tail::shown(self.view, self.engine.transform_stream(self.view, none)?.rows)?;
            shared.set_columns(columns.get_column_names().iter().map(|name| name.to_string()).collect());
        }
        let now = self.readers.clock().now();
        let newest = |read: &Read| newest_of(read, source, now);
        let batch = self.position.read_by(&*stream, BATCH, &newest)?;
        let more = !batch.caught_up && batch.position != self.position;
        let mut left_out = batch.refused.first().map(|refused| refused.message.clone());
        if batch.events.height() > 0 {
            let fold = |view: &View, events| sound::transform(self.engine, view, events);
            let absorbed = tail.absorb(self.view, batch.events, batch.newest, &fold)?;
            shared.publish(record::records(&absorbed.rows));
            left_out = absorbed.problem.or(left_out);
        }
        tail.expired(batch.expired);
        tail.refused(batch.refused.len() as u64);
        if let Some(problem) = &left_out {
            tracing::warn!(problem, view = self.view.name, "events were left out of the stream tail");
        }
        self.position = batch.position;
        shared.status.send_if_modified(|status| {
            let after = Status {
                columns: status.columns.clone(),
                caught_up: status.caught_up || batch.caught_up,
                progress: tail.progress(),
                trouble: None,
                left_out: left_out.or_else(|| status.left_out.clone()),
            };
            let changed = *status != after;
            *status = after;
            changed
        });
        Ok(more)
    }
}

fn run(source: &mut Source, shared: &Shared, open: &Mutex<HashMap<Id, Arc<Shared>>>, stop: &CancellationToken) {
    let mut tail = Tail::default();
    let mut alone_since: Option<Instant> = None;
    while !stop.is_cancelled() {
        match shared.records.receiver_count() {
            0 if alone_since.get_or_insert_with(Instant::now).elapsed() > LINGER => {
                let mut open = lock(open);
                // Listeners subscribe under this lock, so nobody can come in between.
                if shared.records.receiver_count() == 0 {
                    open.remove(&source.view.id);
                    return;
                }
            }
            0 => {}
            _ => alone_since = None,
        }
        // A tail that ends by itself would leave its listeners waiting, and nobody could start it again.
        let step = catch_unwind(AssertUnwindSafe(|| source.step(&mut tail, shared)));
        let step = step.unwrap_or_else(|panic| {
            Err(EngineError { kind: ErrorKind::Source, message: sound::stopped(panic.as_ref()) })
        });
        match step {
            Ok(true) => {}
            Ok(false) => pause(TICK, stop),
            Err(error) => {
                tracing::warn!(%error, view = source.view.name, "the stream tail is held up");
                shared.status.send_modify(|status| status.trouble = Some(error.message));
                pause(BACKOFF, stop);
            }
        }
    }
}

impl Shared {
    pub(super) fn new() -> Self {
        let (records, status) = (broadcast::Sender::new(LAG), watch::Sender::new(Status::default()));
        Self { history: Mutex::default(), records, status }
    }

    /// The newest records, oldest first.
    #[cfg(test)]
    pub(super) fn newest(&self) -> Vec<Box<str>> {
        lock(&self.history).newest.iter().cloned().collect()
    }

    fn set_columns(&self, columns: Vec<String>) {
        self.status.send_modify(|status| status.columns = Some(Arc::new(columns)));
    }

    fn publish(&self, records: Vec<Box<str>>) {
        let mut history = lock(&self.history);
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            let chunk: Vec<Box<str>> = records.by_ref().take(CHUNK).collect();
            let first = history.next;
            history.next += chunk.len() as u64;
            history.newest.extend(chunk.iter().cloned());
            let surplus = history.newest.len().saturating_sub(HISTORY);
            history.newest.drain(..surplus);
            // Nobody listening is no error.
            let _ = self.records.send(Arc::new(Batch { first, records: chunk }));
        }
    }
}

impl Listener {
    /// The tail's state, to look at and to wait for.
    pub fn status(&mut self) -> &mut watch::Receiver<Status> {
        &mut self.status
    }

    /// The newest `limit` records there are, oldest first. What [`Listener::next`] hears follows on them.
    pub fn backlog(&mut self, limit: usize) -> Vec<Box<str>> {
        let history = lock(&self.shared.history);
        self.records = self.shared.records.subscribe();
        self.next = history.next;
        let skipped = history.newest.len().saturating_sub(limit);
        history.newest.iter().skip(skipped).cloned().collect()
    }

    /// Waits for the next records. May be dropped while waiting without losing any.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.records.recv().await {
                Ok(batch) => {
                    let dropped = batch.first.saturating_sub(self.next);
                    self.next = batch.first + batch.records.len() as u64;
                    return Heard::Records { dropped, records: batch.records.clone() };
                }
                // How many records that were shows in the number of the next one.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Heard::Ended,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(shared: &Arc<Shared>) -> Listener {
        let (records, status) = (shared.records.subscribe(), shared.status.subscribe());
        Listener { shared: Arc::clone(shared), records, status, next: 0 }
    }

    fn numbered(range: std::ops::Range<usize>) -> Vec<Box<str>> {
        range.map(|n| n.to_string().into_boxed_str()).collect()
    }

    #[tokio::test]
    async fn the_backlog_and_what_follows_have_no_gap() {
        let shared = Arc::new(Shared::new());
        shared.publish(numbered(0..1_500));
        let mut listener = listener(&shared);
        let backlog = listener.backlog(3);
        assert_eq!(backlog, numbered(1_497..1_500));
        shared.publish(numbered(1_500..1_502));
        assert_eq!(listener.next().await, Heard::Records { dropped: 0, records: numbered(1_500..1_502) });
        assert_eq!(listener.backlog(5_000).len(), HISTORY);
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_how_many_it_missed() {
        let shared = Arc::new(Shared::new());
        let mut listener = listener(&shared);
        listener.backlog(0);
        for number in 0..LAG * 3 {
            shared.publish(numbered(number..number + 1));
        }
        let Heard::Records { dropped, records } = listener.next().await else { panic!("records") };
        assert_eq!((dropped, records), (LAG as u64 * 2, numbered(LAG * 2..LAG * 2 + 1)));
    }
}
