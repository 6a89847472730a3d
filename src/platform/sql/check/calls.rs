//! Calls of functions: which names the dialect knows, and what to use instead of others.
//!
//! Types are looked at when the query is planned, not here.

use sqlparser::ast::Function;

use super::NOT_SHARED;
use crate::model::suggest;
use crate::platform::sql::functions::{self, Kind};
use crate::platform::sql::refusal::{Place, Refusal};
use crate::platform::sql::{bind, signature};

/// Functions that Spark lacks or that make other results each time, and what to use.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("strptime", "Spark has no strptime", "use to_timestamp(text, 'yyyy-MM-dd HH:mm:ss')"),
    ("strftime", "Spark has no strftime", "use date_format(ts, 'yyyy-MM-dd HH:mm:ss')"),
    ("string_to_array", "Spark has no string_to_array", "use split(text, ',')"),
    ("unnest", "Spark has no unnest", "write LATERAL VIEW explode(array) t AS column"),
    (
        "explode",
        "makes rows, which a value cannot",
        "select it by itself, or write LATERAL VIEW explode(array) t AS column",
    ),
    ("explode_outer", "makes rows, which a value cannot", "select it by itself: explode_outer(array) AS column"),
    ("posexplode", "makes rows, which a value cannot", "select it by itself: posexplode(array) AS (position, column)"),
    (
        "posexplode_outer",
        "makes rows, which a value cannot",
        "select it by itself: posexplode_outer(array) AS (position, column)",
    ),
    ("inline", "makes rows, which a value cannot", "write LATERAL VIEW explode(array) t AS column"),
    ("rand", "gives another value each time", "use a hash of the key: pmod(xxhash64(key), 100)"),
    ("random", "gives another value each time", "use a hash of the key: pmod(xxhash64(key), 100)"),
    ("randn", "gives another value each time", "use a hash of the key"),
    ("uuid", "gives another value each time", "use md5 of the key"),
    ("shuffle", "gives another order each time", "use sort_array"),
    ("monotonically_increasing_id", "depends on how the rows are spread", "use row_number() OVER (ORDER BY ...)"),
    ("to_json", "prints values in its own way", "use concat"),
    ("hash", "is Murmur3, which this engine has not", "use xxhash64"),
    (
        "aggregate",
        "folds an array in the order of its elements",
        "use array_max, array_min, size(filter(a, x -> ...)), or explode it and group",
    ),
    (
        "reduce",
        "folds an array in the order of its elements",
        "use array_max, array_min, size(filter(a, x -> ...)), or explode it and group",
    ),
    ("window", "makes a struct of tumbling windows", "use date_trunc, or aggregations of the view"),
    ("list_contains", "Spark has no list_contains", "use array_contains"),
    ("array_length", "Spark has no array_length", "use size"),
    ("strpos", "Spark has no strpos", "use instr"),
    ("epoch", "Spark has no epoch", "use unix_timestamp"),
    ("regexp_matches", "Spark has no regexp_matches", "use RLIKE"),
    ("regexp_substr", "has other groups", "use regexp_extract(text, pattern, 0)"),
    ("isfinite", "Spark has no isfinite", "use isnan"),
    ("read_parquet", "reads files by itself", "name them as a source, and read from its input name"),
    ("read_csv", "reads files by itself", "name them as a source, and read from its input name"),
];

/// Why a call is refused; absent when it is in the dialect as far as its text tells.
pub(super) fn refusal(function: &Function, place: Place) -> Option<Refusal> {
    let name = function.name.to_string().to_lowercase();
    let construct = || format!("function {name}");
    if let Some((_, problem, fix)) = FOREIGN.iter().find(|(foreign, ..)| *foreign == name) {
        return Some(place.refuse(construct(), *problem, *fix));
    }
    if bind::CASTS.iter().any(|(cast, _)| *cast == name) {
        return None;
    }
    let Some(known) = functions::find(&name).filter(|_| name.starts_with(|c: char| c.is_ascii_lowercase())) else {
        return Some(place.refuse(construct(), "is not in the dialect", unknown(&name)));
    };
    if !function.within_group.is_empty() {
        return Some(place.refuse("WITHIN GROUP", NOT_SHARED, "use percentile(x, 0.5)"));
    }
    if function.filter.is_some() && !known.is_aggregate() {
        return Some(place.refuse("FILTER", "stands only behind an aggregate", "use CASE"));
    }
    let Some(arguments) = bind::arguments(function) else {
        return Some(place.refuse(
            construct(),
            "has arguments of another dialect",
            "name plain values, as docs/sql.md shows",
        ));
    };
    let edge = matches!(known.name, "first_value" | "last_value");
    if matches!(known.kind, Kind::Window(_)) && function.over.is_none() && !edge {
        return Some(place.refuse(construct(), "needs a window", "write OVER (PARTITION BY ... ORDER BY ...)"));
    }
    // Some forms take fewer or more: the binder knows them.
    let own =
        ["unix_timestamp", "now", "current_date", "to_date", "to_timestamp", "count", "first_value", "last_value"];
    let known = functions::of_units(known, arguments.len());
    let problem = signature::count_problem(known, arguments.len()).filter(|_| !own.contains(&known.name))?;
    Some(place.refuse(construct(), problem, signature::form(known)))
}

fn unknown(name: &str) -> String {
    match suggest::nearest(name, functions::names()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "docs/sql.md lists the functions".to_owned(),
    }
}
