//! Aggregates: one value of the rows of a group, nulls skipped. The arguments are columns.

use polars::prelude::*;

use super::Kind::Aggregate;
use super::{Function, strict, sure};
use crate::platform::sql::cells::{each, longs};

pub(super) static FUNCTIONS: &[Function] = &[
    sure(
        "count",
        "any* -> bigint",
        "Rows where all arguments are not null; `count(*)` counts all rows, `count(DISTINCT x)` each value once.",
        "count(x)",
        Aggregate(|a| first(a).count().cast(DataType::Int64)),
    ),
    sure(
        "count_if",
        "boolean -> bigint",
        "Rows where it is true.",
        "count_if(x > 1)",
        Aggregate(|a| first(a).fill_null(lit(false)).cast(DataType::Int64).sum()),
    ),
    strict(
        "sum",
        "addend -> arg",
        "Sum: a bigint of whole numbers (one that does not fit is an error), else a double; null without rows.",
        "sum(x)",
        Aggregate(sum),
    ),
    sure("sum float", "double -> double", "", "", Aggregate(float_sum)),
    sure("avg", "double -> double", "Mean.", "avg(x)", Aggregate(|a| first(a).mean())),
    sure("min", "ordered -> arg", "Least; NaN only if there is nothing else.", "min(x)", Aggregate(|a| first(a).min())),
    sure("max", "ordered -> arg", "Greatest; NaN is greater than any number.", "max(x)", Aggregate(|a| first(a).max())),
    sure(
        "max nan",
        "double -> arg",
        "",
        "",
        Aggregate(|a| when(first(a).is_nan().any(true)).then(lit(f64::NAN)).otherwise(first(a).max())),
    ),
    sure(
        "stddev_samp",
        "double -> double",
        "Standard deviation of a sample; null for less than two values; also `stddev`.",
        "stddev(x)",
        Aggregate(|a| first(a).std(1)),
    ),
    sure(
        "stddev_pop",
        "double -> double",
        "Standard deviation of all.",
        "stddev_pop(x)",
        Aggregate(|a| first(a).std(0)),
    ),
    sure(
        "var_samp",
        "double -> double",
        "Variance of a sample; null for less than two values; also `variance`.",
        "variance(x)",
        Aggregate(|a| first(a).var(1)),
    ),
    sure("var_pop", "double -> double", "Variance of all.", "var_pop(x)", Aggregate(|a| first(a).var(0))),
    sure(
        "bool_and",
        "boolean -> boolean",
        "Whether all are true; also `every`.",
        "bool_and(x > 1)",
        Aggregate(|a| first(a).cast(DataType::Int8).min().cast(DataType::Boolean)),
    ),
    sure(
        "bool_or",
        "boolean -> boolean",
        "Whether one is true; also `any`, `some`.",
        "bool_or(x > 1)",
        Aggregate(|a| first(a).cast(DataType::Int8).max().cast(DataType::Boolean)),
    ),
    sure(
        "max_by",
        "any, ordered -> arg",
        "The first where the second is greatest. Let no two rows share the greatest: Spark may take any of them.",
        "max_by(x, ts)",
        Aggregate(|a| by(a, true)),
    ),
    sure(
        "min_by",
        "any, ordered -> arg",
        "The first where the second is least.",
        "min_by(x, ts)",
        Aggregate(|a| by(a, false)),
    ),
    sure(
        "collect_list",
        "any -> array<arg>",
        "All values. Their order is not settled on Spark, so only inside `sort_array array_sort size array_contains array_max array_min`.",
        "sort_array(collect_list(x))",
        Aggregate(|a| first(a).drop_nulls().implode(false)),
    ),
    sure(
        "collect_set",
        "any -> array<arg>",
        "Each value once; like collect_list.",
        "sort_array(collect_set(x))",
        Aggregate(|a| first(a).drop_nulls().unique().implode(false)),
    ),
    sure(
        "approx_count_distinct",
        "any -> bigint",
        "How many different values: exact here, within 5 % on Spark.",
        "approx_count_distinct(x)",
        Aggregate(distinct),
    ),
    sure(
        "percentile",
        "double, fraction -> double",
        "The value below which that fraction lies, between two values if need be.",
        "percentile(x, 0.9)",
        Aggregate(percentile),
    ),
    sure(
        "percentile_approx",
        "number, fraction, int? -> arg",
        "The least value such that at least that fraction of the values is not above it: exact here, near it on Spark for more than 10,000 values. The accuracy (third) may be left out.",
        "percentile_approx(x, 0.5)",
        Aggregate(|a| quantile(a, QuantileMethod::Equiprobable)),
    ),
    sure(
        "first",
        "any, boolean? -> arg",
        "The value of the first row of the group, in the order of the first input's event times (rows of one time as its files have them), which joins on their left side keep. Nulls are left out with `first(x, true)` or IGNORE NULLS. Spark takes the row that it meets first: write `min_by(x, ts)` where both must agree.",
        "first(x)",
        Aggregate(|a| first(a).first()),
    ),
    sure(
        "last",
        "any, boolean? -> arg",
        "The value of the last row of the group, like first.",
        "last(x, true)",
        Aggregate(|a| first(a).last()),
    ),
    sure("first of rows", "any -> arg", "", "", Aggregate(|a| first(a).first())),
    sure("first of rows that is there", "any -> arg", "", "", Aggregate(|a| first(a).drop_nulls().first())),
    sure("last of rows", "any -> arg", "", "", Aggregate(|a| first(a).last())),
    sure("last of rows that is there", "any -> arg", "", "", Aggregate(|a| first(a).drop_nulls().last())),
    sure(
        "median",
        "double -> double",
        "percentile(x, 0.5).",
        "median(x)",
        Aggregate(|a| first(a).drop_nulls().quantile(lit(0.5), QuantileMethod::Linear)),
    ),
];

fn first(args: &[Expr]) -> Expr {
    args.first().cloned().unwrap_or(lit(NULL))
}

/// How many different values there are: of several columns, only rows without a null count.
pub(crate) fn distinct(args: &[Expr]) -> Expr {
    let count = if args.len() > 1 {
        let whole = args.iter().map(|arg| arg.clone().is_not_null()).reduce(Expr::and).unwrap_or(lit(true));
        as_struct(args.to_vec()).filter(whole).n_unique()
    } else {
        first(args).drop_nulls().n_unique()
    };
    count.cast(DataType::Int64)
}

/// Numbers are added in halves, which cannot overflow before there are 2^31 rows.
const HALF: i64 = 1 << 32;

fn sum(args: &[Expr]) -> Expr {
    let x = || first(args).cast(DataType::Int64);
    let parts = [x().floor_div(lit(HALF)).sum(), x().and(lit(HALF - 1)).sum(), first(args).count()];
    map_multiple(checked_sum, parts, |_, fields| {
        fields.first().cloned().ok_or_else(|| polars_err!(ComputeError: "sum of nothing"))
    })
}

fn float_sum(args: &[Expr]) -> Expr {
    when(first(args).count().gt(lit(0))).then(first(args).sum()).otherwise(lit(NULL))
}

/// The sum from its halves, or null without values.
fn checked_sum(columns: &mut [Column]) -> PolarsResult<Column> {
    let [high, low, count] = columns else { polars_bail!(ComputeError: "sum of nothing") };
    let name = high.name().clone();
    let args = [high.clone(), low.clone(), count.clone()];
    let (high, low, count) = (longs(high)?, longs(low)?, longs(count)?);
    let made = each(&args, |row| {
        let some = count.get(row).is_some_and(|count| count > 0);
        let Some((high, low)) = high.get(row).zip(low.get(row)).filter(|_| some) else { return Ok(None) };
        let sum = i128::from(high) * i128::from(HALF) + i128::from(low);
        match i64::try_from(sum) {
            Ok(sum) => Ok(Some(sum)),
            Err(_) => polars_bail!(ComputeError: "the sum {} does not fit BIGINT: cast to DOUBLE before", sum),
        }
    });
    Ok(made?.with_name(name))
}

fn by(args: &[Expr], greatest: bool) -> Expr {
    let [value, key] = args else { return lit(NULL) };
    let best = if greatest { key.clone().max() } else { key.clone().min() };
    value.clone().filter(key.clone().eq(best)).first()
}

fn percentile(args: &[Expr]) -> Expr {
    quantile(args, QuantileMethod::Linear)
}

fn quantile(args: &[Expr], method: QuantileMethod) -> Expr {
    let [value, fraction] = args else { return lit(NULL) };
    value.clone().drop_nulls().quantile(fraction.clone().first(), method)
}
