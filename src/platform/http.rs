//! The HTTP surface: the protocol's envelope, the feature server, and what the protocol has no call for (stream tails,
//! queries, datasets, uploads of keys), behind API keys.
//!
//! Handlers read requests, ask the platform's other rooms, and write answers; they decide nothing themselves. Whatever
//! touches a disk runs on blocking threads, never on the async ones.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

use super::{Platform, descriptors};
use crate::wire::ingest::INGEST_LIMIT;
use crate::wire::status;

mod access_doors;
mod admit;
mod api_key_calls;
mod app;
mod arrow;
mod audit;
mod audit_words;
mod auth;
mod bodies;
mod calls;
mod connections;
mod datasets;
mod deletion;
mod doors;
pub(crate) mod fault;
mod features;
mod fleet;
mod ingest;
mod jobs;
mod metadata;
mod meter;
mod metrics;
mod objects;
mod parts;
mod places;
mod proxy;
mod quarantine;
mod queries;
mod ready;
mod rest;
mod run_stream;
mod saved;
mod streams;
mod summary;
mod tasks;
mod tls;
mod uploads;

use app::{App, BODY_LIMIT, UPLOAD_LIMIT};
use doors::Pace;
use fault::Fault;
use meter::counted;
use tls::Encrypted;

pub use auth::ApiKeys;
pub use parts::error_line;
pub use tls::{Tls, TlsError};

/// How long an answer may take to begin.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// How often uploads whose time is over are removed.
const CLEAN_EVERY: Duration = Duration::from_secs(60);
/// How long connections may go on once the server is to stop.
const GRACE: Duration = Duration::from_millis(500);

/// Serves `platform` on `listener` until `shutdown`, behind `tls` where there is such, with and without `/api` in front
/// of each path. Connections that are still open half a second later are cut.
pub async fn serve(
    platform: Arc<Platform>,
    listener: TcpListener,
    tls: Option<Tls>,
    keys: ApiKeys,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let app = router(Arc::clone(&platform), keys, shutdown.clone());
    let app = if tls.is_some() { app.layer(Extension(Encrypted)) } else { app };
    let limits = connections::Limits::of(descriptors::raise());
    let server = connections::serve(listener, app, limits, tls.clone(), shutdown.clone());
    let clean = clean_uploads(&platform);
    let cut = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let fresh = async {
        match &tls {
            Some(tls) => tls.keep_fresh().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = server => {}
        () = cut => {}
        () = clean => {}
        () = fresh => {}
    }
    Ok(())
}

/// Removes uploads whose time is over, for as long as it is polled.
async fn clean_uploads(platform: &Arc<Platform>) {
    loop {
        tokio::time::sleep(CLEAN_EVERY).await;
        let platform = Arc::clone(platform);
        // Only a panic could come back, and the next turn tries again.
        let _ = tokio::task::spawn_blocking(move || platform.uploads().sweep(platform.clock().steady())).await;
    }
}

/// The routes, for [`serve`] and for tests.
fn router(platform: Arc<Platform>, keys: ApiKeys, shutdown: CancellationToken) -> Router {
    let app = App::new(platform, keys, shutdown);
    let paths = in_time(behind(&app, Pace::Soon), TIME_LIMIT)
        .merge(in_time(behind(&app, Pace::Frames), UPLOAD_LIMIT))
        .merge(in_time(behind(&app, Pace::Records).layer(DefaultBodyLimit::max(INGEST_LIMIT)), TIME_LIMIT))
        .merge(in_time(behind(&app, Pace::JoinKeyFiles), UPLOAD_LIMIT));
    Router::new()
        .merge(paths.clone())
        .nest("/api", paths)
        .fallback(|| async { Fault::new(status::NOT_FOUND, "There is nothing at this path.").into_response() })
        .method_not_allowed_fallback(|| async { wrong_method() })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(app)
}

/// The doors of one pace.
fn behind(app: &App, pace: Pace) -> Router<App> {
    let doors = doors::ALL.iter().filter(|door| door.pace == pace);
    doors.fold(Router::new(), |router, door| {
        router.route(door.path, counted(&app.meter, door.path, admit::guarded(app, door)))
    })
}

/// These paths, given up when no answer has begun in that time. What ends it has no words of its own.
fn in_time(paths: Router<App>, limit: Duration) -> Router<App> {
    let words = map_response(|response: Response| async {
        if response.status() == StatusCode::GATEWAY_TIMEOUT { too_late() } else { response }
    });
    paths.layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, limit)).layer(words)
}

fn too_late() -> Response {
    Fault::new(status::DEADLINE_EXCEEDED, "The platform had no answer in time. Try again, or ask for less.")
        .with_http(StatusCode::GATEWAY_TIMEOUT)
        .into_response()
}

fn wrong_method() -> Response {
    Fault::new(status::UNIMPLEMENTED, "This path does not take that HTTP method.")
        .with_http(StatusCode::METHOD_NOT_ALLOWED)
        .into_response()
}

#[cfg(test)]
mod tests;
