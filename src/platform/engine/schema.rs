//! Columns and types: of Parquet files, and of what a query makes of its inputs.
//!
//! It reads footers and plans queries over empty frames; it must not read events.

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame, PolarsError, PolarsResult, Schema, polars_err};

use super::footer::{Footer, Held};
use super::sql::Refusal;
use super::{frame, scan, sql};
use crate::model::{DataType, Time};
use crate::platform::registry::definition::{DataFile, Input, Unread};

/// What is known of the files of a source.
#[derive(Debug, Default)]
pub struct Files {
    /// Columns and types of all of them together.
    pub columns: Vec<(String, DataType)>,
    /// Columns that no query can name, and why.
    pub unread: Vec<Unread>,
    /// The first file that cannot be read, and why.
    pub unreadable: Option<(PathBuf, String)>,
    /// Whether any can be read.
    pub any: bool,
}

/// Reads the footers of a source's files: notes the times of `time` that the batch files hold, and makes one schema of all.
/// The stream's files say no columns, but their types count.
///
/// A column that a file lacks, or that is all null there, takes its type from the others; integers beside doubles are doubles.
pub fn of_files(batch: &mut [DataFile], stream: &[DataFile], time: Option<&str>) -> Files {
    let mut known = Files::default();
    let mut merged: Vec<Merged> = Vec::new();
    for data in batch.iter_mut() {
        data.seen = scan::state(&data.path);
        match Footer::read(&data.path) {
            Ok(footer) => {
                data.covers = time.and_then(|time| footer.times(time).window());
                known.any = true;
                merge(&mut merged, &footer, &data.path, true);
            }
            Err(problem) => {
                data.covers = scan::of_name(data);
                known.unreadable.get_or_insert_with(|| (data.path.clone(), problem));
            }
        }
    }
    // The batch side is often the same files.
    for data in stream.iter().filter(|data| batch.iter().all(|other| other.path != data.path)) {
        if let Ok(footer) = Footer::read(&data.path) {
            known.any = true;
            merge(&mut merged, &footer, &data.path, batch.is_empty());
        }
    }
    for Merged { name, held, problem, .. } in merged {
        match (held, problem) {
            (_, Some((why, fix))) => known.unread.push(Unread { name, why, fix }),
            (Held::Values(word), None) => known.columns.push((name, word)),
            // Nothing but nulls everywhere: text takes the least for granted.
            (_, None) => known.columns.push((name, DataType::String)),
        }
    }
    known
}

/// A column of a source while its files are looked at.
struct Merged {
    name: String,
    held: Held,
    /// The file that the type is from.
    file: PathBuf,
    problem: Option<(String, String)>,
}

fn merge(merged: &mut Vec<Merged>, footer: &Footer, file: &Path, adds: bool) {
    let mut seen: Vec<&str> = Vec::new();
    for found in &footer.columns {
        let (name, held) = (found.name.clone(), found.held.clone());
        let twice = seen.contains(&found.name.as_str());
        seen.push(&found.name);
        let unknown = match &held {
            _ if twice => Some((format!("comes twice in {}", file.display()), "rename one of them".to_owned())),
            Held::Unknown(what) => {
                let fix = "write it as text, a number, a date or a timestamp";
                Some((format!("is {what} in {}, which queries have no type for", file.display()), fix.to_owned()))
            }
            _ => None,
        };
        let Some(known) = merged.iter_mut().find(|known| known.name == name) else {
            if adds {
                merged.push(Merged { name, held, file: file.to_owned(), problem: unknown });
            }
            continue;
        };
        if known.problem.is_some() {
            continue;
        }
        if unknown.is_some() {
            known.problem = unknown;
            continue;
        }
        match (&known.held, held) {
            (_, Held::Nothing) => {}
            (Held::Values(a), Held::Values(b)) => match common(a, &b) {
                Some(word) => known.held = Held::Values(word),
                None => {
                    let (first, second) = (known.file.display(), file.display());
                    let why = format!("is {a} in {first} and {b} in {second}");
                    known.problem = Some((why, "write it with one type in all files".to_owned()));
                }
            },
            (_, held) => (known.held, known.file) = (held, file.to_owned()),
        }
    }
}

/// The type that holds the values of both, each as it is; that an integer is a double is seen when it is read.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    Some(match (a, b) {
        (a, b) if a == b => a.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => DataType::Float64,
        // Nineteen digits hold every integer of 64 bits.
        (DataType::Int64, DataType::Decimal(..)) => common(&DataType::Decimal(19, 0), b)?,
        (DataType::Decimal(..), DataType::Int64) => common(a, &DataType::Decimal(19, 0))?,
        (DataType::Decimal(p, s), DataType::Decimal(q, t)) => {
            let scale = *s.max(t);
            let precision = p.saturating_sub(*s).max(q.saturating_sub(*t)).saturating_add(scale);
            DataType::Decimal(Some(precision).filter(|digits| *digits <= 38)?, scale)
        }
        _ => return None,
    })
}

/// The frame with exactly these columns; those that it lacks are null.
pub fn with_all(frame: DataFrame, wanted: &[(String, DataType)]) -> PolarsResult<DataFrame> {
    let rows = frame.height();
    let columns = wanted.iter().map(|(name, word)| match frame.column(name) {
        Ok(column) => Ok(column.clone()),
        Err(_) => {
            let dtype = frame::polars_type(word).ok_or_else(|| polars_err!(SchemaMismatch: "column `{}`", name))?;
            Ok(Column::full_null(name.as_str().into(), rows, &dtype))
        }
    });
    DataFrame::new(rows, columns.collect::<PolarsResult<Vec<_>>>()?)
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
    let plan = plan.map_err(|refusal| problems.extend(refusal.all().map(|refusal| told(inputs, refusal.clone())))).ok();
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
fn told(inputs: &[Input], refusal: Refusal) -> Refusal {
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
