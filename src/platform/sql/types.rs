//! The types of the dialect and how they meet: Spark 4's rules with ANSI on.
//!
//! It knows types only, no values. Text is never turned into a number behind the author's back: Spark would, this
//! dialect asks for a CAST.

use std::fmt;

use polars::prelude as pl;
use polars::prelude::{Field, TimeUnit};
use sqlparser::ast::{ArrayElemTypeDef, DataType as Written, ExactNumberInfo, TimezoneInfo};

use super::decimal;
use crate::platform::frame;

/// A type, by Spark's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// The type of a bare NULL.
    Null,
    Boolean,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    /// DECIMAL of that many digits, of which so many behind the point; also a literal such as `1.5`.
    Decimal(u8, u8),
    Text,
    Date,
    /// TIMESTAMP: an instant, UTC, microseconds.
    Timestamp,
    /// An INTERVAL, which only a literal is.
    Interval,
    List(Box<Type>),
    Struct(Vec<(String, Type)>),
    /// MAP, held as an array of its entries.
    Map(Box<Type>, Box<Type>),
}

/// The names of the fields of a map's entries.
pub(super) const ENTRY: [&str; 2] = ["key", "value"];

impl Type {
    /// The type of a column; absent where the dialect has none.
    pub(super) fn of(polars: &pl::DataType) -> Option<Self> {
        Some(match polars {
            pl::DataType::Boolean => Self::Boolean,
            pl::DataType::Int8 => Self::Byte,
            pl::DataType::Int16 => Self::Short,
            pl::DataType::Int32 => Self::Int,
            pl::DataType::Int64 | pl::DataType::UInt32 => Self::Long,
            pl::DataType::Float32 => Self::Float,
            pl::DataType::Float64 => Self::Double,
            pl::DataType::String => Self::Text,
            pl::DataType::UInt64 => Self::Decimal(20, 0),
            pl::DataType::Decimal(precision, scale) => Self::Decimal(*precision as u8, *scale as u8),
            pl::DataType::Null => Self::Null,
            pl::DataType::Date => Self::Date,
            pl::DataType::Datetime(..) => Self::Timestamp,
            pl::DataType::List(element) => Self::List(Box::new(Self::of(element)?)),
            pl::DataType::Struct(fields) => {
                let field = |field: &Field| Some((field.name().to_string(), Self::of(field.dtype())?));
                Self::Struct(fields.iter().map(field).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// The type of the columns that hold it.
    pub(super) fn polars(&self) -> pl::DataType {
        match self {
            Self::Null | Self::Interval => pl::DataType::Null,
            Self::Boolean => pl::DataType::Boolean,
            Self::Byte => pl::DataType::Int8,
            Self::Short => pl::DataType::Int16,
            Self::Int => pl::DataType::Int32,
            Self::Long => pl::DataType::Int64,
            Self::Float => pl::DataType::Float32,
            Self::Double => pl::DataType::Float64,
            Self::Decimal(precision, scale) => pl::DataType::Decimal((*precision).into(), (*scale).into()),
            Self::Text => pl::DataType::String,
            Self::Date => pl::DataType::Date,
            Self::Timestamp => frame::timestamp_type(),
            Self::List(element) => pl::DataType::List(Box::new(element.polars())),
            Self::Struct(fields) => {
                pl::DataType::Struct(fields.iter().map(|(name, ty)| Field::new(name.into(), ty.polars())).collect())
            }
            Self::Map(key, value) => pl::DataType::List(Box::new(Self::entry(key, value).polars())),
        }
    }

    /// The entries of a map, which is an array of them.
    fn entry(key: &Self, value: &Self) -> Self {
        let [of_key, of_value] = ENTRY;
        Self::Struct(vec![(of_key.to_owned(), key.clone()), (of_value.to_owned(), value.clone())])
    }

    /// The type in which a feature holds it: a date is the instant it begins, a decimal the double nearest to it;
    /// `Err` says what to write instead of a type that features cannot have.
    pub(super) fn of_feature(&self) -> Result<Self, &'static str> {
        Ok(match self {
            Self::Date => Self::Timestamp,
            Self::Decimal(..) => Self::Double,
            Self::List(element) if **element == Self::Null => {
                return Err("say what its elements are: CAST(array() AS ARRAY<STRING>)");
            }
            Self::List(element) => match &**element {
                Self::Struct(_) | Self::Map(..) => {
                    return Err("features hold arrays of plain values: take a field of each element, or one element");
                }
                element => Self::List(Box::new(element.of_feature()?)),
            },
            Self::Struct(_) => return Err("name its fields, each as a column: `s.a AS a, s.b AS b`"),
            Self::Map(..) => return Err("look up its keys, each as a column: `m['k'] AS k`"),
            Self::Null => return Err("cast it: CAST(NULL AS STRING)"),
            Self::Interval => return Err("add it to a timestamp, or count by timestampdiff"),
            other => other.clone(),
        })
    }

    /// Precision and scale of a number that is no float: an integer type is a decimal without a scale.
    pub(super) fn digits(&self) -> Option<(u8, u8)> {
        Some(match self {
            Self::Byte => (3, 0),
            Self::Short => (5, 0),
            Self::Int => (10, 0),
            Self::Long => (20, 0),
            Self::Decimal(precision, scale) => (*precision, *scale),
            _ => return None,
        })
    }

    pub(super) fn is_decimal(&self) -> bool {
        matches!(self, Self::Decimal(..))
    }

    pub(super) fn is_integer(&self) -> bool {
        self.width().is_some()
    }

    /// An integer, a float or a decimal literal.
    pub(super) fn is_number(&self) -> bool {
        self.is_integer() || self.is_float() || self.is_decimal()
    }

    pub(super) fn is_float(&self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    /// Whether values have an order, so that they can be compared and sorted.
    pub(super) fn is_ordered(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Struct(_) | Self::Map(..) | Self::Interval)
    }

    /// The bounds of an integer type.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        let bits = self.width()?;
        Some((i64::MIN >> (64 - bits), i64::MAX >> (64 - bits)))
    }

    fn width(&self) -> Option<u32> {
        match self {
            Self::Byte => Some(8),
            Self::Short => Some(16),
            Self::Int => Some(32),
            Self::Long => Some(64),
            _ => None,
        }
    }

    /// The type in which values of both can be compared or stand in one column; absent where there is none.
    pub(super) fn common(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (same, also) if same == also => same.clone(),
            (Self::Null, other) | (other, Self::Null) => other.clone(),
            (Self::Float | Self::Double, Self::Decimal(..)) | (Self::Decimal(..), Self::Float | Self::Double) => {
                Self::Double
            }
            (Self::Decimal(..), _) | (_, Self::Decimal(..)) => {
                let ((precision, scale), (other, other_scale)) = (self.digits()?, other.digits()?);
                decimal::wider((precision, scale), (other, other_scale))
            }
            (a, b) if a.is_integer() && b.is_integer() => if a.width() > b.width() { a } else { b }.clone(),
            // Spark widens an integer that meets a float to double, for a float cannot hold it.
            (a, b) if a.is_number() && b.is_number() => Self::Double,
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Self::Timestamp,
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.common(b)?)),
            (Self::Map(a, x), Self::Map(b, y)) => Self::Map(Box::new(a.common(b)?), Box::new(x.common(y)?)),
            _ => return None,
        })
    }

    /// The type that a CAST or a typed literal names; absent for types outside of the dialect.
    pub(super) fn written(written: &Written) -> Option<Self> {
        Some(match written {
            Written::Boolean | Written::Bool => Self::Boolean,
            Written::TinyInt(None) => Self::Byte,
            Written::SmallInt(None) => Self::Short,
            Written::Int(None) | Written::Integer(None) => Self::Int,
            Written::BigInt(None) => Self::Long,
            Written::Decimal(size) | Written::Dec(size) | Written::Numeric(size) => Self::decimal(size)?,
            Written::Float(ExactNumberInfo::None) | Written::Real => Self::Float,
            Written::Double(ExactNumberInfo::None) => Self::Double,
            Written::String(None) => Self::Text,
            Written::Date => Self::Date,
            Written::Timestamp(None, TimezoneInfo::None) => Self::Timestamp,
            Written::Array(ArrayElemTypeDef::AngleBracket(element)) => Self::List(Box::new(Self::written(element)?)),
            Written::Custom(name, arguments) if arguments.is_empty() => {
                match name.to_string().to_lowercase().as_str() {
                    "byte" => Self::Byte,
                    "short" => Self::Short,
                    "long" => Self::Long,
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    fn decimal(size: &ExactNumberInfo) -> Option<Self> {
        let (precision, scale) = match size {
            ExactNumberInfo::None => (10, 0),
            ExactNumberInfo::Precision(precision) => (u8::try_from(*precision).ok()?, 0),
            ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                (u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?)
            }
        };
        ((1..=decimal::MOST).contains(&precision) && scale <= precision).then_some(Self::Decimal(precision, scale))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "NULL",
            Self::Boolean => "BOOLEAN",
            Self::Byte => "TINYINT",
            Self::Short => "SMALLINT",
            Self::Int => "INT",
            Self::Long => "BIGINT",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Decimal(precision, scale) => return write!(f, "DECIMAL({precision},{scale})"),
            Self::Text => "STRING",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
            Self::Interval => "INTERVAL",
            Self::List(element) => return write!(f, "ARRAY<{element}>"),
            Self::Struct(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
                return write!(f, "STRUCT<{}>", fields.join(", "));
            }
            Self::Map(key, value) => return write!(f, "MAP<{key}, {value}>"),
        })
    }
}

/// The unit of time of all instants inside a query.
pub(super) const UNIT: TimeUnit = TimeUnit::Microseconds;
