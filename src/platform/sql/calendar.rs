//! Dates and instants: read, print, cut to units, add and subtract months. UTC and the proleptic Gregorian calendar.
//!
//! Days are days since 1970-01-01, instants microseconds since then. Only the years 0001 to 9999 are in the dialect, as
//! on Spark; who makes a date or an instant asks [`day_within`] or [`within`].

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, Timelike};

use super::number::trim;
use super::zone::Zone;

pub(super) const DAY: i64 = 86_400_000_000;
/// Days from 0001-01-01 (chrono's day 1) to 1970-01-01.
const EPOCH: i32 = 719_163;
const YEARS: RangeInclusive<i64> = -719_162..=2_932_896;
/// Last year of a date in a text: the last one of the calendar here.
const LAST_YEAR: u32 = 262_142;
/// A day that no calendar here reaches: what a text with such a year stands for.
const BEYOND: i32 = i32::MAX;
/// What is wrong with a date or an instant that is not within.
pub(super) const OUTSIDE: &str = "is outside of the years 0001 to 9999";

/// The day, if it is in the years 0001 to 9999.
pub(super) fn day_within(day: i64) -> Option<i32> {
    if YEARS.contains(&day) { i32::try_from(day).ok() } else { None }
}

/// The day of a date in a text, which may be of a later year too, if the calendar reaches it.
pub(super) fn written_day(day: i32) -> Option<i32> {
    if i64::from(day) >= *YEARS.start() { date(day).map(|_| day) } else { None }
}

/// The instant, if it is in the years 0001 to 9999.
pub(super) fn within(micros: i128) -> Option<i64> {
    let micros = i64::try_from(micros).ok()?;
    YEARS.contains(&micros.div_euclid(DAY)).then_some(micros)
}

/// The date of a day.
pub(super) fn date(day: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(day.checked_add(EPOCH)?)
}

/// The day of a date.
pub(super) fn day(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH
}

/// The date and clock time of an instant.
pub(super) fn clock(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc())
}

pub(super) fn print_date(day: i32) -> String {
    let print = |date: NaiveDate| {
        let sign = if date.year() > 9999 { "+" } else { "" };
        format!("{sign}{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    };
    date(day).map(print).unwrap_or_default()
}

/// `yyyy-MM-dd HH:mm:ss`, and a fraction without trailing zeros where there is one.
pub(super) fn print_timestamp(micros: i64) -> String {
    let day = print_date(micros.div_euclid(DAY) as i32);
    let rest = micros.rem_euclid(DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let text = format!("{day} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { text } else { format!("{text}.{}", format!("{fraction:06}").trim_end_matches('0')) }
}

/// A date in a text as CAST reads it: `y-M-d`, `y-M` or `y`, with four digits of the year or more; what follows a `T`
/// or a blank after the day does not count.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let text = trim(text);
    let (date, _) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    if date.len() < text.len() && !is_whole(date) {
        return None;
    }
    calendar_day(date)
}

/// Whether a date has year, month and day.
fn is_whole(date: &str) -> bool {
    date.trim_start_matches(['+', '-']).split('-').count() == 3
}

/// The day; [`BEYOND`] for one that the calendar does not reach.
fn calendar_day(text: &str) -> Option<i32> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4, 7)?;
    let mut part = || parts.next().map_or(Some(1), |part| digits(part, 1, 2));
    let (month, day_of_month) = (part()?, part()?);
    if parts.next().is_some() {
        return None;
    }
    if negative || !(1..=LAST_YEAR).contains(&year) {
        // Any year tells the days of a month but 29 February.
        return NaiveDate::from_ymd_opt(2000, month, day_of_month).map(|_| BEYOND);
    }
    NaiveDate::from_ymd_opt(year as i32, month, day_of_month).map(day)
}

/// A number of `least` to `most` digits.
fn digits(text: &str, least: usize, most: usize) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (least..=most).contains(&text.len());
    if plain { text.parse().ok() } else { None }
}

/// An instant in a text as CAST reads it: a date, then after a blank or `T` the clock time, a fraction and a zone. It
/// may be outside of the years of the dialect.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let text = trim(text);
    let Some((date, rest)) = text.split_once(['T', ' ']) else {
        return Some(i64::from(calendar_day(text)?).saturating_mul(DAY));
    };
    if !is_whole(date) {
        return None;
    }
    let start = i64::from(calendar_day(date)?).saturating_mul(DAY);
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(end);
    let local = start.saturating_add(clock_time(time)?);
    let zone = zone.trim();
    if zone.is_empty() { Some(local) } else { Some(Zone::named(zone)?.utc(local)) }
}

fn clock_time(text: &str) -> Option<i64> {
    let (time, fraction) = text.split_once('.').map_or((text, None), |(time, fraction)| (time, Some(fraction)));
    let mut parts = time.split(':');
    let hour = digits(parts.next()?, 1, 2).filter(|hour| *hour < 24)?;
    let mut part = || parts.next().map_or(Some(0), |part| digits(part, 1, 2)).filter(|part| *part < 60);
    let (minute, second) = (part()?, part()?);
    if parts.next().is_some() || (fraction.is_some() && time.split(':').count() != 3) {
        return None;
    }
    let fraction = fraction.map_or(Some(0), micros_of)?;
    Some(i64::from(hour * 3600 + minute * 60 + second) * 1_000_000 + fraction)
}

/// The microseconds of the digits after a point; further digits are cut off.
pub(super) fn micros_of(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || fraction.len() > 9 {
        return None;
    }
    format!("{fraction:0<6}").get(..6)?.parse().ok()
}

/// The beginning of the unit that holds the instant; absent for a unit that Spark does not know.
pub(super) fn truncate(unit: &str, micros: i64) -> Option<i64> {
    let step = |step: i64| Some(micros.div_euclid(step) * step);
    match unit.to_ascii_uppercase().as_str() {
        "MICROSECOND" => Some(micros),
        "MILLISECOND" => step(1_000),
        "SECOND" => step(1_000_000),
        "MINUTE" => step(60_000_000),
        "HOUR" => step(3_600_000_000),
        "DAY" | "DD" => step(DAY),
        unit => Some(i64::from(truncate_date(unit, micros.div_euclid(DAY) as i32)?) * DAY),
    }
}

/// The first day of the week (Monday), month, quarter or year that holds the day; absent for other units.
pub(super) fn truncate_date(unit: &str, of: i32) -> Option<i32> {
    let at = date(of)?;
    let first = |month: u32| NaiveDate::from_ymd_opt(at.year(), month, 1).map(day);
    match unit.to_ascii_uppercase().as_str() {
        "WEEK" => Some(of - at.weekday().num_days_from_monday() as i32),
        "MONTH" | "MM" | "MON" => first(at.month()),
        "QUARTER" => first(at.month0() / 3 * 3 + 1),
        "YEAR" | "YYYY" | "YY" => first(1),
        _ => None,
    }
}

/// The day some months later; the last of the month where it has no such day.
pub(super) fn add_months(of: i32, months: i64) -> Option<i32> {
    let at = date(of)?;
    let step = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let moved = if months < 0 { at.checked_sub_months(step) } else { at.checked_add_months(step) };
    moved.map(day)
}

/// The last day of the month.
pub(super) fn last_day(of: i32) -> Option<i32> {
    let at = date(of)?;
    Some(of + i32::from(at.num_days_in_month()) - at.day() as i32)
}

/// The next such day of the week after a day; `wanted` counts from Monday.
pub(super) fn next_day(of: i32, wanted: u32) -> Option<i32> {
    let ahead = (wanted + 7 - date(of)?.weekday().num_days_from_monday()) % 7;
    Some(of + if ahead == 0 { 7 } else { ahead as i32 })
}

/// The day of the week, from Monday, that a word of at least two letters names.
pub(super) fn weekday(word: &str) -> Option<u32> {
    const NAMES: [&[&str]; 7] = [
        &["MO", "MON", "MONDAY"],
        &["TU", "TUE", "TUESDAY"],
        &["WE", "WED", "WEDNESDAY"],
        &["TH", "THU", "THURSDAY"],
        &["FR", "FRI", "FRIDAY"],
        &["SA", "SAT", "SATURDAY"],
        &["SU", "SUN", "SUNDAY"],
    ];
    let word = word.to_ascii_uppercase();
    NAMES.iter().position(|names| names.contains(&word.as_str())).map(|day| day as u32)
}

/// Months from the second to the first, as Spark counts them: whole between equal days of the month or between two last
/// days, else with the seconds as a share of 31 days; to eight decimals where `rounded`.
pub(super) fn months_between(later: i64, earlier: i64, rounded: bool) -> Option<f64> {
    let (a, b) = (clock(later)?, clock(earlier)?);
    let months = (a.year() - b.year()) * 12 + a.month() as i32 - b.month() as i32;
    let is_last = |at: NaiveDateTime| u32::from(at.num_days_in_month()) == at.day();
    if a.day() == b.day() || (is_last(a) && is_last(b)) {
        return Some(f64::from(months));
    }
    let seconds = |at: NaiveDateTime| i64::from(at.day()) * 86_400 + i64::from(at.num_seconds_from_midnight());
    let whole = f64::from(months) + (seconds(a) - seconds(b)) as f64 / (31.0 * 86_400.0);
    Some(if rounded { (whole * 1e8 + 0.5).floor() / 1e8 } else { whole })
}

/// A unit of TIMESTAMPADD and TIMESTAMPDIFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Micros(i64),
    Months(i64),
}

impl Unit {
    /// The unit of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "microsecond" => Self::Micros(1),
            "millisecond" => Self::Micros(1_000),
            "second" => Self::Micros(1_000_000),
            "minute" => Self::Micros(60_000_000),
            "hour" => Self::Micros(3_600_000_000),
            "day" | "dayofyear" => Self::Micros(DAY),
            "week" => Self::Micros(7 * DAY),
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => return None,
        })
    }

    /// Whole units from one instant to another, cut towards zero.
    pub(super) fn between(self, start: i64, end: i64) -> Option<i64> {
        match self {
            Self::Micros(size) => end.checked_sub(start).map(|apart| apart / size),
            Self::Months(size) => {
                let (from, to) = (clock(start)?, clock(end)?);
                // The last day does not count where its clock has not come round.
                let (day, clock) = (to.date(), to.time());
                let day = match day.cmp(&from.date()) {
                    Ordering::Greater if clock < from.time() => day.pred_opt()?,
                    Ordering::Less if clock > from.time() => day.succ_opt()?,
                    _ => day,
                };
                let packed =
                    |day: NaiveDate| (i64::from(day.year()) * 12 + i64::from(day.month0())) * 32 + i64::from(day.day());
                let whole = (packed(day) - packed(from.date())) / 32;
                Some(whole / size)
            }
        }
    }
}

/// The instant some months and microseconds later; absent where it is outside of the years of the dialect.
pub(super) fn add(at: i64, months: i64, more: i128) -> Option<i64> {
    let day = i32::try_from(at.div_euclid(DAY)).ok()?;
    let day = if months == 0 { day } else { add_months(day, months)? };
    within(i128::from(day) * i128::from(DAY) + i128::from(at.rem_euclid(DAY)) + more)
}

/// A part of an instant, by the name of Spark's function.
pub(super) fn part(name: &str, micros: i64) -> Option<i64> {
    let at = clock(micros)?;
    Some(match name {
        "year" => i64::from(at.year()),
        "quarter" => i64::from(at.month0() / 3 + 1),
        "month" => i64::from(at.month()),
        "weekofyear" => i64::from(at.iso_week().week()),
        "day" => i64::from(at.day()),
        "dayofweek" => i64::from(at.weekday().number_from_sunday()),
        "weekday" => i64::from(at.weekday().num_days_from_monday()),
        "dayofyear" => i64::from(at.ordinal()),
        "hour" => i64::from(at.hour()),
        "minute" => i64::from(at.minute()),
        "second" => i64::from(at.second()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_cast_does() {
        let second = 1_704_103_200_000_000;
        for text in
            ["2024-01-01 10:00:00", " 2024-1-1T10:0:0Z", "2024-01-01 12:00:00+02:00", "2024-01-01T10:00:00.0 UTC"]
        {
            assert_eq!(parse_timestamp(text), Some(second), "{text}");
        }
        assert_eq!(parse_timestamp("2024-01-01 10:00:00.123456789"), Some(second + 123_456));
        for text in ["2024-13-01", "2024-01-01 25:00:00", "yesterday", "2024-01 10:00", ""] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        assert_eq!(print_timestamp(second + 500_000), "2024-01-01 10:00:00.5");
        assert_eq!(print_timestamp(-1), "1969-12-31 23:59:59.999999");
        let summer = parse_timestamp("2024-07-01 06:00:00").unwrap();
        assert_eq!(parse_timestamp("2024-07-01 08:00:00 Europe/Berlin"), Some(summer));
        for text in ["10000-01-01", "-0044-03-15 12:00:00", "0000-12-31", "+12024-01-01"] {
            let at = parse_timestamp(text).unwrap();
            assert_eq!(within(at.into()), None, "{text}");
        }
    }

    #[test]
    fn units_begin_where_they_should() {
        let at = parse_timestamp("2024-05-15 13:45:59.5").unwrap();
        let cut = |unit| truncate(unit, at).map(print_timestamp).unwrap();
        assert_eq!(cut("week"), "2024-05-13 00:00:00");
        assert_eq!(cut("QUARTER"), "2024-04-01 00:00:00");
        assert_eq!(cut("minute"), "2024-05-15 13:45:00");
        assert_eq!(truncate("fortnight", at), None);
        assert_eq!(add_months(parse_date("2024-01-31").unwrap(), 1), parse_date("2024-02-29"));
    }

    #[test]
    fn months_are_counted_as_spark_does() {
        let at = |text: &str| parse_timestamp(text).unwrap();
        let between = |a: &str, b: &str| months_between(at(a), at(b), true).unwrap();
        assert_eq!(between("1997-02-28 10:30:00", "1996-10-30"), 3.94959677);
        assert_eq!(between("2024-02-29", "2024-01-31 12:00:00"), 1.0);
        let whole = |unit: &str, a: &str, b: &str| Unit::named(unit).unwrap().between(at(a), at(b)).unwrap();
        assert_eq!(whole("MONTH", "2024-01-31", "2024-02-29"), 0);
        assert_eq!(whole("month", "2024-01-15 12:00:00", "2024-02-15 11:59:59"), 0);
        assert_eq!(whole("month", "2024-01-31 12:00:00", "2024-03-01 11:00:00"), 0);
        assert_eq!(whole("YEAR", "2024-02-29", "2020-03-01"), -3);
        assert_eq!(whole("HOUR", "2024-01-01 01:30:00", "2024-01-01"), -1);
        assert_eq!(add(at("2024-01-01"), 0, i128::from(i32::MAX) * i128::from(DAY)), None);
        assert_eq!(add(at("9999-12-31"), 1, 0), None);
        assert_eq!(next_day(parse_date("2024-05-06").unwrap(), 0), parse_date("2024-05-13"));
        assert_eq!(last_day(parse_date("2024-02-03").unwrap()), parse_date("2024-02-29"));
    }
}
