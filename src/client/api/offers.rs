//! What the deployment turned out to serve, learnt from every answer; a part that it does not have is asked for once.

use std::future::Future;
use std::sync::PoisonError;

use super::Api;
use crate::client::error::{Error, Kind};
use crate::client::serves::{Offer, Part, Serves};
use crate::wire::rpc;

/// The part that a call reads. Calls without one are sent whatever was answered before.
const PART_OF: &[(&str, Part)] = &[
    (rpc::LIST_WORKSPACES, Part::Workspaces),
    (rpc::QUERY_FEATURE_VIEWS, Part::Views),
    (rpc::LIST_MATERIALIZATION_JOBS, Part::Jobs),
    (rpc::GET_MATERIALIZATION_STATUS, Part::Reasons),
    (rpc::GET_FEATURE_FRESHNESS, Part::Freshness),
    (rpc::GET_FEATURE_VIEW_SUMMARY, Part::Summary),
    (rpc::GET_SERVING_STATUS, Part::Coverage),
    (rpc::GET_JOB_DETAILS, Part::Stages),
    (rpc::GET_JOB_LOGS, Part::Logs),
    (rpc::GET_JOBS, Part::Fleet),
];

/// The parts that only the calls below `/v1/fvtop/` bring.
const OWN: [Part; 4] = [Part::Queries, Part::Datasets, Part::StreamTail, Part::Audit];

/// The part that the call of this name reads.
pub(super) fn part_of(method: &str) -> Option<Part> {
    PART_OF.iter().find(|(known, _)| *known == method).map(|(_, part)| *part)
}

impl Api {
    /// What is known of the deployment's parts now.
    pub fn serves(&self) -> Serves {
        self.serves.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what was learnt: the deployment went away, and another release may have come back.
    pub(super) fn renew(&self) {
        *self.serves.lock().unwrap_or_else(PoisonError::into_inner) = Serves::default();
    }

    /// Notes how a part stands.
    fn note(&self, part: Part, offer: Offer) {
        self.serves.lock().unwrap_or_else(PoisonError::into_inner).note(part, offer);
    }

    /// Notes how the calls below `/v1/fvtop/` stand, all alike.
    pub(super) fn note_own(&self, offer: Offer) {
        OWN.into_iter().for_each(|part| self.note(part, offer.clone()));
    }

    /// Notes that the deployment has no calls of its own.
    pub(super) fn note_own_missing(&self) {
        OWN.into_iter().for_each(|part| self.note(part, Offer::Missing(part.not_served())));
    }

    /// Makes a call that reads this part, unless the deployment is known not to have it, and notes what came of it.
    pub(super) async fn noted<T>(
        &self,
        part: Option<Part>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(part) = part else { return call.await };
        if let Offer::Missing(problem) = self.serves().of(part) {
            return Err(Error::of(Kind::Unimplemented, problem.clone()));
        }
        match call.await {
            Ok(answer) => {
                self.note(part, Offer::Served);
                Ok(answer)
            }
            Err(error) if error.kind == Kind::Unimplemented => {
                self.note(part, Offer::Missing(part.not_served()));
                Err(Error::of(Kind::Unimplemented, part.not_served()))
            }
            Err(error) => {
                if error.kind == Kind::Forbidden {
                    self.note(part, Offer::Forbidden(error.problem.clone()));
                }
                Err(error)
            }
        }
    }
}
