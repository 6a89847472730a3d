//! The columns of what a query gives, from those of its inputs.
//!
//! It plans queries over empty frames; it must not read events.

use polars::prelude::{IntoLazy, LazyFrame, PolarsError, PolarsResult, Schema};

use super::{Query, Refusal};
use crate::model::{DataType, Time};
use crate::platform::definition::{Input, Unread};
use crate::platform::frame;

/// Columns and types of the query's output, in its order; `Err` says what of the query is wrong.
///
/// Names of the view (`names`) spell the output's columns, which names in queries mean without regard to case.
pub(crate) fn of_query<'n>(
    inputs: &[Input],
    query: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<Vec<(String, DataType)>, Refusal> {
    let names: Vec<&str> = names.into_iter().collect();
    // Polars plans by calling itself too.
    super::deep(|| output_of(inputs, query, &names))
}

fn output_of(inputs: &[Input], query: &str, names: &[&str]) -> Result<Vec<(String, DataType)>, Refusal> {
    let (query, mut problems) = Query::read_all(query)?;
    let query = query.spelled(names.iter().copied());
    let broken = |error: PolarsError| Refusal {
        construct: "the query".to_owned(),
        line: 1,
        column: 1,
        problem: super::first_line(&error),
        fix: "correct the query".to_owned(),
        more: Vec::new(),
    };
    let inputs_alone = without_rows(inputs).map_err(broken)?;
    let plan = super::plan(&query, inputs_alone, Time::UNIX_EPOCH, super::at_once());
    let plan =
        plan.map_err(|refusal| problems.extend(refusal.all().map(|refusal| explained(inputs, refusal.clone())))).ok();
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

/// The refusal of a column that the files have and queries cannot name says why they cannot.
fn explained(inputs: &[Input], refusal: Refusal) -> Refusal {
    let name = refusal.construct.strip_prefix("column ").filter(|_| refusal.problem == "is not there");
    let name = name.map(|name| name.rsplit('.').next().unwrap_or(name));
    let Some(name) = name else { return refusal };
    let mut unread = inputs.iter().flat_map(|input| &input.source.unread);
    if let Some(Unread { why, fix, .. }) = unread.find(|unread| unread.name.eq_ignore_ascii_case(name)) {
        return Refusal { problem: why.clone(), fix: fix.clone(), ..refusal };
    }
    let mut columns = inputs.iter().flat_map(|input| &input.source.columns);
    match columns.find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, word)) => {
            let (problem, fix) = (format!("is {word}, which queries have no type for"), "write it with another type");
            Refusal { problem, fix: fix.to_owned(), ..refusal }
        }
        None => refusal,
    }
}

/// Columns and types of a checked query's output, known types only.
pub(crate) fn columns_of(inputs: &[Input], query: &Query) -> PolarsResult<Vec<(String, DataType)>> {
    let mut plan = super::lazy(query, without_rows(inputs)?, Time::UNIX_EPOCH, super::at_once())?;
    Ok(known(plan.collect_schema()?.as_ref()))
}

fn without_rows(inputs: &[Input]) -> PolarsResult<Vec<(&str, LazyFrame)>> {
    inputs.iter().map(|input| Ok((input.name.as_str(), frame::empty(&input.source.columns)?.lazy()))).collect()
}

fn known(schema: &Schema) -> Vec<(String, DataType)> {
    schema.iter().filter_map(|(name, polars)| Some((name.to_string(), frame::data_type(polars)?))).collect()
}
