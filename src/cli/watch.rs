//! Runs a query in front of the user: a line of progress on a terminal, and Ctrl-C cancels it.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use super::failure::{Failure, INTERRUPTED};
use super::output::note;
use super::session::Session;
use crate::client::message::QueryAnswer;
use crate::client::query;
use crate::model::{QueryProgress, clean};
use crate::wire::queries::Query;

/// Runs it to its end; its warnings go to standard error.
///
/// # Errors
/// When it fails, the deployment does not serve it, or it is interrupted.
pub(super) async fn run(session: &Session, asked: &Query<PathBuf>) -> Result<QueryAnswer, Failure> {
    let deployment = session.api.deployment().await?;
    let cancel = CancellationToken::new();
    let interrupts = interrupts(&cancel);
    let line = Line::new();
    let tell = |progress| line.show(&progress);
    let answer = query::run(&session.api, deployment.own_api.as_deref(), asked, &cancel, &tell).await;
    line.clear();
    drop(interrupts);
    let answer = answer.map_err(|error| match cancel.is_cancelled() {
        true => Failure::new(INTERRUPTED, "The computation was cancelled."),
        false => error.into(),
    })?;
    for warning in &answer.warnings {
        note(&format!("warning: {warning}"));
    }
    if let Some(name) = &answer.saved_as {
        note(&format!("kept as dataset {name}"));
    }
    Ok(answer)
}

/// Work that Ctrl-C cancels; it has ended once this is dropped.
#[must_use]
pub(super) struct Interrupts {
    ended: Arc<AtomicBool>,
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

/// The first Ctrl-C cancels; one more, or one after the end, ends the program as if nothing caught it.
pub(super) fn interrupts(cancel: &CancellationToken) -> Interrupts {
    let ended = Arc::new(AtomicBool::new(false));
    let (cancel, seen) = (cancel.clone(), Arc::clone(&ended));
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if seen.load(Ordering::SeqCst) || cancel.is_cancelled() {
                std::process::exit(INTERRUPTED.into());
            }
            cancel.cancel();
        }
    });
    Interrupts { ended }
}

/// A line on standard error that is written over; none where that is no terminal.
pub(super) struct Line {
    on: bool,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { on: io::stderr().is_terminal() }
    }

    fn show(&self, progress: &QueryProgress) {
        let rows = progress.rows_read.filter(|rows| *rows > 0);
        let rows = rows.map(|rows| format!(", {rows} rows read")).unwrap_or_default();
        self.write(&format!("{}{rows} ...", clean(&progress.step)));
    }

    pub(super) fn clear(&self) {
        self.write("");
    }

    /// `text` must hold nothing that drives a terminal.
    pub(super) fn write(&self, text: &str) {
        if self.on {
            let mut out = io::stderr().lock();
            // Progress that cannot be shown is no error.
            let _ = write!(out, "\r\u{1b}[K{text}").and_then(|()| out.flush());
        }
    }
}
