//! Dates and instants. All is UTC; a week begins on Monday.

use polars::prelude::*;

use super::Kind::{Rewritten, Rows};
use super::search::nulls;
use super::texts::argument;
use super::{Function, strict, sure};
use crate::platform::sql::calendar::{self, DAY, Unit};
use crate::platform::sql::calendar_pattern as pattern;
use crate::platform::sql::calendar_pattern::Piece;
use crate::platform::sql::cast::{beyond, instant};
use crate::platform::sql::cells::{decimals, each, each_decimal, flags, longs, texts};
use crate::platform::sql::zone::Zone;

pub(super) static FUNCTIONS: &[Function] = &[
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
    sure("unix instant", "timestamp -> bigint", "", "", Rows(|a| counted(a, |at| at / SECOND))),
    strict(
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
        Rows(apart),
    ),
    strict(
        "date_add",
        "date, int -> date",
        "That many days later.",
        "date_add(DATE '2024-02-28', 2) = DATE '2024-03-01'",
        Rows(|a| days(a, |a, b| a + b)),
    ),
    strict(
        "date_sub",
        "date, int -> date",
        "That many days earlier.",
        "date_sub(DATE '2024-03-01', 1) = DATE '2024-02-29'",
        Rows(|a| days(a, |a, b| a - b)),
    ),
    strict(
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
        "next_day",
        "date, string -> date",
        "The next such day of the week after it, by its English name or the first two or three letters.",
        "next_day(DATE '2024-05-06', 'Mon') = DATE '2024-05-13'",
        Rows(next_day),
    ),
    sure(
        "months_between",
        "timestamp, timestamp, boolean? -> double",
        "Months from the second to the first: whole between equal days of the month or two last days, else with a fraction of 31 days; to 8 decimals unless the third is false.",
        "months_between(DATE '2024-03-15', DATE '2024-01-15') = 2",
        Rows(months_between),
    ),
    strict(
        "timestampadd",
        "string, bigint, timestamp -> timestamp",
        "`timestampadd(HOUR, n, ts)`: that many `YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND` later; also `dateadd(HOUR, n, ts)`.",
        "timestampadd(HOUR, 2, TIMESTAMP '2024-05-06 07:00:00') = TIMESTAMP '2024-05-06 09:00:00'",
        Rows(timestamp_add),
    ),
    sure(
        "timestampdiff",
        "string, timestamp, timestamp -> bigint",
        "`timestampdiff(MINUTE, a, b)`: whole units from the first to the second; also `datediff(MINUTE, a, b)`.",
        "timestampdiff(MINUTE, TIMESTAMP '2024-05-06 07:00:00', TIMESTAMP '2024-05-06 08:30:59') = 90",
        Rows(timestamp_diff),
    ),
    strict(
        "from_utc_timestamp",
        "timestamp, zone -> timestamp",
        "What a clock in the zone shows: a region such as `Europe/Berlin` with its summer time, or an offset such as `+05:30`, `GMT+1`, `UTC`.",
        "from_utc_timestamp(TIMESTAMP '2024-07-01 10:00:00', 'America/New_York') = TIMESTAMP '2024-07-01 06:00:00'",
        Rows(|a| zoned(a, Zone::local)),
    ),
    strict(
        "to_utc_timestamp",
        "timestamp, zone -> timestamp",
        "The instant at which a clock in the zone shows it: the earlier of two; a time that a clock leaves out counts on from before.",
        "to_utc_timestamp(TIMESTAMP '2024-07-01 06:00:00', 'America/New_York') = TIMESTAMP '2024-07-01 10:00:00'",
        Rows(|a| zoned(a, |zone, at| Some(zone.utc(at)))),
    ),
    sure(
        "dayname",
        "timestamp -> string",
        "Three letters of the day of the week.",
        "dayname(DATE '2024-05-06') = 'Mon'",
        Rows(|a| shown(a, "EEE")),
    ),
    sure(
        "monthname",
        "timestamp -> string",
        "Three letters of the month.",
        "monthname(DATE '2024-05-06') = 'May'",
        Rows(|a| shown(a, "MMM")),
    ),
    sure(
        "unix_date",
        "date -> int",
        "Days since 1970-01-01.",
        "unix_date(DATE '1970-01-02') = 1",
        Rows(|a| counted(a, |day| day)),
    ),
    strict(
        "date_from_unix_date",
        "int -> date",
        "That many days after 1970-01-01.",
        "date_from_unix_date(1) = DATE '1970-01-02'",
        Rows(unix_days),
    ),
    sure("second part", "timestamp -> any", "", "", Rows(seconds)),
    sure(
        "date_part",
        "string, timestamp -> any",
        "`EXTRACT` with the name of the part as a constant text.",
        "date_part('hour', TIMESTAMP '2024-05-06 07:08:09') = 7",
        Rewritten,
    ),
    strict(
        "make_timestamp",
        "int, int, int, int, int, seconds, zone? -> timestamp",
        "From year, month, day, hour, minute and seconds (with a fraction if need be), in a zone if one is named.",
        "make_timestamp(2024, 5, 6, 7, 8, 9.5) = TIMESTAMP '2024-05-06 07:08:09.5'",
        Rows(make_timestamp),
    ),
    strict(
        "make_date",
        "int, int, int -> date",
        "From year, month and day.",
        "make_date(2024, 5, 6) = DATE '2024-05-06'",
        Rows(make_date),
    ),
    strict(
        "timestamp_seconds",
        "bigint -> timestamp",
        "That many seconds after 1970-01-01.",
        "timestamp_seconds(60) = TIMESTAMP '1970-01-01 00:01:00'",
        Rows(|a| instants(a, 1_000_000)),
    ),
    strict(
        "timestamp_millis",
        "bigint -> timestamp",
        "That many milliseconds after 1970-01-01.",
        "timestamp_millis(60000) = TIMESTAMP '1970-01-01 00:01:00'",
        Rows(|a| instants(a, 1_000)),
    ),
    strict(
        "timestamp_micros",
        "bigint -> timestamp",
        "That many microseconds after 1970-01-01.",
        "timestamp_micros(60000000) = TIMESTAMP '1970-01-01 00:01:00'",
        Rows(|a| instants(a, 1)),
    ),
    sure(
        "unix_seconds",
        "timestamp -> bigint",
        "Seconds since 1970-01-01, floored.",
        "unix_seconds(TIMESTAMP '1970-01-01 00:01:00') = 60",
        Rows(|a| counted(a, |at| at.div_euclid(1_000_000))),
    ),
    sure(
        "unix_millis",
        "timestamp -> bigint",
        "Milliseconds since 1970-01-01, floored.",
        "unix_millis(TIMESTAMP '1970-01-01 00:00:01') = 1000",
        Rows(|a| counted(a, |at| at.div_euclid(1_000))),
    ),
    sure(
        "unix_micros",
        "timestamp -> bigint",
        "Microseconds since 1970-01-01.",
        "unix_micros(TIMESTAMP '1970-01-01 00:00:01') = 1000000",
        Rows(|a| counted(a, |at| at)),
    ),
    strict(
        "+ interval",
        "timestamp, months, micros, bigint? -> timestamp",
        "`ts + INTERVAL 1 HOUR`, `ts - INTERVAL 2 DAYS`, `date + INTERVAL 1 MONTH`, `ts + INTERVAL 1 MINUTE * n`; a day is 24 hours.",
        "TIMESTAMP '2024-01-01' + INTERVAL 90 MINUTES = TIMESTAMP '2024-01-01 01:30:00'",
        Rows(add_interval),
    ),
    sure(
        "extract",
        "timestamp -> int",
        "`EXTRACT(HOUR FROM ts)`: YEAR QUARTER MONTH WEEK DAY DAYOFWEEK DOY HOUR MINUTE, and SECOND with its fraction.",
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
    Ok(move |row| cells.get(row).map(|at| at.saturating_mul(scale)))
}

/// A number made of each.
fn counted(args: &[Column], of: fn(i64) -> i64) -> PolarsResult<Column> {
    let number = longs(argument(args, 0)?)?;
    each(args, |row| Ok(number.get(row).map(of)))
}

/// That many times so many microseconds as instants.
fn instants(args: &[Column], size: i128) -> PolarsResult<Column> {
    let number = longs(argument(args, 0)?)?;
    each(args, |row| number.get(row).map(|number| instant(i128::from(number) * size, number)).transpose())
}

/// What is made of each row's instant. One that no calendar reaches is an error, never null.
fn of_instants<T>(args: &[Column], at: usize, of: impl Fn(usize, i64) -> Option<T>) -> PolarsResult<Column>
where
    Series: NamedFrom<Vec<Option<T>>, [Option<T>]>,
{
    let micros = micros(argument(args, at)?)?;
    each(args, |row| {
        let Some(at) = micros(row) else { return Ok(None) };
        polars_ensure!(calendar::clock(at).is_some(), ComputeError: "the instant {} us {}", at, calendar::OUTSIDE);
        Ok(of(row, at))
    })
}

fn part(args: &[Column], name: &str) -> PolarsResult<Column> {
    of_instants(args, 0, |_, at| calendar::part(name, at))
}

fn seconds(args: &[Column]) -> PolarsResult<Column> {
    let at = micros(argument(args, 0)?)?;
    each_decimal(args, (8, 6), |row| Ok(at(row).map(|at| i128::from(at.rem_euclid(60 * SECOND)))))
}

fn date_trunc(args: &[Column]) -> PolarsResult<Column> {
    let unit = texts(argument(args, 0)?)?;
    of_instants(args, 1, |row, at| unit.get(row).and_then(|unit| calendar::truncate(unit, at)))
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
    compiled(text).map(Some)
}

fn compiled(pattern: &str) -> PolarsResult<Vec<Piece>> {
    pattern::compile(pattern).map_err(|problem| polars_err!(ComputeError: "the pattern has {}", problem))
}

fn parse(args: &[Column], lenient: bool) -> PolarsResult<Column> {
    let Some(pieces) = pieces(args, 1)? else { return Ok(nulls(args, &DataType::Int64)) };
    let text = texts(argument(args, 0)?)?;
    each(args, |row| {
        let Some(text) = text.get(row) else { return Ok(None) };
        match pattern::parse(&pieces, text) {
            None if !lenient => {
                polars_bail!(ComputeError: "the text '{}' does not fit the pattern", crate::platform::sql::refusal::quote(text))
            }
            at => at.map(|at| instant(at.into(), text)).transpose(),
        }
    })
}

fn parse_date(args: &[Column]) -> PolarsResult<Column> {
    let at = longs(&parse(args, false)?)?;
    each(args, |row| Ok(at.get(row).map(|at| at.div_euclid(DAY) as i32)))
}

fn unix(args: &[Column]) -> PolarsResult<Column> {
    counted(&[parse(args, false)?], |at| at / SECOND)
}

fn from_unix(args: &[Column]) -> PolarsResult<Column> {
    let Some(pieces) = pieces(args, 1)? else { return Ok(nulls(args, &DataType::String)) };
    let at = instants(args.get(..1).unwrap_or_default(), SECOND.into())?;
    let at = longs(&at)?;
    each(args, |row| Ok(at.get(row).and_then(|at| pattern::print(&pieces, at))))
}

fn format(args: &[Column]) -> PolarsResult<Column> {
    let Some(pieces) = pieces(args, 1)? else { return Ok(nulls(args, &DataType::String)) };
    of_instants(args, 0, |_, at| pattern::print(&pieces, at))
}

fn shown(args: &[Column], pattern: &str) -> PolarsResult<Column> {
    let pieces = compiled(pattern)?;
    of_instants(args, 0, |_, at| pattern::print(&pieces, at))
}

/// The date, or the error that there is none.
fn known_day(day: Option<i64>, of: impl Fn() -> String) -> PolarsResult<Option<i32>> {
    day.and_then(calendar::day_within).map(Some).ok_or_else(|| beyond("the date", of()))
}

/// A date by a date and a number.
fn days(args: &[Column], of: fn(i64, i64) -> i64) -> PolarsResult<Column> {
    let (a, b) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| match a.get(row).zip(b.get(row)) {
        Some((a, b)) => known_day(Some(of(a, b)), || format!("{} and {b} days", calendar::print_date(a as i32))),
        None => Ok(None),
    })
}

fn apart(args: &[Column]) -> PolarsResult<Column> {
    let (a, b) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| Ok(a.get(row).zip(b.get(row)).map(|(a, b)| a - b)))
}

fn unix_days(args: &[Column]) -> PolarsResult<Column> {
    let day = longs(argument(args, 0)?)?;
    each(args, |row| day.get(row).map_or(Ok(None), |day| known_day(Some(day), || format!("{day} days"))))
}

fn add_months(args: &[Column]) -> PolarsResult<Column> {
    let (day, months) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| {
        let Some((day, months)) = day.get(row).zip(months.get(row)) else { return Ok(None) };
        let moved = calendar::add_months(day as i32, months).map(i64::from);
        known_day(moved, || format!("{} and {months} months", calendar::print_date(day as i32)))
    })
}

fn last_day(args: &[Column]) -> PolarsResult<Column> {
    let day = longs(argument(args, 0)?)?;
    each(args, |row| Ok(day.get(row).and_then(|day| calendar::last_day(day as i32))))
}

fn next_day(args: &[Column]) -> PolarsResult<Column> {
    let (day, word) = (longs(argument(args, 0)?)?, texts(argument(args, 1)?)?);
    each(args, |row| {
        let Some((day, word)) = day.get(row).zip(word.get(row)) else { return Ok(None) };
        let Some(wanted) = calendar::weekday(word) else {
            polars_bail!(ComputeError: "'{}' is no day of the week", crate::platform::sql::refusal::quote(word))
        };
        let next = calendar::next_day(day as i32, wanted).map(i64::from);
        known_day(next, || format!("{} and a week", calendar::print_date(day as i32)))
    })
}

fn months_between(args: &[Column]) -> PolarsResult<Column> {
    let (earlier, rounded) = (micros(argument(args, 1)?)?, args.get(2).map(flags).transpose()?);
    of_instants(args, 0, |row, later| {
        let rounded = rounded.as_ref().map_or(Some(true), |rounded| rounded.get(row))?;
        calendar::months_between(later, earlier(row)?, rounded)
    })
}

fn make_date(args: &[Column]) -> PolarsResult<Column> {
    let (year, month, day) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?, longs(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(year), Some(month), Some(day)) = (year.get(row), month.get(row), day.get(row)) else {
            return Ok(None);
        };
        date_of(year, month, day).map(Some)
    })
}

fn date_of(year: i64, month: i64, day: i64) -> PolarsResult<i32> {
    let part = |number: i64| u32::try_from(number).unwrap_or(0);
    let date = i32::try_from(year).ok().and_then(|year| chrono::NaiveDate::from_ymd_opt(year, part(month), part(day)));
    let Some(date) = date else { polars_bail!(ComputeError: "there is no date {}-{}-{}", year, month, day) };
    let made = calendar::day_within(calendar::day(date).into());
    made.ok_or_else(|| beyond("the date", format!("{year}-{month}-{day}")))
}

fn make_timestamp(args: &[Column]) -> PolarsResult<Column> {
    let numbers = (0..5).map(|index| longs(argument(args, index)?)).collect::<PolarsResult<Vec<_>>>()?;
    let (seconds, _) = decimals(argument(args, 5)?)?;
    let zone = args.get(6).map(texts).transpose()?;
    each(args, |row| {
        let numbers: Option<Vec<i64>> = numbers.iter().map(|number| number.get(row)).collect();
        let Some(([year, month, day, hour, minute], seconds)) = numbers
            .as_deref()
            .zip(seconds.get(row))
            .and_then(|(numbers, seconds)| <[i64; 5]>::try_from(numbers).ok().map(|numbers| (numbers, seconds)))
        else {
            return Ok(None);
        };
        // Sixty seconds are the next minute.
        let inside = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60_000_000).contains(&seconds);
        polars_ensure!(inside, ComputeError: "there is no time {}:{} and {} us", hour, minute, seconds);
        let local = i64::from(date_of(year, month, day)?) * DAY + (hour * 60 + minute) * 60_000_000 + seconds as i64;
        let at = match &zone {
            None => local,
            Some(zone) => match zone.get(row) {
                Some(name) => known_zone(name)?.utc(local),
                None => return Ok(None),
            },
        };
        instant(at.into(), calendar::print_timestamp(local)).map(Some)
    })
}

fn known_zone(name: &str) -> PolarsResult<Zone> {
    Zone::named(name).ok_or_else(
        || polars_err!(ComputeError: "the zone '{}' is not known", crate::platform::sql::refusal::quote(name)),
    )
}

/// Instants moved between UTC and a zone.
fn zoned(args: &[Column], of: fn(Zone, i64) -> Option<i64>) -> PolarsResult<Column> {
    let (at, zone) = (micros(argument(args, 0)?)?, texts(argument(args, 1)?)?);
    let mut known: Option<(String, Zone)> = None;
    each(args, |row| {
        let Some((at, name)) = at(row).zip(zone.get(row)) else { return Ok(None) };
        let zone = match &known {
            Some((last, zone)) if last == name => *zone,
            _ => known.insert((name.to_owned(), known_zone(name)?)).1,
        };
        let moved = of(zone, at).map_or(i128::MAX, i128::from);
        instant(moved, calendar::print_timestamp(at)).map(Some)
    })
}

fn unit_of(name: &str) -> PolarsResult<Unit> {
    Unit::named(name).ok_or_else(|| polars_err!(ComputeError: "'{}' is no unit of time", name))
}

fn timestamp_add(args: &[Column]) -> PolarsResult<Column> {
    let (unit, count) = (texts(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    let at = micros(argument(args, 2)?)?;
    each(args, |row| {
        let (Some(unit), Some(count), Some(at)) = (unit.get(row), count.get(row), at(row)) else { return Ok(None) };
        let moved = match unit_of(unit)? {
            Unit::Micros(size) => calendar::add(at, 0, i128::from(count) * i128::from(size)),
            Unit::Months(size) => count.checked_mul(size).and_then(|months| calendar::add(at, months, 0)),
        };
        let of = || format!("{} and {count} {unit}", calendar::print_timestamp(at));
        moved.map(Some).ok_or_else(|| beyond("the instant", of()))
    })
}

fn timestamp_diff(args: &[Column]) -> PolarsResult<Column> {
    let (unit, end) = (texts(argument(args, 0)?)?, micros(argument(args, 2)?)?);
    let unit = unit.get(0).map(unit_of).transpose()?;
    of_instants(args, 1, |row, start| unit?.between(start, end(row)?))
}

fn add_interval(args: &[Column]) -> PolarsResult<Column> {
    let (at, months, more) = (micros(argument(args, 0)?)?, longs(argument(args, 1)?)?, longs(argument(args, 2)?)?);
    let times = args.get(3).map(longs).transpose()?;
    each(args, |row| {
        let times = times.as_ref().map_or(Some(1), |times| times.get(row));
        let (Some(at), Some(months), Some(more), Some(times)) = (at(row), months.get(row), more.get(row), times) else {
            return Ok(None);
        };
        let of = || match times {
            1 => format!("{} and an interval", calendar::print_timestamp(at)),
            times => format!("{} and {times} times an interval", calendar::print_timestamp(at)),
        };
        let more = i128::from(more) * i128::from(times);
        let moved = months.checked_mul(times).and_then(|months| calendar::add(at, months, more));
        moved.map(Some).ok_or_else(|| beyond("the instant", of()))
    })
}
