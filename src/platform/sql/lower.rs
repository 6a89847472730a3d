//! Typed expressions as Polars expressions.
//!
//! Polars computes all branches of a condition for all rows. Spark does not, and what would fail in a branch that is
//! not taken must not fail here: arguments of what may fail are made null outside of the rows that ask for it (the
//! guard).

use polars::prelude as pl;
use polars::prelude::{ChunkFillNullValue, Column, Expr, Field, LiteralValue, PolarsResult, Scalar, lit, when};

use super::cells::{height, spread};
use super::functions::{Function, Kind};
use super::node::{Node, Op, Source, name};
use super::types::Type;
use super::{cast, lambda};

/// The expression of a node without aggregates and windows.
pub(super) fn lower(node: &Node) -> Expr {
    guarded(node, None)
}

fn guarded(node: &Node, guard: Option<&Expr>) -> Expr {
    let args = || node.args.iter().map(|arg| guarded(arg, guard)).collect::<Vec<_>>();
    match &node.op {
        Op::Column(id) => pl::col(name(*id)),
        Op::Literal(literal) => constant(literal.scalar(&node.ty)),
        Op::Case => case(node, guard),
        Op::Field(field) => match args().into_iter().next() {
            Some(of) => of.struct_().field_by_name(field),
            None => lit(pl::NULL),
        },
        Op::Cast { lenient } => {
            let (lenient, from) = (*lenient, node.args.first().map_or(Type::Null, |arg| arg.ty.clone()));
            let to = node.ty.clone();
            if widens(&from, &to) {
                return args().into_iter().next().unwrap_or(lit(pl::NULL)).cast(to.polars());
            }
            let fails = node.may_fail();
            let run = move |columns: &[Column]| match columns.first() {
                Some(column) => cast::column(column, &from, &to, lenient),
                None => Err(pl::polars_err!(ComputeError: "a cast of nothing")),
            };
            by_rows(node, args(), if fails { guard } else { None }, run)
        }
        Op::Call(function) if function.name == "and" => connective(node, guard, true),
        Op::Call(function) if function.name == "or" => connective(node, guard, false),
        Op::Call(function) => call(node, function, args(), guard),
        Op::Lambda(walked) => {
            let [list, body] = node.args.as_slice() else { return lit(pl::NULL) };
            let captured: Vec<u32> = body.columns().into_iter().filter(|id| !walked.parameters.contains(id)).collect();
            let columns = captured.iter().map(|id| pl::col(name(*id)));
            let args = std::iter::once(guarded(list, guard)).chain(columns).collect();
            let (walked, asked, ty) = (walked.clone(), lower(body), body.ty.clone());
            let run = move |columns: &[Column]| lambda::elements(&walked, &captured, &asked, &ty, columns);
            by_rows(node, args, if node.may_fail() { guard } else { None }, run)
        }
        // The planner has put columns in their place.
        Op::Aggregate { .. } | Op::Window(_) => lit(pl::NULL),
    }
}

/// Whether Polars' own cast is Spark's and cannot fail.
fn widens(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Boolean, to) => to.is_integer() || to.is_float(),
        (from, Type::Double | Type::Float) => from.is_integer() || from.is_float(),
        (from, to) => from.bounds().zip(to.bounds()).is_some_and(|((low, _), (to_low, _))| low >= to_low),
    }
}

/// A value in the type in which it can be a key of a group, a join or DISTINCT: Polars knows no decimals there, their
/// digits stand for them.
pub(super) fn as_key(node: &Node) -> Node {
    if node.ty.is_decimal() { node.clone().cast(&Type::Text) } else { node.clone() }
}

/// A constant of its exact type.
pub(super) fn constant(scalar: Scalar) -> Expr {
    Expr::Literal(LiteralValue::Scalar(scalar))
}

fn call(node: &Node, function: &'static Function, args: Vec<Expr>, guard: Option<&Expr>) -> Expr {
    if node.is_empty_literal() {
        let empty =
            pl::Series::new_empty(pl::PlSmallStr::EMPTY, node.ty.polars().inner_dtype().unwrap_or(&pl::DataType::Null));
        return constant(Scalar::new(node.ty.polars(), pl::AnyValue::List(empty)));
    }
    if let ("named_struct", Type::Struct(fields)) = (function.name, &node.ty) {
        let named = args.into_iter().zip(fields).map(|(arg, (name, _))| arg.alias(name.as_str()));
        return pl::as_struct(named.collect());
    }
    if node.ty.is_float() && args.len() == 2 {
        let mut args = args.iter().cloned();
        if let (Some(a), Some(b)) = (args.next(), args.next()) {
            match function.name {
                "+" => return a + b,
                "-" => return a - b,
                "*" => return a * b,
                _ => {}
            }
        }
    }
    match function.kind {
        Kind::Native(make) => make(&args),
        Kind::Rows(run) => by_rows(node, args, if function.fails { guard } else { None }, run),
        Kind::Rewritten | Kind::Aggregate(_) | Kind::Window(_) => lit(pl::NULL),
    }
}

/// AND and OR: the right side is asked only where the left one leaves it open.
fn connective(node: &Node, guard: Option<&Expr>, and: bool) -> Expr {
    let [left, right] = node.args.as_slice() else { return lit(pl::NULL) };
    let left_expr = guarded(left, guard);
    let right = if right.may_fail() && !is_asked_before(right, left) {
        let open = left_expr.clone().neq_missing(lit(!and));
        guarded(right, Some(&both(guard, open)))
    } else {
        guarded(right, guard)
    };
    if and { left_expr.and(right) } else { left_expr.or(right) }
}

/// Whether all that may fail in a node is part of one that is asked of every row before it: then it needs no guard of
/// its own. Each guard holds all conditions before it, and would double the plan with each condition that has one.
fn is_asked_before(node: &Node, before: &Node) -> bool {
    fn always<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
        if node.fails() {
            found.push(node);
        }
        let asked = match &node.op {
            Op::Case | Op::Lambda(_) => 1,
            Op::Call(function) if matches!(function.name, "and" | "or") => 1,
            _ => node.args.len(),
        };
        node.args.iter().take(asked).for_each(|arg| always(arg, found));
    }
    fn all(node: &Node, known: &[&Node]) -> bool {
        !node.may_fail() || known.contains(&node) || (!node.fails() && node.args.iter().all(|arg| all(arg, known)))
    }
    let mut known = Vec::new();
    always(before, &mut known);
    !known.is_empty() && all(node, &known)
}

/// How many parts Polars' plan of an expression has, with all guards written out.
pub(super) fn size(node: &Node) -> f64 {
    guarded_size(node, 0.0)
}

fn guarded_size(node: &Node, guard: f64) -> f64 {
    let own = if node.fails() { 1.0 + guard } else { 1.0 };
    match (&node.op, node.args.as_slice()) {
        (Op::Call(function), [left, right]) if matches!(function.name, "and" | "or") => {
            let before = guarded_size(left, guard);
            let open = if right.may_fail() && !is_asked_before(right, left) { guard + before } else { guard };
            own + before + guarded_size(right, open)
        }
        (Op::Case, args) => {
            let asked = |node: &Node| args.first().is_some_and(|first| is_asked_before(node, first));
            let (mut open, mut all) = (guard, own);
            for pair in args.chunks(2) {
                for (index, part) in pair.iter().enumerate() {
                    let size = guarded_size(part, if asked(part) { guard } else { open });
                    all += size;
                    // What follows a condition is asked only where it holds, or does not.
                    open += if index == 0 { size } else { 0.0 };
                }
            }
            all
        }
        (_, args) => own + args.iter().map(|arg| guarded_size(arg, guard)).sum::<f64>(),
    }
}

fn both(guard: Option<&Expr>, more: Expr) -> Expr {
    match guard {
        Some(guard) => guard.clone().and(more),
        None => more,
    }
}

fn case(node: &Node, guard: Option<&Expr>) -> Expr {
    let pairs = node.args.chunks_exact(2);
    let last = pairs.remainder().first();
    let mut open = guard.cloned();
    let mut branches = Vec::new();
    let first = node.args.first();
    let asked = |node: &Node| first.is_some_and(|first| is_asked_before(node, first));
    for pair in pairs {
        let [condition, value] = pair else { continue };
        let condition = guarded(condition, if asked(condition) { guard } else { open.as_ref() });
        let holds = both(open.as_ref(), condition.clone().eq_missing(lit(true)));
        let value_guard = if asked(value) { guard } else { Some(&holds) };
        branches.push((condition.clone(), guarded(value, if value.may_fail() { value_guard } else { None })));
        if node.may_fail() {
            open = Some(both(open.as_ref(), condition.neq_missing(lit(true))));
        }
    }
    let last = last.map_or(constant(Scalar::null(node.ty.polars())), |last| guarded(last, open.as_ref()));
    if branches.len() > NESTED {
        return choice(branches, last, node.ty.polars());
    }
    branches
        .into_iter()
        .rev()
        .fold(last, |otherwise, (condition, value)| when(condition).then(value).otherwise(otherwise))
}

/// Most branches of a CASE that are conditions inside of each other.
const NESTED: usize = 16;

/// A CASE of many branches as one function of them all, which is not deep.
fn choice(branches: Vec<(Expr, Expr)>, last: Expr, dtype: pl::DataType) -> Expr {
    let args = branches.into_iter().flat_map(|(condition, value)| [condition, value]).chain([last]);
    let wanted = dtype.clone();
    let run = move |columns: &mut [Column]| {
        let rows = height(columns);
        let Some((last, pairs)) = columns.split_last() else { pl::polars_bail!(ComputeError: "a CASE of nothing") };
        let whole = |column: &Column| -> PolarsResult<pl::Series> {
            spread(column, rows).take_materialized_series().cast(&wanted)
        };
        let mut chosen = whole(last)?;
        for pair in pairs.chunks_exact(2).rev() {
            let [condition, value] = pair else { continue };
            let condition = spread(condition, rows).cast(&pl::DataType::Boolean)?;
            let holds = condition.bool()?.fill_null_with_values(false)?;
            chosen = whole(value)?.zip_with(&holds, &chosen)?;
        }
        Ok(chosen.with_name(columns.first().map_or(pl::PlSmallStr::EMPTY, |column| column.name().clone())).into())
    };
    let field = move |_: &pl::Schema, fields: &[Field]| {
        let name = fields.first().map_or(pl::PlSmallStr::EMPTY, |field| field.name().clone());
        Ok(Field::new(name, dtype.clone()))
    };
    pl::map_multiple(run, args.collect::<Vec<_>>(), field)
}

/// A function of columns; its errors say where in the query it stands. Constants are computed at once.
fn by_rows(
    node: &Node,
    mut args: Vec<Expr>,
    guard: Option<&Expr>,
    run: impl Fn(&[Column]) -> PolarsResult<Column> + Send + Sync + Clone + 'static,
) -> Expr {
    let wanted = node.ty.polars();
    let source = node.from.clone();
    let run = move |columns: &[Column]| {
        let made = run(columns).map_err(|error| located(&source, &error))?;
        let made = if made.dtype() == &wanted { made } else { made.cast(&wanted)? };
        Ok(made.with_name(columns.first().map_or(pl::PlSmallStr::EMPTY, |column| column.name().clone())))
    };
    if let Some(value) = folded(&args, &run) {
        return value;
    }
    if args.is_empty() {
        args.push(lit(true));
    }
    if let (Some(guard), Some(first), Some(node)) = (guard, args.first_mut(), node.args.first()) {
        let null = constant(Scalar::null(node.ty.polars()));
        *first = when(guard.clone()).then(first.clone()).otherwise(null);
    }
    let dtype = node.ty.polars();
    let field = move |_: &pl::Schema, fields: &[Field]| {
        let name = fields.first().map_or(pl::PlSmallStr::EMPTY, |field| field.name().clone());
        Ok(Field::new(name, dtype.clone()))
    };
    pl::map_multiple(move |columns: &mut [Column]| run(columns), args, field)
}

/// The value of a function of constants; absent where it is none, or fails: then it fails on the rows that ask for it.
fn folded(args: &[Expr], run: &impl Fn(&[Column]) -> PolarsResult<Column>) -> Option<Expr> {
    let column = |arg: &Expr| match arg {
        Expr::Literal(LiteralValue::Scalar(scalar)) => {
            Some(Column::new_scalar(pl::PlSmallStr::EMPTY, scalar.clone(), 1))
        }
        _ => None,
    };
    let columns = args.iter().map(column).collect::<Option<Vec<_>>>()?;
    let columns = if columns.is_empty() {
        vec![Column::new_scalar(pl::PlSmallStr::EMPTY, Scalar::from(true), 1)]
    } else {
        columns
    };
    let made = run(&columns).ok()?;
    let value = made.get(0).ok()?.into_static();
    Some(constant(Scalar::new(made.dtype().clone(), value)))
}

/// An error with the piece of the query in front. Polars' own kind of error is kept.
fn located(source: &Source, error: &pl::PolarsError) -> pl::PolarsError {
    let (line, column) = (source.place.line.max(1), source.place.column.max(1));
    let problem = super::first_line(error);
    pl::polars_err!(ComputeError: "line {}, column {}: {}: {}", line, column, source.text, problem)
}
