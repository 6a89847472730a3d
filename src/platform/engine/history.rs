//! `get_historical_features`: feature values as they were (semantics.md section 8).

use super::ask::{Answer, Control, HistoryArgs};
use super::{EngineError, ErrorKind};
use crate::platform::registry::definition::View;

/// Historical values.
pub fn history(_view: &View, _args: &HistoryArgs, _control: Control<'_>) -> Result<Answer, EngineError> {
    Err(EngineError { kind: ErrorKind::Arguments, message: "under construction".to_owned() })
}
