//! Columns and types of the files of a source, all of them together.
//!
//! It reads footers; it must not read events.

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, PolarsResult, polars_err};

use super::files;
use super::footer::{Footer, Held};
use crate::model::DataType;
use crate::platform::definition::{DataFile, Unread};
use crate::platform::frame;

/// What is known of the files of a source.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Columns and types of all of them together.
    pub columns: Vec<(String, DataType)>,
    /// Columns that no query can name, and why.
    pub unread: Vec<Unread>,
    /// The first file that cannot be read, and why.
    pub unreadable: Option<(PathBuf, String)>,
    /// Whether any can be read.
    pub any: bool,
}

/// Reads the footers of a source's files: notes the times of `time` that the batch files hold, and makes one schema of
/// all. The stream's files say no columns, but their types count.
///
/// A column that a file lacks, or that is all null there, takes its type from the others; integers beside doubles are
/// doubles.
pub(crate) fn of_files(batch: &mut [DataFile], stream: &[DataFile], time: Option<&str>) -> Files {
    let mut known = Files::default();
    let mut merged: Vec<Merged> = Vec::new();
    for data in batch.iter_mut() {
        data.seen = files::state(&data.path);
        match Footer::read(&data.path) {
            Ok(footer) => {
                data.covers = time.and_then(|time| footer.times(time).window());
                known.any = true;
                merge(&mut merged, &footer, &data.path, true);
            }
            Err(problem) => {
                data.covers = files::of_name(data);
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
pub(crate) fn with_all(frame: DataFrame, wanted: &[(String, DataType)]) -> PolarsResult<DataFrame> {
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
