//! Feature values and their types, as lookups and streams carry them.

use std::cmp::Ordering;
use std::fmt;

/// The type of a column or feature (docs/messages.md section 2, `DataTypeEnum`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// 64-bit integer; in the JSON of the feature server a text of digits.
    Int64,
    /// 64-bit float, NaN and infinities included.
    Float64,
    /// UTF-8 text of any length.
    String,
    /// True or false; no join key has this type.
    Bool,
    /// An instant in UTC, in whole microseconds.
    Timestamp,
    /// A list of one element type.
    Array(Box<DataType>),
    /// A day; of columns of sources only.
    Date,
    /// A number of so many digits, so many of them behind the point; of columns of sources only.
    Decimal(u8, u8),
    /// Named fields; of columns of sources only.
    Struct(Vec<(String, DataType)>),
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
            Self::Date => f.write_str("date"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::Struct(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, word)| format!("{name}:{word}")).collect();
                write!(f, "struct<{}>", fields.join(","))
            }
            Self::Other(word) => f.write_str(word),
        }
    }
}

/// One value of a feature or key.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value: a null, or nothing stored for the key.
    Null,
    /// A 64-bit integer, of features and of join keys.
    Int(i64),
    /// A float, possibly NaN or infinite.
    Float(f64),
    /// Text from outside: may hold anything, so it is cleaned before it is drawn.
    Text(String),
    /// True or false, of features only.
    Bool(bool),
    /// An instant in whole microseconds.
    Time(crate::model::Time),
    /// The values of an array; a null among them is [`Value::Null`].
    List(Vec<Value>),
}

/// The order of floats everywhere: there is one NaN, whatever its bits, and it is greater than any number; the two
/// zeros are equal.
pub fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_one_and_the_greatest_and_zeros_are_equal() {
        let rising = [f64::NEG_INFINITY, -1.0, 0.0, 1.0, f64::INFINITY, f64::NAN];
        for (at, a) in rising.iter().enumerate() {
            for (place, b) in rising.iter().enumerate() {
                assert_eq!(float_order(*a, *b), at.cmp(&place), "{a} {b}");
            }
        }
        assert_eq!(float_order(-f64::NAN, f64::NAN), Ordering::Equal);
        assert_eq!(float_order(-f64::NAN, f64::INFINITY), Ordering::Greater);
        assert_eq!(float_order(-0.0, 0.0), Ordering::Equal);
    }
}
