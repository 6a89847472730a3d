//! Changes with their entry in the audit log: written down before they are made, and what came of them before it is
//! answered.
//!
//! What an entry says is put into words in `audit_words.rs`.

use std::error::Error;

use super::auth::allow;
use super::fault::Fault;
use crate::model::Right;
use crate::platform::Platform;
use crate::platform::access::{AuditedAction, Caller, Outcome};
use crate::wire::status;

/// What the caller calls its request (`x-request-id`), or a name that was made here.
#[derive(Clone, Debug)]
pub(super) struct RequestName(pub String);

impl RequestName {
    /// The name that was given; a fresh one without it.
    pub(super) fn given(name: Option<&str>) -> Self {
        let name = name.filter(|name| !name.is_empty());
        Self(name.map_or_else(|| uuid::Uuid::new_v4().simple().to_string(), str::to_owned))
    }
}

/// What an answer that is well says came of its change: what was made, or that it was refused all the same.
#[derive(Clone, Default)]
pub(super) struct Ending {
    /// A gRPC code; 0 is done.
    pub code: i32,
    /// What was made, or why not; may be empty.
    pub sentence: String,
}

impl Ending {
    pub(super) fn done(sentence: String) -> Self {
        Self { code: status::OK, sentence }
    }

    /// The change was made, unless there is a sentence why not.
    pub(super) fn done_or_refused(refusal: Option<String>, done: Option<String>) -> Self {
        match refusal {
            Some(sentence) => Self { code: status::FAILED_PRECONDITION, sentence },
            None => Self::done(done.unwrap_or_default()),
        }
    }
}

/// A change that is written down and has not ended.
pub(super) struct OpenEntry {
    seq: i64,
}

impl OpenEntry {
    /// Writes down what is about to be done. Blocks on the disk.
    ///
    /// # Errors
    /// When that cannot be written: then it must not be done.
    pub(super) fn begin(platform: &Platform, entry: &AuditedAction) -> Result<Self, Fault> {
        let written = platform.access().audit.begin(entry, platform.clock().now());
        let seq = written.map_err(|error| {
            tracing::error!(error = &error as &dyn Error, "the audit log cannot be written");
            let detail = format!("Nothing was changed, because the audit log cannot be written: {error}");
            Fault::new(status::INTERNAL, detail)
        })?;
        Ok(Self { seq })
    }

    /// Writes down what came of it. When that fails it was done all the same: the entry stays without an end. Blocks on
    /// the disk.
    pub(super) fn end(self, platform: &Platform, code: i32, sentence: &str) {
        let outcome = outcome(platform, code, sentence);
        if let Err(error) = platform.access().audit.end(self.seq, &outcome) {
            tracing::error!(error = &error as &dyn Error, entry = self.seq, "the audit log cannot be written");
        }
    }
}

/// Makes a change that needs `right`, with `entry` in the audit log, which has a refusal as well. `ending` says what
/// came of it where an answer says that by itself. Blocks on the disk.
///
/// # Errors
/// Code 7 without the right; as `work`; and when the log cannot be written.
pub(super) fn change<T>(
    platform: &Platform,
    caller: &Caller,
    right: Right,
    entry: impl FnOnce() -> AuditedAction,
    ending: impl FnOnce(&T) -> Ending,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let entry = entry();
    if let Err(fault) = allow(caller, right) {
        refused(platform, &entry, &fault);
        return Err(fault);
    }
    let open = OpenEntry::begin(platform, &entry)?;
    let done = work();
    match &done {
        Ok(done) => {
            let Ending { code, sentence } = ending(done);
            open.end(platform, code, &sentence);
        }
        Err(fault) => open.end(platform, fault.code, &fault.detail),
    }
    done
}

/// Writes down what was refused. Blocks on the disk.
pub(super) fn refused(platform: &Platform, entry: &AuditedAction, fault: &Fault) {
    if let Err(error) = platform.access().audit.note(entry, &outcome(platform, fault.code, &fault.detail)) {
        tracing::error!(error = &error as &dyn Error, "the audit log cannot be written");
    }
}

fn outcome(platform: &Platform, code: i32, sentence: &str) -> Outcome {
    Outcome { at: platform.clock().now(), code, sentence: sentence.to_owned() }
}
