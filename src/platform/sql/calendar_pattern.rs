//! Datetime patterns such as `yyyy-MM-dd HH:mm:ss`, as Spark prints and reads by them.

use chrono::{Datelike, NaiveDate, Timelike};

use super::calendar::{self, DAY};
use super::zone::Zone;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A letter, that many times.
    Field(char, usize),
    /// Text that stands for itself.
    Text(String),
    /// `[...]`: pieces that a text may leave out.
    Optional(Vec<Piece>),
}

impl Piece {
    /// The letter of a field that Spark prints, but does not read.
    pub(super) fn printed_only(&self) -> Option<char> {
        match self {
            Self::Field(letter @ ('E' | 'Q' | 'q'), _) => Some(*letter),
            Self::Optional(inner) => inner.iter().find_map(Self::printed_only),
            _ => None,
        }
    }
}

/// The pieces of a pattern; `Err` says what of it is not shared.
pub(super) fn compile(pattern: &str) -> Result<Vec<Piece>, String> {
    let mut pieces: Vec<Piece> = Vec::new();
    // The pieces around the optional part that is open.
    let mut around: Option<Vec<Piece>> = None;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            let mut text = String::new();
            loop {
                match chars.next() {
                    Some('\'') if chars.peek() == Some(&'\'') => text.extend(chars.next()),
                    Some('\'') => break,
                    Some(c) => text.push(c),
                    None => return Err("an open quote".to_owned()),
                }
            }
            pieces.push(Piece::Text(if text.is_empty() { "'".to_owned() } else { text }));
        } else if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            if !known(c, count) {
                return Err(format!("`{}`", c.to_string().repeat(count)));
            }
            pieces.push(Piece::Field(c, count));
        } else if c == '[' && around.is_none() {
            around = Some(std::mem::take(&mut pieces));
        } else if let (']', Some(outer)) = (c, around.take_if(|_| c == ']')) {
            let inner = std::mem::replace(&mut pieces, outer);
            pieces.push(Piece::Optional(inner));
        } else if "[]{}#".contains(c) {
            return Err(format!("`{c}`"));
        } else {
            pieces.push(Piece::Text(c.to_string()));
        }
    }
    if around.is_some() { Err("an open `[`".to_owned()) } else { Ok(pieces) }
}

fn known(letter: char, count: usize) -> bool {
    match letter {
        'y' => matches!(count, 1 | 2 | 4),
        'M' | 'L' | 'Q' | 'q' => count <= 4,
        'd' | 'H' | 'h' | 'k' | 'K' | 'm' | 's' => count <= 2,
        'X' | 'x' | 'Z' | 'z' => count <= 3,
        'V' => count == 2,
        'S' => count <= 6,
        'E' => count <= 4,
        'D' => count <= 3,
        'a' => count == 1,
        _ => false,
    }
}

/// The instant by the pattern.
pub(super) fn print(pieces: &[Piece], micros: i64) -> Option<String> {
    let at = calendar::clock(micros)?;
    let mut out = String::new();
    for piece in pieces {
        let (letter, width) = match piece {
            Piece::Text(text) => {
                out.push_str(text);
                continue;
            }
            Piece::Optional(inner) => {
                out.push_str(&print(inner, micros)?);
                continue;
            }
            Piece::Field(letter, width) => (*letter, *width),
        };
        let text = match (letter, width) {
            ('y', 2) => format!("{:02}", at.year().rem_euclid(100)),
            ('M' | 'L', 3) => at.format("%b").to_string(),
            ('M' | 'L', 4) => at.format("%B").to_string(),
            ('Q' | 'q', 3) => format!("Q{}", number(letter, at)),
            ('Q' | 'q', 4) => {
                let ends = ["st", "nd", "rd", "th"];
                let quarter = number(letter, at);
                format!("{quarter}{} quarter", ends.get(quarter as usize - 1).unwrap_or(&"th"))
            }
            ('E', 4) => at.format("%A").to_string(),
            ('E', _) => at.format("%a").to_string(),
            ('a', _) => at.format("%p").to_string(),
            ('S', _) => format!("{:06}", micros.rem_euclid(1_000_000)).chars().take(width).collect(),
            // All is UTC.
            ('X', _) => "Z".to_owned(),
            ('x', 1) => "+00".to_owned(),
            ('x', 3) => "+00:00".to_owned(),
            ('x' | 'Z', _) => "+0000".to_owned(),
            ('z' | 'V', _) => "UTC".to_owned(),
            _ => format!("{:0width$}", number(letter, at)),
        };
        out.push_str(&text);
    }
    Some(out)
}

fn number(letter: char, at: chrono::NaiveDateTime) -> u32 {
    match letter {
        'y' => at.year().unsigned_abs(),
        'M' | 'L' => at.month(),
        'Q' | 'q' => at.month0() / 3 + 1,
        'd' => at.day(),
        'D' => at.ordinal(),
        'H' => at.hour(),
        'h' => at.hour12().1,
        'k' => (at.hour() + 23) % 24 + 1,
        'K' => at.hour() % 12,
        'm' => at.minute(),
        _ => at.second(),
    }
}

/// The instant that a text names by the pattern; absent where it does not fit.
pub(super) fn parse(pieces: &[Piece], text: &str) -> Option<i64> {
    let mut found = Found { year: 1970, month: 1, day: 1, rest: text, ..Found::default() };
    found.read(pieces)?;
    found.instant()
}

/// What has been read of a text.
#[derive(Clone, Default)]
struct Found<'t> {
    rest: &'t str,
    year: u32,
    month: u32,
    day: u32,
    ordinal: Option<u32>,
    weekday: Option<u32>,
    hour: u32,
    /// 0 before noon, 1 after it.
    half: Option<usize>,
    minute: u32,
    second: u32,
    micros: i64,
    zone: Option<Zone>,
}

impl<'t> Found<'t> {
    fn read(&mut self, pieces: &[Piece]) -> Option<()> {
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Text(literal) => self.rest = self.rest.strip_prefix(literal.as_str())?,
                Piece::Optional(inner) => {
                    let mut with = self.clone();
                    if with.read(inner).is_some() {
                        *self = with;
                    }
                }
                Piece::Field(letter, width) => {
                    let last = !matches!(pieces.get(index + 1), Some(Piece::Field(..)));
                    self.field(*letter, *width, last)?;
                }
            }
        }
        Some(())
    }

    fn field(&mut self, letter: char, width: usize, last: bool) -> Option<()> {
        let most = match (letter, width) {
            ('D', _) if last => 3,
            ('y', 1) => 4,
            (_, 1) if last => 2,
            _ => width,
        };
        match letter {
            'M' | 'L' if width >= 3 => self.month = name(&mut self.rest, width == 4, MONTHS)?,
            'E' => self.weekday = Some(name(&mut self.rest, width == 4, DAYS)? - 1),
            'a' => {
                let (word, after) = self.rest.split_at_checked(2)?;
                self.half = Some(["AM", "PM"].iter().position(|half| half.eq_ignore_ascii_case(word))?);
                self.rest = after;
            }
            'S' => {
                let digits: String = self.rest.chars().take(width).take_while(char::is_ascii_digit).collect();
                self.micros = calendar::micros_of(&digits).filter(|_| !digits.is_empty())?;
                self.rest = self.rest.get(digits.len()..)?;
            }
            'X' | 'x' | 'Z' => self.zone = Some(self.offset(letter, width)?),
            'z' | 'V' => {
                let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/_+-:".contains(c)));
                let (name, after) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
                self.zone = Some(Zone::named(name)?);
                self.rest = after;
            }
            // A quarter alone names no day.
            'Q' | 'q' => return None,
            _ => {
                let least = if letter == 'y' { width } else { width.min(most) };
                let value = digits(&mut self.rest, least, most)?;
                match letter {
                    'y' => self.year = if width == 2 { 2000 + value } else { value },
                    'M' | 'L' => self.month = value,
                    'd' => self.day = value,
                    'D' => self.ordinal = Some(value),
                    'H' => self.hour = value,
                    'k' => self.hour = value % 24,
                    'h' | 'K' => {
                        self.hour = value % 12;
                        self.half = self.half.or(Some(0));
                    }
                    'm' => self.minute = value,
                    _ => self.second = value,
                }
            }
        }
        Some(())
    }

    /// An offset from UTC: `Z` for `X`, `+hh`, `+hhmm` or, with three letters, `+hh:mm`.
    fn offset(&mut self, letter: char, width: usize) -> Option<Zone> {
        if letter == 'X'
            && let Some(after) = self.rest.strip_prefix('Z')
        {
            self.rest = after;
            return Some(Zone::Fixed(0));
        }
        let digits = self.rest.get(1..)?.bytes().take(4).take_while(u8::is_ascii_digit).count();
        let length = match (letter, width) {
            ('X' | 'x', 3) => 6,
            ('X' | 'x', 1) if digits < 4 => 3,
            _ => 5,
        };
        let (offset, after) = self.rest.split_at_checked(length)?;
        if !offset.starts_with(['+', '-']) || (length == 6) != offset.contains(':') {
            return None;
        }
        self.rest = after;
        Zone::named(offset)
    }

    fn instant(&self) -> Option<i64> {
        let date = match self.ordinal {
            Some(ordinal) => NaiveDate::from_yo_opt(self.year as i32, ordinal)?,
            None => NaiveDate::from_ymd_opt(self.year as i32, self.month, self.day)?,
        };
        let hour = self.hour + self.half.map_or(0, |half| half as u32 * 12);
        if !self.rest.is_empty() || hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        if self.weekday.is_some_and(|day| day != date.weekday().num_days_from_monday()) {
            return None;
        }
        let seconds = i64::from(hour * 3600 + self.minute * 60 + self.second);
        let local = i64::from(calendar::day(date)) * DAY + seconds * 1_000_000 + self.micros;
        Some(self.zone.map_or(local, |zone| zone.utc(local)))
    }
}

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The number of the name that the text begins with, from 1; the text goes on behind it.
fn name(rest: &mut &str, long: bool, names: &[&str]) -> Option<u32> {
    let names = names.iter().map(|name| if long { *name } else { name.get(..3).unwrap_or(name) });
    let (index, name) = names
        .enumerate()
        .find(|(_, name)| rest.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name)))?;
    *rest = rest.get(name.len()..)?;
    Some(index as u32 + 1)
}

fn digits(rest: &mut &str, least: usize, most: usize) -> Option<u32> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    if count < least { None } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let at = calendar::parse_timestamp("2024-05-06 07:08:09.123").unwrap();
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2024-05-06 07:08:09.123"),
            ("d/M/yy h:mm:ss.SSS a", "6/5/24 7:08:09.123 AM"),
            ("yyyyMMdd'T'HHmmss.SSS", "20240506T070809.123"),
            ("EEE, dd MMM yyyy HH:mm:ss.SSS", "Mon, 06 May 2024 07:08:09.123"),
            ("y-M-d'T'HH:mm:ss.SSSXXX", "2024-5-6T07:08:09.123Z"),
            ("yyyy-MM-dd HH:mm:ss[.SSS]xx", "2024-05-06 07:08:09.123+0000"),
            ("EEEE d MMMM y K:mm:ss.SSS a z", "Monday 6 May 2024 7:08:09.123 AM UTC"),
        ] {
            let pieces = compile(pattern).unwrap();
            assert_eq!(print(&pieces, at).as_deref(), Some(text));
            assert_eq!(parse(&pieces, text), Some(at), "{pattern}");
        }
        let day = compile("yyyy-MM-dd").unwrap();
        for text in ["2024-1-05", "2024-01-05 ", "2024-02-30", "24-01-05"] {
            assert_eq!(parse(&day, text), None, "{text}");
        }
        for pattern in ["YYYY", "yyyy'", "yyyy[", "yyyy]", "[[yyyy]]", "u", "yyyy-ww"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        let quarter = |pattern| print(&compile(pattern).unwrap(), at).unwrap();
        assert_eq!([quarter("Q"), quarter("QQQ"), quarter("QQQQ")], ["2", "Q2", "2nd quarter"]);
        let zoned = compile("yyyy-MM-dd HH:mm[:ss][XXX]").unwrap();
        let whole = calendar::parse_timestamp("2024-05-06 07:08:00").unwrap();
        for text in ["2024-05-06 07:08", "2024-05-06 07:08:00", "2024-05-06 09:08+02:00", "2024-05-06 07:08:00Z"] {
            assert_eq!(parse(&zoned, text), Some(whole), "{text}");
        }
        assert_eq!(parse(&zoned, "2024-05-06 09:08+0200"), None);
        assert_eq!(parse(&compile("EEE yyyy-MM-dd").unwrap(), "Tue 2024-05-06"), None);
    }
}
