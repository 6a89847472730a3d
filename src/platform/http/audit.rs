//! Changes with their record in the audit log: written down before they are made, and what came of them before it is
//! told.
//!
//! What is written of a call is said in `audit_words.rs`.

use super::auth::allow;
use super::fault::Fault;
use crate::model::Right;
use crate::platform::Platform;
use crate::platform::access::{Caller, Deed, Outcome};
use crate::wire::status;

/// What the caller calls its request (the HTTP header `x-request-id`), or a name that was made here.
#[derive(Clone, Debug)]
pub struct RequestName(pub String);

/// A change that is written down and has not ended.
pub struct Record {
    seq: i64,
}

impl Record {
    /// Writes down what is about to be done. Blocks on the disk.
    ///
    /// # Errors
    /// When that cannot be written: then it must not be done.
    pub fn begin(platform: &Platform, deed: &Deed) -> Result<Self, Fault> {
        let written = platform.access().audit.begin(deed, platform.clock().now());
        let seq = written.map_err(|error| {
            tracing::error!(%error, "the audit log cannot be written");
            let detail = format!("Nothing was changed, because the audit log cannot be written: {error}");
            Fault::new(status::INTERNAL, detail)
        })?;
        Ok(Self { seq })
    }

    /// Writes down what came of it. When that fails it was done all the same: the entry stays without an end. Blocks on
    /// the disk.
    pub fn end(self, platform: &Platform, code: i32, sentence: &str) {
        let outcome = outcome(platform, code, sentence);
        if let Err(error) = platform.access().audit.end(self.seq, &outcome) {
            tracing::error!(%error, entry = self.seq, "the audit log cannot be written");
        }
    }
}

/// Does what needs `right`, when the caller has it; on the record when it changes something, and so is the refusal.
/// `told` says what came of it where an answer says that by itself. Blocks on the disk.
///
/// # Errors
/// Code 7 without the right; as `work`; and when the record cannot be written.
pub fn perform<T>(
    platform: &Platform,
    caller: &Caller,
    right: Right,
    deed: impl FnOnce() -> Deed,
    told: impl FnOnce(&T) -> (i32, String),
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let allowed = allow(caller, right);
    if !right.changes() {
        return allowed.and_then(|()| work());
    }
    let deed = deed();
    if let Err(fault) = allowed {
        refused(platform, &deed, &fault);
        return Err(fault);
    }
    let record = Record::begin(platform, &deed)?;
    let done = work();
    let (code, sentence) = match &done {
        Ok(done) => told(done),
        Err(fault) => (fault.code, fault.detail.clone()),
    };
    record.end(platform, code, &sentence);
    done
}

/// Writes down what was refused. Blocks on the disk.
pub fn refused(platform: &Platform, deed: &Deed, fault: &Fault) {
    if let Err(error) = platform.access().audit.note(deed, &outcome(platform, fault.code, &fault.detail)) {
        tracing::error!(%error, "the audit log cannot be written");
    }
}

fn outcome(platform: &Platform, code: i32, sentence: &str) -> Outcome {
    Outcome { at: platform.clock().now(), code, sentence: sentence.to_owned() }
}
