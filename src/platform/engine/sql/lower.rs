//! Typed expressions as Polars expressions.
//!
//! Polars computes all branches of a condition for all rows. Spark does not, and what would fail in a branch that is not
//! taken must not fail here: arguments of what may fail are made null outside of the rows that ask for it (the guard).

use polars::prelude as pl;
use polars::prelude::{Column, Expr, Field, LiteralValue, PolarsResult, Scalar, lit, when};

use super::cast;
use super::functions::{Function, Kind};
use super::node::{Node, Op, Source, name};
use super::types::Type;

/// The expression of a node without aggregates and windows.
pub fn lower(node: &Node) -> Expr {
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
        // The planner has put columns in their place.
        Op::Aggregate { .. } | Op::Window(_) => lit(pl::NULL),
    }
}

/// Whether Polars' own cast is Spark's and cannot fail.
fn widens(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Boolean, to) if to.is_number() => true,
        (from, Type::Double | Type::Float) => from.is_number(),
        (from, to) => from.bounds().zip(to.bounds()).is_some_and(|((low, _), (to_low, _))| low >= to_low),
    }
}

/// A constant of its exact type.
pub fn constant(scalar: Scalar) -> Expr {
    Expr::Literal(LiteralValue::Scalar(scalar))
}

fn call(node: &Node, function: &'static Function, args: Vec<Expr>, guard: Option<&Expr>) -> Expr {
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
    let right = if right.may_fail() {
        let open = left_expr.clone().neq_missing(lit(!and));
        guarded(right, Some(&both(guard, open)))
    } else {
        guarded(right, guard)
    };
    if and { left_expr.and(right) } else { left_expr.or(right) }
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
    for pair in pairs {
        let [condition, value] = pair else { continue };
        let condition = guarded(condition, open.as_ref());
        let holds = both(open.as_ref(), condition.clone().eq_missing(lit(true)));
        branches.push((condition.clone(), guarded(value, if value.may_fail() { Some(&holds) } else { None })));
        if node.may_fail() {
            open = Some(both(open.as_ref(), condition.neq_missing(lit(true))));
        }
    }
    let last = last.map_or(constant(Scalar::null(node.ty.polars())), |last| guarded(last, open.as_ref()));
    branches
        .into_iter()
        .rev()
        .fold(last, |otherwise, (condition, value)| when(condition).then(value).otherwise(otherwise))
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
