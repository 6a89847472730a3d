//! One TOML file read field by field, so that every problem is told with its line.
//!
//! It knows TOML and positions; it must not know what the fields mean.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ENTITIES, SOURCES, WORKSPACES};
use crate::model::size::parse_size;
use crate::model::time::{parse_span, print_span, span_micros};
use crate::model::{Span, suggest};
use crate::platform::definition::RepositoryError;

/// Greatest size of a repository file in bytes: a definition is a page of text, more is a mistake.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A file of the repository and what is wrong with it.
pub(super) struct Document {
    file: PathBuf,
    text: String,
    problems: RefCell<Vec<RepositoryError>>,
}

impl Document {
    /// Reads `root/file`. A file that cannot be read is a document without text and with one problem.
    pub(super) fn read(root: &Path, file: &Path) -> Self {
        let document = |text| Self { file: file.to_owned(), text, problems: RefCell::default() };
        match read_text(root, file) {
            Ok(text) => document(text),
            Err((problem, fix)) => {
                let document = document(String::new());
                document.report(None, "", problem, fix);
                document
            }
        }
    }

    /// The fields of the file; absent, with a problem reported, when it is not TOML.
    pub(super) fn table(&self) -> Option<Spanned<DeTable<'_>>> {
        if !self.is_sound() {
            return None;
        }
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        // Later errors often follow from the first.
        let Some(error) = errors.iter().min_by_key(|error| error.span().map(|span| span.start)) else {
            return Some(table);
        };
        let fix = "correct the TOML syntax on that line";
        self.report(error.span(), "", format!("not valid TOML: {}", error.message()), fix);
        None
    }

    /// Adds a problem at a place of the text.
    pub(super) fn report(
        &self,
        at: Option<Range<usize>>,
        field: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let line = at.map(|span| self.line(span.start));
        let (problem, fix) = (problem.into(), fix.into());
        let error = RepositoryError { file: self.file.clone(), line, field: field.to_owned(), problem, fix };
        self.problems.borrow_mut().push(error);
    }

    /// Whether nothing was reported so far.
    pub(super) fn is_sound(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// How many problems were reported so far.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.borrow().len()
    }

    /// All problems, in the order of the lines.
    pub(super) fn into_problems(self) -> Vec<RepositoryError> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// The text of a file, or what is wrong with it and the fix.
fn read_text(root: &Path, file: &Path) -> Result<String, (String, String)> {
    let path = &root.join(file);
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ("the file is not there".to_owned(), creation(file)),
        std::io::ErrorKind::InvalidData => {
            ("the file is not UTF-8 text".to_owned(), "save it as UTF-8 text".to_owned())
        }
        _ => (format!("the file cannot be read: {error}"), "check the file and its permissions".to_owned()),
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        return Err((
            format!("the file has {size} bytes, more than the {MAX_FILE_BYTES} allowed"),
            "split it, or check that it is a definition".to_owned(),
        ));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// What to write into a file that is not there.
fn creation(file: &Path) -> String {
    let table = match file.to_str() {
        Some(WORKSPACES) => "a table `[[workspace]]` with `name = \"prod\"` and `live = true`",
        Some(ENTITIES) => {
            "a table `[[entity]]` with `name` and `join_keys = [{ name = \"user_id\", type = \"string\" }]`"
        }
        Some(SOURCES) => "a table `[[source]]` with `name`, `timestamp_column`, and `files` or a `stream`",
        _ => return "create it".to_owned(),
    };
    format!("create it with {table}")
}

/// The fields of one TOML table. Fields that nobody asked for are reported by [`Fields::finish`].
pub(super) struct Fields<'d> {
    document: &'d Document,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    prefix: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d> Fields<'d> {
    /// The fields of the whole file.
    pub(super) fn of(document: &'d Document, table: &'d Spanned<DeTable<'d>>) -> Self {
        // The span of the root covers the file; problems of the file as a whole point to its first line.
        Self { document, table: table.get_ref(), span: 0..0, prefix: String::new(), asked: RefCell::default() }
    }

    /// Reports a problem with the named field (or with the table, where the field is absent).
    pub(super) fn report(&self, name: &str, problem: impl Into<String>, fix: impl Into<String>) {
        let span = self.table.get(name).map_or(self.span.clone(), Spanned::span);
        self.document.report(Some(span), &format!("{}{name}", self.prefix), problem, fix);
    }

    /// Reports a problem on a line (from 1) of the text in the named field.
    pub(super) fn report_line(&self, name: &str, line: usize, problem: impl Into<String>, fix: impl Into<String>) {
        let span = self.table.get(name).map_or(self.span.clone(), Spanned::span);
        let at = self.document.text.get(span.clone()).map_or(0, |raw| line_offset(raw, line));
        self.document.report(Some(span.start + at..span.end), &format!("{}{name}", self.prefix), problem, fix);
    }

    /// Reports a problem with an entry of the table in the named field.
    pub(super) fn report_in(&self, name: &str, key: &str, problem: impl Into<String>, fix: impl Into<String>) {
        let inner = self.table.get(name).and_then(|value| value.get_ref().as_table());
        let span = inner.and_then(|inner| inner.get(key)).map_or(self.span.clone(), Spanned::span);
        self.document.report(Some(span), &format!("{}{name}.{key}", self.prefix), problem, fix);
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.read(name, "a text in quotes", |value| value.as_str().map(str::to_owned))
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, name: &'static str, example: &str) -> Option<String> {
        self.require(name, example);
        self.text(name).filter(|text| {
            if text.trim().is_empty() {
                self.report(name, "is empty", format!("write {example}"));
            }
            !text.trim().is_empty()
        })
    }

    /// Reports the field when it is absent.
    pub(super) fn require(&self, name: &'static str, example: &str) {
        if !self.has(name) {
            self.report(name, "is missing", format!("add {example}"));
        }
    }

    pub(super) fn flag(&self, name: &'static str) -> Option<bool> {
        self.read(name, "true or false", |value| value.as_bool())
    }

    pub(super) fn integer(&self, name: &'static str) -> Option<i64> {
        self.read(name, "a whole number", |value| {
            let number = value.as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// A duration such as `1h`; longer than ten years is refused as a slip.
    pub(super) fn span(&self, name: &'static str) -> Option<Span> {
        let text = self.text(name)?;
        match parse_span(&text) {
            Ok(span) if span <= Span::days(3660) => Some(span),
            Ok(_) => {
                self.report(name, format!("`{text}` is longer than ten years"), "write a shorter duration");
                None
            }
            Err(_) => {
                let fix = "write whole numbers with d, h, m or s, such as `30m` or `1d12h`";
                self.report(name, format!("`{text}` is not a duration"), fix);
                None
            }
        }
    }

    pub(super) fn positive_span(&self, name: &'static str) -> Option<Span> {
        self.span(name).filter(|span| {
            if span.is_zero() {
                self.report(name, "is zero", "write a duration above zero, such as `1h`");
            }
            !span.is_zero()
        })
    }

    /// A text or a list of texts.
    pub(super) fn texts(&self, name: &'static str) -> Option<Vec<String>> {
        self.read(name, "a list of texts", |value| match value {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(items) => items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect(),
            _ => None,
        })
    }

    pub(super) fn tags(&self, name: &'static str) -> BTreeMap<String, String> {
        let pairs = self.pairs(name, "a table of texts such as `{ team = \"ops\" }`");
        pairs.unwrap_or_default().into_iter().collect()
    }

    /// A table of texts, in the order of the file; none where an entry is no text.
    pub(super) fn pairs(&self, name: &'static str, expected: &str) -> Option<Vec<(String, String)>> {
        let read = |value: &DeValue<'_>| {
            let mut pairs: Vec<_> = value.as_table()?.iter().collect();
            pairs.sort_by_key(|(key, _)| key.span().start);
            pairs
                .into_iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), value.get_ref().as_str()?.to_owned())))
                .collect::<Option<Vec<_>>>()
        };
        self.read(name, expected, read)
    }

    /// A size such as `10GB`, above zero.
    pub(super) fn size(&self, name: &'static str) -> Option<u64> {
        let text = self.text(name)?;
        let size = parse_size(&text).ok().filter(|size| *size > 0);
        if size.is_none() {
            let fix = "write a whole number above zero with kB, MB, GB or TB (or KiB, MiB, GiB, TiB), such as `10GB`";
            self.report(name, format!("`{text}` is not a size"), fix);
        }
        size
    }

    /// A table, or a list of tables; empty when the field is absent. A plain text gives `None`.
    pub(super) fn tables(&self, name: &'static str) -> Option<Vec<Fields<'d>>> {
        self.ask(name);
        let Some(value) = self.table.get(name) else { return Some(Vec::new()) };
        match value.get_ref() {
            DeValue::Table(table) => Some(vec![self.inner(table, value.span(), format!("{name}."))]),
            DeValue::Array(items) => {
                let inner = |(at, item): (usize, &'d Spanned<DeValue<'d>>)| {
                    Some(self.inner(item.get_ref().as_table()?, item.span(), format!("{name}[{at}].")))
                };
                items.iter().enumerate().map(inner).collect()
            }
            _ => None,
        }
    }

    /// A list of tables; anything else is reported.
    pub(super) fn list(&self, name: &'static str, example: &str) -> Vec<Fields<'d>> {
        self.tables(name).unwrap_or_else(|| {
            self.report(name, "is not a list of tables", format!("write {example}"));
            Vec::new()
        })
    }

    /// Reports fields that nobody asked for.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, value) in self.table {
            let name = key.get_ref().as_ref();
            if !asked.contains(&name) {
                let field = format!("{}{name}", self.prefix);
                let fix = suggest::fix(name, asked.iter().copied());
                self.document.report(Some(key.span().start..value.span().end), &field, "is not a known field", fix);
            }
        }
    }

    fn inner(&self, table: &'d DeTable<'d>, span: Range<usize>, prefix: String) -> Fields<'d> {
        let prefix = format!("{}{prefix}", self.prefix);
        Fields { document: self.document, table, span, prefix, asked: RefCell::default() }
    }

    fn ask(&self, name: &'static str) {
        self.asked.borrow_mut().push(name);
    }

    fn read<T>(&self, name: &'static str, expected: &str, read: impl Fn(&DeValue<'_>) -> Option<T>) -> Option<T> {
        self.ask(name);
        let value = self.table.get(name)?.get_ref();
        let found = read(value);
        if found.is_none() {
            self.report(name, format!("is {}, not {expected}", article(value)), format!("write {expected}"));
        }
        found
    }
}

/// Where a line (from 1) of a text begins in its raw TOML; TOML leaves out a line end right behind the quotes.
fn line_offset(raw: &str, line: usize) -> usize {
    let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { return 0 };
    let first = raw.get(quotes..).map_or(0, |text| quotes + usize::from(text.starts_with('\n')));
    let mut starts = raw.match_indices('\n').map(|(at, _)| at + 1).filter(|at| *at > first);
    if line <= 1 { first } else { starts.nth(line - 2).unwrap_or(first) }
}

/// The kind of a value, for people.
fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a TOML date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Reports a span that is not a multiple of another.
pub(super) fn multiple(fields: &Fields<'_>, field: &str, span: Span, of: &str, step: Span) {
    let (length, step_length) = (span_micros(span), span_micros(step).max(1));
    if length % step_length != 0 {
        let problem = format!("{} is not a multiple of {of}, {}", print_span(span), print_span(step));
        let below = length / step_length * step_length;
        let print = |micros: i64| print_span(Span::microseconds(micros));
        let fix = match below {
            0 => format!("write {}", print(step_length)),
            _ => format!("write {} or {}", print(below), print(below + step_length)),
        };
        fields.report(field, problem, fix);
    }
}
