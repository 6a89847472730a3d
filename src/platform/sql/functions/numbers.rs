//! Arithmetic: whole numbers never wrap, a zero divisor is an error (Spark's ANSI mode).

use polars::prelude::*;

use super::Kind::{Rewritten, Rows};
use super::rounding::round;
use super::{Function, strict, sure};
use crate::platform::sql::cells::{doubles, each, longs};
use crate::platform::sql::types::Type;

pub(super) static FUNCTIONS: &[Function] = &[
    strict(
        "+",
        "number, number -> same",
        "Sum. A whole number that does not fit its type is an error.",
        "1 + 2 = 3",
        Rows(|a| whole(a, i64::checked_add)),
    ),
    strict("-", "number, number -> same", "Difference.", "1 - 2 = -1", Rows(|a| whole(a, i64::checked_sub))),
    strict("*", "number, number -> same", "Product.", "2 * 3 = 6", Rows(|a| whole(a, i64::checked_mul))),
    strict(
        "/",
        "double, double -> double",
        "Quotient, always a double. A zero divisor is an error, also for doubles: use try_divide or nullif.",
        "7 / 2 = 3.5D",
        Rows(|a| divide(a, false)),
    ),
    sure(
        "try_divide",
        "double, double -> double",
        "Quotient; null where the divisor is zero.",
        "try_divide(1, 0) IS NULL",
        Rows(|a| divide(a, true)),
    ),
    sure(
        "try_add",
        "number, number -> same",
        "Sum; null where a whole number does not fit its type.",
        "try_add(9223372036854775807, 1L) IS NULL",
        Rows(|a| whole_or_null(a, i64::checked_add, |a, b| a + b)),
    ),
    sure(
        "try_subtract",
        "number, number -> same",
        "Difference; null where a whole number does not fit its type.",
        "try_subtract(3, 1) = 2",
        Rows(|a| whole_or_null(a, i64::checked_sub, |a, b| a - b)),
    ),
    sure(
        "try_multiply",
        "number, number -> same",
        "Product; null where a whole number does not fit its type.",
        "try_multiply(2147483647, 2) IS NULL",
        Rows(|a| whole_or_null(a, i64::checked_mul, |a, b| a * b)),
    ),
    strict(
        "div",
        "bigint, bigint -> bigint",
        "Whole quotient, cut towards zero.",
        "-7 DIV 2 = -3",
        Rows(|a| nonzero(a, i64::checked_div)),
    ),
    strict(
        "%",
        "number, number -> same",
        "Remainder, with the sign of the dividend; also `mod(a, b)`.",
        "-7 % 3 = -1",
        Rows(remainder),
    ),
    strict(
        "mod",
        "number, number -> same",
        "Remainder, with the sign of the dividend.",
        "mod(7, 3) = 1",
        Rows(remainder),
    ),
    strict(
        "pmod",
        "number, number -> same",
        "Remainder that is not negative for a positive divisor.",
        "pmod(-7, 3) = 2",
        Rows(positive_remainder),
    ),
    strict("-x", "number -> number", "The negative.", "-(1) = -1", Rows(|a| negative(a, false))),
    strict("abs", "number -> number", "Without the sign.", "abs(-2) = 2", Rows(|a| negative(a, true))),
    strict(
        "round",
        "number, int? -> number",
        "To that many decimals (default 0, may be negative), halves away from zero, in the type of the number.",
        "round(2.5D) = 3 AND round(-1.25D, 1) = -1.3D",
        Rows(round),
    ),
    sure(
        "floor",
        "double -> bigint",
        "Greatest whole number not above.",
        "floor(-1.5D) = -2",
        Rows(|a| floats_to_long(a, f64::floor)),
    ),
    sure(
        "ceil",
        "double -> bigint",
        "Least whole number not below.",
        "ceil(1.2D) = 2",
        Rows(|a| floats_to_long(a, f64::ceil)),
    ),
    sure(
        "sqrt",
        "double -> double",
        "Square root; NaN below zero.",
        "sqrt(9) = 3",
        Rows(|a| floats(a, |x| Some(x.sqrt()))),
    ),
    sure("exp", "double -> double", "e to the power.", "exp(0) = 1", Rows(|a| floats(a, |x| Some(x.exp())))),
    sure(
        "ln",
        "double -> double",
        "Natural logarithm; null for zero and below.",
        "ln(1) = 0",
        Rows(|a| floats(a, |x| positive(x, f64::ln))),
    ),
    sure(
        "log",
        "double, double? -> double",
        "Logarithm: of the second to the base of the first, or natural; null for zero and below.",
        "log(2, 8) > 2.9 AND log(1) = 0",
        Rows(log),
    ),
    sure(
        "log10",
        "double -> double",
        "Logarithm to base 10; null for zero and below.",
        "log10(1000) = 3",
        Rows(|a| floats(a, |x| positive(x, f64::log10))),
    ),
    sure(
        "log2",
        "double -> double",
        "Logarithm to base 2; null for zero and below.",
        "log2(8) = 3",
        Rows(|a| floats(a, |x| positive(x, |x| x.ln() / 2_f64.ln()))),
    ),
    sure(
        "log1p",
        "double -> double",
        "ln(1 + x).",
        "log1p(0) = 0",
        Rows(|a| floats(a, |x| if x > -1.0 || x.is_nan() { Some(x.ln_1p()) } else { None })),
    ),
    sure("pow", "double, double -> double", "Power.", "pow(2, 10) = 1024", Rows(|a| floats2(a, f64::powf))),
    sure(
        "sign",
        "double -> double",
        "-1, 0 or 1.",
        "sign(-5) = -1",
        Rows(|a| floats(a, |x| Some(if x == 0.0 || x.is_nan() { x } else { x.signum() }))),
    ),
    sure("cbrt", "double -> double", "Cube root.", "cbrt(27) = 3", Rows(|a| floats(a, |x| Some(x.cbrt())))),
    sure(
        "rint",
        "double -> double",
        "Nearest whole number, halves to the even one.",
        "rint(2.5) = 2",
        Rows(|a| floats(a, |x| Some(x.round_ties_even()))),
    ),
    sure(
        "hypot",
        "double, double -> double",
        "Length of the third side of a right triangle.",
        "hypot(3, 4) = 5",
        Rows(|a| floats2(a, f64::hypot)),
    ),
    sure(
        "nanvl",
        "double, double -> double",
        "The second where the first is NaN.",
        "nanvl(CAST('NaN' AS DOUBLE), 1) = 1",
        Rows(instead_of_nan),
    ),
    sure("sin", "double -> double", "Sine.", "sin(0) = 0", Rows(|a| floats(a, |x| Some(x.sin())))),
    sure("cos", "double -> double", "Cosine.", "cos(0) = 1", Rows(|a| floats(a, |x| Some(x.cos())))),
    sure("tan", "double -> double", "Tangent.", "tan(0) = 0", Rows(|a| floats(a, |x| Some(x.tan())))),
    sure("asin", "double -> double", "Arc sine.", "asin(0) = 0", Rows(|a| floats(a, |x| Some(x.asin())))),
    sure("acos", "double -> double", "Arc cosine.", "acos(1) = 0", Rows(|a| floats(a, |x| Some(x.acos())))),
    sure("atan", "double -> double", "Arc tangent.", "atan(0) = 0", Rows(|a| floats(a, |x| Some(x.atan())))),
    sure(
        "atan2",
        "double, double -> double",
        "Angle of the point (second, first).",
        "atan2(0, 1) = 0",
        Rows(|a| floats2(a, f64::atan2)),
    ),
    sure(
        "radians",
        "double -> double",
        "Degrees as radians.",
        "radians(0) = 0",
        Rows(|a| floats(a, |x| Some(x.to_radians()))),
    ),
    sure(
        "degrees",
        "double -> double",
        "Radians as degrees.",
        "degrees(0) = 0",
        Rows(|a| floats(a, |x| Some(x.to_degrees()))),
    ),
    sure("pi", "-> double", "The number pi.", "pi() > 3.14", Rows(|a| each(a, |_| Ok(Some(std::f64::consts::PI))))),
    strict(
        "int",
        "any -> int",
        "CAST to INT; likewise `tinyint smallint bigint float double string boolean date timestamp`.",
        "int('5') = 5",
        Rewritten,
    ),
];

fn positive(x: f64, of: fn(f64) -> f64) -> Option<f64> {
    if x > 0.0 || x.is_nan() { Some(of(x)) } else { None }
}

/// The argument at a position.
pub(super) fn argument(args: &[Column], index: usize) -> PolarsResult<&Column> {
    args.get(index).ok_or_else(|| polars_err!(ComputeError: "argument {} is missing", index + 1))
}

fn floats(args: &[Column], of: impl Fn(f64) -> Option<f64>) -> PolarsResult<Column> {
    let x = doubles(argument(args, 0)?)?;
    each(args, |row| Ok(x.get(row).and_then(&of)))
}

fn floats2(args: &[Column], of: fn(f64, f64) -> f64) -> PolarsResult<Column> {
    let (x, y) = (doubles(argument(args, 0)?)?, doubles(argument(args, 1)?)?);
    each(args, |row| Ok(x.get(row).zip(y.get(row)).map(|(x, y)| of(x, y))))
}

fn floats_to_long(args: &[Column], of: fn(f64) -> f64) -> PolarsResult<Column> {
    if argument(args, 0)?.dtype().is_integer() {
        return argument(args, 0)?.cast(&DataType::Int64);
    }
    let x = doubles(argument(args, 0)?)?;
    each(args, |row| Ok(x.get(row).map(|x| of(x) as i64)))
}

/// The bounds of a column's integer type; absent for floats.
pub(super) fn bounds(args: &[Column]) -> PolarsResult<Option<(i64, i64)>> {
    Ok(Type::of(argument(args, 0)?.dtype()).and_then(|ty| ty.bounds()))
}

fn overflow() -> PolarsError {
    polars_err!(ComputeError: "the result does not fit the type of the numbers: cast to BIGINT or DOUBLE before")
}

/// The number, if it is inside of the bounds.
pub(super) fn fits(value: Option<i64>, (low, high): (i64, i64)) -> PolarsResult<Option<i64>> {
    value.filter(|value| (low..=high).contains(value)).map(Some).ok_or_else(overflow)
}

/// Whole numbers through a checked operation. (Floats are left to Polars.)
fn whole(args: &[Column], of: fn(i64, i64) -> Option<i64>) -> PolarsResult<Column> {
    let bounds = bounds(args)?.unwrap_or((i64::MIN, i64::MAX));
    let (a, b) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| a.get(row).zip(b.get(row)).map_or(Ok(None), |(a, b)| fits(of(a, b), bounds)))
}

/// The same, null where it does not fit.
fn whole_or_null(
    args: &[Column],
    of: fn(i64, i64) -> Option<i64>,
    of_floats: fn(f64, f64) -> f64,
) -> PolarsResult<Column> {
    let Some((low, high)) = bounds(args)? else { return floats2(args, of_floats) };
    let (a, b) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| {
        let made = a.get(row).zip(b.get(row)).and_then(|(a, b)| of(a, b));
        Ok(made.filter(|made| (low..=high).contains(made)))
    })
}

fn log(args: &[Column]) -> PolarsResult<Column> {
    let (x, y) = (doubles(argument(args, 0)?)?, args.get(1).map(doubles).transpose()?);
    each(args, |row| {
        let Some(x) = x.get(row).and_then(|x| positive(x, f64::ln)) else { return Ok(None) };
        match &y {
            None => Ok(Some(x)),
            Some(y) => Ok(y.get(row).and_then(|y| positive(y, f64::ln)).map(|y| y / x)),
        }
    })
}

fn instead_of_nan(args: &[Column]) -> PolarsResult<Column> {
    let (x, y) = (doubles(argument(args, 0)?)?, doubles(argument(args, 1)?)?);
    each(args, |row| match x.get(row) {
        Some(x) if x.is_nan() => Ok(y.get(row)),
        x => Ok(x),
    })
}

fn by_zero() -> PolarsError {
    polars_err!(ComputeError: "division by zero: use try_divide, or nullif on the divisor")
}

fn divide(args: &[Column], lenient: bool) -> PolarsResult<Column> {
    let (a, b) = (doubles(argument(args, 0)?)?, doubles(argument(args, 1)?)?);
    each(args, |row| match a.get(row).zip(b.get(row)) {
        Some((_, 0.0)) if lenient => Ok(None),
        Some((_, 0.0)) => Err(by_zero()),
        pair => Ok(pair.map(|(a, b)| a / b)),
    })
}

fn nonzero(args: &[Column], of: fn(i64, i64) -> Option<i64>) -> PolarsResult<Column> {
    let (a, b) = (longs(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| match a.get(row).zip(b.get(row)) {
        Some((_, 0)) => Err(by_zero()),
        Some((a, b)) => of(a, b).map(Some).ok_or_else(overflow),
        None => Ok(None),
    })
}

fn remainder(args: &[Column]) -> PolarsResult<Column> {
    if bounds(args)?.is_some() {
        return nonzero(args, |a, b| Some(a.wrapping_rem(b)));
    }
    nonzero_floats(args, |a, b| a % b)
}

fn positive_remainder(args: &[Column]) -> PolarsResult<Column> {
    if bounds(args)?.is_some() {
        let of = |a: i64, b: i64| {
            let rest = a.wrapping_rem(b);
            Some(if rest < 0 { rest.wrapping_add(b).wrapping_rem(b) } else { rest })
        };
        return nonzero(args, of);
    }
    nonzero_floats(args, |a, b| if a % b < 0.0 { (a % b + b) % b } else { a % b })
}

fn nonzero_floats(args: &[Column], of: fn(f64, f64) -> f64) -> PolarsResult<Column> {
    let (a, b) = (doubles(argument(args, 0)?)?, doubles(argument(args, 1)?)?);
    each(args, |row| match a.get(row).zip(b.get(row)) {
        Some((_, 0.0)) => Err(by_zero()),
        pair => Ok(pair.map(|(a, b)| of(a, b))),
    })
}

/// The negative, or only of what is negative.
fn negative(args: &[Column], absolute: bool) -> PolarsResult<Column> {
    let Some(bounds) = bounds(args)? else {
        return floats(args, |x| Some(if absolute { x.abs() } else { -x }));
    };
    let x = longs(argument(args, 0)?)?;
    each(args, |row| match x.get(row) {
        Some(x) if absolute && x >= 0 => Ok(Some(x)),
        Some(x) => fits(x.checked_neg(), bounds),
        None => Ok(None),
    })
}
