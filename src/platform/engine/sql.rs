//! Running a view's SQL over frames.
//!
//! One SELECT over the inputs by name; nothing else: no files, no statements that define or drop.

use polars::prelude::{DataFrame, IntoLazy, LazyFrame, PolarsError, PolarsResult};
use polars::sql::SQLContext;

/// Why a text is not a query a view may have; absent when it is one.
pub fn refusal(query: &str) -> Option<(&'static str, &'static str)> {
    let words = words(query);
    let first = words.first().map(String::as_str).unwrap_or_default();
    if first != "select" && first != "with" {
        return Some(("is not a query", "write one SELECT statement (it may begin with WITH)"));
    }
    if query.trim_end().trim_end_matches(';').contains(';') {
        return Some(("has more than one statement", "write one SELECT statement"));
    }
    if words.iter().any(|word| ["read_parquet", "read_csv", "read_json", "read_ipc"].contains(&word.as_str())) {
        return Some(("reads files by itself", "name them as a source and read from its input name"));
    }
    None
}

/// The words of a query in lower case, comments left out: names, keywords, and `*` as a word.
pub fn words(query: &str) -> Vec<String> {
    let lines = query.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text: String = lines.collect::<Vec<_>>().join("\n").replace('*', " * ").to_lowercase();
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// SHIM until the dialect is merged.
#[derive(Clone, Debug)]
pub struct Query(String);
impl Query {
    /// .
    pub fn is_row_wise(&self) -> bool {
        let w = words(&self.0);
        !w.iter().any(|w| ["join", "group", "over", "distinct", "order", "limit", "union"].contains(&w.as_str()))
    }
    /// .
    pub fn columns_of(&self, _: &str) -> Option<std::collections::BTreeSet<String>> {
        let w = words(&self.0);
        (!w.iter().any(|w| w == "*")).then(|| w.into_iter().collect())
    }
}
/// .
pub fn check(query: &str) -> Result<Query, String> {
    Ok(Query(query.to_owned()))
}
/// .
pub fn lazy(query: &Query, inputs: Vec<(&str, LazyFrame)>, _: crate::model::Time) -> PolarsResult<LazyFrame> {
    let mut context = SQLContext::new();
    for (name, frame) in inputs {
        context.register(name, frame);
    }
    context.execute(&query.0)
}

/// Runs the query over the named frames. Casts are strict: a value that does not fit is an error.
pub fn run(inputs: Vec<(&str, DataFrame)>, query: &str) -> PolarsResult<DataFrame> {
    let mut context = SQLContext::new();
    for (name, frame) in inputs {
        context.register(name, frame.lazy());
    }
    context.execute(query)?.collect()
}

/// The sentence of an error without the engine's hints and plan dumps.
pub fn first_line(error: &PolarsError) -> String {
    let text = error.to_string();
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown error").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_select_is_a_query() {
        assert_eq!(refusal("SELECT a FROM t"), None);
        assert_eq!(refusal("-- why\nWITH x AS (SELECT 1) SELECT * FROM x;"), None);
        assert!(refusal("DROP TABLE t").is_some());
        assert!(refusal("SELECT 1; SELECT 2").is_some());
        assert!(refusal("SELECT * FROM read_parquet('x')").is_some());
        assert!(refusal("").is_some());
    }
}
