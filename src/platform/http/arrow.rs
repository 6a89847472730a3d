//! Tables as answers: Arrow IPC streams that are written while they are sent.
//!
//! A blocking thread writes, a few pieces ahead of the reader; a reader that stops reading is given up after a while.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use polars::prelude::DataFrame;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};

use crate::wire::arrow::{CONTENT_TYPE, write};

/// Bytes of a table that are sent at once.
const PIECE: usize = 256 * 1024;
/// Pieces that are written ahead.
const AHEAD: usize = 4;
/// How long a reader may stand still.
const STALLED: Duration = Duration::from_secs(60);

/// The table as an answer. When it cannot be written to its end, the connection is cut, so that nobody takes a part for
/// the whole.
pub(super) fn answer(frame: DataFrame) -> Response {
    let (pieces, taken) = channel::<io::Result<Bytes>>(AHEAD);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let out = Pieces { pieces: pieces.clone(), runtime: runtime.clone() };
        let mut out = BufWriter::with_capacity(PIECE, out);
        let written = write(&frame, &mut out).map_err(io::Error::other).and_then(|()| out.flush());
        if let Err(error) = written {
            tracing::info!(%error, "a table was not sent to its end");
            let cut = pieces.send(Err(io::Error::other("the table could not be written to its end")));
            // A reader that has gone or stands still is not told.
            let _ = runtime.block_on(async { tokio::time::timeout(STALLED, cut).await });
        }
    });
    let pieces = futures::stream::unfold(taken, |mut taken| async { taken.recv().await.map(|piece| (piece, taken)) });
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], Body::from_stream(pieces)).into_response()
}

/// Hands what is written to the reader.
struct Pieces {
    pieces: Sender<io::Result<Bytes>>,
    runtime: Handle,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = self.pieces.send(Ok(Bytes::copy_from_slice(bytes)));
        let sent = self.runtime.block_on(async { tokio::time::timeout(STALLED, piece).await });
        match sent {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::Error::other("the reader has gone")),
            Err(_) => Err(io::Error::other("the reader stands still")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
