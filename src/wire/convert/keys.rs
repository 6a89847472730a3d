//! Keys that are to be deleted, as the two files of docs/wire.md section 2.6: Parquet for the offline store, lines of
//! base64 for the online store.
//!
//! What comes in is hostile: it is bounded before it is kept, and an error says where it is broken. Whether the keys
//! fit their view is not judged here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use polars::prelude::{Column, DataFrame, Int64Chunked, IntoColumn, NewChunkedArray, PlSmallStr, StringChunked};
use prost::Message;
use thiserror::Error;

use crate::model::{DataType, Value};
use crate::wire::proto::common::Empty;
use crate::wire::proto::deletion::{FeatureValue, FeatureValueList};
use crate::wire::table::cell;

mod offline;

pub use offline::{offline_keys_from_file, offline_keys_to_file};

/// Most keys that are read from a file. Far more than one request may delete, so that a request with too many can be
/// told how many it has.
pub(crate) const MOST_KEYS: usize = 500_000;
/// Most bytes that the texts of a file may take once it is read.
pub(crate) const MOST_BYTES: usize = 64 << 20;

/// Why a file of keys cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeysError {
    /// The offline store's file is no Parquet file; the text is the library's.
    #[error("it is not a Parquet file: {0}")]
    Parquet(String),
    /// A column that cannot be a join key.
    #[error("its column `{0}` is neither of texts nor of 64-bit integers, as join keys are")]
    Column(String),
    /// Columns of different lengths, or two of one name.
    #[error("its columns are not of one length, or two have the same name")]
    Uneven,
    /// More keys than are even counted.
    #[error("it holds {0} keys, more than the {MOST_KEYS} that are read")]
    TooMany(usize),
    /// Its texts are too long.
    #[error("its keys take {0} bytes, more than the {MOST_BYTES} allowed")]
    TooLarge(usize),
    /// A line is not a key.
    #[error("line {line} is not base64 of a FeatureValueList")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A key has more or fewer values than there are join keys.
    #[error("line {line} has {found} values, but there are {wanted} join keys")]
    Values {
        /// Number of the line, from 1.
        line: usize,
        /// How many values the line has.
        found: usize,
        /// Join keys of the view.
        wanted: usize,
    },
    /// A value is of another type than its join key.
    #[error("line {line}: the value of `{key}` is not of its type, {wanted}")]
    Type {
        /// Number of the line, from 1.
        line: usize,
        /// Name of the join key that the value stands for.
        key: String,
        /// The type that the view declares of it.
        wanted: DataType,
    },
}

/// The values of one join key, a null where a file has none.
enum Values {
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
}

impl Values {
    /// An empty column for values of that type. Join keys are integers and texts.
    fn of(data_type: &DataType) -> Self {
        if *data_type == DataType::Int64 { Self::Integers(Vec::new()) } else { Self::Texts(Vec::new()) }
    }

    fn len(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }
}

fn frame_of(columns: Vec<(String, Values)>) -> Result<DataFrame, KeysError> {
    let height = columns.first().map_or(0, |(_, values)| values.len());
    let column = |(name, values): (String, Values)| {
        let name = PlSmallStr::from_string(name);
        match values {
            Values::Integers(integers) => Int64Chunked::from_iter_options(name, integers.into_iter()).into_column(),
            Values::Texts(texts) => StringChunked::from_iter_options(name, texts.into_iter()).into_column(),
        }
    };
    let columns = columns.into_iter().map(column).collect();
    DataFrame::new(height, columns).map_err(|_| KeysError::Uneven)
}

/// Keys as the online store's file: a line a key, its values in the order of `join_keys`; nothing when a join key is
/// not among the columns of `keys`.
pub fn online_keys_to_file(keys: &DataFrame, join_keys: &[String]) -> Option<Vec<u8>> {
    let columns = join_keys.iter().map(|name| keys.column(name).ok()).collect::<Option<Vec<_>>>()?;
    let mut text = String::new();
    for row in 0..keys.height() {
        let feature_values = columns.iter().map(|column| value_to_proto(column, row)).collect();
        STANDARD.encode_string(FeatureValueList { feature_values }.encode_to_vec(), &mut text);
        text.push('\n');
    }
    Some(text.into_bytes())
}

fn value_to_proto(column: &Column, row: usize) -> FeatureValue {
    match cell(column, row) {
        Value::Int(number) => FeatureValue { int64_value: Some(number), ..Default::default() },
        Value::Text(text) => FeatureValue { string_value: Some(text), ..Default::default() },
        _ => FeatureValue { null_value: Some(Empty {}), ..Default::default() },
    }
}

/// Keys of an online store's file, with a column of its type for each of `join_keys`. Empty lines are skipped.
///
/// # Errors
/// When a line is no key of those join keys, or there are too many.
pub fn online_keys_from_file(bytes: &[u8], join_keys: &[(String, DataType)]) -> Result<DataFrame, KeysError> {
    let mut columns: Vec<Values> = join_keys.iter().map(|(_, wanted)| Values::of(wanted)).collect();
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n')).map(|(line, text)| (line, text.trim_ascii()));
    let lines: Vec<(usize, &[u8])> = lines.filter(|(_, text)| !text.is_empty()).collect();
    if lines.len() > MOST_KEYS {
        return Err(KeysError::TooMany(lines.len()));
    }
    for (line, text) in lines {
        let values = values_of(text).ok_or(KeysError::Line { line })?;
        if values.len() != join_keys.len() {
            return Err(KeysError::Values { line, found: values.len(), wanted: join_keys.len() });
        }
        for (((key, wanted), column), value) in join_keys.iter().zip(&mut columns).zip(values) {
            push(column, value).ok_or_else(|| KeysError::Type { line, key: key.clone(), wanted: wanted.clone() })?;
        }
    }
    frame_of(join_keys.iter().map(|(name, _)| name.clone()).zip(columns).collect())
}

fn values_of(text: &[u8]) -> Option<Vec<FeatureValue>> {
    Some(FeatureValueList::decode(STANDARD.decode(text).ok()?.as_slice()).ok()?.feature_values)
}

/// Adds a value; nothing when not exactly one is set, or one of another type. Null is of every type.
fn push(column: &mut Values, value: FeatureValue) -> Option<()> {
    match (column, value.int64_value, value.string_value, value.null_value) {
        (Values::Integers(integers), integer, None, null) if integer.is_some() != null.is_some() => {
            integers.push(integer)
        }
        (Values::Texts(texts), None, text, null) if text.is_some() != null.is_some() => texts.push(text),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    fn join_keys() -> Vec<(String, DataType)> {
        vec![("carrier".to_owned(), DataType::String), ("flight".to_owned(), DataType::Int64)]
    }

    fn keys() -> DataFrame {
        df!("flight" => [Some(0), Some(i64::MIN), None], "carrier" => [Some("ÜA"), None, Some("")]).unwrap()
    }

    #[test]
    fn the_online_file_survives_the_round_trip_in_the_order_of_the_join_keys() {
        let names = ["carrier".to_owned(), "flight".to_owned()];
        let bytes = online_keys_to_file(&keys(), &names).unwrap();
        let read = online_keys_from_file(&bytes, &join_keys()).unwrap();
        assert_eq!(read.get_column_names(), ["carrier", "flight"]);
        assert!(read.equals_missing(&keys().select(["carrier", "flight"]).unwrap()));
        assert_eq!(online_keys_to_file(&keys(), &["dest".to_owned()]), None);
    }

    #[test]
    fn the_lines_are_those_that_released_clients_write() {
        // FeatureValueList { [string "UA", int64 7] }: 0a 04 32 02 "UA", 0a 02 20 07.
        let bytes = STANDARD.encode([0x0a, 4, 0x32, 2, b'U', b'A', 0x0a, 2, 0x20, 7]);
        let frame = df!("carrier" => ["UA"], "flight" => [7_i64]).unwrap();
        let names = ["carrier".to_owned(), "flight".to_owned()];
        assert_eq!(online_keys_to_file(&frame, &names).unwrap(), format!("{bytes}\n").into_bytes());
        let spark = format!("{bytes}\r\n\n{bytes}");
        assert_eq!(online_keys_from_file(spark.as_bytes(), &join_keys()).unwrap().height(), 2);
    }

    fn line(values: &[FeatureValue]) -> String {
        STANDARD.encode(FeatureValueList { feature_values: values.to_vec() }.encode_to_vec())
    }

    #[test]
    fn hostile_lines_are_told_by_their_place() {
        let text = |text: &str| FeatureValue { string_value: Some(text.to_owned()), ..Default::default() };
        let number = |number| FeatureValue { int64_value: Some(number), ..Default::default() };
        let good = line(&[text("UA"), number(7)]);
        let both = FeatureValue { string_value: Some("x".to_owned()), ..number(1) };
        for (bad, expected) in [
            ("!!".to_owned(), "line 2 is not base64 of a FeatureValueList"),
            (STANDARD.encode([0xff; 9]), "line 2 is not base64 of a FeatureValueList"),
            (line(&[text("UA")]), "line 2 has 1 values, but there are 2 join keys"),
            (line(&[number(7), number(7)]), "line 2: the value of `carrier` is not of its type, string"),
            (line(&[text("UA"), text("7")]), "line 2: the value of `flight` is not of its type, int64"),
            (line(&[text("UA"), both]), "line 2: the value of `flight` is not of its type, int64"),
            (line(&[text("UA"), FeatureValue::default()]), "line 2: the value of `flight` is not of its type, int64"),
        ] {
            let file = format!("{good}\n{bad}\n");
            assert_eq!(online_keys_from_file(file.as_bytes(), &join_keys()).unwrap_err().to_string(), expected);
        }
        let empty = online_keys_from_file(b"", &join_keys()).unwrap();
        assert_eq!((empty.height(), empty.width()), (0, 2));
        let many = "AA==\n".repeat(MOST_KEYS + 1);
        assert_eq!(online_keys_from_file(many.as_bytes(), &join_keys()), Err(KeysError::TooMany(MOST_KEYS + 1)));
    }
}
