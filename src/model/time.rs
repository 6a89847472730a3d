//! Instants, spans and windows: UTC, microseconds, half-open (docs/semantics.md section 1).

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use thiserror::Error;

/// An instant in UTC. Only whole microseconds are used.
pub type Time = DateTime<Utc>;

/// A length of time; of definitions, whole seconds (docs/semantics.md section 1).
pub type Span = TimeDelta;

/// The half-open range `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first instant that is inside.
    pub start: Time,
    /// The first instant after `start` that is not inside any more.
    pub end: Time,
}

impl Window {
    /// Whether `at` lies inside: the start does, the end does not.
    pub fn contains(&self, at: Time) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether the two share an instant.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The parts of it that none of these windows, in any order, covers; in order, none touching another.
    pub fn without(&self, held: &[Self]) -> Vec<Self> {
        let mut held: Vec<Self> = held.iter().copied().filter(|window| window.overlaps(self)).collect();
        held.sort();
        let mut parts = Vec::new();
        let mut from = self.start;
        for window in held {
            if from < window.start {
                parts.push(Self { start: from, end: window.start });
            }
            from = from.max(window.end);
        }
        if from < self.end {
            parts.push(Self { start: from, end: self.end });
        }
        parts
    }

    /// The length of the window.
    pub fn span(&self) -> Span {
        self.end - self.start
    }
}

/// A text that is not a duration.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a duration: write whole numbers with d, h, m or s, such as `30m`, `1h` or `1d12h`")]
pub struct NotASpan(pub String);

/// Microseconds since 1970-01-01T00:00:00Z, rounded down; negative before it.
pub fn micros(at: Time) -> i64 {
    at.timestamp_micros()
}

/// The instant that many microseconds after 1970-01-01T00:00:00Z; clamped to what a calendar can show.
pub fn from_micros(micros: i64) -> Time {
    DateTime::from_timestamp_micros(micros).unwrap_or(if micros < 0 { Time::MIN_UTC } else { Time::MAX_UTC })
}

/// A span in microseconds; clamped at the ends of `i64`.
pub fn span_micros(span: Span) -> i64 {
    span.num_microseconds().unwrap_or(if span < Span::zero() { i64::MIN } else { i64::MAX })
}

/// `at - (at mod step)`, counted from the epoch and floored also before it. A step of zero or less changes nothing.
pub fn floor(at: Time, step: Span) -> Time {
    let step = span_micros(step);
    if step <= 0 { at } else { from_micros(micros(at).div_euclid(step).saturating_mul(step)) }
}

/// Prints a span as `{days}d{hours}h{minutes}m{seconds}s` with zero parts left out; zero is `0s`
/// (docs/semantics.md section 1). Parts of a second are dropped; a negative span has a minus sign in front.
pub fn print_span(span: Span) -> String {
    let total = span.num_seconds();
    let left = total.unsigned_abs();
    let parts = [(left / 86_400, 'd'), (left / 3_600 % 24, 'h'), (left / 60 % 60, 'm'), (left % 60, 's')];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    match (text.is_empty(), total < 0) {
        (true, _) => "0s".to_owned(),
        (false, true) => format!("-{text}"),
        (false, false) => text,
    }
}

/// A span in its two highest units of weeks, days, hours, minutes and seconds that are not zero, such as `1wk 2d`
/// (docs/wire.md section 2.3); zero and less is `0s`.
pub fn print_highest(span: Span) -> String {
    let left = span.num_seconds().max(0);
    let units = [(604_800, i64::MAX, "wk"), (86_400, 7, "d"), (3_600, 24, "h"), (60, 60, "m"), (1, 60, "s")];
    let parts = units.iter().map(|(unit, most, name)| (left / unit % most, name)).filter(|(n, _)| *n > 0);
    let text = parts.take(2).map(|(n, name)| format!("{n}{name}")).collect::<Vec<_>>().join(" ");
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A finished length of time, exact to the second; tenths below ten seconds.
pub fn print_took(span: Span) -> String {
    match span.num_milliseconds().max(0) {
        ..100 => "<0.1s".to_owned(),
        ms @ ..10_000 => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
        _ => print_span(span),
    }
}

/// Reads what [`print_span`] prints, and any other list of whole numbers with units d, h, m, s.
pub fn parse_span(text: &str) -> Result<Span, NotASpan> {
    let bad = || NotASpan(text.to_owned());
    let mut seconds: i64 = 0;
    let mut number: Option<i64> = None;
    for c in text.trim().chars() {
        if let Some(digit) = c.to_digit(10) {
            let shifted = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(i64::from(digit)));
            number = Some(shifted.ok_or_else(bad)?);
            continue;
        }
        let unit = match c {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(bad()),
        };
        let part = number.take().and_then(|n| n.checked_mul(unit)).ok_or_else(bad)?;
        seconds = seconds.checked_add(part).ok_or_else(bad)?;
    }
    if number.is_some() || text.trim().is_empty() {
        return Err(bad());
    }
    Span::try_seconds(seconds).ok_or_else(bad)
}

/// Whether an instant means itself: in the years 1 to 9999. What lies outside stands for "since ever" or "for ever".
pub fn is_shown(at: Time) -> bool {
    (1..=9_999).contains(&at.year())
}

/// `YYYY-MM-DD HH:MM:SS`, the way every table shows an instant (docs/wire.md section 2.3); a dash for one that stands
/// for no bound.
pub fn print_time(at: Time) -> String {
    if is_shown(at) { at.format("%Y-%m-%d %H:%M:%S").to_string() } else { "-".to_owned() }
}

/// `MM-DD HH:MM`, with the year in front where it is not the one of `now`.
pub fn short_time(at: Time, now: Time) -> String {
    at.format(if at.year() == now.year() { "%m-%d %H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}

/// As [`short_time`], to the second.
pub fn short_second(at: Time, now: Time) -> String {
    at.format(if at.year() == now.year() { "%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

/// A window in a sentence: both its ends, or the one that it has.
pub fn print_window(window: Window) -> String {
    let Window { start, end } = window;
    match (is_shown(start), is_shown(end)) {
        (true, true) => format!("{} to {}", print_time(start), print_time(end)),
        (true, false) => format!("all time from {} on", print_time(start)),
        (false, true) => format!("all time before {}", print_time(end)),
        (false, false) => "all time".to_owned(),
    }
}

/// Reads an instant: `YYYY-MM-DD`, or that and `HH:MM[:SS[.ffffff]]` behind a `T` or a blank, with or without a zone
/// (`Z`, `UTC`, `GMT`, `+01:00`, `+0100`, `+01`, `+0000 UTC`). Without a zone it is UTC. Parts of a microsecond are
/// dropped.
///
/// Only what can be meant in one way: no slashes (which is the month?), no names of zones (`CST`), no bare numbers (of
/// what unit?).
pub fn parse_time(text: &str) -> Result<Time, NotATime> {
    instant(text.trim()).ok_or_else(|| NotATime(text.to_owned()))
}

fn instant(text: &str) -> Option<Time> {
    let (day, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut parts = day.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4..=4)?, digits(parts.next()?, 1..=2)?, digits(parts.next()?, 1..=2)?);
    // Year 0 is no year of anybody's calendar.
    if parts.next().is_some() || year == 0 {
        return None;
    }
    let day = chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let Some(rest) = rest else { return Some(day.and_hms_opt(0, 0, 0)?.and_utc()) };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(end);
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 1..=2)?, digits(parts.next()?, 2..=2)?);
    let second = match parts.next() {
        Some(second) => Some(digits(second, 2..=2)?),
        None => None,
    };
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let micro = match fraction {
        Some(fraction) => {
            digits(fraction, 1..=9)?;
            digits(format!("{fraction:0<6}").get(..6)?, 6..=6)?
        }
        None => 0,
    };
    // A leap second is the first one of the next minute, as everywhere in POSIX time.
    let (second, leap) = match second.unwrap_or(0) {
        60 => (59, 1),
        second => (second, 0),
    };
    let local = day.and_hms_micro_opt(hour, minute, second, micro)?;
    local.and_utc().checked_add_signed(Span::seconds(leap))?.checked_sub_signed(offset(zone)?)
}

/// How far a zone is ahead of UTC.
fn offset(zone: &str) -> Option<Span> {
    let zone = zone.trim();
    let is_utc = |word: &str| word.is_empty() || ["Z", "UTC", "GMT"].iter().any(|name| word.eq_ignore_ascii_case(name));
    if is_utc(zone) {
        return Some(Span::zero());
    }
    let (ahead, zone) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(zone), _) => (1, zone),
        (None, Some(zone)) => (-1, zone),
        (None, None) => return None,
    };
    let (clock, named) = zone.split_at(zone.find(|c: char| !(c.is_ascii_digit() || c == ':')).unwrap_or(zone.len()));
    let (hours, minutes) = match clock.split_once(':') {
        Some(parts) => parts,
        None => clock.split_at_checked(2)?,
    };
    let minutes = if clock.len() == 2 { 0 } else { digits(minutes, 2..=2).filter(|minutes| *minutes < 60)? };
    let hours = digits(hours, 2..=2).filter(|hours| *hours < 24)?;
    // Some programs write both, `+0000 UTC`: that is sure only where both say the same.
    let sure = named.trim().is_empty() || (hours == 0 && minutes == 0 && is_utc(named.trim()));
    sure.then(|| Span::minutes(ahead * i64::from(hours * 60 + minutes)))
}

/// So many digits and nothing else.
fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Two forms that [`parse_time`] reads, for a sentence.
pub const TIME_FORMS: &str = "`2026-11-22T10:00:00Z` or `2026-11-22 10:00` (UTC)";

/// A text that is not an instant.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a time: write it as {forms}", forms = TIME_FORMS)]
pub struct NotATime(pub String);

/// An instant as RFC 3339 with `Z`; parts of a second only where there are any.
pub fn rfc3339(at: Time) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// The windows in the order of time, those that touch as one.
pub fn joined(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort();
    let mut whole: Vec<Window> = Vec::new();
    for window in windows {
        match whole.last_mut().filter(|last| window.start <= last.end) {
            Some(last) => last.end = last.end.max(window.end),
            None => whole.push(window),
        }
    }
    whole
}

/// Windows in words, the first few.
pub fn print_windows(windows: &[Window]) -> String {
    let words = windows.iter().map(|window| format!("{} to {}", print_time(window.start), print_time(window.end)));
    super::clean::first_few(&words.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_of_a_long_span_are_enough() {
        for (seconds, text) in
            [(-5, "0s"), (0, "0s"), (61, "1m 1s"), (3_605, "1h 5s"), (93_784, "1d 2h"), (700_000, "1wk 1d")]
        {
            assert_eq!(print_highest(Span::seconds(seconds)), text);
        }
    }

    #[test]
    fn spans_print_as_the_field_does() {
        for (seconds, text) in
            [(0, "0s"), (129_600, "1d12h"), (5_400, "1h30m"), (604_800, "7d"), (61, "1m1s"), (-60, "-1m")]
        {
            assert_eq!(print_span(Span::seconds(seconds)), text);
        }
    }

    #[test]
    fn spans_are_read_back() {
        for text in ["1d12h", "90m", "7d", "15s"] {
            assert_eq!(print_span(parse_span(text).unwrap()), print_span(parse_span(text).unwrap()));
        }
        assert_eq!(parse_span("90m").unwrap(), Span::minutes(90));
        for text in ["", "1", "h", "1w", "1.5h", "99999999999999999999d", "-1h"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn floor_is_floored_before_the_epoch_too() {
        assert_eq!(floor(from_micros(-1), Span::hours(1)), from_micros(-3_600_000_000));
        assert_eq!(floor(from_micros(3_600_000_001), Span::hours(1)), from_micros(3_600_000_000));
    }

    #[test]
    fn what_other_windows_leave_of_one() {
        let window = |start: i64, end: i64| Window { start: from_micros(start), end: from_micros(end) };
        let whole = window(0, 10);
        assert_eq!(whole.without(&[]), [whole]);
        assert_eq!(
            whole.without(&[window(6, 8), window(-5, 2), window(1, 3), window(12, 14)]),
            [window(3, 6), window(8, 10)]
        );
        assert_eq!(whole.without(&[window(5, 20), window(0, 5)]), []);
    }

    #[test]
    fn a_year_is_left_out_where_it_is_this_one() {
        let time = |text: &str| parse_time(text).unwrap();
        for (at, now, short) in [
            ("2026-11-21 10:05:09", "2026-11-30", "11-21 10:05"),
            ("2025-11-21 10:05:09", "2026-11-30", "2025-11-21 10:05"),
            ("2013-01-01 00:00", "2026-11-30", "2013-01-01 00:00"),
            // A few minutes ago, and another year all the same.
            ("2026-12-31 23:59:59", "2027-01-01 00:00:01", "2026-12-31 23:59"),
            ("2027-01-01 00:00", "2026-12-31 23:59", "2027-01-01 00:00"),
        ] {
            assert_eq!(short_time(time(at), time(now)), short);
            assert_eq!(short_second(time(at), time(now)).strip_prefix(short).unwrap().len(), 3);
        }
    }

    #[test]
    fn a_bound_that_is_none_is_told_in_words() {
        let at = |text: &str| parse_time(text).unwrap();
        let (first, last) = (at("0001-01-01") - Span::microseconds(1), at("9999-12-31") + Span::days(1));
        assert_eq!(
            (print_time(first), print_time(last), print_time(Time::MAX_UTC)),
            ("-".into(), "-".into(), "-".into())
        );
        let day = at("2026-11-22");
        for (start, end, expected) in [
            (first, last, "all time"),
            (Time::MIN_UTC, day, "all time before 2026-11-22 00:00:00"),
            (day, last, "all time from 2026-11-22 00:00:00 on"),
            (day, day + Span::hours(1), "2026-11-22 00:00:00 to 2026-11-22 01:00:00"),
        ] {
            assert_eq!(print_window(Window { start, end }), expected);
        }
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        let at = parse_time("2026-11-22 10:00").unwrap();
        assert_eq!(at, parse_time("2026-11-22T11:00:00+01:00").unwrap());
        assert_eq!(print_time(parse_time("2026-11-22").unwrap()), "2026-11-22 00:00:00");
        assert!(parse_time("yesterday").is_err());
    }

    #[test]
    fn times_are_read_in_every_form_that_is_sure() {
        let at = from_micros(1_795_872_615_000_000);
        for text in [
            "2026-11-28T13:30:15Z",
            "2026-11-28t13:30:15z",
            "2026-11-28 13:30:15",
            "2026-11-28 13:30:15+00",
            "2026-11-28 13:30:15+0000",
            "2026-11-28 13:30:15 +00:00",
            "2026-11-28 13:30:15-00",
            "2026-11-28 13:30:15 UTC",
            "2026-11-28 13:30:15 utc",
            "2026-11-28 13:30:15 GMT",
            "2026-11-28 13:30:15 +0000 UTC",
            "2026-11-28 14:30:15+01",
            "2026-11-28T08:00:15-05:30",
            "2026-11-28T08:00:15-0530",
            " 2026-11-28 13:30:15.000000999 ",
            "2026-11-28 13:30:15.0",
        ] {
            assert_eq!(parse_time(text), Ok(at), "{text}");
        }
        assert_eq!(parse_time("2026-11-28 13:30:15.25"), Ok(at + Span::milliseconds(250)));
        assert_eq!(parse_time("2026-11-28T13:30:15.000001+00"), Ok(at + Span::microseconds(1)));
        assert_eq!(parse_time("1969-12-31T23:59:59.999999Z"), Ok(from_micros(-1)));
        assert_eq!(parse_time("2016-12-31T23:59:60Z"), parse_time("2017-01-01"));
        assert_eq!(parse_time("2026-1-2 9:05"), parse_time("2026-01-02T09:05:00Z"));
        assert!(parse_time("0001-01-01").is_ok() && parse_time("9999-12-31 23:59:59.999999").is_ok());
    }

    #[test]
    fn times_that_may_mean_something_else_are_refused() {
        for text in [
            "",
            " ",
            "1795872615",
            "1795872615.5",
            "20261128",
            "2026-11",
            "26-11-28",
            "+2026-11-28",
            "12026-11-28",
            "0000-01-01",
            "2026-02-29",
            "2026-13-01",
            "2026/11/28",
            "28.11.2026",
            "11-28-2026",
            "2026-11-28T",
            "2026-11-28 13",
            "2026-11-28 13:30:15,5",
            "2026-11-28 13:30:15.",
            "2026-11-28 13:30.5",
            "2026-11-28 24:00",
            "2026-11-28 13:60",
            "2026-11-28 13:30:61",
            "2026-11-28 1:30 PM",
            "2026-11-28 13:30 CST",
            "2026-11-28 13:30 Europe/Berlin",
            "2026-11-28 13:30+1",
            "2026-11-28 13:30+24:00",
            "2026-11-28 13:30+01:60",
            "2026-11-28 13:30+0100 UTC",
            "2026-11-28 13:30:15Zé",
            "é026-11-28",
            "2026-11-28 13:30+é1",
            "2026-11-28Z",
        ] {
            assert_eq!(parse_time(text), Err(NotATime(text.to_owned())), "{text}");
        }
        let sentence = parse_time("soon").unwrap_err().to_string();
        assert!(sentence.starts_with("`soon` is not a time: write it as `2026-11-22T10:00:00Z`"), "{sentence}");
    }
}
