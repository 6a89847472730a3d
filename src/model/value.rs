//! Feature values and their types, as lookups and streams carry them.

use std::fmt;

/// The type of a column or feature (wire messages, enum `DataTypeEnum`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// 64-bit integer.
    Int64,
    /// 64-bit float.
    Float64,
    /// UTF-8 text.
    String,
    /// True or false.
    Bool,
    /// An instant, UTC, microseconds.
    Timestamp,
    /// A list of one element type.
    Array(Box<DataType>),
    /// A word that this program does not know, kept as it came.
    Other(String),
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int64 => f.write_str("int64"),
            Self::Float64 => f.write_str("float64"),
            Self::String => f.write_str("string"),
            Self::Bool => f.write_str("boolean"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Array(element) => write!(f, "array<{element}>"),
            Self::Other(word) => f.write_str(word),
        }
    }
}

/// One value of a feature or key.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Missing.
    Null,
    /// An integer.
    Int(i64),
    /// A float, possibly NaN or infinite.
    Float(f64),
    /// Text from outside: may hold anything, so it is cleaned before it is drawn.
    Text(String),
    /// True or false.
    Bool(bool),
    /// An instant.
    Time(crate::model::Time),
    /// A list.
    List(Vec<Value>),
}
