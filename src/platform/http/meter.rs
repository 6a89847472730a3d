//! Counting requests: how many at each door and with each call, how they came out, how long they took.
//!
//! What is not known here is counted under one name, so that nobody can make names without end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;

use crate::wire::openmetrics::Histogram;
use crate::wire::rpc::Call;

/// Greatest seconds of the buckets.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Requests at one door, or with one call.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// How many, by the number that they were answered with.
    pub codes: BTreeMap<i32, u64>,
    /// Seconds up to the beginning of the answer.
    pub seconds: Histogram,
}

pub(super) type Counts = BTreeMap<String, Seen>;

/// Counts requests. Clones share the counts.
#[derive(Clone, Default)]
pub(super) struct Meter {
    doors: Arc<Mutex<Counts>>,
    calls: Arc<Mutex<Counts>>,
}

impl Meter {
    /// A call of the protocol was answered with that code.
    pub(super) fn call(&self, method: &str, code: i32, began: Instant) {
        note(&self.calls, Call::at(method).map_or("unknown", Call::name), code, began);
    }

    /// Requests by the path of their door, with HTTP status codes.
    pub(super) fn doors(&self) -> Counts {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls of the protocol by name, with gRPC codes.
    pub(super) fn calls(&self) -> Counts {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(counts: &Mutex<Counts>, name: &str, code: i32, began: Instant) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || Seen { codes: BTreeMap::new(), seconds: Histogram::new(SECONDS) };
    let seen = counts.entry(name.to_owned()).or_insert_with(new);
    *seen.codes.entry(code).or_default() += 1;
    seen.seconds.observe(began.elapsed().as_secs_f64());
}

/// What answers at the door of that path, counted.
pub(super) fn counted<S>(meter: &Meter, path: &'static str, handler: MethodRouter<S>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    handler.route_layer(from_fn_with_state((meter.clone(), path), count))
}

async fn count(State((meter, path)): State<(Meter, &'static str)>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    note(&meter.doors, path, response.status().as_u16().into(), began);
    response
}
