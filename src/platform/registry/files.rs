//! The Parquet files that a source's pattern names.
//!
//! A pattern is a path relative to the repository in which each part may hold `*`, `?`, and `{yyyy}`, `{MM}`, `{dd}`: the
//! year, month and day (UTC, record time) of the events that a file holds. It lists folders; it must not open files.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use chrono::{Days, Months, NaiveDate};

use super::definition::DataFile;
use crate::model::Window;

/// Most files that one source may have.
const MAX_FILES: usize = 10_000;

/// The files that `pattern` names, sorted by path. An error is a problem and its fix.
pub fn find(root: &Path, pattern: &str) -> Result<Vec<DataFile>, (String, String)> {
    let mut found: Vec<(PathBuf, Date)> = vec![(root.to_owned(), Date::default())];
    for part in Path::new(pattern).components() {
        found = match part {
            Component::Normal(name) => step(&found, &name.to_string_lossy())?,
            other => found.into_iter().map(|(path, date)| (path.join(other), date)).collect(),
        };
        if found.len() > MAX_FILES {
            let fix = "narrow the pattern, or compact the files";
            return Err((format!("`{pattern}` names more than {MAX_FILES} files"), fix.to_owned()));
        }
    }
    let mut files: Vec<DataFile> = found
        .into_iter()
        .filter(|(path, _)| path.is_file())
        .map(|(path, date)| DataFile { path, covers: date.window() })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if files.is_empty() {
        let fix = format!("put Parquet files there, or correct the path (it is relative to {})", root.display());
        return Err((format!("no file matches `{pattern}`"), fix));
    }
    Ok(files)
}

/// Goes one part of the pattern deeper.
fn step(found: &[(PathBuf, Date)], part: &str) -> Result<Vec<(PathBuf, Date)>, (String, String)> {
    if !part.contains(['*', '?', '{']) {
        return Ok(found.iter().map(|(path, date)| (path.join(part), *date)).collect());
    }
    let tokens = tokens(part)?;
    let mut next = Vec::new();
    for (path, date) in found {
        // A folder that cannot be read may hold files that match: without them the source would be another one.
        let unreadable = |error: std::io::Error| {
            let fix = "let the platform read it, or narrow the pattern".to_owned();
            (format!("folder {} cannot be read: {error}", path.display()), fix)
        };
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(unreadable(error)),
        };
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
            if let Some(date) = matches(&tokens, &name, *date) {
                next.push((path.join(name), date));
            }
        }
    }
    Ok(next)
}

/// The date parts that a path gave so far.
#[derive(Clone, Copy, Default)]
struct Date {
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
}

impl Date {
    /// The year, month or day the parts name.
    fn window(self) -> Option<Window> {
        let first = NaiveDate::from_ymd_opt(self.year? as i32, self.month.unwrap_or(1), self.day.unwrap_or(1))?;
        let next = match (self.month, self.day) {
            (Some(_), Some(_)) => first.checked_add_days(Days::new(1))?,
            (Some(_), None) => first.checked_add_months(Months::new(1))?,
            (None, _) => first.checked_add_months(Months::new(12))?,
        };
        let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
        Some(Window { start: midnight(first)?, end: midnight(next)? })
    }
}

enum Token {
    Char(char),
    One,
    Many,
    Year,
    Month,
    Day,
}

fn tokens(part: &str) -> Result<Vec<Token>, (String, String)> {
    let mut tokens = Vec::new();
    let mut rest = part;
    while let Some(c) = rest.chars().next() {
        let named = [("{yyyy}", Token::Year), ("{MM}", Token::Month), ("{dd}", Token::Day)];
        if c == '{' {
            let Some((name, token)) = named.into_iter().find(|(name, _)| rest.starts_with(name)) else {
                let fix = "use {yyyy}, {MM} and {dd}".to_owned();
                return Err((format!("`{part}` has a placeholder that is not known"), fix));
            };
            tokens.push(token);
            rest = &rest[name.len()..];
            continue;
        }
        tokens.push(match c {
            '*' => Token::Many,
            '?' => Token::One,
            other => Token::Char(other),
        });
        rest = &rest[c.len_utf8()..];
    }
    Ok(tokens)
}

/// Whether the name fits, and the date with the parts it gives.
fn matches(tokens: &[Token], name: &str, date: Date) -> Option<Date> {
    let Some((token, tokens)) = tokens.split_first() else { return name.is_empty().then_some(date) };
    let number = |digits: usize| {
        let text = name.get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some((text.parse::<u32>().ok()?, &name[digits..]))
    };
    match token {
        Token::Char(c) => matches(tokens, name.strip_prefix(*c)?, date),
        Token::One => matches(tokens, name.get(name.chars().next()?.len_utf8()..)?, date),
        Token::Many => {
            let cuts = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            cuts.filter_map(|at| matches(tokens, &name[at..], date)).next()
        }
        Token::Year => number(4).and_then(|(n, rest)| matches(tokens, rest, Date { year: Some(n), ..date })),
        Token::Month => number(2).and_then(|(n, rest)| matches(tokens, rest, Date { month: Some(n), ..date })),
        Token::Day => number(2).and_then(|(n, rest)| matches(tokens, rest, Date { day: Some(n), ..date })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_and_the_months_they_hold() {
        let root = tempfile::tempdir().unwrap();
        for name in ["2013-02.parquet", "2013-01.parquet", "notes.txt", "2013-13.parquet"] {
            std::fs::write(root.path().join(name), b"x").unwrap();
        }
        let files = find(root.path(), "{yyyy}-{MM}.parquet").unwrap();
        let names: Vec<_> = files.iter().map(|f| f.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["2013-01.parquet", "2013-02.parquet", "2013-13.parquet"]);
        let february = files[1].covers.unwrap();
        assert_eq!(february.start.to_rfc3339(), "2013-02-01T00:00:00+00:00");
        assert_eq!(february.end.to_rfc3339(), "2013-03-01T00:00:00+00:00");
        assert_eq!(files[2].covers, None);
        assert_eq!(find(root.path(), "*.parquet").unwrap().len(), 3);
        assert_eq!(find(root.path(), "*.csv").unwrap_err().0, "no file matches `*.csv`");
    }
}
