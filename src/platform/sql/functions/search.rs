//! Texts against patterns. Patterns are constants: they are checked when the query is.

use polars::prelude::*;

use super::Kind::Rows;
use super::texts::argument;
use super::{Function, strict, sure};
use crate::platform::sql::cells::{each, longs, texts};
use crate::platform::sql::patterns::{self, Pattern};
use crate::platform::sql::types::Type;
use crate::platform::sql::zone::Zone;
use crate::platform::sql::{calendar_pattern, cast, ddl};

pub(super) static FUNCTIONS: &[Function] = &[
    sure(
        "like",
        "string, like -> boolean",
        "`s LIKE p`: `%` is any text, `_` any character, a backslash takes their meaning away.",
        "'hello' LIKE 'h%o'",
        Rows(|a| like(a, false)),
    ),
    sure(
        "ilike",
        "string, like -> boolean",
        "LIKE after both are made small letters.",
        "'Hello' ILIKE 'hE%'",
        Rows(|a| like(a, true)),
    ),
    sure(
        "rlike",
        "string, regex -> boolean",
        "`s RLIKE p`: whether the expression is found.",
        "'abc123' RLIKE '[0-9]+'",
        Rows(rlike),
    ),
    strict(
        "regexp_extract",
        "string, regex, int? -> string",
        "The group (default 1, 0 is all) of the first match; empty if there is none.",
        "regexp_extract('a-12', '([a-z])-([0-9]+)', 2) = '12'",
        Rows(extract),
    ),
    strict(
        "regexp_replace",
        "string, regex, replacement -> string",
        "Each match replaced; `$1` stands for a group.",
        "regexp_replace('a1b2', '[0-9]', '#') = 'a#b#'",
        Rows(replace),
    ),
    strict(
        "split",
        "string, regex, int? -> array<string>",
        "The pieces between matches; at most that many if the third is positive.",
        "split('a,b', ',')[1] = 'b'",
        Rows(split),
    ),
];

/// The constant text of an argument.
fn constant(args: &[Column], index: usize) -> PolarsResult<Option<String>> {
    Ok(texts(argument(args, index)?)?.get(0).map(str::to_owned))
}

/// What is wrong with a constant pattern of that kind (a word of the signatures); absent when nothing is.
pub(crate) fn problem(kind: &str, pattern: &str) -> Option<String> {
    match kind {
        "like" => patterns::like(pattern).err(),
        "regex" => patterns::java(pattern, false).err(),
        "format" => calendar_pattern::compile(pattern).err(),
        "path" => super::json::path(pattern).err(),
        "schema" => ddl::schema(pattern).err(),
        "zone" if Zone::named(pattern).is_none() => Some("a zone that is not known".to_owned()),
        _ => None,
    }
}

fn compiled(args: &[Column], whole_end: bool) -> PolarsResult<Option<Pattern>> {
    let pattern = constant(args, 1)?.map(|pattern| patterns::java(&pattern, whole_end)).transpose();
    pattern.map_err(|problem| polars_err!(ComputeError: "the pattern: {}", problem))
}

pub(super) fn nulls(args: &[Column], dtype: &DataType) -> Column {
    Column::full_null(PlSmallStr::EMPTY, crate::platform::sql::cells::height(args), dtype)
}

fn like(args: &[Column], small: bool) -> PolarsResult<Column> {
    let Some(pattern) = constant(args, 1)? else { return Ok(nulls(args, &DataType::Boolean)) };
    let pattern = if small { pattern.to_lowercase() } else { pattern };
    let regex = patterns::like(&pattern).map_err(|problem| polars_err!(ComputeError: "the pattern: {}", problem))?;
    let text = texts(argument(args, 0)?)?;
    let test = |text: &str| if small { regex.is_match(&text.to_lowercase()) } else { regex.is_match(text) };
    each(args, |row| Ok(text.get(row).map(test)))
}

fn rlike(args: &[Column]) -> PolarsResult<Column> {
    let Some(pattern) = compiled(args, true)? else { return Ok(nulls(args, &DataType::Boolean)) };
    let text = texts(argument(args, 0)?)?;
    each(args, |row| Ok(text.get(row).map(|text| pattern.regex.is_match(text))))
}

/// Where Java's `$` and ours differ is an error, not a silent difference.
fn check_end(pattern: &Pattern, text: &str) -> PolarsResult<()> {
    let ends = text.ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    polars_ensure!(!(pattern.dollar && ends), ComputeError: "`$` on a text that ends with a line end: trim it before");
    Ok(())
}

fn extract(args: &[Column]) -> PolarsResult<Column> {
    let Some(pattern) = compiled(args, false)? else { return Ok(nulls(args, &DataType::String)) };
    let text = texts(argument(args, 0)?)?;
    let group = args.get(2).map(longs).transpose()?;
    each(args, |row| {
        let group = group.as_ref().map_or(Some(1), |group| group.get(row));
        let Some((text, group)) = text.get(row).zip(group) else { return Ok(None) };
        check_end(&pattern, text)?;
        let known = usize::try_from(group).ok().filter(|group| *group < pattern.regex.captures_len());
        let Some(group) = known else { polars_bail!(ComputeError: "the pattern has no group {}", group) };
        let found = pattern.regex.captures(text).and_then(|found| found.get(group));
        Ok(Some(found.map_or(String::new(), |found| found.as_str().to_owned())))
    })
}

fn replace(args: &[Column]) -> PolarsResult<Column> {
    let (pattern, by) = (compiled(args, false)?, constant(args, 2)?);
    let Some((pattern, by)) = pattern.zip(by) else { return Ok(nulls(args, &DataType::String)) };
    let by = patterns::replacement(&by, pattern.regex.captures_len());
    let by = by.map_err(|problem| polars_err!(ComputeError: "the replacement has {}", problem))?;
    let text = texts(argument(args, 0)?)?;
    each(args, |row| {
        let Some(text) = text.get(row) else { return Ok(None) };
        check_end(&pattern, text)?;
        Ok(Some(pattern.regex.replace_all(text, by.as_str()).into_owned()))
    })
}

fn split(args: &[Column]) -> PolarsResult<Column> {
    let wanted = DataType::List(Box::new(DataType::String));
    let Some(pattern) = compiled(args, false)? else { return Ok(nulls(args, &wanted)) };
    let text = texts(argument(args, 0)?)?;
    let limit = args.get(2).map(longs).transpose()?;
    let rows = crate::platform::sql::cells::height(args);
    let mut made = Vec::with_capacity(rows);
    for row in 0..rows {
        let limit = limit.as_ref().map_or(Some(-1), |limit| limit.get(row));
        let Some((text, limit)) = text.get(row).zip(limit) else {
            made.push(None);
            continue;
        };
        check_end(&pattern, text)?;
        let pieces: Vec<&str> = match usize::try_from(limit).ok().filter(|limit| *limit > 0) {
            Some(limit) => pattern.regex.splitn(text, limit).collect(),
            None => pattern.regex.split(text).collect(),
        };
        made.push(Some(Series::new(PlSmallStr::EMPTY, pieces)));
    }
    cast::list_column(made, &Type::Text)
}
