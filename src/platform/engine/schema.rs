//! Columns and types: of Parquet files, and of what a query makes of its inputs.
//!
//! It reads footers and plans queries over empty frames; it must not read events.

use std::fs::File;
use std::path::Path;

use polars::prelude::{
    DataFrame, IntoLazy, LazyFrame, ParquetReader, PolarsError, PolarsResult, Schema, SchemaExt, SerReader,
};

use super::sql::Refusal;
use super::{frame, sql};
use crate::model::{DataType, Time};
use crate::platform::registry::definition::Input;

/// Columns and types of the first file that can be read, known types only; absent when none can be read.
pub fn of_files<'a>(paths: impl Iterator<Item = &'a Path>) -> Option<Vec<(String, DataType)>> {
    // The plain reader, not a scan: a scan blocks on a runtime of its own, which callers on another runtime may not.
    let schema = |path: &Path| ParquetReader::new(File::open(path).ok()?).schema().ok();
    paths.filter_map(schema).map(|schema| known(&Schema::from_arrow_schema(schema.as_ref()))).next()
}

/// Columns and types of the query's output, in its order; `Err` says what of the query is wrong.
///
/// Names of the view (`names`) spell the output's columns, which names in queries mean without regard to case.
pub fn of_query<'n>(
    inputs: &[Input],
    query: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<Vec<(String, DataType)>, Refusal> {
    let names: Vec<&str> = names.into_iter().collect();
    // Polars plans by calling itself too.
    sql::deep(|| output_of(inputs, query, &names))
}

fn output_of(inputs: &[Input], query: &str, names: &[&str]) -> Result<Vec<(String, DataType)>, Refusal> {
    let (query, mut problems) = sql::Query::read_all(query)?;
    let query = query.spelled(names.iter().copied());
    let broken = |error: PolarsError| Refusal {
        construct: "the query".to_owned(),
        line: 1,
        column: 1,
        problem: sql::first_line(&error),
        fix: "correct the query".to_owned(),
        more: Vec::new(),
    };
    let empty = inputs.iter().map(|input| Ok((input.name.as_str(), empty(&input.source.columns)?.lazy())));
    let empty = empty.collect::<PolarsResult<Vec<_>>>().map_err(broken)?;
    let plan = sql::plan(&query, empty, Time::UNIX_EPOCH, sql::at_once());
    let plan = plan.map_err(|refusal| problems.extend(refusal.all().cloned())).ok();
    if let Some(refusal) = Refusal::of(problems) {
        return Err(refusal);
    }
    let out = plan.map(LazyFrame::collect).transpose().map_err(broken)?.unwrap_or_default();
    for (name, polars) in out.schema().iter() {
        if frame::data_type(polars).is_none() {
            let problem = format!("column `{name}` has type {polars}, which features cannot have");
            return Err(Refusal { fix: "cast it".to_owned(), ..broken(PolarsError::NoData(problem.into())) });
        }
    }
    Ok(known(out.schema()))
}

/// Columns and types of a checked query's output, known types only.
pub fn of(inputs: &[Input], query: &sql::Query) -> PolarsResult<Vec<(String, DataType)>> {
    let empty = inputs.iter().map(|input| Ok((input.name.as_str(), empty(&input.source.columns)?.lazy())));
    let mut plan = sql::lazy(query, empty.collect::<PolarsResult<Vec<_>>>()?, Time::UNIX_EPOCH, sql::at_once())?;
    Ok(known(plan.collect_schema()?.as_ref()))
}

fn known(schema: &Schema) -> Vec<(String, DataType)> {
    schema.iter().filter_map(|(name, polars)| Some((name.to_string(), frame::data_type(polars)?))).collect()
}

/// A frame of these columns without rows.
pub fn empty(columns: &[(String, DataType)]) -> PolarsResult<DataFrame> {
    let columns = columns.iter().map(|(name, data_type)| frame::column(name, data_type, &[]));
    DataFrame::new(0, columns.collect::<PolarsResult<Vec<_>>>()?)
}
