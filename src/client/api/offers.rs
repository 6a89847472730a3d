//! What the deployment turned out to serve, learnt from every answer.
//!
//! One refusal is no proof: a release may be rolling out, or something between may have answered. What was served
//! before is asked for as often as ever, and its absence is a failure like any other. What never was is left alone for
//! a while, so that each poll of an older deployment does not ask in vain, and is asked for again when that is over or
//! somebody wants it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

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
const OWN: [Part; 6] = [Part::Queries, Part::Datasets, Part::StreamTail, Part::Streams, Part::Audit, Part::Quarantine];

/// The part that the call of this name reads.
pub(super) fn part_of(method: &str) -> Option<Part> {
    PART_OF.iter().find(|(known, _)| *known == method).map(|(_, part)| *part)
}

/// What was learnt.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    serves: Serves,
    /// Since when the deployment is believed not to have a part; one that is not in it is asked for.
    believed: BTreeMap<Part, Instant>,
    /// What the deployment said of itself last.
    pub(super) deployment: Option<super::Deployment>,
}

impl Api {
    pub(super) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the deployment's parts now.
    pub fn serves(&self) -> Serves {
        self.learnt().serves.clone()
    }

    /// Forgets what was learnt: the deployment went away, and another release may have come back.
    pub(super) fn renew(&self) {
        *self.learnt() = Learnt::default();
    }

    /// Asks the deployment again for all that it is believed not to have.
    pub(in crate::client) fn doubt(&self) {
        self.learnt().believed.clear();
    }

    /// Notes how a part stands.
    fn note(&self, part: Part, offer: Offer) {
        let mut learnt = self.learnt();
        if matches!(offer, Offer::Missing(_)) {
            learnt.believed.insert(part, Instant::now());
        } else {
            learnt.believed.remove(&part);
        }
        learnt.serves.note(part, offer);
    }

    /// Notes how the calls below `/v1/fvtop/` stand, all alike.
    pub(super) fn note_own(&self, offer: Offer) {
        OWN.into_iter().for_each(|part| self.note(part, offer.clone()));
    }

    /// Notes that the deployment has no calls of its own.
    pub(super) fn note_own_missing(&self) {
        OWN.into_iter().for_each(|part| self.note(part, Offer::Missing(part.not_served())));
    }

    /// Notes that the deployment has calls of its own: what was said to be missing of them may be there.
    pub(super) fn note_own_there(&self) {
        let serves = self.serves();
        OWN.into_iter().filter(|part| serves.lacks(*part)).for_each(|part| self.note(part, Offer::Unknown));
    }

    /// Whether that part is not asked for now.
    pub(in crate::client) fn leaves_alone(&self, part: Part) -> bool {
        self.believed_missing(part).is_some()
    }

    /// Why that part is not asked for now.
    fn believed_missing(&self, part: Part) -> Option<Error> {
        let learnt = self.learnt();
        let fresh = learnt.believed.get(&part).is_some_and(|since| since.elapsed() < self.belief);
        let problem = learnt.serves.problem(part).filter(|_| fresh)?;
        Some(Error::of(Kind::Unimplemented, problem.clone()))
    }

    /// Makes a call that reads this part, unless the deployment is believed not to have it, and notes what came of it.
    pub(super) async fn noted<T>(
        &self,
        part: Option<Part>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(part) = part else { return call.await };
        if let Some(error) = self.believed_missing(part) {
            return Err(error);
        }
        match call.await {
            Ok(answer) => {
                self.note(part, Offer::Served);
                Ok(answer)
            }
            Err(error) if error.kind == Kind::Unimplemented => {
                if *self.serves().offer(part) == Offer::Served {
                    return Err(Error::of(Kind::Failed, part.no_longer_served()));
                }
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
