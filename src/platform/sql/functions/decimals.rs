//! Decimals: exact arithmetic in Spark's sizes. The binder chooses these where an argument is one.

use polars::prelude::*;

use super::Kind::{Aggregate, Rows};
use super::texts::argument;
use super::{Function, strict};
use crate::platform::sql::cells::{decimals, each_decimal, longs};
use crate::platform::sql::decimal::{self, Size};

/// All are the inside of others: they have no sentence.
pub(super) static FUNCTIONS: &[Function] = &[
    strict("decimal +", "any, any -> any", "", "", Rows(|a| operator(a, "+", false))),
    strict("decimal -", "any, any -> any", "", "", Rows(|a| operator(a, "-", false))),
    strict("decimal *", "any, any -> any", "", "", Rows(|a| operator(a, "*", false))),
    strict("decimal /", "any, any -> any", "", "", Rows(|a| operator(a, "/", false))),
    strict("decimal try_divide", "any, any -> any", "", "", Rows(|a| operator(a, "/", true))),
    strict("decimal %", "any, any -> any", "", "", Rows(|a| operator(a, "%", false))),
    strict("decimal mod", "any, any -> any", "", "", Rows(|a| operator(a, "mod", false))),
    strict("decimal pmod", "any, any -> any", "", "", Rows(|a| operator(a, "pmod", false))),
    strict("decimal round", "any, int? -> any", "", "", Rows(round)),
    strict("decimal floor", "any -> any", "", "", Rows(|a| whole(a, false))),
    strict("decimal ceil", "any -> any", "", "", Rows(|a| whole(a, true))),
    strict("decimal abs", "any -> any", "", "", Rows(|a| change(a, |number| number.abs()))),
    strict("decimal -x", "any -> any", "", "", Rows(|a| change(a, |number| -number))),
    strict("sum decimal", "any -> any", "", "", Aggregate(sum)),
    strict("avg decimal", "any -> any", "", "", Aggregate(average)),
];

fn misfit(size: Size) -> PolarsError {
    polars_err!(ComputeError: "the result does not fit DECIMAL({},{}): cast to DOUBLE before", size.0, size.1)
}

fn operator(args: &[Column], operator: &str, lenient: bool) -> PolarsResult<Column> {
    let ((a, a_size), (b, b_size)) = (decimals(argument(args, 0)?)?, decimals(argument(args, 1)?)?);
    let size = decimal::result(operator, a_size, b_size).unwrap_or(a_size);
    let divides = matches!(operator, "/" | "%" | "mod" | "pmod");
    each_decimal(args, size, |row| match a.get(row).zip(b.get(row)) {
        None => Ok(None),
        Some((_, 0)) if divides && lenient => Ok(None),
        Some((_, 0)) if divides => {
            polars_bail!(ComputeError: "division by zero: use try_divide, or nullif on the divisor")
        }
        Some((a, b)) => match decimal::calculate(operator, (a, a_size.1), (b, b_size.1), size) {
            None if !lenient => Err(misfit(size)),
            made => Ok(made),
        },
    })
}

fn round(args: &[Column]) -> PolarsResult<Column> {
    let (number, from) = decimals(argument(args, 0)?)?;
    let places = args.get(1).map(longs).transpose()?.map_or(Some(0), |places| places.get(0));
    let Some(places) = places else { return each_decimal(args, decimal::rounded(from, 0), |_| Ok(None)) };
    let size = decimal::rounded(from, places);
    each_decimal(args, size, |row| {
        let Some(number) = number.get(row) else { return Ok(None) };
        decimal::round(number, from.1, places, size).map(Some).ok_or_else(|| misfit(size))
    })
}

fn whole(args: &[Column], up: bool) -> PolarsResult<Column> {
    let (number, from) = decimals(argument(args, 0)?)?;
    let size = decimal::whole_size(from);
    each_decimal(args, size, |row| Ok(number.get(row).map(|number| decimal::whole(number, from.1, up))))
}

fn change(args: &[Column], of: fn(i128) -> i128) -> PolarsResult<Column> {
    let (number, size) = decimals(argument(args, 0)?)?;
    each_decimal(args, size, |row| Ok(number.get(row).map(of)))
}

/// The sum in the most digits, and how many there are.
fn parts(args: &[Expr]) -> [Expr; 3] {
    let first = args.first().cloned().unwrap_or(lit(NULL));
    // The argument itself says the size; one value of the group is enough.
    [total(first.clone()), first.clone().count(), first.first()]
}

fn total(of: Expr) -> Expr {
    of.map(
        |column| {
            let (_, (_, scale)) = decimals(&column)?;
            column.cast(&DataType::Decimal(decimal::MOST.into(), scale.into()))
        },
        |_, field| match field.dtype() {
            DataType::Decimal(_, scale) => {
                Ok(Field::new(field.name().clone(), DataType::Decimal(decimal::MOST.into(), *scale)))
            }
            _ => Ok(field.clone()),
        },
    )
    .sum()
}

fn aggregated(args: &[Expr], size: fn(Size) -> Size, of: fn(i128, u8, i64, Size) -> Option<i128>) -> Expr {
    let run = move |columns: &mut [Column]| {
        let [total, count, first] = columns else { polars_bail!(ComputeError: "a sum of nothing") };
        let (name, args) = (total.name().clone(), [total.clone(), count.clone()]);
        let ((sum, (_, scale)), count, (_, size_of)) = (decimals(total)?, longs(count)?, decimals(first)?);
        let size = size(size_of);
        let made = each_decimal(&args, size, |row| {
            let Some((sum, count)) = sum.get(row).zip(count.get(row)).filter(|(_, count)| *count > 0) else {
                return Ok(None);
            };
            of(sum, scale, count, size).map(Some).ok_or_else(|| misfit(size))
        });
        Ok(made?.with_name(name))
    };
    let field = move |_: &Schema, fields: &[Field]| match fields {
        [total, _, first] => {
            let DataType::Decimal(precision, scale) = first.dtype() else { return Ok(first.clone()) };
            let (precision, scale) = size((*precision as u8, *scale as u8));
            Ok(Field::new(total.name().clone(), DataType::Decimal(precision.into(), scale.into())))
        }
        _ => Err(polars_err!(ComputeError: "a sum of nothing")),
    };
    map_multiple(run, parts(args), field)
}

fn sum(args: &[Expr]) -> Expr {
    aggregated(args, decimal::summed, |sum, scale, _, size| decimal::resize(sum, scale, size))
}

fn average(args: &[Expr]) -> Expr {
    aggregated(args, decimal::averaged, decimal::mean)
}
