//! The functions of the dialect: one table from which queries are checked and planned, and docs/sql.md is written.
//!
//! A function is here only when it means the same on Spark 4 (ANSI, UTC). Nothing here knows how queries are planned.

use std::fmt;
use std::sync::LazyLock;

use polars::prelude::{Column, Expr, PolarsResult};

mod aggregates;
mod arrays;
mod decimals;
mod hashes;
mod json;
mod lambdas;
mod logic;
mod nested;
mod numbers;
mod pieces;
mod rounding;
mod search;
mod texts;
mod times;
mod windows;

pub(super) use aggregates::distinct;
pub(super) use search::problem as pattern_problem;
pub(super) use windows::Ranking;

/// A function of the dialect.
pub(super) struct Function {
    /// Its name in lower case, or an operator.
    pub name: &'static str,
    /// Its arguments and its value, in the words of `signature.rs`.
    pub signature: &'static str,
    /// What it does, in a sentence.
    pub says: &'static str,
    /// A condition that holds; for aggregates and window functions, a call.
    pub example: &'static str,
    /// Whether it may end in an error on some values.
    pub fails: bool,
    pub kind: Kind,
}

/// How a function is computed.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Native(fn(&[Expr]) -> Expr),
    /// Row by row from columns of equal length (or of length one, for one value in all rows).
    Rows(fn(&[Column]) -> PolarsResult<Column>),
    /// The binder turns it into other expressions.
    Rewritten,
    /// One value of many rows. Over a window only those that `frames` knows by name.
    Aggregate(fn(&[Expr]) -> Expr),
    Window(Ranking),
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    /// Whether it makes one value of many rows.
    pub(super) fn is_aggregate(&self) -> bool {
        matches!(self.kind, Kind::Aggregate(_))
    }
}

/// A function that cannot fail.
const fn sure(
    name: &'static str,
    signature: &'static str,
    says: &'static str,
    example: &'static str,
    kind: Kind,
) -> Function {
    Function { name, signature, says, example, fails: false, kind }
}

/// A function that ends in an error on some values.
const fn strict(
    name: &'static str,
    signature: &'static str,
    says: &'static str,
    example: &'static str,
    kind: Kind,
) -> Function {
    Function { name, signature, says, example, fails: true, kind }
}

/// A group of functions with its heading.
pub(super) type Group = (&'static str, &'static [Function]);

pub(super) static GROUPS: &[Group] = &[
    ("Conditions and nulls", logic::FUNCTIONS),
    ("Numbers", numbers::FUNCTIONS),
    ("Texts", texts::FUNCTIONS),
    ("Searching texts", search::FUNCTIONS),
    ("Dates and instants", times::FUNCTIONS),
    ("Arrays", arrays::FUNCTIONS),
    ("Structs and maps", nested::FUNCTIONS),
    ("Arrays with lambda functions", lambdas::FUNCTIONS),
    ("JSON", json::FUNCTIONS),
    ("Hashes", hashes::FUNCTIONS),
    ("Aggregates", aggregates::FUNCTIONS),
    ("Window functions", windows::FUNCTIONS),
];

/// Other names that Spark has for a function, with the name in the table.
pub(super) static ALIASES: &[(&str, &str)] = &[
    ("substr", "substring"),
    ("ucase", "upper"),
    ("lcase", "lower"),
    ("char_length", "length"),
    ("character_length", "length"),
    ("len", "length"),
    ("power", "pow"),
    ("ceiling", "ceil"),
    ("signum", "sign"),
    ("ifnull", "nvl"),
    ("current_timestamp", "now"),
    ("curdate", "current_date"),
    ("dayofmonth", "day"),
    ("dateadd", "date_add"),
    ("date_diff", "datediff"),
    ("week", "weekofyear"),
    ("datepart", "date_part"),
    ("timediff", "timestampdiff"),
    ("to_unix_timestamp", "unix_timestamp"),
    ("array_size", "size"),
    ("cardinality", "size"),
    ("regexp_like", "rlike"),
    ("regexp", "rlike"),
    ("std", "stddev_samp"),
    ("stddev", "stddev_samp"),
    ("variance", "var_samp"),
    ("mean", "avg"),
    ("every", "bool_and"),
    ("some", "bool_or"),
    ("any", "bool_or"),
    ("array_agg", "collect_list"),
    ("negative", "-x"),
    ("any_value", "first"),
    ("approx_percentile", "percentile_approx"),
];

static INDEX: LazyLock<hashbrown::HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let all = GROUPS.iter().flat_map(|(_, functions)| functions.iter()).chain(decimals::FUNCTIONS);
    all.map(|function| (function.name, function)).collect()
});

/// The function of that name, in any case; absent when the dialect has none.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    let name = name.to_lowercase();
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, name)| *name);
    INDEX.get(name).copied()
}

/// Whether a function takes the first (false) or last (true) of some rows; absent for others.
pub(super) fn edge(function: &Function) -> Option<bool> {
    match function.name {
        "first" | "first_value" => Some(false),
        "last" | "last_value" => Some(true),
        _ => None,
    }
}

/// The function as it is with a window, or without: first and last have a name of their own there.
pub(super) fn over(function: &'static Function, window: bool) -> &'static Function {
    let name = match function.name {
        "first" if window => "first_value",
        "last" if window => "last_value",
        _ => return function,
    };
    find(name).unwrap_or(function)
}

/// The function that a call with so many arguments means: `datediff(HOUR, a, b)` is timestampdiff.
pub(super) fn of_units(function: &'static Function, arguments: usize) -> &'static Function {
    let name = match (function.name, arguments) {
        ("datediff", 3) => "timestampdiff",
        ("date_add", 3) => "timestampadd",
        _ => return function,
    };
    find(name).unwrap_or(function)
}

/// Whether the first argument of a function is a unit of time.
pub(super) fn takes_unit(function: &Function) -> bool {
    matches!(function.name, "timestampadd" | "timestampdiff")
}

/// All names that a query can call.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    let all = GROUPS.iter().flat_map(|(_, functions)| functions.iter().map(|function| function.name));
    let callable = |name: &&str| name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains(' ');
    all.filter(callable).chain(ALIASES.iter().map(|(alias, _)| *alias))
}

/// A letter of a datetime pattern by which Spark prints, but does not read.
pub(super) fn printed_only(pattern: &str) -> Option<char> {
    super::calendar_pattern::compile(pattern).ok()?.iter().find_map(super::calendar_pattern::Piece::printed_only)
}

/// Whether a Java expression matches the empty text.
pub(super) fn matches_empty(pattern: &str) -> bool {
    super::patterns::java(pattern, false).is_ok_and(|pattern| pattern.regex.is_match(""))
}
