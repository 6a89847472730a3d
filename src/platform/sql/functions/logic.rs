//! Conditions, comparisons and what is done about nulls.

use polars::prelude::*;

use super::Kind::{Native, Rewritten, Rows};
use super::{Function, sure};
use crate::platform::sql::cells::{height, spread};

pub(super) static FUNCTIONS: &[Function] = &[
    sure("=", "same, same -> boolean", "Equal; NaN equals NaN.", "1 = 1", Native(|a| pair(a, Expr::eq))),
    sure("<>", "same, same -> boolean", "Not equal; also `!=`.", "1 <> 2", Native(|a| pair(a, Expr::neq))),
    sure("<", "same, same -> boolean", "Less; NaN is greater than any number.", "1 < 2", Native(|a| pair(a, Expr::lt))),
    sure("<=", "same, same -> boolean", "Less or equal.", "1 <= 1", Native(|a| pair(a, Expr::lt_eq))),
    sure(">", "same, same -> boolean", "Greater.", "2 > 1", Native(|a| pair(a, Expr::gt))),
    sure(">=", "same, same -> boolean", "Greater or equal.", "2 >= 2", Native(|a| pair(a, Expr::gt_eq))),
    sure(
        "<=>",
        "same, same -> boolean",
        "Equal, where a null equals a null.",
        "NULL <=> NULL",
        Native(|a| pair(a, Expr::eq_missing)),
    ),
    sure(
        "and",
        "boolean, boolean -> boolean",
        "Both; the right side is not asked where the left is false.",
        "true AND true",
        Native(|a| pair(a, Expr::and)),
    ),
    sure(
        "or",
        "boolean, boolean -> boolean",
        "One of the two; the right side is not asked where the left is true.",
        "false OR true",
        Native(|a| pair(a, Expr::or)),
    ),
    sure("in list", "same, same+ -> boolean", "", "", Native(in_list)),
    sure("not", "boolean -> boolean", "The opposite.", "NOT false", Native(|a| one(a, Expr::not))),
    sure(
        "isnull",
        "any -> boolean",
        "Whether it is null; also `x IS NULL`.",
        "isnull(NULL)",
        Native(|a| one(a, Expr::is_null)),
    ),
    sure(
        "isnotnull",
        "any -> boolean",
        "Whether it is not null; also `x IS NOT NULL`.",
        "isnotnull(1)",
        Native(|a| one(a, Expr::is_not_null)),
    ),
    sure(
        "isnan",
        "double -> boolean",
        "Whether it is NaN; false for null.",
        "isnan(CAST('NaN' AS DOUBLE))",
        Native(|a| one(a, |x| x.is_nan().fill_null(false))),
    ),
    sure(
        "if",
        "boolean, same, same -> same",
        "The second where the first holds, else the third.",
        "if(1 < 2, 'a', 'b') = 'a'",
        Rewritten,
    ),
    sure("coalesce", "same+ -> same", "The first that is not null.", "coalesce(NULL, 2, 3) = 2", Native(coalesce)),
    sure("nvl", "same, same -> same", "The second where the first is null.", "nvl(NULL, 'x') = 'x'", Native(coalesce)),
    sure(
        "nvl2",
        "any, same, same -> same",
        "The second where the first is not null, else the third.",
        "nvl2(NULL, 1, 2) = 2",
        Rewritten,
    ),
    sure(
        "nullif",
        "same, same -> same",
        "Null where the two are equal, else the first.",
        "nullif(1, 1) IS NULL",
        Rewritten,
    ),
    sure(
        "greatest",
        "same+ -> same",
        "The greatest that is not null; NaN is greater than any number.",
        "greatest(1, NULL, 3) = 3",
        Rows(|a| extreme(a, true)),
    ),
    sure("least", "same+ -> same", "The least that is not null.", "least(2, NULL, 1) = 1", Rows(|a| extreme(a, false))),
];

fn pair(args: &[Expr], make: fn(Expr, Expr) -> Expr) -> Expr {
    match args {
        [a, b] => make(a.clone(), b.clone()),
        _ => lit(NULL),
    }
}

/// Whether the first is one of the others, which are constants; null if it is not, but a null is.
fn in_list(args: &[Expr]) -> Expr {
    let Some((value, items)) = args.split_first() else { return lit(NULL) };
    let scalar = |item: &Expr| match item {
        Expr::Literal(LiteralValue::Scalar(scalar)) => Some(scalar.clone()),
        _ => None,
    };
    let scalars: Vec<Scalar> = items.iter().filter_map(scalar).collect();
    let values: Vec<AnyValue<'_>> =
        scalars.iter().map(|scalar| scalar.value().clone()).filter(|value| !value.is_null()).collect();
    let dtype = scalars.first().map_or(DataType::Null, |scalar| scalar.dtype().clone());
    let Ok(known) = Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &dtype, false) else {
        return items.iter().map(|item| value.clone().eq(item.clone())).reduce(Expr::or).unwrap_or(lit(false));
    };
    let found = value.clone().is_in(lit(known).implode(false), false);
    if values.len() < scalars.len() { found.or(lit(NULL).cast(DataType::Boolean)) } else { found }
}

fn one(args: &[Expr], make: fn(Expr) -> Expr) -> Expr {
    args.first().cloned().map_or(lit(NULL), make)
}

/// The greatest or least of each row, nulls aside.
fn extreme(args: &[Column], greatest: bool) -> PolarsResult<Column> {
    let rows = height(args);
    let mut columns = args.iter().map(|column| spread(column, rows).take_materialized_series());
    let Some(mut best) = columns.next() else { polars_bail!(ComputeError: "no argument") };
    for other in columns {
        let better = if greatest { other.gt(&best)? } else { other.lt(&best)? };
        let better = better.fill_null_with_values(false)? | (best.is_null() & other.is_not_null());
        best = other.zip_with(&better, &best)?;
    }
    Ok(best.into())
}
