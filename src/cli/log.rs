//! The log: to a file when one is named, never to the terminal.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use super::failure::{Failure, USAGE};

/// Sends the log to that file, behind what is in it already; `FVTOP_LOG` filters it (`info` by default). What is
/// pending is written when the guard is dropped.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn to_file(path: Option<&Path>) -> Result<Option<WorkerGuard>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
        Failure::new(USAGE, format!("The log file {} cannot be opened: {error}. Name another one.", path.display()))
    })?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env("FVTOP_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // Somebody else may have set it up already.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).try_init();
    Ok(Some(guard))
}
