//! `PUT /v1/fvtop/uploads/{secret}`: takes a file of keys that are to be deleted (docs/wire.md section 2.6).
//!
//! The secret in the address stands for the API key. The file is written as it comes in and durable before it is
//! acknowledged; nobody looks into it here.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use thiserror::Error;
use tokio::task::{JoinError, spawn_blocking};

use super::app::App;
use super::bodies::{Arriving, Peer};
use super::fault::Fault;
use crate::platform::uploads::{LIMIT, Part, UploadError};
use crate::wire::status;

/// Receives one file. Released clients insist on the status 200.
pub(super) async fn receive(State(app): State<App>, Path(secret): Path<String>, request: Request) -> Response {
    // How long a place stays open is a span, which a clock that is set does not change.
    let now = app.platform.clock().steady();
    // Before the body is read: a stranger's file is not taken in.
    let Some(folder) = app.platform.uploads().folder(&secret, now) else { return gone().into_response() };
    let (head, body) = request.into_parts();
    let arriving = app.join_key_files.enter(Peer::address(&head.extensions));
    match keep(folder, arriving, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(fault) => fault.into_response(),
    }
}

/// A file of join keys that cannot be kept.
#[derive(Debug, Error)]
#[error("the keys cannot be written: {0}. Check that the disk is not full and that the data directory is writable.")]
struct NotWritten(#[source] io::Error);

fn gone() -> Fault {
    Fault::new(status::NOT_FOUND, UploadError::Gone.to_string())
}

async fn keep(folder: PathBuf, mut arriving: Arriving, body: Body) -> Result<(), Fault> {
    if body.size_hint().lower() > LIMIT {
        return Err(too_large());
    }
    let (part, mut file) = on_disk(spawn_blocking(|| Part::begin(folder)).await)?;
    let mut pieces = body.into_data_stream();
    let mut size = 0;
    while let Some(piece) = arriving.next(&mut pieces).await? {
        size += piece.len() as u64;
        if size > LIMIT {
            return Err(too_large());
        }
        file = on_disk(spawn_blocking(|| add(file, piece)).await)?;
    }
    on_disk(spawn_blocking(move || part.keep(&file)).await)
}

fn add(mut file: File, piece: Bytes) -> io::Result<File> {
    file.write_all(&piece)?;
    Ok(file)
}

fn on_disk<T>(done: Result<io::Result<T>, JoinError>) -> Result<T, Fault> {
    match done {
        Ok(Ok(done)) => Ok(done),
        // The place was used or closed meanwhile.
        Ok(Err(problem)) if problem.kind() == io::ErrorKind::NotFound => Err(gone()),
        Ok(Err(problem)) => Err(Fault::internal(&NotWritten(problem))),
        Err(error) => Err(Fault::internal(&error)),
    }
}

fn too_large() -> Fault {
    let detail = format!("The file is larger than the {} MiB allowed. Send fewer keys at a time.", LIMIT >> 20);
    Fault::invalid(detail).with_http(StatusCode::PAYLOAD_TOO_LARGE)
}
