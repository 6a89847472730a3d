//! Dates and instants. All is UTC; a week begins on Monday.

use polars::prelude::*;

use super::Kind::{Rewritten, Rows};
use super::search::nulls;
use super::texts::argument;
use super::{Function, strict, sure};
use crate::platform::engine::sql::calendar::{self, DAY};
use crate::platform::engine::sql::calendar_pattern::{self as pattern, Piece};
use crate::platform::engine::sql::cells::{each, longs, texts};

pub static FUNCTIONS: &[Function] = &[
    sure(
        "now",
        "-> timestamp",
        "The instant of the run; also `current_timestamp`, with or without brackets.",
        "now() > TIMESTAMP '2020-01-01'",
        Rewritten,
    ),
    sure("current_date", "-> date", "The day of the run.", "current_date() > DATE '2020-01-01'", Rewritten),
    sure(
        "date_trunc",
        "string, timestamp -> timestamp",
        "Beginning of the `year quarter month week day hour minute second millisecond microsecond`; null for other words.",
        "date_trunc('hour', TIMESTAMP '2024-05-06 07:08:09') = TIMESTAMP '2024-05-06 07:00:00'",
        Rows(date_trunc),
    ),
    sure(
        "trunc",
        "date, string -> date",
        "First day of the `year quarter month week`; null for other words.",
        "trunc(DATE '2024-05-06', 'month') = DATE '2024-05-01'",
        Rows(trunc),
    ),
    sure(
        "year",
        "timestamp -> int",
        "Year.",
        "year(TIMESTAMP '2024-05-06 07:08:09') = 2024",
        Rows(|a| part(a, "year")),
    ),
    sure(
        "quarter",
        "timestamp -> int",
        "Quarter, 1 to 4.",
        "quarter(DATE '2024-05-06') = 2",
        Rows(|a| part(a, "quarter")),
    ),
    sure("month", "timestamp -> int", "Month, 1 to 12.", "month(DATE '2024-05-06') = 5", Rows(|a| part(a, "month"))),
    sure(
        "weekofyear",
        "timestamp -> int",
        "Week of the year (ISO 8601).",
        "weekofyear(DATE '2024-01-01') = 1",
        Rows(|a| part(a, "weekofyear")),
    ),
    sure("day", "timestamp -> int", "Day of the month.", "day(DATE '2024-05-06') = 6", Rows(|a| part(a, "day"))),
    sure(
        "dayofweek",
        "timestamp -> int",
        "Day of the week: Sunday is 1, Saturday 7.",
        "dayofweek(DATE '2024-05-06') = 2",
        Rows(|a| part(a, "dayofweek")),
    ),
    sure(
        "weekday",
        "timestamp -> int",
        "Day of the week: Monday is 0, Sunday 6.",
        "weekday(DATE '2024-05-06') = 0",
        Rows(|a| part(a, "weekday")),
    ),
    sure(
        "dayofyear",
        "timestamp -> int",
        "Day of the year.",
        "dayofyear(DATE '2024-02-01') = 32",
        Rows(|a| part(a, "dayofyear")),
    ),
    sure(
        "hour",
        "timestamp -> int",
        "Hour, 0 to 23.",
        "hour(TIMESTAMP '2024-05-06 07:08:09') = 7",
        Rows(|a| part(a, "hour")),
    ),
    sure(
        "minute",
        "timestamp -> int",
        "Minute.",
        "minute(TIMESTAMP '2024-05-06 07:08:09') = 8",
        Rows(|a| part(a, "minute")),
    ),
    sure(
        "second",
        "timestamp -> int",
        "Second, without its fraction.",
        "second(TIMESTAMP '2024-05-06 07:08:09') = 9",
        Rows(|a| part(a, "second")),
    ),
    strict(
        "to_timestamp",
        "string, format? -> timestamp",
        "The instant in a text, by CAST's rules or by a pattern such as `yyyy-MM-dd HH:mm:ss`; a text that does not fit is an error.",
        "to_timestamp('06.05.2024', 'dd.MM.yyyy') = TIMESTAMP '2024-05-06'",
        Rows(|a| parse(a, false)),
    ),
    sure(
        "try_to_timestamp",
        "string, format? -> timestamp",
        "The same, null for a text that does not fit.",
        "try_to_timestamp('x', 'yyyy') IS NULL",
        Rows(|a| parse(a, true)),
    ),
    strict(
        "to_date",
        "string, format? -> date",
        "The date in a text, by CAST's rules or by a pattern.",
        "to_date('2024-05-06') = DATE '2024-05-06'",
        Rows(parse_date),
    ),
    strict(
        "unix_timestamp",
        "string, format? -> bigint",
        "Seconds since 1970-01-01, of an instant or of a text by a pattern (default `yyyy-MM-dd HH:mm:ss`); of the run without argument.",
        "unix_timestamp(TIMESTAMP '1970-01-01 00:01:00') = 60",
        Rows(unix),
    ),
    sure("unix instant", "timestamp -> bigint", "", "", Rows(|a| scaled(a, |at| Some(at / SECOND)))),
    sure(
        "from_unixtime",
        "bigint, format? -> string",
        "Seconds since 1970-01-01 as a text (default pattern `yyyy-MM-dd HH:mm:ss`).",
        "from_unixtime(60) = '1970-01-01 00:01:00'",
        Rows(from_unix),
    ),
    sure(
        "date_format",
        "timestamp, format -> string",
        "By a pattern.",
        "date_format(DATE '2024-05-06', 'EEE d MMM') = 'Mon 6 May'",
        Rows(format),
    ),
    sure(
        "datediff",
        "date, date -> int",
        "Days from the second to the first.",
        "datediff(DATE '2024-05-06', DATE '2024-05-01') = 5",
        Rows(|a| days(a, |a, b| a - b)),
    ),
    sure(
        "date_add",
        "date, int -> date",
        "That many days later.",
        "date_add(DATE '2024-02-28', 2) = DATE '2024-03-01'",
        Rows(|a| days(a, |a, b| a + b)),
    ),
    sure(
        "date_sub",
        "date, int -> date",
        "That many days earlier.",
        "date_sub(DATE '2024-03-01', 1) = DATE '2024-02-29'",
        Rows(|a| days(a, |a, b| a - b)),
    ),
    sure(
        "add_months",
        "date, int -> date",
        "That many months later, the last of the month where it has no such day.",
        "add_months(DATE '2024-01-31', 1) = DATE '2024-02-29'",
        Rows(add_months),
    ),
    sure(
        "last_day",
        "date -> date",
        "Last day of its month.",
        "last_day(DATE '2024-02-01') = DATE '2024-02-29'",
        Rows(last_day),
    ),
    strict(
        "make_date",
        "int, int, int -> date",
        "From year, month and day.",
        "make_date(2024, 5, 6) = DATE '2024-05-06'",
        Rows(make_date),
    ),
    sure(
        "timestamp_seconds",
        "bigint -> timestamp",
        "That many seconds after 1970-01-01.",
        "timestamp_seconds(60) = TIMESTAMP '1970-01-01 00:01:00'",
        Rows(|a| scaled(a, |n| n.checked_mul(1_000_000))),
    ),
    sure(
        "timestamp_millis",
        "bigint -> timestamp",
        "That many milliseconds after 1970-01-01.",
        "timestamp_millis(60000) = TIMESTAMP '1970-01-01 00:01:00'",
        Rows(|a| scaled(a, |n| n.checked_mul(1_000))),
    ),
    sure(
        "timestamp_micros",
        "bigint -> timestamp",
        "That many microseconds after 1970-01-01.",
        "timestamp_micros(60000000) = TIMESTAMP '1970-01-01 00:01:00'",
        Rows(|a| scaled(a, Some)),
    ),
    sure(
        "unix_seconds",
        "timestamp -> bigint",
        "Seconds since 1970-01-01, floored.",
        "unix_seconds(TIMESTAMP '1970-01-01 00:01:00') = 60",
        Rows(|a| scaled(a, |n| Some(n.div_euclid(1_000_000)))),
    ),
    sure(
        "unix_millis",
        "timestamp -> bigint",
        "Milliseconds since 1970-01-01, floored.",
        "unix_millis(TIMESTAMP '1970-01-01 00:00:01') = 1000",
        Rows(|a| scaled(a, |n| Some(n.div_euclid(1_000)))),
    ),
    sure(
        "unix_micros",
        "timestamp -> bigint",
        "Microseconds since 1970-01-01.",
        "unix_micros(TIMESTAMP '1970-01-01 00:00:01') = 1000000",
        Rows(|a| scaled(a, Some)),
    ),
    sure(
        "+ interval",
        "timestamp, months, micros -> timestamp",
        "`ts + INTERVAL 1 HOUR`, `ts - INTERVAL 2 DAYS`, `date + INTERVAL 1 MONTH`; a day is 24 hours.",
        "TIMESTAMP '2024-01-01' + INTERVAL 90 MINUTES = TIMESTAMP '2024-01-01 01:30:00'",
        Rows(add_interval),
    ),
    sure(
        "extract",
        "timestamp -> int",
        "`EXTRACT(HOUR FROM ts)`: YEAR QUARTER MONTH WEEK DAY DAYOFWEEK DOY HOUR MINUTE.",
        "EXTRACT(HOUR FROM TIMESTAMP '2024-05-06 07:08:09') = 7",
        Rewritten,
    ),
];

/// Microseconds of a second. Seconds of unix_timestamp are cut towards 1970, as Spark does.
const SECOND: i64 = 1_000_000;

/// Microseconds of each row's instant or date.
fn micros(column: &Column) -> PolarsResult<impl Fn(usize) -> Option<i64>> {
    let scale = if column.dtype() == &DataType::Date { DAY } else { 1 };
    let cells = longs(column)?;
    Ok(move |row| cells.get(row).and_then(|at| at.checked_mul(scale)))
}

fn scaled(args: &[Column], of: fn(i64) -> Option<i64>) -> PolarsResult<Column> {
    let number = longs(argument(args, 0)?)?;
    each(args, |row| Ok(number.get(row).and_then(of)))
}

fn part(args: &[Column], name: &str) -> PolarsResult<Column> {
    let at = micros(argument(args, 0)?)?;
    each(args, |row| Ok(at(row).and_then(|at| calendar::part(name, at))))
}

fn date_trunc(args: &[Column]) -> PolarsResult<Column> {
    let (unit, at) = (texts(argument(args, 0)?)?, micros(argument(args, 1)?)?);
    each(args, |row| Ok(unit.get(row).zip(at(row)).and_then(|(unit, at)| calendar::truncate(unit, at))))
}

fn trunc(args: &[Column]) -> PolarsResult<Column> {
    let (day, unit) = (longs(argument(args, 0)?)?, texts(argument(args, 1)?)?);
    each(args, |row| {
        let pair = unit.get(row).zip(day.get(row));
        Ok(pair.and_then(|(unit, day)| calendar::truncate_date(unit, day as i32)))
    })
}

/// The pattern in an argument, which is a constant; the default without it.
fn pieces(args: &[Column], index: usize) -> PolarsResult<Option<Vec<Piece>>> {
    let given = args.get(index).map(texts).transpose()?;
    let Some(text) = given.as_ref().map_or(Some("yyyy-MM-dd HH:mm:ss"), |given| given.get(0)) else { return Ok(None) };
    let pieces = pattern::compile(text);
    pieces.map(Some).map_err(|problem| polars_err!(ComputeError: "the pattern has {}", problem))
}

fn parse(args: &[Column], lenient: bool) -> PolarsResult<Column> {
    let Some(pieces) = pieces(args, 1)? else { return Ok(nulls(args, &DataType::Int64)) };
    let text = texts(argument(args, 0)?)?;
    each(args, |row| {
        let Some(text) = text.get(row) else { return Ok(None) };
        match pattern::parse(&pieces, text) {
            None if !lenient => {
                polars_bail!(ComputeError: "the text '{}' does not fit the pattern", crate::platform::engine::sql::refusal::quote(text))
            }
            at => Ok(at),
        }
    })
}

fn parse_date(args: &[Column]) -> PolarsResult<Column> {
    let at = longs(&parse(args, false)?)?;
    each(args, |row| Ok(at.get(row).map(|at| at.div_euclid(DAY) as i32)))
}

fn unix(args: &[Column]) -> PolarsResult<Column> {
    scaled(&[parse(args, false)?], |at| Some(at / SECOND))
}

fn from_unix(args: &[Column]) -> PolarsResult<Column> {
    let Some(pieces) = pieces(args, 1)? else { return Ok(nulls(args, &DataType::String)) };
    let seconds = longs(argument(args, 0)?)?;
    each(args, |row| {
        let at = seconds.get(row).and_then(|seconds| seconds.checked_mul(1_000_000));
        Ok(at.and_then(|at| pattern::print(&pieces, at)))
    })
}

fn format(args: &[Column]) -> PolarsResult<Column> {
    let Some(pieces) = pieces(args, 1)? else { return Ok(nulls(args, &DataType::String)) };
    let at = micros(argument(args, 0)?)?;
    each(args, |row| Ok(at(row).and_then(|at| pattern::print(&pieces, at))))
}

fn days(args: &[Column], of: fn(i64, i64) -> i64) -> PolarsResult<Column> {
    let (a, b) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| Ok(a.get(row).zip(b.get(row)).map(|(a, b)| of(a, b))))
}

fn add_months(args: &[Column]) -> PolarsResult<Column> {
    let (day, months) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| {
        let pair = day.get(row).zip(months.get(row));
        Ok(pair.and_then(|(day, months)| calendar::add_months(day as i32, months)))
    })
}

fn last_day(args: &[Column]) -> PolarsResult<Column> {
    let day = longs(argument(args, 0)?)?;
    each(args, |row| {
        let first = day.get(row).and_then(|day| calendar::truncate_date("MONTH", day as i32));
        Ok(first.and_then(|first| calendar::add_months(first, 1)).map(|next| next - 1))
    })
}

fn make_date(args: &[Column]) -> PolarsResult<Column> {
    let (year, month, day) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?, longs(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(year), Some(month), Some(day)) = (year.get(row), month.get(row), day.get(row)) else {
            return Ok(None);
        };
        let part = |number: i64| u32::try_from(number).unwrap_or(0);
        let date = chrono::NaiveDate::from_ymd_opt(year as i32, part(month), part(day));
        let Some(date) = date else { polars_bail!(ComputeError: "there is no date {}-{}-{}", year, month, day) };
        Ok(Some(calendar::day(date)))
    })
}

fn add_interval(args: &[Column]) -> PolarsResult<Column> {
    let (at, months, more) = (micros(argument(args, 0)?)?, longs(argument(args, 1)?)?, longs(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(at), Some(months), Some(more)) = (at(row), months.get(row), more.get(row)) else { return Ok(None) };
        let day = calendar::add_months(at.div_euclid(DAY) as i32, months);
        Ok(day.map(|day| i64::from(day) * DAY + at.rem_euclid(DAY) + more))
    })
}
