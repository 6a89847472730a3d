//! Streams: reading the stream side of sources, run_stream's tails, and what is kept of streams without files.

pub(crate) mod hub;
pub(crate) mod keeper;
#[cfg(test)]
mod laws;
pub(crate) mod record;
pub(crate) mod tail;
