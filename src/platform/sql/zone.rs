//! Time zones by the names that Spark knows: regions with their summer times, and fixed offsets.
//!
//! Instants are microseconds, UTC; a local time is what a clock in the zone shows, as if it were UTC.

use std::str::FromStr;

use chrono::{Datelike, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::calendar::clock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// So many seconds ahead of UTC.
    Fixed(i64),
    Region(Tz),
}

/// Java's three letters for regions and offsets.
const SHORT: [(&str, &str); 28] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
    ("EST", "-05:00"),
    ("MST", "-07:00"),
    ("HST", "-10:00"),
];

/// Most seconds that a fixed offset is ahead or behind.
const MOST: i64 = 18 * 3_600;

impl Zone {
    /// The zone of that name: a region such as `Europe/Berlin`, an offset such as `+05:30`, `GMT+1`, `UTC`, `Z`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| *long);
        if matches!(name, "Z" | "UTC" | "GMT" | "UT") {
            return Some(Self::Fixed(0));
        }
        let rest = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
        if rest.starts_with(['+', '-']) {
            return offset(rest).map(Self::Fixed);
        }
        Tz::from_str(name).ok().map(Self::Region)
    }

    /// What a clock there shows at an instant.
    pub(super) fn local(self, at: i64) -> Option<i64> {
        let ahead = match self {
            Self::Fixed(seconds) => seconds,
            Self::Region(zone) => i64::from(zone.offset_from_utc_datetime(&listed(clock(at)?)).fix().local_minus_utc()),
        };
        at.checked_add(ahead * 1_000_000)
    }

    /// The instant at which a clock there shows a local time: the earlier one where it shows it twice; where it never
    /// does, as far behind the gap as the time is behind its beginning.
    pub(super) fn utc(self, local: i64) -> i64 {
        let ahead = match self {
            Self::Fixed(seconds) => seconds,
            Self::Region(zone) => ahead_of_utc(zone, local),
        };
        local.saturating_sub(ahead.saturating_mul(1_000_000))
    }
}

/// Last year in which the tables have the changes of the clock.
const LISTED: i32 = 2099;

/// A time that the tables know: later years go on by the rules of the last ones, on the same days of the week.
fn listed(at: NaiveDateTime) -> NaiveDateTime {
    if at.year() <= LISTED {
        return at;
    }
    let first = |year: i32| NaiveDate::from_ymd_opt(year, 1, 1).map(|day| (day.leap_year(), day.weekday()));
    // The calendar of any year comes once in 28 years.
    let same = (LISTED - 27..=LISTED).rev().find(|year| first(*year) == first(at.year()));
    same.and_then(|year| at.with_year(year)).unwrap_or(at)
}

/// Seconds that a region is ahead of UTC at a local time.
fn ahead_of_utc(zone: Tz, local: i64) -> i64 {
    let Some(at) = clock(local).map(listed) else { return 0 };
    let seconds = |offset: chrono::FixedOffset| i64::from(offset.local_minus_utc());
    match zone.offset_from_local_datetime(&at) {
        LocalResult::Single(offset) => seconds(offset.fix()),
        LocalResult::Ambiguous(a, b) => seconds(a.fix()).max(seconds(b.fix())),
        // In a gap the offset before it counts: a day earlier no other gap is near.
        LocalResult::None => {
            let before = at - TimeDelta::days(1);
            zone.offset_from_local_datetime(&before).earliest().map_or(0, |offset| seconds(offset.fix()))
        }
    }
}

/// Seconds of `+h`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss` and `+hhmmss`, and of Spark's older `+h:mm` and `+hh:m`.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text.strip_prefix('+')), |rest| (-1, Some(rest)));
    let rest = rest?;
    let parts: Vec<&str> = if rest.contains(':') {
        rest.split(':').collect()
    } else {
        match rest.len() {
            1 | 2 => vec![rest],
            4 => vec![rest.get(..2)?, rest.get(2..)?],
            6 => vec![rest.get(..2)?, rest.get(2..4)?, rest.get(4..)?],
            _ => return None,
        }
    };
    if parts.len() > 3 {
        return None;
    }
    let mut seconds = 0;
    for (part, size) in parts.iter().zip([3_600, 60, 1]) {
        let plain = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.parse::<i64>().ok().filter(|number| plain && (size == 3_600 || *number < 60))?;
        seconds += number * size;
    }
    (seconds <= MOST).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::sql::calendar::{parse_timestamp, print_timestamp};

    #[test]
    fn zones_are_those_of_java() {
        let local = |zone: &str, at: &str| {
            print_timestamp(Zone::named(zone).unwrap().local(parse_timestamp(at).unwrap()).unwrap())
        };
        let utc = |zone: &str, at: &str| print_timestamp(Zone::named(zone).unwrap().utc(parse_timestamp(at).unwrap()));
        assert_eq!(local("America/New_York", "2026-01-15 12:00:00"), "2026-01-15 07:00:00");
        assert_eq!(local("America/New_York", "2026-07-15 12:00:00"), "2026-07-15 08:00:00");
        assert_eq!(local("+05:30", "2026-01-01 00:00:00"), "2026-01-01 05:30:00");
        assert_eq!(local("GMT+1", "2026-01-01 00:00:00"), "2026-01-01 01:00:00");
        assert_eq!(local("UTC-0330", "2026-01-01 00:00:00"), "2025-12-31 20:30:00");
        assert_eq!(utc("Europe/Berlin", "2026-07-01 08:00:00"), "2026-07-01 06:00:00");
        assert_eq!(local("Europe/Paris", "2100-07-01 00:00:00"), "2100-07-01 02:00:00");
        assert_eq!(local("Europe/Paris", "9999-12-31 00:00:00"), "9999-12-31 01:00:00");
        // Two o'clock does not exist when summer time begins, and comes twice when it ends.
        assert_eq!(utc("Europe/Berlin", "2026-03-29 02:30:00"), "2026-03-29 01:30:00");
        assert_eq!(utc("Europe/Berlin", "2026-10-25 02:30:00"), "2026-10-25 00:30:00");
        for unknown in ["America/Nowhere", "+19:00", "+5:61", "utc", "", "+", "12:00"] {
            assert_eq!(Zone::named(unknown), None, "{unknown}");
        }
    }
}
