//! Takes from stream jobs what they could make no row of.

use super::{Quarantine, QuarantineError};
use crate::platform::definition::View;
use crate::platform::jobs::materializer;
use crate::platform::jobs::stream_job::{Refusals, Trouble};
use crate::platform::source::records::Refused;

impl Refusals for Quarantine {
    fn add(&self, view: &View, refused: &[Refused]) -> Result<(), Trouble> {
        if let Some(Refused { place, message, .. }) = refused.first() {
            let records = refused.len();
            tracing::warn!(view = view.name, records, place, message, "records of the stream are set aside");
        }
        self.add(view.id, refused).map_err(|error| Trouble {
            reason: materializer::store_reason(error.is_full()).to_owned(),
            message: format!("records that no row can be made of cannot be set aside, and nothing is read on: {error}"),
        })
    }
}

impl QuarantineError {
    /// Whether the disk is full, so that making room is what helps.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::File(error) => error.is_full(),
            Self::Online(error) => error.is_full(),
            Self::Engine(_) | Self::Refused(_) => false,
        }
    }
}
