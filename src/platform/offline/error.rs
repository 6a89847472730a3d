//! Why the offline store failed, in a sentence that says what to do, and whether another try may help.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

use deltalake_core::DeltaTableError;
use polars::prelude::PolarsError;
use thiserror::Error;

use crate::model::clean::clean;
use crate::model::foreign;
use crate::platform::compute::Cause;

/// What happened to which table, and what to do next.
#[derive(Debug, Error)]
#[error("offline table {table}: {problem}")]
pub struct OfflineError {
    table: String,
    /// What happened, and what to do next.
    problem: String,
    permanent: bool,
    full: bool,
    /// What the disk or a library said; absent where nothing but this program found the problem.
    source: Option<Cause>,
}

impl OfflineError {
    /// What another try may mend: the disk, or another writer.
    pub(super) fn passing(root: &Path, problem: impl AsRef<str>) -> Self {
        let problem = clean(problem.as_ref()).into_owned();
        Self { table: root.display().to_string(), problem, permanent: false, full: false, source: None }
    }

    /// What the same try meets again.
    pub(super) fn permanent(root: &Path, problem: impl AsRef<str>) -> Self {
        Self { permanent: true, ..Self::passing(root, problem) }
    }

    /// What the disk said about a file, and what to do about it.
    pub(super) fn disk(root: &Path, what: &str, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::of_disk(root, what, &cause_text(&cause)).caused_by(cause)
    }

    /// What Polars said about rows or keys: the same of the same ones.
    pub(super) fn frame(root: &Path, what: &str, cause: PolarsError) -> Self {
        Self::permanent(root, format!("{what}: {}", foreign::sentence(&cause))).caused_by(cause)
    }

    /// The same with what it comes from, for the log.
    pub(super) fn caused_by(self, source: impl Into<Cause>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    fn of_disk(root: &Path, what: &str, text: &str) -> Self {
        let kind = kind(text);
        Self { full: is_full(kind), ..Self::passing(root, format!("{what}: {text}. {}", advice(kind))) }
    }

    /// What the transaction log's library said: a log that was read and makes no sense stays so.
    pub(super) fn log(root: &Path, cause: DeltaTableError) -> Self {
        let text = cause_text(&cause);
        if kind(&text).is_some_and(|kind| kind != ErrorKind::NotFound) {
            return Self::of_disk(root, "its _delta_log cannot be read or written", &text).caused_by(cause);
        }
        let fix = "Bring its _delta_log back from a copy, or move the table away and materialize again";
        Self::permanent(root, format!("its _delta_log is damaged: {text}. {fix}")).caused_by(cause)
    }

    /// Whether the same try would fail in the same way.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// Whether the disk is full, so that making room is what helps.
    pub fn is_full(&self) -> bool {
        self.full
    }
}

/// The sentence of an error on one line, with that of the innermost cause where the libraries between leave it out.
fn cause_text(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let (outer, inner) = (foreign::sentence(error), foreign::sentence(cause));
    if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
}

/// What the system said went wrong. Some libraries keep only its text, so that is what is read.
fn kind(text: &str) -> Option<ErrorKind> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    let code = rest.split(')').next()?.parse().ok()?;
    Some(io::Error::from_raw_os_error(code).kind())
}

/// Whether an error of Polars is that of a file which is not there.
pub(super) fn is_missing(error: &PolarsError) -> bool {
    matches!(error, PolarsError::IO { error, .. } if error.kind() == ErrorKind::NotFound)
        || kind(&error.to_string()) == Some(ErrorKind::NotFound)
}

fn is_full(kind: Option<ErrorKind>) -> bool {
    matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

fn advice(kind: Option<ErrorKind>) -> &'static str {
    match kind {
        full if is_full(full) => "The disk is full: free some space",
        Some(ErrorKind::ReadOnlyFilesystem) => "The disk is mounted read-only: mount it for writing",
        Some(ErrorKind::PermissionDenied) => "Allow the user that runs this program to read and write there",
        Some(ErrorKind::NotFound) => "Find out who removed it",
        _ => "Check the disk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_the_disk_said_and_what_to_do() {
        let root = Path::new("/data/offline/prod/v");
        let sentence = |code: i32| {
            let error = OfflineError::disk(root, "file x cannot be written", io::Error::from_raw_os_error(code));
            assert!(!error.is_permanent() && error.is_full() == (code == 28));
            error.to_string()
        };
        let table = "offline table /data/offline/prod/v: file x cannot be written: ";
        assert_eq!(
            sentence(28),
            format!("{table}No space left on device (os error 28). The disk is full: free some space")
        );
        assert!(sentence(30).ends_with("(os error 30). The disk is mounted read-only: mount it for writing"));
        assert!(sentence(13).ends_with("Allow the user that runs this program to read and write there"));
        assert!(sentence(5).ends_with("Check the disk"));
        // Polars and the log's library wrap what the system said.
        let wrapped = PolarsError::from(io::Error::from_raw_os_error(28));
        let error = OfflineError::disk(root, "file x cannot be written", wrapped).to_string();
        assert!(error.ends_with("The disk is full: free some space"), "{error}");
        assert!(is_missing(&PolarsError::from(io::Error::from_raw_os_error(2))));
    }
}
