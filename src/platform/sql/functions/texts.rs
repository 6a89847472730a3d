//! Texts: cut, joined, padded. Positions count characters from 1.

use polars::prelude::*;

use super::Kind::Rows;
use super::pieces::{pad, position, repeat, replace, side, split_part, substring, substring_index, translate};
use super::{Function, strict, sure};
use crate::platform::sql::cells::{each, lists, longs, texts};

pub(super) static FUNCTIONS: &[Function] = &[
    sure("||", "printable, printable -> string", "Joined; null where a part is null.", "'a' || 1 = 'a1'", Rows(concat)),
    sure(
        "concat",
        "printable+ -> string",
        "Joined; null where a part is null; arrays become one array.",
        "concat('a', 'b', 'c') = 'abc'",
        Rows(concat),
    ),
    sure(
        "concat_ws",
        "string, joinable* -> string",
        "Joined with the first between; nulls left out; arrays of texts count as their elements.",
        "concat_ws('-', 'a', NULL, 'b') = 'a-b'",
        Rows(concat_ws),
    ),
    sure(
        "upper",
        "string -> string",
        "Capital letters.",
        "upper('aß') = 'ASS'",
        Rows(|a| change(a, |text| Some(text.to_uppercase()))),
    ),
    sure(
        "lower",
        "string -> string",
        "Small letters.",
        "lower('AB') = 'ab'",
        Rows(|a| change(a, |text| Some(text.to_lowercase()))),
    ),
    sure(
        "initcap",
        "string -> string",
        "The first letter of each word (between blanks) large, the others small.",
        "initcap('new YORK') = 'New York'",
        Rows(|a| change(a, |text| Some(initcap(text)))),
    ),
    sure("length", "string -> int", "Characters.", "length('Zürich') = 6", Rows(length)),
    sure(
        "trim",
        "string -> string",
        "Without blanks at both ends; also `TRIM(BOTH 'x' FROM s)`.",
        "trim('  a ') = 'a'",
        Rows(|a| trim(a, true, true)),
    ),
    sure(
        "ltrim",
        "string -> string",
        "Without blanks at the beginning.",
        "ltrim('  a ') = 'a '",
        Rows(|a| trim(a, true, false)),
    ),
    sure(
        "rtrim",
        "string -> string",
        "Without blanks at the end.",
        "rtrim(' a ') = ' a'",
        Rows(|a| trim(a, false, true)),
    ),
    sure(
        "btrim",
        "string, string? -> string",
        "Without those characters (default blanks) at both ends.",
        "btrim('xax', 'x') = 'a'",
        Rows(|a| trim(a, true, true)),
    ),
    sure(
        "trim leading",
        "string, string -> string",
        "`TRIM(LEADING 'x' FROM s)`.",
        "TRIM(LEADING 'x' FROM 'xax') = 'ax'",
        Rows(|a| trim(a, true, false)),
    ),
    sure(
        "trim trailing",
        "string, string -> string",
        "`TRIM(TRAILING 'x' FROM s)`.",
        "TRIM(TRAILING 'x' FROM 'xax') = 'xa'",
        Rows(|a| trim(a, false, true)),
    ),
    sure(
        "substring",
        "string, int, int? -> string",
        "From a position (negative: from the end), that many characters.",
        "substring('hello', 2, 3) = 'ell' AND substring('hello', -2) = 'lo'",
        Rows(substring),
    ),
    sure("left", "string, int -> string", "The first characters.", "left('hello', 2) = 'he'", Rows(|a| side(a, true))),
    sure(
        "right",
        "string, int -> string",
        "The last characters.",
        "right('hello', 2) = 'lo'",
        Rows(|a| side(a, false)),
    ),
    sure(
        "replace",
        "string, string, string -> string",
        "Each occurrence of the second replaced by the third.",
        "replace('abab', 'b', 'c') = 'acac'",
        Rows(replace),
    ),
    sure(
        "translate",
        "string, string, string -> string",
        "Characters of the second become those of the third, or go away.",
        "translate('abc', 'ab', 'x') = 'xc'",
        Rows(translate),
    ),
    sure(
        "reverse",
        "string -> string",
        "Backwards; also of an array.",
        "reverse('abc') = 'cba'",
        Rows(|a| change(a, |text| Some(text.chars().rev().collect()))),
    ),
    sure("repeat", "string, int -> string", "That many times.", "repeat('ab', 2) = 'abab'", Rows(repeat)),
    sure(
        "lpad",
        "string, int, string -> string",
        "Filled at the beginning, or cut, to that length.",
        "lpad('7', 3, '0') = '007'",
        Rows(|a| pad(a, true)),
    ),
    sure(
        "rpad",
        "string, int, string -> string",
        "Filled at the end, or cut, to that length.",
        "rpad('7', 3, '0') = '700'",
        Rows(|a| pad(a, false)),
    ),
    sure(
        "instr",
        "string, string -> int",
        "Position of the second in the first; 0 if it is not there.",
        "instr('hello', 'l') = 3",
        Rows(|a| position(a, true)),
    ),
    sure(
        "locate",
        "string, string -> int",
        "Position of the first in the second; 0 if it is not there; also `POSITION(a IN b)`.",
        "locate('l', 'hello') = 3",
        Rows(|a| position(a, false)),
    ),
    strict(
        "split_part",
        "string, string, int -> string",
        "That part between separators, counted from 1, or from the end if negative; empty if there is none.",
        "split_part('a-b-c', '-', 2) = 'b'",
        Rows(split_part),
    ),
    sure(
        "substring_index",
        "string, string, int -> string",
        "What is before that many separators, or behind them from the end if negative.",
        "substring_index('a.b.c', '.', 2) = 'a.b'",
        Rows(substring_index),
    ),
    sure(
        "startswith",
        "string, string -> boolean",
        "Whether it begins with the second.",
        "startswith('hello', 'he')",
        Rows(|a| test(a, |text, part| text.starts_with(part))),
    ),
    sure(
        "endswith",
        "string, string -> boolean",
        "Whether it ends with the second.",
        "endswith('hello', 'lo')",
        Rows(|a| test(a, |text, part| text.ends_with(part))),
    ),
    sure(
        "contains",
        "string, string -> boolean",
        "Whether it holds the second.",
        "contains('hello', 'ell')",
        Rows(|a| test(a, |text, part| text.contains(part))),
    ),
    sure(
        "levenshtein",
        "string, string, int? -> int",
        "How many characters to change, add or take away to make one text the other; -1 above the third.",
        "levenshtein('kitten', 'sitting') = 3",
        Rows(levenshtein),
    ),
    sure("space", "int -> string", "That many blanks.", "space(2) = '  '", Rows(space)),
    sure(
        "ascii",
        "string -> int",
        "Number of the first character; 0 for an empty text.",
        "ascii('A') = 65",
        Rows(ascii),
    ),
];

fn space(args: &[Column]) -> PolarsResult<Column> {
    repeat(&[Column::new(PlSmallStr::EMPTY, [" "]), argument(args, 0)?.clone()])
}

fn levenshtein(args: &[Column]) -> PolarsResult<Column> {
    let (a, b) = (texts(argument(args, 0)?)?, texts(argument(args, 1)?)?);
    let most = args.get(2).map(longs).transpose()?;
    each(args, |row| {
        let most = most.as_ref().map_or(Some(i64::MAX), |most| most.get(row));
        let (Some(a), Some(b), Some(most)) = (a.get(row), b.get(row), most) else { return Ok(None) };
        let distance = distance(a, b) as i64;
        Ok(Some(if distance > most { -1 } else { distance }))
    })
}

/// The distance of Levenshtein, row by row of its table.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = (0..=b.len()).collect();
    for (row, x) in a.chars().enumerate() {
        let mut left = row + 1;
        let mut after = vec![left];
        for (y, pair) in b.iter().zip(before.windows(2)) {
            let [corner, above] = pair else { continue };
            left = (corner + usize::from(x != *y)).min(above + 1).min(left + 1);
            after.push(left);
        }
        before = after;
    }
    before.last().copied().unwrap_or(0)
}

/// The argument at a position.
pub(super) fn argument(args: &[Column], index: usize) -> PolarsResult<&Column> {
    args.get(index).ok_or_else(|| polars_err!(ComputeError: "argument {} is missing", index + 1))
}

/// A text made of each text.
pub(super) fn change(args: &[Column], of: impl Fn(&str) -> Option<String>) -> PolarsResult<Column> {
    let text = texts(argument(args, 0)?)?;
    each(args, |row| Ok(text.get(row).and_then(&of)))
}

/// A condition on two texts.
pub(super) fn test(args: &[Column], of: fn(&str, &str) -> bool) -> PolarsResult<Column> {
    let (a, b) = (texts(argument(args, 0)?)?, texts(argument(args, 1)?)?);
    each(args, |row| Ok(a.get(row).zip(b.get(row)).map(|(a, b)| of(a, b))))
}

fn length(args: &[Column]) -> PolarsResult<Column> {
    let text = texts(argument(args, 0)?)?;
    each(args, |row| Ok(text.get(row).map(|text| text.chars().count() as i64)))
}

fn ascii(args: &[Column]) -> PolarsResult<Column> {
    let text = texts(argument(args, 0)?)?;
    each(args, |row| Ok(text.get(row).map(|text| text.chars().next().map_or(0, |c| i64::from(u32::from(c))))))
}

fn concat(args: &[Column]) -> PolarsResult<Column> {
    let parts = args.iter().map(texts).collect::<PolarsResult<Vec<_>>>()?;
    each(args, |row| Ok(parts.iter().map(|part| part.get(row)).collect::<Option<String>>()))
}

/// Adds what an argument has in a row.
type Part = Box<dyn Fn(usize, &mut Vec<String>) -> PolarsResult<()>>;

fn concat_ws(args: &[Column]) -> PolarsResult<Column> {
    let separator = texts(argument(args, 0)?)?;
    let mut parts: Vec<Part> = Vec::new();
    for column in args.iter().skip(1) {
        if column.dtype().is_list() {
            let list = lists(column)?;
            parts.push(Box::new(move |row, found| {
                let Some(items) = list.get(row) else { return Ok(()) };
                let items = items.cast(&DataType::String)?;
                found.extend(items.str()?.iter().flatten().map(str::to_owned));
                Ok(())
            }));
        } else {
            let text = texts(column)?;
            parts.push(Box::new(move |row, found| {
                found.extend(text.get(row).map(str::to_owned));
                Ok(())
            }));
        }
    }
    each(args, |row| {
        let Some(separator) = separator.get(row) else { return Ok(None) };
        let mut found = Vec::new();
        parts.iter().try_for_each(|part| part(row, &mut found))?;
        Ok(Some(found.join(separator)))
    })
}

fn initcap(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let mut chars = word.chars();
        let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
        first + &chars.as_str().to_lowercase()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn trim(args: &[Column], start: bool, end: bool) -> PolarsResult<Column> {
    let text = texts(argument(args, 0)?)?;
    let set = args.get(1).map(texts).transpose()?;
    each(args, |row| {
        let set = set.as_ref().map_or(Some(" "), |set| set.get(row));
        Ok(text.get(row).zip(set).map(|(text, set)| {
            let text = if start { text.trim_start_matches(|c| set.contains(c)) } else { text };
            let text = if end { text.trim_end_matches(|c| set.contains(c)) } else { text };
            text.to_owned()
        }))
    })
}
