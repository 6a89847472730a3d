//! The HTTP surface: the protocol's envelope, the feature server, and what the protocol has no call for (stream tails,
//! queries, datasets, uploads of keys), behind API keys.
//!
//! Handlers read requests, ask the platform's other rooms, and write answers; they decide nothing themselves. Whatever
//! touches a disk runs on blocking threads, never on the async ones.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::Platform;
use crate::wire::status;

mod admit;
mod api_keys;
mod arrow;
mod datasets;
mod deeds;
mod deletion;
mod doors;
pub mod fault;
mod features;
mod fleet;
mod jobs;
pub mod keys;
mod metadata;
mod meter;
mod metrics;
mod objects;
mod parts;
pub use parts::error_line;
mod own_keys;
pub use own_keys::{info, row};
mod proxy;
mod queries;
mod ready;
mod recorded;
mod rest;
mod run_stream;
mod saved;
mod summary;
mod tasks;
mod uploads;

use doors::Pace;
use fault::Fault;
pub use keys::ApiKeys;
use meter::{Meter, counted};

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// How long an answer may take to begin.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// How long the upload of a table may take.
const UPLOAD_LIMIT: Duration = Duration::from_secs(600);
/// Requests that are worked on at the same time; more are told to come back.
const AT_ONCE: usize = 256;
/// Uploads at the same time: each holds a whole table twice.
const UPLOADS_AT_ONCE: usize = 2;
/// Files of keys that are received at the same time. They go to the disk as they come in.
const KEYS_AT_ONCE: usize = 8;
/// How often uploads whose time is over are removed.
const CLEAN_EVERY: Duration = Duration::from_secs(60);
/// How long connections may go on once the server is to stop.
const GRACE: Duration = Duration::from_millis(500);

/// What handlers share.
#[derive(Clone)]
struct App {
    platform: Arc<Platform>,
    keys: Arc<ApiKeys>,
    meter: Meter,
    shutdown: CancellationToken,
}

/// Serves `platform` on `listener` until `shutdown`, with and without `/api` in front of each path. Connections that are
/// still open half a second later are cut.
pub async fn serve(
    platform: Arc<Platform>,
    listener: TcpListener,
    keys: ApiKeys,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let app = router(Arc::clone(&platform), keys, shutdown.clone());
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let clean = clean_uploads(&platform);
    let cut = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served,
        () = cut => Ok(()),
        () = clean => Ok(()),
    }
}

/// Removes uploads whose time is over, for as long as it is polled.
async fn clean_uploads(platform: &Arc<Platform>) {
    loop {
        tokio::time::sleep(CLEAN_EVERY).await;
        let platform = Arc::clone(platform);
        // Only a panic could come back, and the next turn tries again.
        let _ = tokio::task::spawn_blocking(move || platform.uploads().sweep(platform.clock().now())).await;
    }
}

/// The routes, for [`serve`] and for tests.
fn router(platform: Arc<Platform>, keys: ApiKeys, shutdown: CancellationToken) -> Router {
    let app = App { platform, keys: Arc::new(keys), meter: Meter::default(), shutdown };
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(|_| async { too_busy() }))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(AT_ONCE));
    let soon = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIME_LIMIT);
    let paths = behind(&app, Pace::Soon)
        .layer(soon)
        .merge(slow(behind(&app, Pace::Frames), UPLOADS_AT_ONCE))
        .merge(slow(behind(&app, Pace::KeysIn), KEYS_AT_ONCE));
    Router::new()
        .merge(paths.clone())
        .nest("/api", paths)
        .fallback(|| async { Fault::new(status::NOT_FOUND, "There is nothing at this path.").into_response() })
        .method_not_allowed_fallback(|| async { wrong_method() })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(limits)
        .with_state(app)
}

/// The doors of one pace.
fn behind(app: &App, pace: Pace) -> Router<App> {
    let doors = doors::all().into_iter().filter(|door| door.pace == pace);
    doors.fold(Router::new(), |router, door| {
        router.route(door.path, counted(app, door.path, admit::guarded(app, &door)))
    })
}

/// Uploads over links of any speed, so many at a time. The body's own limit is looked at while it is read.
fn slow(paths: Router<App>, at_once: usize) -> Router<App> {
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(|_| async { too_busy() }))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(at_once));
    paths.layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, UPLOAD_LIMIT)).layer(limits)
}

fn too_busy() -> Response {
    Fault::new(status::RESOURCE_EXHAUSTED, "The platform is too busy. Try again in a moment.")
        .with_http(StatusCode::SERVICE_UNAVAILABLE)
        .into_response()
}

fn wrong_method() -> Response {
    Fault::new(status::UNIMPLEMENTED, "This path does not take that HTTP method.")
        .with_http(StatusCode::METHOD_NOT_ALLOWED)
        .into_response()
}

#[cfg(test)]
mod tests;
