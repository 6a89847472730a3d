//! `run`: the view over a range of time, nothing written (semantics.md section 7).

use super::ask::{Answer, Control, RunArgs};
use super::{EngineError, ErrorKind};
use crate::platform::registry::definition::View;

/// Runs the view.
pub fn run(_view: &View, _args: &RunArgs, _control: Control<'_>) -> Result<Answer, EngineError> {
    Err(EngineError { kind: ErrorKind::Arguments, message: "under construction".to_owned() })
}
