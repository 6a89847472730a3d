//! Datetime patterns such as `yyyy-MM-dd HH:mm:ss`, as Spark prints and reads by them.

use chrono::{Datelike, NaiveDate, Timelike};

use super::calendar::{self, DAY};

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A letter, that many times.
    Field(char, usize),
    /// Text that stands for itself.
    Text(String),
}

/// The pieces of a pattern; `Err` says what of it is not shared.
pub fn compile(pattern: &str) -> Result<Vec<Piece>, String> {
    let mut pieces: Vec<Piece> = Vec::new();
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
        } else if "[]{}#".contains(c) {
            return Err(format!("`{c}`"));
        } else {
            pieces.push(Piece::Text(c.to_string()));
        }
    }
    Ok(pieces)
}

fn known(letter: char, count: usize) -> bool {
    match letter {
        'y' => matches!(count, 2 | 4),
        'M' => count <= 4,
        'd' | 'H' | 'h' | 'm' | 's' => count <= 2,
        'S' => count <= 6,
        'E' => count <= 4,
        'D' => count <= 3,
        'a' => count == 1,
        _ => false,
    }
}

/// The instant by the pattern.
pub fn print(pieces: &[Piece], micros: i64) -> Option<String> {
    let at = calendar::clock(micros)?;
    let mut out = String::new();
    for piece in pieces {
        let (letter, width) = match piece {
            Piece::Text(text) => {
                out.push_str(text);
                continue;
            }
            Piece::Field(letter, width) => (*letter, *width),
        };
        let text = match (letter, width) {
            ('y', 2) => format!("{:02}", at.year().rem_euclid(100)),
            ('M', 3) => at.format("%b").to_string(),
            ('M', 4) => at.format("%B").to_string(),
            ('E', 4) => at.format("%A").to_string(),
            ('E', _) => at.format("%a").to_string(),
            ('a', _) => at.format("%p").to_string(),
            ('S', _) => format!("{:06}", micros.rem_euclid(1_000_000)).chars().take(width).collect(),
            _ => format!("{:0width$}", number(letter, at)),
        };
        out.push_str(&text);
    }
    Some(out)
}

fn number(letter: char, at: chrono::NaiveDateTime) -> u32 {
    match letter {
        'y' => at.year().unsigned_abs(),
        'M' => at.month(),
        'd' => at.day(),
        'D' => at.ordinal(),
        'H' => at.hour(),
        'h' => at.hour12().1,
        'm' => at.minute(),
        _ => at.second(),
    }
}

/// The instant that a text names by the pattern; absent where it does not fit.
pub fn parse(pieces: &[Piece], text: &str) -> Option<i64> {
    let (mut year, mut month, mut day, mut ordinal) = (1970, 1, 1, None);
    let (mut hour, mut half, mut minute, mut second, mut micros) = (0, None, 0, 0, 0);
    let mut rest = text;
    for (index, piece) in pieces.iter().enumerate() {
        let (letter, width) = match piece {
            Piece::Text(literal) => {
                rest = rest.strip_prefix(literal.as_str())?;
                continue;
            }
            Piece::Field(letter, width) => (*letter, *width),
        };
        let next_is_field = matches!(pieces.get(index + 1), Some(Piece::Field(..)));
        let most = match (letter, width) {
            ('D', _) if !next_is_field => 3,
            (_, 1) if !next_is_field => 2,
            _ => width,
        };
        match letter {
            'M' if width >= 3 => month = name(&mut rest, width == 4, MONTHS)?,
            // The name of a day says nothing that the date does not.
            'E' => drop(name(&mut rest, width == 4, DAYS)?),
            'a' => {
                let (word, after) = rest.split_at_checked(2)?;
                half = Some(["AM", "PM"].iter().position(|half| half.eq_ignore_ascii_case(word))?);
                rest = after;
            }
            'S' => {
                let digits: String = rest.chars().take(width).take_while(char::is_ascii_digit).collect();
                micros = calendar::micros_of(&digits).filter(|_| !digits.is_empty())?;
                rest = rest.get(digits.len()..)?;
            }
            _ => {
                let value = digits(&mut rest, if letter == 'y' { width } else { width.min(most) }, most)?;
                match letter {
                    'y' => year = if width == 2 { 2000 + value } else { value },
                    'M' => month = value,
                    'd' => day = value,
                    'D' => ordinal = Some(value),
                    'H' => hour = value,
                    'h' => {
                        hour = value % 12;
                        half = half.or(Some(0));
                    }
                    'm' => minute = value,
                    _ => second = value,
                }
            }
        }
    }
    let date = match ordinal {
        Some(ordinal) => NaiveDate::from_yo_opt(year as i32, ordinal)?,
        None => NaiveDate::from_ymd_opt(year as i32, month, day)?,
    };
    let hour = hour + half.map_or(0, |half| half as u32 * 12);
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(i64::from(calendar::day(date)) * DAY + seconds * 1_000_000 + micros)
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
        ] {
            let pieces = compile(pattern).unwrap();
            assert_eq!(print(&pieces, at).as_deref(), Some(text));
            assert_eq!(parse(&pieces, text), Some(at), "{pattern}");
        }
        let day = compile("yyyy-MM-dd").unwrap();
        for text in ["2024-1-05", "2024-01-05 ", "2024-02-30", "24-01-05"] {
            assert_eq!(parse(&day, text), None, "{text}");
        }
        assert!(compile("YYYY").is_err() && compile("yyyy'").is_err());
    }
}
