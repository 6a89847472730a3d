//! What handlers share, and the bounds of what is worked on at the same time.
//!
//! It knows no handler and no path, so that every one of them may use it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::auth::ApiKeys;
use super::bodies::{Bodies, Bounds};
use super::connections;
use super::fault::Fault;
use super::meter::Meter;
use super::places::Places;
use crate::platform::{Platform, descriptors};

/// The largest request body, in bytes.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;
/// How long the upload of a table may take.
pub(super) const UPLOAD_LIMIT: Duration = Duration::from_secs(600);
/// Requests that are worked on at the same time, shared out by API key; more are told to come back.
const AT_ONCE: usize = 256;
/// Stream tails at the same time, shared out by API key.
const TAILS_AT_ONCE: usize = 256;
/// Uploaded tables that are read at the same time: each is held twice meanwhile.
const READ_AT_ONCE: usize = 2;
/// Bodies of requests on their way in.
const BODIES: Bounds = Bounds { at_once: 128, of_one_peer: 64, bytes: 64 << 20, patience: Duration::from_secs(20) };
/// Tables on their way in: over links of any speed, and each is held whole.
const FRAMES: Bounds = Bounds { at_once: 16, of_one_peer: 8, bytes: 512 << 20, patience: UPLOAD_LIMIT };
/// Files of join keys on their way in. They go to the disk as they come.
const JOIN_KEY_FILES: Bounds = Bounds { at_once: 16, of_one_peer: 8, bytes: u64::MAX, patience: UPLOAD_LIMIT };

/// What handlers share. Clones share it too.
#[derive(Clone)]
pub(super) struct App {
    /// The platform that is served.
    pub platform: Arc<Platform>,
    /// The API keys that are let in.
    pub api_keys: Arc<ApiKeys>,
    /// Counts requests, how they were answered, and how long that took.
    pub meter: Meter,
    /// Cancelled when the server is to stop.
    pub shutdown: CancellationToken,
    /// Bodies of requests on their way in.
    pub bodies: Bodies,
    /// Tables for queries on their way in.
    pub frames: Bodies,
    /// Files of join keys on their way in.
    pub join_key_files: Bodies,
    /// Places for requests that are worked on.
    pub places: Places,
    /// Places for stream tails, which are held for as long as somebody listens.
    pub tails: Places,
    /// Permits to read an uploaded table.
    pub reading: Arc<Semaphore>,
}

impl App {
    /// What the handlers of one server share.
    pub(super) fn new(platform: Arc<Platform>, api_keys: ApiKeys, shutdown: CancellationToken) -> Self {
        // Half bodies must not take all connections where those are few.
        let most = (connections::Limits::of(descriptors::raise()).at_once / 4).min(BODIES.at_once);
        let bodies = Bounds { at_once: most, of_one_peer: (most / 2).max(1), ..BODIES };
        Self {
            platform,
            api_keys: Arc::new(api_keys),
            meter: Meter::default(),
            shutdown,
            bodies: Bodies::new(bodies),
            frames: Bodies::new(FRAMES),
            join_key_files: Bodies::new(JOIN_KEY_FILES),
            places: Places::new(AT_ONCE),
            tails: Places::new(TAILS_AT_ONCE),
            reading: Arc::new(Semaphore::new(READ_AT_ONCE)),
        }
    }
    /// Has something done with the platform on a thread of its own, for it reads or writes the disk.
    pub(super) async fn on_disk<T: Send + 'static>(
        self,
        work: impl FnOnce(&Platform) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        blocking(move || work(&self.platform)).await
    }
}

/// Has something done on a thread of its own; a panic there is a fault.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Fault::internal(&error)))
}
