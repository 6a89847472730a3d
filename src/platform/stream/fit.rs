//! The events of a stream's file in the types of the source's columns: exactly, or not at all.
//!
//! A warehouse has 1.0 where a stream has 1. Whole numbers are read as doubles and doubles as whole numbers where that
//! changes no value; whatever else differs is refused with file and column. It reads no files.

use std::path::Path;

use polars::prelude::{Column, DataFrame, DataType as PolarsType, PolarsResult};

use crate::model::{DataType, foreign};
use crate::platform::engine::{EngineError, ErrorKind, frame};
use crate::platform::registry::definition::Source;

/// The source's columns of a file's events, in the source's order and types.
///
/// # Errors
/// Of kind `Source`, naming file and column, where a value does not fit.
pub fn to_source(source: &Source, path: &Path, events: DataFrame) -> Result<DataFrame, EngineError> {
    let refused = |name: &str, problem: String| EngineError {
        kind: ErrorKind::Source,
        message: format!(
            "source {}: stream file {}, column `{name}`: {problem}. Write the column in the type of the source, or declare it in one \
             that holds both",
            source.name,
            path.display()
        ),
    };
    let fitted = source.columns.iter().map(|(name, wanted)| {
        let column = events.column(name).map_err(|error| refused(name, foreign::sentence(&error)))?;
        fitted(column, wanted).map_err(|problem| refused(name, problem))
    });
    let columns = fitted.collect::<Result<Vec<_>, _>>()?;
    DataFrame::new(events.height(), columns).map_err(|error| refused("", foreign::sentence(&error)))
}

/// The column in the wanted type; the error says which value or type is in the way.
fn fitted(column: &Column, wanted: &DataType) -> Result<Column, String> {
    let target = frame::polars_type(wanted).ok_or_else(|| format!("the type {wanted} is not known"))?;
    if *column.dtype() == target {
        return Ok(column.clone());
    }
    let text = |error: polars::prelude::PolarsError| foreign::sentence(&error);
    let stray = match (column.dtype(), &target) {
        (PolarsType::Int64, PolarsType::Float64) => inexact_whole(column).map_err(text)?.map(|value| value.to_string()),
        (PolarsType::Float64, PolarsType::Int64) => broken_number(column).map_err(text)?.map(|value| value.to_string()),
        // A column without a value fits every type.
        _ if column.null_count() == column.len() => None,
        (found, _) => {
            let found = frame::data_type(found).map_or_else(|| found.to_string(), |known| known.to_string());
            return Err(format!("it is {found} there, and {wanted} in the source"));
        }
    };
    match stray {
        None => column.strict_cast(&target).map_err(text),
        Some(value) => Err(format!("{value} cannot be read as {wanted} without change")),
    }
}

/// The first whole number that a double does not hold.
fn inexact_whole(column: &Column) -> PolarsResult<Option<i64>> {
    Ok(column.i64()?.iter().flatten().find(|value| (*value as f64) as i128 != i128::from(*value)))
}

/// The first double that is no whole number of 64 bits.
fn broken_number(column: &Column) -> PolarsResult<Option<f64>> {
    // 2^63 is the first that is too large, and a double holds it.
    let bound = 9_223_372_036_854_775_808.0;
    let whole = |value: f64| value.fract() == 0.0 && value >= -bound && value < bound;
    Ok(column.f64()?.iter().flatten().find(|value| !whole(*value)))
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;
    use crate::platform::jobs::testing;

    fn fit(events: DataFrame, columns: &[(&str, DataType)]) -> Result<DataFrame, String> {
        let mut source = (*testing::view("v").inputs[0].source).clone();
        source.columns = columns.iter().map(|(name, data_type)| ((*name).to_owned(), data_type.clone())).collect();
        to_source(&source, Path::new("events.parquet"), events).map_err(|error| {
            assert_eq!(error.kind, ErrorKind::Source);
            error.message
        })
    }

    #[test]
    fn whole_numbers_and_doubles_stand_for_each_other_where_nothing_changes() {
        let events = df!("a" => [Some(1_i64), None, Some(1 << 53)], "b" => [Some(2.0), None, Some(-0.0)]).unwrap();
        let wanted = [("b", DataType::Int64), ("a", DataType::Float64)];
        let expected =
            df!("b" => [Some(2_i64), None, Some(0)], "a" => [Some(1.0), None, Some(9_007_199_254_740_992.0)]).unwrap();
        assert!(fit(events, &wanted).unwrap().equals_missing(&expected));
    }

    #[test]
    fn a_value_that_would_change_is_refused_by_file_and_column() {
        let whole = |value: i64| fit(df!("v" => [1, value]).unwrap(), &[("v", DataType::Float64)]);
        let says = "source flights: stream file events.parquet, column `v`: 9007199254740993 cannot be read as float64 without \
                    change. ";
        assert!(whole((1 << 53) + 1).unwrap_err().starts_with(says));
        assert!(whole(i64::MAX).is_err());
        assert!(whole(i64::MIN).is_ok());
        for broken in [0.5, f64::NAN, f64::INFINITY, 9_223_372_036_854_775_808.0] {
            assert!(fit(df!("v" => [broken]).unwrap(), &[("v", DataType::Int64)]).is_err(), "{broken}");
        }
    }

    #[test]
    fn other_types_do_not_stand_for_each_other() {
        let events = df!("v" => ["1"]).unwrap();
        let refused = fit(events.clone(), &[("v", DataType::Float64)]).unwrap_err();
        assert!(refused.contains("column `v`: it is string there, and float64 in the source"), "{refused}");
        let missing = fit(events, &[("w", DataType::String)]).unwrap_err();
        assert!(missing.contains("column `w`"), "{missing}");
        let empty = df!("v" => [None::<&str>]).unwrap();
        assert_eq!(fit(empty, &[("v", DataType::Float64)]).unwrap().column("v").unwrap().null_count(), 1);
    }
}
