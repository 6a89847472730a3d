//! Aggregate functions: how definitions spell them, what the protocol calls them, their types and feature names
//! (docs/semantics.md sections 3 and 4). How they are computed is in `platform::tiles` and in the engine.

use crate::model::time::print_span;
use crate::model::{DataType, Span, suggest};
use crate::wire::proto::enums::AggregationFunction;

/// Most values that a last-n list may keep.
pub(crate) const MAX_LAST_N: i64 = 1_000;

/// An aggregate function (docs/semantics.md section 4). `n` of the last-n functions is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Number of the values that are not null; 0 without any.
    Count,
    /// Sum of the values; of integers an integer, and an error where that does not fit int64.
    Sum,
    /// Sum of the values by their number, a float.
    Mean,
    /// The least of the values; not-a-number is greater than any number.
    Min,
    /// The greatest of the values; not-a-number is greater than any number.
    Max,
    /// The value of the latest row that has one.
    Last,
    /// Variance of a sample; null for one value.
    VarSamp,
    /// Variance of a population, never below 0.
    VarPop,
    /// Square root of the variance of a sample.
    StddevSamp,
    /// Square root of the variance of a population.
    StddevPop,
    /// The newest n distinct values, oldest first.
    LastDistinct(u32),
    /// The newest n values, oldest first.
    LastN(u32),
}

impl Function {
    /// What the protocol calls it, its word, and how many values it keeps where it keeps several.
    pub fn in_protocol(self) -> (AggregationFunction, &'static str, Option<u32>) {
        match self {
            Self::Count => (AggregationFunction::Count, "count", None),
            Self::Sum => (AggregationFunction::Sum, "sum", None),
            Self::Mean => (AggregationFunction::Mean, "mean", None),
            Self::Min => (AggregationFunction::Min, "min", None),
            Self::Max => (AggregationFunction::Max, "max", None),
            Self::Last => (AggregationFunction::Last, "last", None),
            Self::VarSamp => (AggregationFunction::VarSamp, "var_samp", None),
            Self::VarPop => (AggregationFunction::VarPop, "var_pop", None),
            Self::StddevSamp => (AggregationFunction::StddevSamp, "stddev_samp", None),
            Self::StddevPop => (AggregationFunction::StddevPop, "stddev_pop", None),
            Self::LastDistinct(n) => (AggregationFunction::LastDistinctN, "last_distinct", Some(n)),
            Self::LastN(n) => (AggregationFunction::LastNonDistinctN, "last_n", Some(n)),
        }
    }
}

const NAMES: [&str; 14] = [
    "count",
    "sum",
    "mean",
    "min",
    "max",
    "last",
    "var_samp",
    "var_pop",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "stddev",
    "last_distinct",
    "last_n",
];

/// A function and the spelling that feature names keep. An error is a problem and its fix.
pub(crate) fn parse(word: &str, n: Option<i64>) -> Result<(Function, String), (String, String)> {
    let (word, n) = match word.strip_suffix(')').and_then(|word| word.split_once('(')) {
        Some((name, inside)) => (name.trim(), inside.trim().parse().ok().or(n)),
        None => (word, n),
    };
    let counted = |make: fn(u32) -> Function, prefix: &str| {
        let fix = format!("write `n = 5`, 1 to {MAX_LAST_N}");
        let n = n.ok_or((format!("`{word}` needs n, how many values to keep"), fix.clone()))?;
        let fits = u32::try_from(n).ok().filter(|_| (1..=MAX_LAST_N).contains(&n));
        let count = fits.ok_or((format!("n is {n}"), fix))?;
        Ok((make(count), format!("{prefix}{count}")))
    };
    let function = match word {
        "count" => Function::Count,
        "sum" => Function::Sum,
        "mean" => Function::Mean,
        "min" => Function::Min,
        "max" => Function::Max,
        "last" => Function::Last,
        "var_samp" | "variance" => Function::VarSamp,
        "var_pop" => Function::VarPop,
        "stddev_samp" | "stddev" => Function::StddevSamp,
        "stddev_pop" => Function::StddevPop,
        "last_distinct" => return counted(Function::LastDistinct, "lastn"),
        "last_n" => return counted(Function::LastN, "last_non_distinct_n"),
        other => return Err((format!("`{other}` is not a function"), suggest::fix(other, NAMES))),
    };
    match n {
        None => Ok((function, word.to_owned())),
        Some(_) => Err((format!("`{word}` takes no n"), "remove n".to_owned())),
    }
}

/// The default name of a feature: `{column}_{fn}_{window}_{interval}`; an interval of zero is printed as `continuous`.
pub(crate) fn feature_name(column: &str, spelling: &str, window: Span, interval: Span) -> String {
    let interval = if interval.is_zero() { "continuous".to_owned() } else { print_span(interval) };
    format!("{column}_{spelling}_{}_{interval}", print_span(window))
}

/// The type of a feature, or why the function cannot take the column: a problem and its fix.
pub(crate) fn output_type(function: Function, column: &str, input: &DataType) -> Result<DataType, (String, String)> {
    let numeric = matches!(input, DataType::Int64 | DataType::Float64);
    let scalar = numeric || matches!(input, DataType::String | DataType::Timestamp | DataType::Bool);
    let refused = |takes: &str, fix: &str| Err((format!("takes {takes}, and `{column}` is {input}"), fix.to_owned()));
    match function {
        Function::Count => Ok(DataType::Int64),
        Function::Last if scalar => Ok(input.clone()),
        Function::Min | Function::Max if scalar && *input != DataType::Bool => Ok(input.clone()),
        Function::Sum if numeric => Ok(input.clone()),
        Function::LastDistinct(_) | Function::LastN(_) if *input == DataType::String => {
            Ok(DataType::Array(Box::new(DataType::String)))
        }
        Function::Sum => refused("numbers", "cast the column in the SQL, or count it instead"),
        Function::LastDistinct(_) | Function::LastN(_) => {
            refused("text", &format!("write CAST({column} AS STRING) AS {column} in the SQL"))
        }
        Function::Last | Function::Min | Function::Max => {
            refused("numbers, text and timestamps", "choose another column or cast it in the SQL")
        }
        _ if numeric => Ok(DataType::Float64),
        _ => refused("numbers", "cast the column in the SQL, or count it instead"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_users_spelling() {
        let (function, spelling) = parse("stddev", None).unwrap();
        assert_eq!(function, Function::StddevSamp);
        let name = feature_name("arr_delay", &spelling, Span::hours(36), Span::minutes(90));
        assert_eq!(name, "arr_delay_stddev_1d12h_1h30m");
        assert_eq!(parse("last_distinct(3)", None).unwrap(), (Function::LastDistinct(3), "lastn3".to_owned()));
        assert_eq!(parse("last_n", Some(2)).unwrap().1, "last_non_distinct_n2");
        assert_eq!(parse("avg", None).unwrap_err().0, "`avg` is not a function");
        for (word, n) in [("last_n", None), ("last_n", Some(0)), ("last_distinct", Some(1_000_000)), ("sum", Some(1))] {
            assert!(parse(word, n).is_err(), "{word}");
        }
    }

    #[test]
    fn types_are_checked() {
        assert_eq!(output_type(Function::Count, "c", &DataType::Bool), Ok(DataType::Int64));
        assert_eq!(output_type(Function::Mean, "c", &DataType::Int64), Ok(DataType::Float64));
        assert_eq!(output_type(Function::Sum, "c", &DataType::Int64), Ok(DataType::Int64));
        let (problem, _) = output_type(Function::Sum, "carrier", &DataType::String).unwrap_err();
        assert_eq!(problem, "takes numbers, and `carrier` is string");
    }
}
