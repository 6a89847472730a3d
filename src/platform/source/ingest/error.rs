//! What can go wrong with a log, told so that a person knows what to do.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::segment::VERSION;

/// Why a log cannot be opened or read.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    #[error("{path} cannot be used: {problem}. See that it is there and that you may read and write it")]
    Disk {
        path: PathBuf,
        #[source]
        problem: io::Error,
    },
    #[error(
        "{path} has version {found} of the logs of streams, and this release ({}) knows versions up to {VERSION}. \
         Start it with the release that wrote it or a later one. Nothing was changed",
        env!("CARGO_PKG_VERSION")
    )]
    Newer { path: PathBuf, found: u32 },
    #[error(
        "{path} is damaged in its first bytes, so nothing can be read of it. Put it back from a copy. To go on \
         without what it holds, move the whole folder away: the log then begins anew"
    )]
    Header { path: PathBuf },
    #[error("{path} belongs to another log than the files beside it. Put the folder back from one copy")]
    Foreign { path: PathBuf },
    /// What is damaged had been durable.
    #[error("{path} is damaged at byte {place}, where its record {number} begins: {}", on(*.goes_on))]
    Damaged { path: PathBuf, place: u64, number: u64, goes_on: Option<u64> },
    #[error(
        "the records {from} to {} are gone: no file of {folder} holds them. Put the files back from a copy, or go on from \
         record {until}",
        until - 1
    )]
    Gap { folder: PathBuf, from: u64, until: u64 },
    #[error(
        "record {number} was read of it, and it ends before record {next}: {folder} was put back from an older copy than \
         what was made of it. Put the later copy back, or begin anew from a position that is there"
    )]
    Beyond { folder: PathBuf, number: u64, next: u64 },
    #[error(
        "it was read as another log than the one in {folder}, which was made since. Put the old folder back, or begin \
         anew from its oldest record"
    )]
    Replaced { folder: PathBuf },
}

/// How one may go on behind a damage.
fn on(goes_on: Option<u64>) -> String {
    match goes_on {
        Some(number) => format!("put it back from a copy, or go on from record {number}, the next that is whole"),
        None => "put it back from a copy. Nothing behind it in the file is whole".to_owned(),
    }
}

impl LogError {
    pub(super) fn disk(path: &Path, problem: io::Error) -> Self {
        Self::Disk { path: path.to_owned(), problem }
    }
}

/// Why records were not taken. None of them is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum AppendError {
    #[error("The disk is full: nothing was taken. Make room; it goes on by itself")]
    Full,
    #[error("The log cannot be written: {0}. Nothing was taken; it is tried again with the next request")]
    Disk(String),
    #[error(
        "More records wait to be written than the disk keeps up with. Nothing was taken; send them again in a moment"
    )]
    Busy,
    #[error(
        "The idempotency key was given before, with other records. Nothing was taken; give a new key, or send what it \
         was given with"
    )]
    OtherRecords,
    #[error("The platform is stopping: nothing was taken. Send it again once it runs")]
    Stopped,
}

impl AppendError {
    pub(super) fn of_disk(problem: &io::Error) -> Self {
        match problem.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Disk(problem.to_string()),
        }
    }
}
