//! How a command ends when it does not end well, and the exit codes that scripts go by.

use std::fmt;

use crate::client::message::Problem;
use crate::client::{Error, Kind};
use crate::model::clean_lines;

/// What was wanted was refused or failed.
pub(crate) const FAILED: u8 = 1;
/// The command line or a setting is wrong.
pub(crate) const USAGE: u8 = 2;
/// The deployment was not reached, or does not accept the key.
pub(crate) const CONNECTION: u8 = 3;
/// The time-out of a wait is over; what was waited for goes on.
pub(crate) const TIMED_OUT: u8 = 4;
/// The user interrupted it.
pub(crate) const INTERRUPTED: u8 = 130;

/// A command that failed: the exit code and what to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The program's exit code.
    pub code: u8,
    /// What happened and what to do; empty when there is nothing left to say.
    pub text: String,
}

impl Failure {
    /// A failure with that code. The text is cleaned here.
    pub fn new(code: u8, text: impl fmt::Display) -> Self {
        Self { code, text: clean_lines(text.to_string().trim()).into_owned() }
    }

    /// A wrong command line or setting.
    pub fn usage(problem: &Problem) -> Self {
        Self::new(USAGE, problem)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind {
            Kind::Unreachable | Kind::Refused | Kind::Foreign | Kind::Busy => CONNECTION,
            Kind::Answered | Kind::Forbidden | Kind::Failed | Kind::Unimplemented => FAILED,
        };
        Self::new(code, error)
    }
}
