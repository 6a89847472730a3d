//! Reading a source's Parquet files.

use std::path::Path;

use polars::prelude::{LazyFrame, PlRefPath, PolarsResult, ScanArgsParquet};

/// A lazy frame over one file. Opening it reads nothing.
pub fn file(path: &Path) -> PolarsResult<LazyFrame> {
    let args = ScanArgsParquet { glob: false, cache: false, ..ScanArgsParquet::default() };
    LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)
}
