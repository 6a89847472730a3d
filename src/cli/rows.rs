//! Where the rows of an answer go, and in which form: a table for the eye, CSV or JSON for programs, files.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use polars::prelude::DataFrame;

use super::failure::{FAILED, Failure, USAGE};
use super::output::{self, note};
use crate::client::table::{self, FileFormat};
use crate::model::clean_lines;
use crate::wire::table::cell;

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
    /// Replace the file of --out when it is there
    #[arg(long, requires = "out")]
    pub force: bool,
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
        Ok(Outlet { file, format, limit: self.limit, terminal })
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
            _ => table::place(path, *replace, |out| self.text(rows, out)),
        };
        let bytes = bytes.map_err(|problem| Failure::new(FAILED, problem))?;
        note(&format!("wrote {} to {} ({bytes} bytes)", count(rows.height()), path.display()));
        Ok(())
    }

    fn print(&self, rows: &DataFrame) -> Result<(), Failure> {
        if !self.terminal {
            return output::print_with(|out| self.text(rows, out));
        }
        // What a table holds may drive a terminal.
        let mut text = Vec::new();
        self.text(rows, &mut text)
            .map_err(|error| Failure::new(FAILED, format!("The rows cannot be shown: {error}.")))?;
        let text = String::from_utf8_lossy(&text);
        output::print(&format!("{}\n", clean_lines(text.trim_end_matches('\n'))))
    }

    fn text(&self, rows: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            RowFormat::Csv => table::csv(rows, out),
            RowFormat::Jsonl => table::json_lines(rows, out),
            RowFormat::Json => table::json_array(rows, out),
            // Parquet never comes here: it has a file.
            RowFormat::Table | RowFormat::Parquet => out.write_all(aligned(rows, self.limit).as_bytes()),
        }
    }
}

/// The first rows in aligned columns, and how many there are.
fn aligned(rows: &DataFrame, limit: usize) -> String {
    let names: Vec<&str> = rows.get_column_names().into_iter().map(|name| name.as_str()).collect();
    let shown = rows.height().min(limit);
    let row = |row| rows.columns().iter().map(|column| output::value(&cell(column, row))).collect();
    let mut text = output::table(&names, &(0..shown).map(row).collect::<Vec<_>>());
    let all = count(rows.height());
    match shown < rows.height() {
        true => text.push_str(&format!("\n{shown} of {all}; --limit N shows more, --out FILE keeps all\n")),
        false => text.push_str(&format!("\n{all}\n")),
    }
    text
}

/// Such as `1 row` or `20 rows`.
pub fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    fn args(out: Option<&std::path::Path>, format: Option<RowFormat>) -> OutArgs {
        OutArgs { out: out.map(Into::into), format, limit: 2, force: false }
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
    fn a_table_shows_the_first_rows_cleaned_and_says_how_many_there_are() {
        let rows = df!("na\nme" => ["a\u{1b}[2J", "b", "c"]).unwrap();
        let text = aligned(&rows, 2);
        assert_eq!(text, "na⏎me\na␛[2J\nb\n\n2 of 3 rows; --limit N shows more, --out FILE keeps all\n");
        assert!(aligned(&rows.head(Some(1)), 2).ends_with("\n\n1 row\n"));
    }
}
