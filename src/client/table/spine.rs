//! Which column of a spine holds its times, and these as instants.
//!
//! Every other column stays as it was read. What could be meant in several ways is refused: a number without its unit,
//! a column of which one value is no time, two columns of times of which none is named.

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, NamedFrom, PolarsError, Series, TimeUnit, TimeZone};

use crate::client::message::Problem;
use crate::model::time::{TIME_FORMS, parse_time};
use crate::model::{DataType as Word, JoinKey, clean, cut, foreign};
use crate::wire::typed::{Misfit, declared};

use super::problem;

/// What times are counted in, as it is written behind the name of the column.
const UNITS: [(&str, i64); 4] = [("s", 1_000_000), ("ms", 1_000), ("us", 1), ("ns", 0)];

/// The spine with its time column as instants, and that column's name. `given` is `COLUMN` or `COLUMN:UNIT`, as the
/// user wrote it; `source` begins a sentence.
///
/// # Errors
/// When the time column is not sure, or one of its values is no time.
pub(super) fn with_times(
    spine: DataFrame,
    given: Option<&str>,
    keys: &[JoinKey],
    source: &str,
) -> Result<(DataFrame, Option<String>), Problem> {
    let Some(given) = given else { return by_itself(spine, keys, source) };
    let (name, unit) = split(&spine, given);
    let Ok(column) = spine.column(name) else {
        // Whoever computes tells which columns there are.
        return Ok((spine, Some(given.to_owned())));
    };
    let times = times(column, unit, source)?;
    let name = name.to_owned();
    Ok((replaced(spine, times)?, Some(name)))
}

/// The column that is meant, and what its numbers are counted in.
fn split<'a>(spine: &DataFrame, given: &'a str) -> (&'a str, Option<i64>) {
    let unit = || {
        let (name, unit) = given.rsplit_once(':')?;
        let (_, micros) = UNITS.iter().find(|(word, _)| *word == unit)?;
        spine.column(name).ok().map(|_| (name, Some(*micros)))
    };
    if spine.column(given).is_ok() { (given, None) } else { unit().unwrap_or((given, None)) }
}

/// The only column that holds times.
fn by_itself(spine: DataFrame, keys: &[JoinKey], source: &str) -> Result<(DataFrame, Option<String>), Problem> {
    if spine.columns().iter().any(|column| column.dtype().is_datetime()) {
        // Typed as times: whoever computes judges whether there are several.
        return Ok((spine, None));
    }
    let others: Vec<&Column> =
        spine.columns().iter().filter(|column| keys.iter().all(|key| key.name != column.name().as_str())).collect();
    let found: Vec<&Column> = others.iter().copied().filter(|column| holds_times(column)).collect();
    match found.as_slice() {
        [one] => {
            let (name, times) = (one.name().to_string(), times(one, None, source)?);
            Ok((replaced(spine, times)?, Some(name)))
        }
        [] => Err(no_times(&others, source)),
        several => {
            let names: Vec<String> = several.iter().map(|column| format!("`{}`", column.name())).collect();
            Err(problem(
                format!("{source} has several columns of times: {}.", names.join(", ")),
                "Say which one is meant with timestamp_key.",
            ))
        }
    }
}

/// Whether a column can hold nothing but times. One without values can, when there are no rows at all.
fn holds_times(column: &Column) -> bool {
    match column.dtype() {
        DataType::Date => true,
        DataType::String => {
            let Ok(texts) = column.str() else { return false };
            let mut texts = texts.iter().flatten().filter(|text| !text.trim().is_empty()).peekable();
            (texts.peek().is_some() || column.is_empty()) && texts.all(|text| parse_time(text).is_ok())
        }
        _ => false,
    }
}

/// Why there are no times, with the value that stands nearest to them.
fn no_times(others: &[&Column], source: &str) -> Problem {
    // There is no doubt which one is meant.
    if let [only] = others
        && let Err(problem) = times(only, None, source)
    {
        return problem;
    }
    for column in others {
        let Ok(texts) = column.str() else { continue };
        let is_time = |text: Option<&str>| text.is_some_and(|text| parse_time(text).is_ok());
        if texts.iter().any(is_time) {
            return match times(column, None, source) {
                Err(problem) => problem,
                Ok(_) => continue,
            };
        }
    }
    let numbers = others.iter().find(|column| {
        let is_number = |text: &str| text.trim().parse::<i64>().is_ok();
        let all = |column: &Column| column.str().is_ok_and(|texts| texts.iter().flatten().all(is_number));
        column.null_count() < column.len() && (column.dtype().is_integer() || all(column))
    });
    let names: Vec<String> = others.iter().map(|column| format!("`{}`", column.name())).collect();
    let what = match names.as_slice() {
        [] => format!("{source} has no column beside the join keys, and so no times."),
        names => format!("{source} has no column of times among {}.", names.join(", ")),
    };
    match numbers {
        Some(column) => problem(what, unit_hint(column.name())),
        None => problem(what, format!("Write its times as {TIME_FORMS}.")),
    }
}

/// The column as instants.
fn times(column: &Column, unit: Option<i64>, source: &str) -> Result<Column, Problem> {
    let name = column.name();
    let place = format!("{source}, column `{name}`");
    if column.null_count() == column.len() && !column.is_empty() {
        return Err(problem(format!("{place}, holds no time in any row."), format!("Write times as {TIME_FORMS}.")));
    }
    let is_time = column.dtype().is_datetime() || column.dtype().is_date();
    if let (Some(micros), false) = (unit, is_time) {
        return counted(column, micros, &place);
    }
    if column.dtype().is_integer() {
        let what = format!("{place}, holds whole numbers, and it is not said in which unit they count time.");
        return Err(problem(what, unit_hint(name)));
    }
    let made = declared(column, &Word::Timestamp).map_err(|misfit| {
        let is_number = |value: &str| value.parse::<f64>().is_ok();
        match misfit {
            Misfit::Value { row, value, .. } if is_number(&value) => problem(
                format!("{place}, row {row} holds `{value}`, a number of which the unit is not said."),
                unit_hint(name),
            ),
            Misfit::Value { row, value, .. } => problem(
                format!("{place}, row {row} holds `{value}`, which is no time."),
                format!("Write it as {TIME_FORMS}."),
            ),
            Misfit::Type { found, .. } => problem(
                format!("{place}, is {found}, which holds no times."),
                "Name another column with timestamp_key.",
            ),
        }
    })?;
    if made.null_count() == made.len() && !made.is_empty() {
        return Err(problem(format!("{place}, holds no time in any row."), format!("Write times as {TIME_FORMS}.")));
    }
    Ok(made)
}

fn unit_hint(name: &str) -> String {
    format!("Say the unit behind the name, as timestamp_key `{name}:s`, `{name}:ms`, `{name}:us` or `{name}:ns`.")
}

/// Whole numbers since 1970 as instants; `micros` are those of one, zero for nanoseconds.
fn counted(column: &Column, micros: i64, place: &str) -> Result<Column, Problem> {
    let numbers = declared(column, &Word::Int64).map_err(|misfit| match misfit {
        Misfit::Value { row, value, .. } => problem(
            format!("{place}, row {row} holds `{value}`, which is no whole number."),
            "Write times since 1970 as whole numbers of their unit, or leave the unit out.",
        ),
        Misfit::Type { found, .. } => problem(
            format!("{place}, is {found}, which counts nothing."),
            "Leave the unit out, or name another column.",
        ),
    })?;
    let mut at = Vec::with_capacity(numbers.len());
    for (row, number) in numbers.i64().map_err(unusable)?.iter().enumerate() {
        let Some(number) = number else {
            at.push(None);
            continue;
        };
        let found = if micros == 0 { Some(number.div_euclid(1_000)) } else { number.checked_mul(micros) };
        let shown = found.filter(|at| chrono::DateTime::from_timestamp_micros(*at).is_some());
        at.push(Some(shown.ok_or_else(|| {
            let value = clean(&cut(&number.to_string(), 40)).into_owned();
            problem(
                format!("{place}, row {} holds `{value}`, which no calendar shows in that unit.", row + 1),
                "Check the unit: s, ms, us or ns.",
            )
        })?));
    }
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let times = Series::new(column.name().clone(), at).cast(&utc).map_err(unusable)?;
    Ok(times.into_column())
}

fn replaced(mut spine: DataFrame, column: Column) -> Result<DataFrame, Problem> {
    let name = column.name().clone();
    spine.replace(&name, column).map_err(unusable)?;
    Ok(spine)
}

fn unusable(error: PolarsError) -> Problem {
    problem(format!("The spine cannot be used: {}.", foreign::sentence(&error)), "This is a defect of the program.")
}
