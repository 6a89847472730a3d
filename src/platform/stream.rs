//! Streams: reading the stream side of sources.

pub mod replay;
