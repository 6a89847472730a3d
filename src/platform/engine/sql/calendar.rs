//! Dates and instants: read, print, cut to units, add months. UTC and the proleptic Gregorian calendar.
//!
//! Days are days since 1970-01-01, instants microseconds since then.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, Timelike};

use super::number::trim;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
/// Days from 0001-01-01 (chrono's day 1) to 1970-01-01.
const EPOCH: i32 = 719_163;

/// The date of a day.
pub fn date(day: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(day.checked_add(EPOCH)?)
}

/// The day of a date.
pub fn day(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH
}

/// The date and clock time of an instant.
pub fn clock(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc())
}

/// `yyyy-MM-dd`.
pub fn print_date(day: i32) -> String {
    let print = |date: NaiveDate| {
        let sign = if date.year() > 9999 { "+" } else { "" };
        format!("{sign}{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    };
    date(day).map(print).unwrap_or_default()
}

/// `yyyy-MM-dd HH:mm:ss`, and a fraction without trailing zeros where there is one.
pub fn print_timestamp(micros: i64) -> String {
    let day = print_date(micros.div_euclid(DAY) as i32);
    let rest = micros.rem_euclid(DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let text = format!("{day} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { text } else { format!("{text}.{}", format!("{fraction:06}").trim_end_matches('0')) }
}

/// A date in a text as CAST reads it: `y-M-d`, `y-M` or `y`, with four digits of the year or more; what follows a `T` or a
/// blank after the day does not count.
pub fn parse_date(text: &str) -> Option<i32> {
    let text = trim(text);
    let (date, _) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    if date.len() < text.len() && date.split('-').count() != 3 {
        return None;
    }
    calendar_day(date)
}

fn calendar_day(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4, 7)?;
    let mut part = || parts.next().map_or(Some(1), |part| digits(part, 1, 2));
    let (month, day_of_month) = (part()?, part()?);
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year as i32, month, day_of_month).map(day)
}

/// A number of `least` to `most` digits.
fn digits(text: &str, least: usize, most: usize) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (least..=most).contains(&text.len());
    if plain { text.parse().ok() } else { None }
}

/// An instant in a text as CAST reads it: a date, then after a blank or `T` the clock time, a fraction and a zone.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let text = trim(text);
    let Some((date, rest)) = text.split_once(['T', ' ']) else {
        return Some(i64::from(calendar_day(text)?) * DAY);
    };
    if date.split('-').count() != 3 {
        return None;
    }
    let start = i64::from(calendar_day(date)?) * DAY;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(end);
    Some(start + clock_time(time)? - offset(zone)?)
}

/// Microseconds since midnight.
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
pub fn micros_of(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || fraction.len() > 9 {
        return None;
    }
    format!("{fraction:0<6}").get(..6)?.parse().ok()
}

/// The microseconds by which a zone is ahead of UTC.
pub fn offset(zone: &str) -> Option<i64> {
    let zone = zone.trim();
    let zone = ["UTC", "GMT", "UT"].iter().find_map(|name| zone.strip_prefix(name)).unwrap_or(zone);
    if zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = zone.strip_prefix('-').map_or((1, zone.strip_prefix('+')), |rest| (-1, Some(rest)));
    let mut parts = rest?.split(':');
    let hours = digits(parts.next()?, 1, 2).filter(|hours| *hours <= 18)?;
    let minutes = parts.next().map_or(Some(0), |part| digits(part, 1, 2)).filter(|minutes| *minutes < 60)?;
    if parts.next().is_some() { None } else { Some(sign * i64::from(hours * 60 + minutes) * 60_000_000) }
}

/// The beginning of the unit that holds the instant; absent for a unit that Spark does not know.
pub fn truncate(unit: &str, micros: i64) -> Option<i64> {
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
pub fn truncate_date(unit: &str, of: i32) -> Option<i32> {
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
pub fn add_months(of: i32, months: i64) -> Option<i32> {
    let at = date(of)?;
    let step = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let moved = if months < 0 { at.checked_sub_months(step) } else { at.checked_add_months(step) };
    moved.map(day)
}

/// A part of an instant, by the name of Spark's function.
pub fn part(name: &str, micros: i64) -> Option<i64> {
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
}
