//! Expressions after names and types are settled: what is computed, from which columns, of which type.
//!
//! Plain data. Columns have numbers, not names, so that two tables with one name for a column cannot be mixed up.

use std::sync::Arc;

use polars::prelude as pl;
use polars::prelude::{AnyValue, Scalar, TimeZone};

use super::functions::Function;
use super::refusal::Place;
use super::types::{Type, UNIT};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// What it does with its arguments.
    pub op: Op,
    pub args: Vec<Node>,
    /// The type of its value.
    pub ty: Type,
    /// Where it stands and what it looks like, for messages.
    pub from: Source,
}

/// Where an expression comes from. All are equal, for equality is about the value.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// Its place in the query.
    pub place: Place,
    pub text: Arc<str>,
}

impl PartialEq for Source {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Op {
    /// A column by its number.
    Column(u32),
    Literal(Literal),
    /// A function of the arguments, row by row.
    Call(&'static Function),
    /// The argument in the node's type; null instead of an error where `lenient`.
    Cast {
        lenient: bool,
    },
    /// Condition, value, condition, value, ... and a last value for none of them.
    Case,
    /// A field of a struct.
    Field(String),
    /// An aggregate; with `filter` the last argument says which rows count.
    Aggregate {
        function: &'static Function,
        distinct: bool,
        filter: bool,
    },
    /// A function of an array, and of the expression that is asked of each of its elements.
    Lambda(Lambda),
    /// A window function; the arguments are followed by the partition's and the order's expressions.
    Window(Box<Window>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lambda {
    /// What becomes of the elements.
    pub walk: Walk,
    /// The numbers of its parameters as columns: the element, and its position from 0 where that is named.
    pub parameters: Vec<u32>,
}

/// What a lambda function does with the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// Keeps those where it is true.
    Filter,
    Transform,
    /// Whether it is true for all.
    All,
    /// Whether it is true for one.
    Any,
}

/// A constant. Integers hold for all integer types.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Int(i64),
    Double(f64),
    /// A decimal, in units of its type's last digit.
    Decimal(i128),
    Text(String),
    Date(i32),
    Timestamp(i64),
    Interval {
        months: i32,
        /// Whole days: always 24 hours, for all is UTC.
        days: i32,
        micros: i64,
    },
}

/// The window of a window function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Window {
    pub function: &'static Function,
    /// How many of the arguments are the function's own.
    pub own: usize,
    /// How many follow as PARTITION BY.
    pub partition: usize,
    /// For each ORDER BY expression: descending, nulls last.
    pub order: Vec<(bool, bool)>,
    pub frame: Frame,
    pub ignore_nulls: bool,
}

/// The frame of a window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    /// ROWS, counting rows; else RANGE, by the value of the order.
    pub rows: bool,
    pub start: Bound,
    pub end: Bound,
}

/// An end of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    Unbounded,
    /// CURRENT ROW is 0; PRECEDING is negative. Rows, or the order's own unit: microseconds for instants.
    Offset(f64),
    /// The same, exact, for rows, integers, dates (days) and instants (microseconds).
    Exact(i64),
}

impl Literal {
    /// The same constant in a type that holds it exactly, or as Spark's cast makes it; absent where a cast must.
    fn within(&self, from: &Type, to: &Type) -> Option<Self> {
        match (self, from, to) {
            (Self::Null, ..) => Some(Self::Null),
            (Self::Int(number), _, Type::Decimal(precision, scale)) => {
                super::decimal::resize((*number).into(), 0, (*precision, *scale)).map(Self::Decimal)
            }
            (Self::Int(number), ..) if to.is_number() => Some(Self::Int(*number)),
            (Self::Double(number), ..) if to.is_float() => Some(Self::Double(*number)),
            (Self::Decimal(number), Type::Decimal(_, scale), Type::Decimal(precision, to)) => {
                super::decimal::resize(*number, *scale, (*precision, *to)).map(Self::Decimal)
            }
            (Self::Decimal(number), Type::Decimal(_, scale), Type::Double) => {
                Some(Self::Double(super::decimal::to_double(*number, *scale)))
            }
            _ => None,
        }
    }

    /// The constant as a value of the type.
    pub(super) fn scalar(&self, ty: &Type) -> Scalar {
        let value = match (self, ty) {
            (Self::Boolean(flag), _) => AnyValue::Boolean(*flag),
            (Self::Int(number), Type::Double) => AnyValue::Float64(*number as f64),
            (Self::Int(number), Type::Float) => AnyValue::Float32(*number as f32),
            (Self::Int(number), Type::Byte) => AnyValue::Int8(*number as i8),
            (Self::Int(number), Type::Short) => AnyValue::Int16(*number as i16),
            (Self::Int(number), Type::Int) => AnyValue::Int32(*number as i32),
            (Self::Int(number), _) => AnyValue::Int64(*number),
            (Self::Double(number), Type::Float) => AnyValue::Float32(*number as f32),
            (Self::Double(number), _) => AnyValue::Float64(*number),
            (Self::Decimal(number), Type::Decimal(precision, scale)) => {
                AnyValue::Decimal(*number, (*precision).into(), (*scale).into())
            }
            (Self::Decimal(_), _) => AnyValue::Null,
            (Self::Text(text), _) => AnyValue::StringOwned(text.as_str().into()),
            (Self::Date(day), _) => AnyValue::Date(*day),
            (Self::Timestamp(at), _) => AnyValue::DatetimeOwned(*at, UNIT, Some(Arc::new(TimeZone::UTC))),
            (Self::Null | Self::Interval { .. }, _) => AnyValue::Null,
        };
        Scalar::new(ty.polars(), value)
    }
}

impl Node {
    pub(super) fn column(id: u32, ty: Type) -> Self {
        Self { op: Op::Column(id), args: Vec::new(), ty, from: Source::default() }
    }

    pub(super) fn literal(literal: Literal, ty: Type) -> Self {
        Self { op: Op::Literal(literal), args: Vec::new(), ty, from: Source::default() }
    }

    /// The constant that it is, if it is one.
    pub(super) fn constant(&self) -> Option<&Literal> {
        if let Op::Literal(literal) = &self.op { Some(literal) } else { None }
    }

    /// The same from another place.
    pub(super) fn at(mut self, from: &Source) -> Self {
        self.from = from.clone();
        self
    }

    /// This value in that type; itself where it has it already.
    pub(super) fn cast(self, ty: &Type) -> Self {
        if self.ty == *ty {
            return self;
        }
        if let Some(literal) = self.constant().and_then(|literal| literal.within(&self.ty, ty)) {
            return Self { op: Op::Literal(literal), ty: ty.clone(), ..self };
        }
        if self.is_empty_literal()
            && matches!((&self.ty, ty), (Type::List(_), Type::List(_)) | (Type::Map(..), Type::Map(..)))
        {
            return Self { ty: ty.clone(), ..self };
        }
        let from = self.from.clone();
        Self { op: Op::Cast { lenient: false }, args: vec![self], ty: ty.clone(), from }
    }

    /// Whether it is `array()` or `map()`, whose elements can be of any type.
    pub(super) fn is_empty_literal(&self) -> bool {
        matches!(&self.op, Op::Call(function) if matches!(function.name, "array" | "map")) && self.args.is_empty()
    }

    /// How many parts it has.
    pub(super) fn size(&self) -> usize {
        1 + self.args.iter().map(Self::size).sum::<usize>()
    }

    /// Whether any part of it is such.
    pub(super) fn any(&self, test: &dyn Fn(&Node) -> bool) -> bool {
        test(self) || self.args.iter().any(|node| node.any(test))
    }

    /// Whether it, or a part of it, may end in an error on some data.
    pub(super) fn may_fail(&self) -> bool {
        self.any(&Self::fails)
    }

    /// Whether it may by itself.
    pub(super) fn fails(&self) -> bool {
        match &self.op {
            Op::Call(function) => function.fails,
            // A clock time without a day fails a TRY_CAST too.
            Op::Cast { lenient } => {
                (!lenient || self.ty == Type::Timestamp) && super::cast::may_fail(&self.args, &self.ty)
            }
            _ => false,
        }
    }

    /// Whether it holds an aggregate.
    pub(super) fn aggregates(&self) -> bool {
        self.any(&|node| matches!(node.op, Op::Aggregate { .. }))
    }

    /// Whether it holds a window function.
    pub(super) fn has_window(&self) -> bool {
        self.any(&|node| matches!(node.op, Op::Window(_)))
    }

    /// The numbers of the columns that it reads: parameters of its own lambda functions are none.
    pub(super) fn columns(&self) -> Vec<u32> {
        let mut found = match self.op {
            Op::Column(id) => vec![id],
            _ => self.args.iter().flat_map(Self::columns).collect(),
        };
        if let Op::Lambda(lambda) = &self.op {
            found.retain(|id| !lambda.parameters.contains(id));
        }
        found
    }

    /// The expression with parts replaced: where `change` gives a node that one stands, and is not looked into.
    pub(super) fn replace(&self, change: &mut dyn FnMut(&Node) -> Option<Node>) -> Node {
        if let Some(node) = change(self) {
            return node;
        }
        Self { args: self.args.iter().map(|node| node.replace(change)).collect(), ..self.clone() }
    }
}

/// The name of a column inside a plan.
pub(super) fn name(id: u32) -> pl::PlSmallStr {
    format!("c{id}").into()
}
