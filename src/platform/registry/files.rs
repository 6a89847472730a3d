//! The Parquet files that a source's patterns name.
//!
//! A pattern is a path relative to the repository in which each part may hold `*`, `?`, and `{yyyy}`, `{MM}`, `{dd}`,
//! `{HH}`: the year, month, day and hour (UTC, record time) of the events that a file holds. They tell only of files
//! that cannot be read; of the others their footers do. It lists folders; it must not open files.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono::{Days, Months, NaiveDate, TimeDelta};

use crate::model::Window;
use crate::platform::definition::{DataFile, Located};

/// Most files that one source may have.
const MAX_FILES: usize = 10_000;

/// What is wrong, and the fix.
type Problem = (String, String);

/// Where files may lie: the repository, and what the one who starts the platform allows besides. As links lead there.
#[derive(Clone, Debug)]
pub(super) struct Folders(Arc<[PathBuf]>);

impl Folders {
    /// The repository and these folders. Folders that are not there hold nothing.
    pub(super) fn new(root: &Path, more: &[PathBuf]) -> Self {
        let folders = std::iter::once(root).chain(more.iter().map(PathBuf::as_path));
        Self(folders.filter_map(|folder| folder.canonicalize().ok()).collect())
    }
}

/// The files that `patterns` name, each once, sorted by path inside a pattern.
///
/// # Errors
/// With a problem and its fix for each pattern that does not hold.
pub(super) fn find(root: &Path, patterns: &[String], folders: &Folders) -> Result<Vec<DataFile>, Vec<Problem>> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    let mut known = HashSet::new();
    for pattern in patterns {
        match matching(root, pattern, folders) {
            Ok(found) => {
                for data in found {
                    if known.insert(Identity::of(&data.path)) {
                        files.push(data);
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// What a path of a definition names: a file or folder that may come later, in a folder that is there and allowed.
///
/// # Errors
/// With the problem and its fix.
pub(super) fn located(root: &Path, path: &str, folders: &Folders) -> Result<Located, Problem> {
    let path = root.join(path);
    if path.exists() {
        inside(root, &path, folders)?;
    } else {
        let folder = path.parent().filter(|folder| folder.is_dir());
        let folder = folder.ok_or_else(|| {
            let problem = format!("neither {} nor its folder is there", path.display());
            (problem, format!("correct the path (it is relative to {}), or make the folder", root.display()))
        })?;
        inside(root, folder, folders)?;
    }
    Ok(Located { path, within: Arc::clone(&folders.0) })
}

/// What makes two paths one file: links of both kinds lead to it.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Number(u64, u64),
    Path(PathBuf),
}

impl Identity {
    fn of(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        match std::fs::metadata(path) {
            Ok(about) => Self::Number(about.dev(), about.ino()),
            Err(_) => Self::Path(path.to_owned()),
        }
    }
}

fn matching(root: &Path, pattern: &str, folders: &Folders) -> Result<Vec<DataFile>, Problem> {
    let mut found = vec![Match { path: root.to_owned(), date: Date::default(), by_name: false }];
    let mut hidden = 0;
    for part in Path::new(pattern).components() {
        found = match part {
            Component::Normal(name) => step(found, &name.to_string_lossy(), &mut hidden)?,
            other => found.into_iter().map(|at| Match { path: at.path.join(other), ..at }).collect(),
        };
        if found.len() > MAX_FILES {
            let fix = "narrow the pattern, or compact the files";
            return Err((format!("`{pattern}` names more than {MAX_FILES} files"), fix.to_owned()));
        }
    }
    // What a folder lists and cannot be looked at, such as a link to nowhere, is a file that is damaged; what a pattern
    // spells out and is not there is none.
    found.retain(|at| at.path.metadata().map_or(!at.by_name, |about| !about.is_dir() || at.by_name));
    if let Some(at) = found.iter().find(|at| at.by_name && at.path.is_dir()) {
        let problem = format!("{} is a folder", at.path.display());
        return Err((problem, format!("name the files in it, such as `{}/*.parquet`", pattern.trim_end_matches('/'))));
    }
    if found.is_empty() {
        return Err((format!("no file matches `{pattern}`"), nothing(root, hidden)));
    }
    let mut files = Vec::with_capacity(found.len());
    for at in found {
        inside(root, &at.path, folders)?;
        let within = Arc::clone(&folders.0);
        files.push(DataFile { named: at.date.window(), within, ..DataFile::at(at.path) });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn nothing(root: &Path, hidden: usize) -> String {
    let fix = format!("put Parquet files there, or correct the path (it is relative to {})", root.display());
    match hidden {
        0 => fix,
        _ => format!("{fix}; names that begin with `.` or `_` are no data unless the pattern begins with that too"),
    }
}

/// Sees that a file lies where files may lie, wherever links lead.
fn inside(root: &Path, path: &Path, folders: &Folders) -> Result<(), Problem> {
    // A link to nowhere leads out of nothing; it is looked at again when the file is read.
    let Ok(real) = path.canonicalize() else { return Ok(()) };
    if folders.0.iter().any(|folder| real.starts_with(folder)) {
        return Ok(());
    }
    let folder = real.parent().unwrap_or(&real).display();
    let shown = match real == path {
        true => real.display().to_string(),
        false => format!("{}, which is {},", path.display(), real.display()),
    };
    let problem = format!("{shown} lies outside of the repository {}", root.display());
    let fix = format!("move it there, or have whoever starts the platform allow its folder: --allow-sources {folder}");
    Err((problem, fix))
}

/// A path that fits the pattern so far.
struct Match {
    path: PathBuf,
    date: Date,
    /// Whether its last part is spelt out by the pattern.
    by_name: bool,
}

/// Goes one part of the pattern deeper. Names that begin with `.` or `_` are left out, for other programs keep their
/// own things there, unless the part of the pattern begins with the same.
fn step(found: Vec<Match>, part: &str, hidden: &mut usize) -> Result<Vec<Match>, Problem> {
    if !part.contains(['*', '?', '{']) {
        return Ok(found.into_iter().map(|at| Match { path: at.path.join(part), by_name: true, ..at }).collect());
    }
    let tokens = tokens(part)?;
    let mut next = Vec::new();
    for Match { path, date, .. } in found {
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            // Another part of the pattern matched a file, or nothing that is there.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(unlisted(&path, &error)),
        };
        for entry in entries {
            let name = entry.map_err(|error| unlisted(&path, &error))?.file_name();
            let text = name.to_string_lossy();
            let Some(date) = matches(&tokens, &text, date) else { continue };
            if text.starts_with(['.', '_']) && !part.starts_with(['.', '_']) {
                *hidden += 1;
                continue;
            }
            next.push(Match { path: path.join(&name), date, by_name: false });
        }
    }
    Ok(next)
}

fn unlisted(path: &Path, error: &std::io::Error) -> Problem {
    (format!("the folder {} cannot be listed: {error}", path.display()), "correct its permissions".to_owned())
}

/// The date parts that a path gave so far.
#[derive(Clone, Copy, Default)]
struct Date {
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    hour: Option<u32>,
}

impl Date {
    /// The year, month, day or hour the parts name. What is below a missing part says nothing.
    fn window(self) -> Option<Window> {
        let (month, day) = (self.month, self.month.and(self.day));
        let hour = day.and(self.hour);
        let first = NaiveDate::from_ymd_opt(self.year? as i32, month.unwrap_or(1), day.unwrap_or(1))?;
        let start = first.and_hms_opt(hour.unwrap_or(0), 0, 0)?;
        let end = match (month, day, hour) {
            (_, _, Some(_)) => start.checked_add_signed(TimeDelta::hours(1))?,
            (_, Some(_), None) => start.checked_add_days(Days::new(1))?,
            (Some(_), None, None) => start.checked_add_months(Months::new(1))?,
            (None, _, _) => start.checked_add_months(Months::new(12))?,
        };
        Some(Window { start: start.and_utc(), end: end.and_utc() })
    }
}

enum Token {
    Char(char),
    One,
    Many,
    Year,
    Month,
    Day,
    Hour,
}

fn tokens(part: &str) -> Result<Vec<Token>, (String, String)> {
    let mut tokens = Vec::new();
    let mut rest = part;
    while let Some(c) = rest.chars().next() {
        let named = [("{yyyy}", Token::Year), ("{MM}", Token::Month), ("{dd}", Token::Day), ("{HH}", Token::Hour)];
        if c == '{' {
            let Some((name, token)) = named.into_iter().find(|(name, _)| rest.starts_with(name)) else {
                let fix = "use {yyyy}, {MM}, {dd} and {HH}".to_owned();
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
        Token::Hour => number(2).and_then(|(n, rest)| matches(tokens, rest, Date { hour: Some(n), ..date })),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        root
    }

    fn found(root: &Path, patterns: &[&str]) -> Result<Vec<DataFile>, Vec<Problem>> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        find(root, &patterns, &Folders::new(root, &[]))
    }

    fn names(root: &Path, patterns: &[&str]) -> Vec<String> {
        let name = |data: &DataFile| data.path.strip_prefix(root).unwrap().display().to_string();
        found(root, patterns).unwrap().iter().map(name).collect()
    }

    #[test]
    fn patterns_name_files_and_the_times_they_hold() {
        let root = folder(&["2013-02.parquet", "2013-01.parquet", "notes.txt", "2013-13.parquet", "2013/02/28T23"]);
        let files = found(root.path(), &["{yyyy}-{MM}.parquet"]).unwrap();
        let window = |data: &DataFile| data.named.map(|w| (w.start.to_rfc3339(), w.end.to_rfc3339()));
        assert_eq!(
            names(root.path(), &["{yyyy}-{MM}.parquet"]),
            ["2013-01.parquet", "2013-02.parquet", "2013-13.parquet"]
        );
        let between = |start: &str, end: &str| Some((format!("{start}:00:00+00:00"), format!("{end}:00:00+00:00")));
        assert_eq!(window(&files[1]), between("2013-02-01T00", "2013-03-01T00"));
        assert_eq!(window(&files[2]), None);
        let hour = found(root.path(), &["{yyyy}/{MM}/{dd}T{HH}"]).unwrap();
        assert_eq!(window(&hour[0]), between("2013-02-28T23", "2013-03-01T00"));
        // An hour of no day says no more than the year.
        assert_eq!(
            window(&found(root.path(), &["{yyyy}/??/28T{HH}"]).unwrap()[0]),
            between("2013-01-01T00", "2014-01-01T00")
        );
        assert_eq!(names(root.path(), &["*.parquet"]).len(), 3);
        assert_eq!(found(root.path(), &["*.csv"]).unwrap_err()[0].0, "no file matches `*.csv`");
    }

    #[test]
    fn a_file_comes_once_however_often_it_is_named() {
        let root = folder(&["a/1.parquet", "a/2.parquet"]);
        let at = |name: &str| root.path().join(name);
        std::os::unix::fs::symlink(at("a/1.parquet"), at("latest.parquet")).unwrap();
        std::os::unix::fs::symlink(at("a"), at("b")).unwrap();
        std::fs::hard_link(at("a/2.parquet"), at("hard.parquet")).unwrap();
        let patterns = ["a/*.parquet", "a/1.parquet", "./a/../a/2.parquet", "b/*.parquet", "*.parquet", "*/*.parquet"];
        assert_eq!(names(root.path(), &patterns), ["a/1.parquet", "a/2.parquet"]);
    }

    #[test]
    fn what_other_programs_hide_is_no_data_unless_it_is_named() {
        let root = folder(&["d/1.parquet", "d/.2.parquet", "d/_3.parquet", "_tmp/4.parquet", "e/_5.parquet"]);
        assert_eq!(names(root.path(), &["*/*.parquet"]), ["d/1.parquet"]);
        assert_eq!(names(root.path(), &["d/?*"]), ["d/1.parquet"]);
        assert_eq!(
            names(root.path(), &["d/_3.parquet", "_tmp/*", "d/.*"]),
            ["d/_3.parquet", "_tmp/4.parquet", "d/.2.parquet"]
        );
        let (problem, fix) = found(root.path(), &["e/*.parquet"]).unwrap_err().remove(0);
        assert_eq!(problem, "no file matches `e/*.parquet`");
        assert!(
            fix.ends_with("names that begin with `.` or `_` are no data unless the pattern begins with that too"),
            "{fix}"
        );
    }

    #[test]
    fn what_matches_and_cannot_be_read_is_not_passed_over() {
        let root = folder(&["d/1.parquet/part.parquet", "e/1.parquet"]);
        std::os::unix::fs::symlink("nowhere", root.path().join("e/2.parquet")).unwrap();
        assert_eq!(names(root.path(), &["e/*.parquet"]), ["e/1.parquet", "e/2.parquet"]);
        let (problem, fix) = found(root.path(), &["d/1.parquet"]).unwrap_err().remove(0);
        assert!(problem.ends_with("d/1.parquet is a folder"), "{problem}");
        assert_eq!(fix, "name the files in it, such as `d/1.parquet/*.parquet`");
        assert_eq!(found(root.path(), &["e/3.parquet"]).unwrap_err()[0].0, "no file matches `e/3.parquet`");
        assert_eq!(found(root.path(), &["e/1.parquet/*"]).unwrap_err()[0].0, "no file matches `e/1.parquet/*`");
        let odd = std::ffi::OsStr::from_bytes(b"e/\xff.parquet");
        std::fs::write(root.path().join(odd), "x").unwrap();
        assert!(found(root.path(), &["e/*.parquet"]).unwrap().iter().any(|data| data.path.ends_with(odd)));
    }

    #[test]
    fn files_outside_of_the_repository_need_leave() {
        let (root, other) = (folder(&["1.parquet"]), folder(&["2.parquet", "sub/3.parquet"]));
        let real = other.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(other.path(), root.path().join("link")).unwrap();
        let up = format!("../{}/2.parquet", other.path().file_name().unwrap().display());
        let absolute = other.path().join("*.parquet").display().to_string();
        for pattern in [up.as_str(), &absolute, "link/*.parquet", "*/*.parquet"] {
            let (problem, fix) = found(root.path(), &[pattern]).unwrap_err().remove(0);
            assert!(problem.contains("2.parquet") && problem.contains("outside of the repository"), "{problem}");
            assert!(fix.ends_with(&format!("--allow-sources {}", real.display())), "{fix}");
        }
        let allowed = |folder: &str| Folders::new(root.path(), &[other.path().join(folder)]);
        let patterns = |text: &str| [text.to_owned()];
        assert_eq!(find(root.path(), &patterns(&absolute), &allowed("")).unwrap().len(), 1);
        assert_eq!(find(root.path(), &patterns("link/sub/*"), &allowed("sub")).unwrap().len(), 1);
        assert!(find(root.path(), &patterns("link/*.parquet"), &allowed("sub")).is_err());
        // The name of a folder that only begins alike is another folder.
        assert!(find(root.path(), &patterns(&absolute), &allowed("../2")).is_err());
    }
}
