//! Join keys as small numbers: each distinct tuple of key values is an id, counted from zero in the order of first
//! sight.
//!
//! Null is a legal value and equals null; integers are equal by value (docs/semantics.md section 8.1). In memory only.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use polars::prelude::*;

use crate::model::DataType as Word;
use crate::platform::frame::polars_type;

/// The id of a key that was never seen.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// The key tuples of one view.
pub(crate) struct Keys {
    columns: Vec<KeyColumn>,
    /// Tuples of column ids, where there is more than one column.
    tuples: Tuples,
}

struct KeyColumn {
    name: String,
    values: Values,
    null: Option<u32>,
}

enum Values {
    Text { table: HashTable<u32>, bytes: Vec<u8>, ends: Vec<usize> },
    Int { table: HashTable<u32>, values: Vec<i64> },
}

#[derive(Default)]
struct Tuples {
    table: HashTable<u32>,
    parts: Vec<u32>,
}

/// Whether a value that was never seen gets an id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Learn,
    Find,
}

impl Keys {
    /// No keys yet, for columns of these names and types.
    pub(crate) fn new(join_keys: &[(String, Word)]) -> Self {
        let column = |(name, word): &(String, Word)| {
            let values = match word {
                Word::Int64 => Values::Int { table: HashTable::new(), values: Vec::new() },
                _ => Values::Text { table: HashTable::new(), bytes: Vec::new(), ends: Vec::new() },
            };
            KeyColumn { name: name.clone(), values, null: None }
        };
        Self { columns: join_keys.iter().map(column).collect(), tuples: Tuples::default() }
    }

    /// How many distinct keys were seen.
    pub(crate) fn len(&self) -> usize {
        match self.columns.as_slice() {
            [one] => one.len(),
            several => self.tuples.parts.len() / several.len().max(1),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let columns = self.columns.iter().map(|column| match &column.values {
            Values::Text { table, bytes, ends } => table.capacity() * 5 + bytes.capacity() + ends.capacity() * 8,
            Values::Int { table, values } => table.capacity() * 5 + values.capacity() * 8,
        });
        columns.sum::<usize>() + self.tuples.table.capacity() * 5 + self.tuples.parts.capacity() * 4
    }

    /// The id of each row, new keys included.
    pub(crate) fn learn(&mut self, frame: &DataFrame) -> PolarsResult<Vec<u32>> {
        let mut ids = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            ids.push(column.ids(frame, Mode::Learn)?);
        }
        Ok(self.tuples.ids(ids, frame.height(), Mode::Learn))
    }

    /// The id of each row, [`UNKNOWN`] for keys that were never learnt.
    pub(crate) fn find(&mut self, frame: &DataFrame) -> PolarsResult<Vec<u32>> {
        let mut ids = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            ids.push(column.ids(frame, Mode::Find)?);
        }
        Ok(self.tuples.ids(ids, frame.height(), Mode::Find))
    }

    /// The key columns of these ids, in the given order. Ids that do not exist give nulls.
    pub(crate) fn columns(&self, ids: &[u32]) -> Vec<Column> {
        let several = self.columns.len();
        let part = |at: usize, id: u32| match several {
            1 => id,
            _ => self.tuples.parts.get(id as usize * several + at).copied().unwrap_or(UNKNOWN),
        };
        let column = |(at, column): (usize, &KeyColumn)| column.values_of(ids.iter().map(|id| part(at, *id)));
        self.columns.iter().enumerate().map(column).collect()
    }
}

/// Those keys of a frame in their declared types.
pub(crate) fn normal_keys_of(keys: &[(String, Word)], rows: &DataFrame) -> PolarsResult<DataFrame> {
    let column = |(name, word): &(String, Word)| {
        let column = rows.column(name)?;
        let wanted = polars_type(word).unwrap_or(DataType::String);
        if *column.dtype() == wanted { Ok(column.clone()) } else { column.strict_cast(&wanted) }
    };
    DataFrame::new(rows.height(), keys.iter().map(column).collect::<PolarsResult<Vec<_>>>()?)
}

impl KeyColumn {
    fn len(&self) -> usize {
        match &self.values {
            Values::Text { ends, .. } => ends.len(),
            Values::Int { values, .. } => values.len(),
        }
    }

    fn ids(&mut self, frame: &DataFrame, mode: Mode) -> PolarsResult<Vec<u32>> {
        let column = frame.column(&self.name)?;
        let mut ids = Vec::with_capacity(column.len());
        match &self.values {
            Values::Text { .. } => {
                let texts = column.str()?;
                for chunk in texts.downcast_iter() {
                    ids.extend(chunk.iter().map(|text| self.text(text, mode)));
                }
            }
            Values::Int { .. } => {
                let column = column.cast(&DataType::Int64)?;
                let numbers = column.i64()?;
                for chunk in numbers.downcast_iter() {
                    ids.extend(chunk.iter().map(|number| self.int(number.copied(), mode)));
                }
            }
        }
        Ok(ids)
    }

    fn text(&mut self, text: Option<&str>, mode: Mode) -> u32 {
        let Some(text) = text else { return self.null_id(mode) };
        let Values::Text { table, bytes, ends } = &mut self.values else { return UNKNOWN };
        let slice = |id: u32, bytes: &[u8], ends: &[usize]| -> (usize, usize) {
            let id = id as usize;
            let start = if id == 0 { 0 } else { ends.get(id - 1).copied().unwrap_or_default() };
            (start, ends.get(id).copied().unwrap_or(start).min(bytes.len()))
        };
        let hash = hash_of(text.as_bytes());
        let found = table.find(hash, |id| {
            let (start, end) = slice(*id, bytes, ends);
            bytes[start..end] == *text.as_bytes()
        });
        if let Some(id) = found {
            return *id;
        }
        if mode == Mode::Find {
            return UNKNOWN;
        }
        let id = ends.len() as u32;
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len());
        table.insert_unique(hash, id, |id| {
            let (start, end) = slice(*id, bytes, ends);
            hash_of(&bytes[start..end])
        });
        id
    }

    fn int(&mut self, number: Option<i64>, mode: Mode) -> u32 {
        let Some(number) = number else { return self.null_id(mode) };
        let Values::Int { table, values } = &mut self.values else { return UNKNOWN };
        let hash = hash_of(&number);
        if let Some(id) = table.find(hash, |id| values.get(*id as usize) == Some(&number)) {
            return *id;
        }
        if mode == Mode::Find {
            return UNKNOWN;
        }
        let id = values.len() as u32;
        values.push(number);
        table.insert_unique(hash, id, |id| hash_of(&values[*id as usize]));
        id
    }

    /// The id of null: a value of its own that no text or number finds.
    fn null_id(&mut self, mode: Mode) -> u32 {
        if let Some(id) = self.null {
            return id;
        }
        if mode == Mode::Find {
            return UNKNOWN;
        }
        let id = self.len() as u32;
        match &mut self.values {
            Values::Text { bytes, ends, .. } => ends.push(bytes.len()),
            Values::Int { values, .. } => values.push(0),
        }
        self.null = Some(id);
        id
    }

    fn values_of(&self, ids: impl Iterator<Item = u32>) -> Column {
        let name = PlSmallStr::from_str(&self.name);
        let known = |id: u32| (Some(id) != self.null).then_some(id as usize);
        match &self.values {
            Values::Text { bytes, ends, .. } => {
                let text = |id: u32| {
                    let id = known(id)?;
                    let start = if id == 0 { 0 } else { *ends.get(id - 1)? };
                    std::str::from_utf8(bytes.get(start..*ends.get(id)?)?).ok()
                };
                StringChunked::from_iter_options(name, ids.map(text)).into_column()
            }
            Values::Int { values, .. } => {
                let number = |id: u32| values.get(known(id)?).copied();
                Int64Chunked::from_iter_options(name, ids.map(number)).into_column()
            }
        }
    }
}

impl Tuples {
    fn ids(&mut self, mut columns: Vec<Vec<u32>>, height: usize, mode: Mode) -> Vec<u32> {
        if columns.len() == 1 {
            return columns.pop().unwrap_or_default();
        }
        let mut tuple = Vec::with_capacity(columns.len());
        (0..height)
            .map(|row| {
                tuple.clear();
                tuple.extend(columns.iter().map(|column| column[row]));
                self.id(&tuple, mode)
            })
            .collect()
    }

    fn id(&mut self, tuple: &[u32], mode: Mode) -> u32 {
        if tuple.contains(&UNKNOWN) {
            return UNKNOWN;
        }
        let width = tuple.len();
        let hash = hash_of(tuple);
        let parts = &self.parts;
        if let Some(id) =
            self.table.find(hash, |id| parts.get(*id as usize * width..).is_some_and(|p| p.starts_with(tuple)))
        {
            return *id;
        }
        if mode == Mode::Find {
            return UNKNOWN;
        }
        let id = (self.parts.len() / width.max(1)) as u32;
        self.parts.extend_from_slice(tuple);
        let parts = &self.parts;
        self.table.insert_unique(hash, id, |id| hash_of(&parts[*id as usize * width..(*id as usize + 1) * width]));
        id
    }
}

fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    FixedState::default().hash_one(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_equals_null_and_integers_are_equal_whatever_their_width() {
        let mut keys = Keys::new(&[("a".to_owned(), Word::String), ("b".to_owned(), Word::Int64)]);
        let wide =
            df!("a" => [Some("x"), None, Some("x"), Some("")], "b" => [Some(1_i64), Some(0), None, Some(0)]).unwrap();
        assert_eq!(keys.learn(&wide).unwrap(), [0, 1, 2, 3]);
        let narrow = df!("a" => [None, Some("x"), Some("y")], "b" => [Some(0_i32), Some(1), Some(1)]).unwrap();
        assert_eq!(keys.find(&narrow).unwrap(), [1, 0, UNKNOWN]);
        assert_eq!(keys.len(), 4);
        let back = DataFrame::new(4, keys.columns(&[0, 1, 2, 3])).unwrap();
        assert!(back.equals_missing(&wide));
    }
}
