//! Where the rows of an answer go, and in which form: a table for the eye, CSV or JSON for programs, files.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use polars::prelude::DataFrame;

use super::failure::{FAILED, Failure, USAGE};
use super::output::{self, note};
use crate::client::table::{self, FileFormat};
use crate::model::clean_lines;
use crate::wire::table::cell_text;

/// Where rows go.
#[derive(Args, Clone, Debug)]
pub struct OutArgs {
    /// Write the rows into this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Form of the rows [default: what the ending of --out says; else a table on a terminal, CSV in a pipe]
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<RowFormat>,
    /// Rows that a table shows
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Replace the file of --out when it is there; its mode and owner stay
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Keep control characters as they are where rows go into a pipe [default: written as \u001b and the like]
    #[arg(long)]
    pub raw: bool,
}

/// The form of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// Parquet; needs --out.
    Parquet,
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Aligned columns, the first rows alone.
    Table,
    /// One JSON array.
    Json,
}

/// Where the rows will go; settled before anything is computed.
#[derive(Clone, Debug)]
pub struct Outlet {
    file: Option<(PathBuf, bool)>,
    format: RowFormat,
    limit: usize,
    terminal: bool,
    raw: bool,
}

impl OutArgs {
    /// Checks the options and the file.
    ///
    /// # Errors
    /// When no form is said, Parquet has no file, or the file is there and is to be kept.
    pub fn outlet(&self) -> Result<Outlet, Failure> {
        self.outlet_on(io::stdout().is_terminal())
    }

    fn outlet_on(&self, terminal: bool) -> Result<Outlet, Failure> {
        let format = match (self.format, &self.out) {
            (Some(RowFormat::Parquet), None) => {
                return Err(Failure::new(USAGE, "Parquet goes into a file: name it with --out FILE."));
            }
            (Some(format), _) => format,
            (None, Some(path)) => match FileFormat::of(path).map_err(|problem| Failure::usage(&problem))? {
                FileFormat::Parquet => RowFormat::Parquet,
                FileFormat::Csv => RowFormat::Csv,
                FileFormat::JsonLines => RowFormat::Jsonl,
            },
            (None, None) if terminal => RowFormat::Table,
            (None, None) => RowFormat::Csv,
        };
        if let Some(path) = &self.out {
            if !self.force && path.symlink_metadata().is_ok() {
                let path = path.display();
                let text =
                    format!("{path} is there already and is kept. Name another file, or replace it with --force.");
                return Err(Failure::new(FAILED, text));
            }
            table::check(path, self.force).map_err(|problem| Failure::new(FAILED, problem))?;
        }
        let file = self.out.clone().map(|path| (path, self.force));
        // On a terminal they would be obeyed.
        let raw = self.raw && !terminal;
        Ok(Outlet { file, format, limit: self.limit, terminal, raw })
    }
}

impl Outlet {
    /// Writes the rows.
    ///
    /// # Errors
    /// When they cannot be written; the file is as it was then.
    pub fn write(&self, rows: &DataFrame) -> Result<(), Failure> {
        let Some((path, replace)) = &self.file else { return self.print(rows) };
        let bytes = match self.format {
            RowFormat::Parquet => table::save(rows, path, FileFormat::Parquet, *replace),
            _ => table::place(path, *replace, |out| self.exact(rows, out)),
        };
        let bytes = bytes.map_err(|problem| Failure::new(FAILED, problem))?;
        note(&format!("wrote {} to {} ({bytes} bytes)", count(rows.height()), path.display()));
        Ok(())
    }

    fn print(&self, rows: &DataFrame) -> Result<(), Failure> {
        if self.raw {
            return output::print_with(|out| self.exact(rows, out));
        }
        let mut escaped = 0;
        if !self.terminal {
            output::print_with(|out| self.escaped(rows, out, &mut escaped))?;
            if escaped > 0 {
                note(&format!(
                    "{} written as \\u…, for CSV has no escape: --raw or --out FILE keeps them as they are",
                    if escaped == 1 {
                        "1 value with control characters is".to_owned()
                    } else {
                        format!("{escaped} values with control characters are")
                    }
                ));
            }
            return Ok(());
        }
        // Beyond these a terminal shows no character otherwise than it is.
        let mut text = Vec::new();
        self.escaped(rows, &mut text, &mut escaped)
            .map_err(|error| Failure::new(FAILED, format!("The rows cannot be shown: {error}.")))?;
        let text = String::from_utf8_lossy(&text);
        output::print(&format!("{}\n", clean_lines(text.trim_end_matches('\n'))))
    }

    /// The rows with what a terminal obeys made visible: in JSON by its own escapes, which mean the same, in CSV by the like,
    /// and these are counted.
    fn escaped(&self, rows: &DataFrame, out: &mut dyn Write, escaped: &mut usize) -> io::Result<()> {
        if self.format == RowFormat::Csv {
            return table::csv_with(rows, out, &mut |text| {
                let shown = table::escape_text(text);
                *escaped += usize::from(matches!(shown, Cow::Owned(_)));
                shown
            });
        }
        // Row by row, so that a large table is not held twice.
        self.exact(rows, &mut Escaping { out, line: Vec::new() })
    }

    fn exact(&self, rows: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            RowFormat::Csv => table::csv(rows, out),
            RowFormat::Jsonl => table::json_lines(rows, out),
            RowFormat::Json => table::json_array(rows, out),
            // Parquet never comes here: it has a file.
            RowFormat::Table | RowFormat::Parquet => out.write_all(aligned(rows, self.limit).as_bytes()),
        }
    }
}

/// Writes lines on, what a terminal obeys escaped as JSON has it.
struct Escaping<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
}

impl Write for Escaping<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            let whole: Vec<u8> = self.line.drain(..=end).collect();
            self.out.write_all(table::escape_json(&String::from_utf8_lossy(&whole)).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The first rows in aligned columns, and how many there are.
fn aligned(rows: &DataFrame, limit: usize) -> String {
    let names: Vec<&str> = rows.get_column_names().into_iter().map(|name| name.as_str()).collect();
    let shown = rows.height().min(limit);
    let row =
        |row| rows.columns().iter().map(|column| cell_text(column, row).unwrap_or_else(|| "null".to_owned())).collect();
    let mut text = output::table(&names, &(0..shown).map(row).collect::<Vec<_>>());
    let all = count(rows.height());
    match shown < rows.height() {
        true => text.push_str(&format!("\n{shown} of {all}; --limit N shows more, --out FILE keeps all\n")),
        false => text.push_str(&format!("\n{all}\n")),
    }
    text
}

/// Such as `1 row` or `20 rows`.
pub(crate) fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    fn args(out: Option<&std::path::Path>, format: Option<RowFormat>) -> OutArgs {
        OutArgs { out: out.map(Into::into), format, limit: 2, force: false, raw: false }
    }

    #[test]
    fn the_form_follows_from_the_file_the_terminal_or_the_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let form = |name: Option<&str>, format, terminal| {
            let path = name.map(|name| dir.path().join(name));
            args(path.as_deref(), format).outlet_on(terminal).map(|outlet| outlet.format)
        };
        assert_eq!(form(None, None, true), Ok(RowFormat::Table));
        assert_eq!(form(None, None, false), Ok(RowFormat::Csv));
        assert_eq!(form(Some("a.parquet"), None, true), Ok(RowFormat::Parquet));
        assert_eq!(form(Some("a.txt"), Some(RowFormat::Table), false), Ok(RowFormat::Table));
        assert_eq!(form(Some("a.txt"), None, true).unwrap_err().code, USAGE);
        assert_eq!(form(None, Some(RowFormat::Parquet), true).unwrap_err().code, USAGE);
    }

    #[test]
    fn a_file_that_is_there_is_kept_and_told_before_any_work() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "mine").unwrap();
        let refused = args(Some(&path), None).outlet_on(false).unwrap_err();
        assert!(refused.code == FAILED && refused.text.contains("--force"), "{refused}");
        let forced = OutArgs { force: true, ..args(Some(&path), None) };
        forced.outlet_on(false).unwrap().write(&df!("a" => [1]).unwrap()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n1\n");
    }

    #[test]
    fn a_pipe_gets_no_character_that_a_terminal_obeys_unless_it_is_asked_for() {
        let rows = df!("k\u{7}" => ["a\u{1b}[2J", "b\tc", "\u{202e}"]).unwrap();
        let written = |format, raw| {
            let outlet = OutArgs { raw, ..args(None, Some(format)) }.outlet_on(false).unwrap();
            let (mut text, mut escaped) = (Vec::new(), 0);
            match outlet.raw {
                true => outlet.exact(&rows, &mut text).unwrap(),
                false => outlet.escaped(&rows, &mut text, &mut escaped).unwrap(),
            }
            (String::from_utf8(text).unwrap(), escaped)
        };
        let csv = "k\\u0007\na\\u001b[2J\n\"b\tc\"\n\\u202e\n".to_owned();
        assert_eq!(written(RowFormat::Csv, false), (csv, 3));
        assert_eq!(written(RowFormat::Csv, true), ("k\u{7}\na\u{1b}[2J\n\"b\tc\"\n\u{202e}\n".to_owned(), 0));
        for format in [RowFormat::Jsonl, RowFormat::Json] {
            let (escaped, raw) = (written(format, false).0, written(format, true).0);
            assert!(escaped.contains("\"\\u202e\"") && raw.contains("\"\u{202e}\""), "{escaped} {raw}");
            let each = |text: &str| {
                serde_json::Deserializer::from_str(text)
                    .into_iter::<serde_json::Value>()
                    .map(Result::unwrap)
                    .collect::<Vec<_>>()
            };
            assert_eq!(each(&escaped), each(&raw), "it means the same");
        }
        let terminal = OutArgs { raw: true, ..args(None, None) }.outlet_on(true).unwrap();
        assert!(!terminal.raw, "a terminal would obey");
    }

    #[test]
    fn the_place_of_a_file_is_checked_before_any_work() {
        let dir = tempfile::tempdir().unwrap();
        let refused = args(Some(&dir.path().join("missing/x.csv")), None).outlet_on(false).unwrap_err();
        assert!(refused.code == FAILED && refused.text.contains("missing/x.csv cannot be written"), "{refused}");
    }

    #[test]
    fn a_table_shows_the_first_rows_cleaned_and_says_how_many_there_are() {
        let rows = df!("na\nme" => ["a\u{1b}[2J", "b", "c"]).unwrap();
        let text = aligned(&rows, 2);
        assert_eq!(text, "na⏎me\na␛[2J\nb\n\n2 of 3 rows; --limit N shows more, --out FILE keeps all\n");
        assert!(aligned(&rows.head(Some(1)), 2).ends_with("\n\n1 row\n"));
    }
}
