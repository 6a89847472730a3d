//! What computes features: source window, SQL, tiles (semantics.md sections 2 to 6).

pub mod args;
pub mod ask;
pub mod polars_engine;

pub use polars_engine::*;
