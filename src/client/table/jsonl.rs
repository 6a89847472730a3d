//! Reading JSON lines: one object a line, its members the columns.
//!
//! Each line is judged before it is decoded: nesting is bounded (what decodes it recurses), and a whole number must be
//! an int64, for a decoder rounds others without a word. Half a surrogate pair, which is no character, is refused.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};

use polars::prelude::{AnyValue, Column, DataFrame, DataType, Field, IntoColumn, Series};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::broken::Broken;
use super::lines::Lines;

/// The deepest nesting of a line; tables on their way to a platform are not nested deeper.
const DEEPEST: usize = 16;
/// Most columns, and most members of one object; a platform takes no more.
const COLUMNS: usize = 10_000;
/// Bytes that a value takes beside its text.
const CELL: u64 = 16;

/// Reads a table whose values take at most `memory` bytes. Whole numbers in the columns named in `texts` become text
/// where other values of the column are text or where there is nothing else.
///
/// # Errors
/// When it is no such table, with the line.
pub(super) fn read(mut file: File, texts: &[String], memory: u64) -> Result<DataFrame, Broken> {
    let kinds = kinds(BufReader::new(&file), texts, memory)?;
    file.rewind().map_err(|error| Broken::of(error.to_string()))?;
    table(BufReader::new(&file), &kinds)
}

/// The columns and what they hold, in the order of their first mention.
type Kinds = Vec<(String, Kind)>;

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Nothing,
    Bool,
    Int,
    Float,
    Text,
    List(Box<Kind>),
    Record(Kinds),
}

/// One value.
#[derive(Clone, Debug)]
enum Cell {
    Nothing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Cell>),
    Record(Vec<(String, Cell)>),
}

/// The first pass: every line is whole, and what the columns hold.
fn kinds(from: impl BufRead, texts: &[String], memory: u64) -> Result<Kinds, Broken> {
    let mut kinds = Kinds::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut bytes = 0_u64;
    let mut rows = 0;
    each(from, |line, row| {
        rows += 1;
        for (name, cell) in row {
            bytes = bytes.saturating_add(cell.bytes());
            let at = *places.entry(name.clone()).or_insert(kinds.len());
            if at == kinds.len() {
                kinds.push((name.clone(), Kind::Nothing));
            }
            if kinds.len() > COLUMNS {
                let what = format!("it holds more than {COLUMNS} columns with the lines before");
                return Err(Broken::at(line, what).fix("Leave columns out."));
            }
            let (_, kind) = &mut kinds[at];
            let found = match cell.kind() {
                Some(Kind::Int) if texts.contains(&name) => Some(Kind::Text),
                found => found,
            };
            *kind = found.and_then(|found| merged(kind, &found)).ok_or_else(|| {
                let what = format!("column `{name}` holds {} here and {} before", cell.word(), kind.word());
                Broken::at(line, what).fix("Write the values of a column in one type.")
            })?;
        }
        if bytes > memory { Err(Broken::too_large(rows, memory)) } else { Ok(()) }
    })?;
    Ok(kinds)
}

/// The second pass: the values in the types that hold all of them.
fn table(from: impl BufRead, kinds: &Kinds) -> Result<DataFrame, Broken> {
    let places: HashMap<&str, usize> = kinds.iter().map(|(name, _)| name.as_str()).zip(0..).collect();
    let mut columns: Vec<Vec<AnyValue<'static>>> = vec![Vec::new(); kinds.len()];
    let mut rows = 0;
    each(from, |line, row| {
        rows += 1;
        for (name, cell) in row {
            // The file may have changed since.
            let at = places.get(name.as_str()).copied();
            let at = at.ok_or_else(|| Broken::at(line, "it has changed while it was read"))?;
            let value = cell.in_kind(&kinds[at].1).map_err(|what| {
                let what = format!("column `{name}` holds {what}");
                Broken::at(line, what).fix("Write it as text, or all values of the column as whole numbers.")
            })?;
            columns[at].push(value);
        }
        for column in &mut columns {
            column.resize(rows, AnyValue::Null);
        }
        Ok(())
    })?;
    let columns = kinds.iter().zip(columns).map(|((name, kind), values)| {
        let dtype = kind.dtype().ok_or_else(|| {
            Broken::unusable(format!("holds an empty object in column `{name}`")).fix("Leave it out.")
        })?;
        let made = Series::from_any_values_and_dtype(name.as_str().into(), &values, &dtype, true);
        made.map(IntoColumn::into_column).map_err(|error| Broken::library(&error))
    });
    let columns = columns.collect::<Result<Vec<Column>, Broken>>()?;
    DataFrame::new(rows, columns).map_err(|error| Broken::library(&error))
}

/// Hands each object on with the number of its line. Empty lines are none.
fn each(
    from: impl BufRead,
    mut take: impl FnMut(usize, Vec<(String, Cell)>) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut lines = Lines::new(from);
    while let Some((number, line)) = lines.next()? {
        let text = std::str::from_utf8(line).map_err(|_| Broken::not_utf8(number))?;
        if text.trim().is_empty() {
            continue;
        }
        judge(text).map_err(|what| Broken::at(number, what))?;
        match serde_json::from_str(text) {
            Ok(Cell::Record(row)) => take(number, row)?,
            Ok(other) => return Err(Broken::at(number, format!("it is {}, not an object", other.word()))),
            Err(error) => return Err(undecoded(number, &error)),
        }
    }
    Ok(())
}

/// What the decoder says, without the place that it counts from the line's beginning.
fn undecoded(number: usize, error: &serde_json::Error) -> Broken {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    if let Some(name) = what.strip_prefix(TWICE) {
        return Broken::twice(Some(number), name);
    }
    if what.contains("surrogate") || what == "unexpected end of hex escape" {
        let what = format!(
            "it holds half a surrogate pair (character {}), as text cut in the middle of a character does",
            error.column()
        );
        return Broken::at(number, what).fix("Cut text between characters.");
    }
    Broken::at(number, format!("{what} (character {})", error.column()))
}

/// Whether a line can be decoded without harm: not nested too deeply, no whole number beyond int64.
fn judge(line: &str) -> Result<(), String> {
    let bytes = line.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while !matches!(bytes.get(at), None | Some(b'"')) {
                    at += if bytes.get(at) == Some(&b'\\') { 2 } else { 1 };
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
                let end = bytes[at..].iter().position(|byte| !is_part(byte)).map_or(bytes.len(), |length| at + length);
                let number = &line[at..end];
                let is_whole = !number.contains(['.', 'e', 'E']);
                if is_whole && number.len() > 18 && number.parse::<i64>().is_err() {
                    return Err(format!(
                        "the number {} is beyond int64: write it as text",
                        crate::model::cut(number, 40)
                    ));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("it is nested more than {DEEPEST} deep"));
        }
        at += 1;
    }
    Ok(())
}

/// The kind that holds both; absent where none does.
fn merged(one: &Kind, other: &Kind) -> Option<Kind> {
    Some(match (one, other) {
        (Kind::Nothing, kind) | (kind, Kind::Nothing) => kind.clone(),
        (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => Kind::Float,
        (Kind::List(one), Kind::List(other)) => Kind::List(Box::new(merged(one, other)?)),
        (Kind::Record(one), Kind::Record(other)) => {
            let mut members = one.clone();
            for (at, (name, kind)) in other.iter().enumerate() {
                match place(&members, name, at).and_then(|at| members.get_mut(at)) {
                    Some((_, known)) => *known = merged(known, kind)?,
                    None => members.push((name.clone(), kind.clone())),
                }
            }
            Kind::Record(members)
        }
        (one, other) if one == other => one.clone(),
        _ => return None,
    })
}

/// Where a name stands among members: most often where it stood in the line before.
fn place<T>(members: &[(String, T)], name: &str, expected: usize) -> Option<usize> {
    match members.get(expected) {
        Some((known, _)) if known == name => Some(expected),
        _ => members.iter().position(|(known, _)| known == name),
    }
}

impl Kind {
    /// The type of a column that holds it; absent where there is none.
    fn dtype(&self) -> Option<DataType> {
        Some(match self {
            // A column of nothing has every type.
            Self::Nothing => DataType::Null,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::String,
            Self::List(item) => DataType::List(Box::new(item.dtype()?)),
            Self::Record(members) if members.is_empty() => return None,
            Self::Record(members) => {
                let field = |(name, kind): &(String, Self)| Some(Field::new(name.as_str().into(), kind.dtype()?));
                DataType::Struct(members.iter().map(field).collect::<Option<_>>()?)
            }
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "null",
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Text => "text",
            Self::List(_) => "a list",
            Self::Record(_) => "an object",
        }
    }
}

impl Cell {
    /// What it is; absent for a list whose items are of several kinds.
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Nothing => Kind::Nothing,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
            Self::List(items) => {
                let mut kind = Kind::Nothing;
                for item in items {
                    kind = merged(&kind, &item.kind()?)?;
                }
                Kind::List(Box::new(kind))
            }
            Self::Record(members) => {
                let member = |(name, cell): &(String, Self)| Some((name.clone(), cell.kind()?));
                Kind::Record(members.iter().map(member).collect::<Option<_>>()?)
            }
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Record(_) => "an object",
        }
    }

    fn bytes(&self) -> u64 {
        CELL + match self {
            Self::Text(text) => text.len() as u64,
            Self::List(items) => items.iter().map(Self::bytes).sum(),
            Self::Record(members) => members.iter().map(|(_, cell)| cell.bytes()).sum(),
            _ => 0,
        }
    }

    /// The value in a kind that holds it; `Err` says what does not fit.
    fn in_kind(self, kind: &Kind) -> Result<AnyValue<'static>, String> {
        Ok(match (self, kind) {
            (Self::Nothing, _) => AnyValue::Null,
            (Self::Bool(flag), Kind::Bool) => AnyValue::Boolean(flag),
            (Self::Int(number), Kind::Int) => AnyValue::Int64(number),
            (Self::Int(number), Kind::Float) => {
                let float = number as f64;
                if float as i128 != i128::from(number) {
                    return Err(format!("{number} beside numbers with a point, as which it would be rounded"));
                }
                AnyValue::Float64(float)
            }
            (Self::Int(number), Kind::Text) => AnyValue::StringOwned(number.to_string().into()),
            (Self::Float(number), Kind::Float) => AnyValue::Float64(number),
            (Self::Text(text), Kind::Text) => AnyValue::StringOwned(text.into()),
            (Self::List(items), Kind::List(kind)) => {
                let items = items.into_iter().map(|item| item.in_kind(kind)).collect::<Result<Vec<_>, _>>()?;
                let dtype = kind.dtype().ok_or("an empty object")?;
                let items = Series::from_any_values_and_dtype("item".into(), &items, &dtype, true);
                AnyValue::List(items.map_err(|error| error.to_string())?)
            }
            (Self::Record(mut members), Kind::Record(kinds)) => {
                let mut values = Vec::with_capacity(kinds.len());
                let mut fields = Vec::with_capacity(kinds.len());
                for (at, (name, kind)) in kinds.iter().enumerate() {
                    let found = place(&members, name, at).and_then(|at| members.get_mut(at));
                    let cell = found.map_or(Self::Nothing, |(_, cell)| std::mem::replace(cell, Self::Nothing));
                    values.push(cell.in_kind(kind)?);
                    fields.push(Field::new(name.as_str().into(), kind.dtype().ok_or("an empty object")?));
                }
                AnyValue::StructOwned(Box::new((values, fields)))
            }
            (cell, _) => return Err(format!("{} that was not there when it was read first", cell.word())),
        })
    }
}

/// Begins the message about a member that stands twice.
const TWICE: &str = "twice: ";

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Cell, E> {
        Ok(Cell::Nothing)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Cell, E> {
        Ok(Cell::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Cell, E> {
        i64::try_from(number).map(Cell::Int).map_err(|_| E::custom(format!("the number {number} is beyond int64")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Cell, E> {
        Ok(Cell::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Cell, E> {
        Ok(Cell::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Cell, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Cell::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Cell, A::Error> {
        let mut record: Vec<(String, Cell)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some((name, cell)) = members.next_entry::<String, Cell>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!("{TWICE}{name}")));
            }
            if record.len() == COLUMNS {
                return Err(A::Error::custom(format!("an object has more than {COLUMNS} members")));
            }
            record.push((name, cell));
        }
        Ok(Cell::Record(record))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn table(text: &str, texts: &[&str]) -> Result<DataFrame, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        read(file, &texts, 1 << 20).map_err(|broken| broken.to_string())
    }

    #[test]
    fn values_keep_their_types_and_late_columns_are_there() {
        let mut text =
            "{\"k\":7,\"at\":\"2026-11-22T10:00:00Z\",\"x\":null,\"l\":[1,null],\"r\":{\"a\":\"\"}}\n".repeat(3);
        text.push_str("\n{\"k\":\"008\",\"at\":null,\"x\":1,\"late\":1.5,\"l\":[],\"r\":{\"b\":[{\"c\":true}]}}\n");
        let frame = table(&text, &["k"]).unwrap();
        let types: Vec<String> = frame.columns().iter().map(|column| column.dtype().to_string()).collect();
        assert_eq!(types, ["str", "str", "i64", "list[i64]", "struct[2]", "f64"]);
        assert_eq!(frame.height(), 4);
        assert_eq!(frame.column("k").unwrap().str().unwrap().get(0), Some("7"));
        assert_eq!(frame.column("k").unwrap().str().unwrap().get(3), Some("008"));
        assert_eq!(frame.column("late").unwrap().null_count(), 3);
        assert_eq!(frame.column("l").unwrap().get(0).unwrap().to_string(), "[1, null]");
    }

    #[test]
    fn a_line_that_would_change_on_the_way_is_refused() {
        let rows = [
            ("{\"k\":\"ab\\ud83d\"}", "line 1: it holds half a surrogate pair"),
            ("{\"k\":\"ab\\ud83dcd\"}", "line 1: it holds half a surrogate pair"),
            ("{\"k\":\"ab\\ude00\"}", "line 1: it holds half a surrogate pair"),
            ("{\"k\":\"\\ud83d\\ud83d\"}", "line 1: it holds half a surrogate pair"),
            ("{\"ab\\ud83d\":1}", "line 1: it holds half a surrogate pair"),
            ("{\"k\":1}\n\n{\"k\":9223372036854775808}", "line 3: the number 9223372036854775808 is beyond int64"),
            ("{\"k\":-9223372036854775809}", "line 1: the number -9223372036854775809 is beyond int64"),
            ("{\"k\":[0.5,9007199254740993]}", "line 1: column `k` holds 9007199254740993 beside numbers with a point"),
            ("{\"k\":0.5}\n{\"k\":9007199254740993}", "line 2: column `k` holds 9007199254740993 beside numbers"),
            ("{\"k\":1e999}", "line 1: number out of range"),
            ("{\"k\":1}\n{\"k\":\"x\"}", "line 2: column `k` holds text here and a whole number before"),
            ("{\"k\":[1,\"x\"]}", "line 1: column `k` holds a list here and null before"),
            ("{\"k\":1,\"k\":2}", "line 1: it has the column `k` more than once. Keep one of them."),
            ("{\"r\":{\"a\":1,\"a\":2}}", "line 1: it has the column `a` more than once. Keep one of them."),
            ("{\"r\":{}}", "it holds an empty object in column `r`"),
            ("[1]", "line 1: it is a list, not an object"),
            ("{\"a\":1}\n\n{\"a\":", "line 3: EOF while parsing a value"),
            ("{\"a\":1} {\"a\":2}", "line 1: trailing characters"),
        ];
        for (text, expected) in rows {
            let broken = table(text, &[]).unwrap_err();
            assert!(broken.starts_with(expected), "{text}: {broken}");
        }
        let whole = table("{\"k\":\"\\ud83d\\ude00\",\"x\":9223372036854775807}", &[]).unwrap();
        assert_eq!(whole.column("k").unwrap().str().unwrap().get(0), Some("😀"));
    }

    #[test]
    fn deep_nesting_is_refused_at_once_and_brackets_in_text_are_no_nesting() {
        for depth in [17, 700, 100_000] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let deep = format!("{{\"a\":1}}\n{{\"a\":{}1{}}}\n", open.repeat(depth), close.repeat(depth));
                assert_eq!(
                    table(&deep, &[]).unwrap_err(),
                    "line 2: it is nested more than 16 deep. Correct it and try again."
                );
            }
            assert!(table(&format!("{{\"a\":{}", "[".repeat(depth)), &[]).unwrap_err().contains("nested"));
        }
        assert!(table(&format!("{{\"a\":\"\\\"{}\"}}\n", "[".repeat(700)), &[]).is_ok());
        assert!(table(&format!("{{\"a\":{}1{}}}", "[".repeat(15), "]".repeat(15)), &[]).is_ok());
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(table(&"{\"a\":1}\n".repeat(100_000), &[]).unwrap_err().contains("more than the 1 MiB allowed"));
    }
}
