//! Calls of functions: those the table computes, those that are other expressions in disguise, and aggregates.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments, NullTreatment,
};

use super::Binder;
use crate::model::suggest;
use crate::platform::sql::calendar::{DAY, Unit};
use crate::platform::sql::functions::{self, Function, Kind};
use crate::platform::sql::node::{Literal, Node, Op, Source};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::types::Type;
use crate::platform::sql::{decimal, signature};

/// Types whose name is a function that casts.
pub(crate) const CASTS: [(&str, Type); 11] = [
    ("boolean", Type::Boolean),
    ("tinyint", Type::Byte),
    ("smallint", Type::Short),
    ("int", Type::Int),
    ("bigint", Type::Long),
    ("float", Type::Float),
    ("double", Type::Double),
    ("string", Type::Text),
    ("date", Type::Date),
    ("timestamp", Type::Timestamp),
    ("bool", Type::Boolean),
];

/// The arguments of a call; `None` in place of `*`.
pub(crate) fn arguments(call: &Call) -> Option<Vec<Option<&Expr>>> {
    let list = match &call.args {
        FunctionArguments::None => return Some(Vec::new()),
        FunctionArguments::Subquery(_) => return None,
        FunctionArguments::List(list) => list,
    };
    let argument = |arg| match arg {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(Some(expr)),
        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => Some(None),
        _ => None,
    };
    if list.clauses.is_empty() || ignores_nulls(call).is_some() {
        list.args.iter().map(argument).collect()
    } else {
        None
    }
}

/// IGNORE NULLS or RESPECT NULLS, inside or behind the brackets.
pub(super) fn ignores_nulls(call: &Call) -> Option<bool> {
    use sqlparser::ast::FunctionArgumentClause::IgnoreOrRespectNulls;
    let inside = match &call.args {
        FunctionArguments::List(list) => match list.clauses.as_slice() {
            [IgnoreOrRespectNulls(treatment)] => Some(treatment),
            _ => None,
        },
        _ => None,
    };
    call.null_treatment.as_ref().or(inside).map(|treatment| matches!(treatment, NullTreatment::IgnoreNulls))
}

/// Whether the arguments are DISTINCT.
pub(super) fn distinct(call: &Call) -> bool {
    matches!(&call.args, FunctionArguments::List(list) if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

impl Binder<'_> {
    /// The meaning of a call.
    pub(crate) fn function(&mut self, call: &Call, from: &Source) -> Result<Node, Refusal> {
        let name = call.name.to_string().to_lowercase();
        let Some(written) = arguments(call) else {
            return Err(from.place.refuse(
                format!("function {name}"),
                "has arguments of another dialect",
                "name plain values",
            ));
        };
        if let Some((_, ty)) = CASTS.iter().find(|(cast, _)| *cast == name) {
            return self.cast_call(&written, ty, from);
        }
        let Some(function) = functions::find(&name).filter(|_| name.starts_with(|c: char| c.is_ascii_lowercase()))
        else {
            let fix = suggest::fix(&name, functions::names());
            return Err(from.place.refuse(format!("function {name}"), "is not in the dialect", fix));
        };
        let (edge, function) = (functions::edge(function), functions::over(function, call.over.is_some()));
        if call.over.is_some() || (matches!(function.kind, Kind::Window(_)) && edge.is_none()) {
            return self.over(call, function, &written, from);
        }
        if let Some(last) = edge {
            return self.edge(last, call, function, &written, from);
        }
        if let Some(walk) = super::lambda::walk(function) {
            return self.lambda(walk, function, &written, from);
        }
        if function.is_aggregate() {
            return self.aggregate(call, function, &written, from);
        }
        let function = functions::of_units(function, written.len());
        let mut args = Vec::with_capacity(written.len());
        for arg in &written {
            let Some(arg) = arg else { return Err(star(from)) };
            args.push(match arg {
                Expr::Identifier(unit) if args.is_empty() && functions::takes_unit(function) => {
                    self.unit(function, &unit.value, from)?
                }
                arg => self.expr(arg)?,
            });
        }
        self.rewritten(function, args, from)
    }

    /// The unit of time that is the first argument, as a text.
    fn unit(&self, function: &Function, unit: &str, from: &Source) -> Result<Node, Refusal> {
        if Unit::named(unit).is_some() {
            return Ok(Node::literal(Literal::Text(unit.to_lowercase()), Type::Text).at(from));
        }
        let fix = "use YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND MILLISECOND or MICROSECOND";
        Err(from.place.refuse(function.name, format!("`{unit}` is no unit of time"), fix))
    }

    fn cast_call(&mut self, written: &[Option<&Expr>], ty: &Type, from: &Source) -> Result<Node, Refusal> {
        let [Some(arg)] = written else {
            return Err(from.place.refuse(&*from.text, "takes one argument", "write CAST(x AS type)"));
        };
        let node = self.expr(arg)?;
        if node.ty == *ty {
            return Ok(node);
        }
        if !super::super::cast::possible(&node.ty, ty) {
            let problem = format!("Spark does not cast {} to {ty}, or not in the same way", node.ty);
            return Err(from.place.refuse(&*from.text, problem, "cast to another type first"));
        }
        Ok(Node { op: Op::Cast { lenient: false }, args: vec![node], ty: ty.clone(), from: from.clone() })
    }

    /// Functions that are other expressions; the others as they are.
    fn rewritten(&self, function: &'static Function, args: Vec<Node>, from: &Source) -> Result<Node, Refusal> {
        let cast = |arg: &Node, ty: Type, lenient: bool| {
            if arg.ty == ty {
                return arg.clone();
            }
            Node { op: Op::Cast { lenient }, args: vec![arg.clone()], ty, from: from.clone() }
        };
        let is_null = |arg: &Node| self.call("isnull", vec![arg.clone()], from);
        let now = self.planner.now;
        let instant = Node::literal(Literal::Timestamp(now), Type::Timestamp).at(from);
        match (function.name, args.as_slice()) {
            ("now", []) => Ok(instant),
            ("current_date", []) => Ok(Node::literal(Literal::Date(now.div_euclid(DAY) as i32), Type::Date).at(from)),
            ("unix_timestamp", []) => Ok(Node::literal(Literal::Int(now.div_euclid(1_000_000)), Type::Long)),
            ("unix_timestamp", [at, ..]) if matches!(at.ty, Type::Date | Type::Timestamp) => {
                self.call("unix instant", vec![at.clone()], from)
            }
            ("to_timestamp" | "try_to_timestamp", [at]) | ("to_timestamp", [at, _])
                if at.ty != Type::Text || args.len() == 1 =>
            {
                self.time(function, at, Type::Timestamp)?;
                Ok(cast(at, Type::Timestamp, function.name == "try_to_timestamp"))
            }
            ("to_date", [at]) | ("to_date", [at, _]) if at.ty != Type::Text || args.len() == 1 => {
                self.time(function, at, Type::Date)?;
                Ok(cast(at, Type::Date, false))
            }
            ("if", [condition, _, _]) if condition.ty == Type::Null => {
                Err(condition.from.place.refuse("if", "has NULL as its condition", "leave it out"))
            }
            ("if", [condition, yes, no]) => {
                let condition = self.call("not", vec![condition.clone()], from)?.args.into_iter().next();
                self.case(condition.into_iter().chain([yes.clone(), no.clone()]).collect(), from)
            }
            ("nvl2", [test, yes, no]) => self.case(vec![is_null(test)?, no.clone(), yes.clone()], from),
            ("nullif", [value, other]) => {
                let same = self.call("=", vec![value.clone(), other.clone()], from)?;
                self.case(vec![same, Node::literal(Literal::Null, value.ty.clone()), value.clone()], from)
            }
            ("coalesce" | "nvl", [first, rest @ ..]) if rest.iter().any(Node::may_fail) => {
                let mut branches = Vec::new();
                let mut last = first.clone();
                for next in rest {
                    let there = self.call("isnotnull", vec![last.clone()], from)?;
                    branches.extend([there, std::mem::replace(&mut last, next.clone())]);
                }
                branches.push(last);
                self.case(branches, from)
            }
            ("timestamp_seconds", [seconds]) if seconds.ty.is_float() || seconds.ty.is_decimal() => {
                Ok(cast(seconds, Type::Timestamp, false))
            }
            ("date_part", [part, at]) => match part.constant() {
                Some(Literal::Text(part)) => self.part_of(part, at.clone(), from),
                _ => Err(from.place.refuse("date_part", "takes a constant text", "write date_part('hour', ts)")),
            },
            ("from_json", [text, schema]) => self.read_json(function, text, schema, from),
            ("floor" | "ceil", [number]) if number.ty.is_integer() => Ok(number.clone().cast(&Type::Long)),
            ("max_by" | "min_by", _) | (_, _) => {
                let name = function.name;
                self.call(name, args, from)
            }
        }
    }

    fn time(&self, function: &Function, at: &Node, ty: Type) -> Result<(), Refusal> {
        if matches!(at.ty, Type::Text | Type::Date | Type::Timestamp | Type::Null) {
            return Ok(());
        }
        let problem = format!("takes a text, and `{}` is {}", at.from.text, at.ty);
        Err(at.from.place.refuse(function.name, problem, format!("use timestamp_seconds, or CAST(... AS {ty})")))
    }

    fn aggregate(
        &mut self,
        call: &Call,
        function: &'static Function,
        written: &[Option<&Expr>],
        from: &Source,
    ) -> Result<Node, Refusal> {
        let mut node = self.aggregate_of(call, function, written, from)?;
        if let Some(filter) = &call.filter {
            let filter = self.condition(filter)?;
            node.args.push(filter);
            if let Op::Aggregate { filter, .. } = &mut node.op {
                *filter = true;
            }
        }
        flat(node, from)
    }

    /// The first or last value of a group's rows, in the order in which FROM gives them.
    fn edge(
        &mut self,
        last: bool,
        call: &Call,
        function: &'static Function,
        written: &[Option<&Expr>],
        from: &Source,
    ) -> Result<Node, Refusal> {
        let refuse =
            |problem: &str, fix: &str| Err(from.place.refuse(format!("function {}", function.name), problem, fix));
        let mut args = written.iter().flatten().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
        let flag = if args.len() == 2 { args.pop() } else { None };
        let [value] = args.as_slice() else {
            return refuse("takes one value, and whether nulls are left out", "write first(x) or first(x, true)");
        };
        let flag = match flag.as_ref().map(Node::constant) {
            None => ignores_nulls(call).unwrap_or(false),
            Some(Some(Literal::Boolean(flag))) => *flag,
            Some(_) => return refuse("has a second value that is no constant", "write first(x, true) or first(x)"),
        };
        if distinct(call) || (call.filter.is_some() && !flag) {
            let fix = "leave nulls out: first(CASE WHEN condition THEN x END, true)";
            return refuse("has DISTINCT, or FILTER without leaving nulls out", fix);
        }
        let name = match (last, flag) {
            (false, false) => "first of rows",
            (false, true) => "first of rows that is there",
            (true, false) => "last of rows",
            (true, true) => "last of rows that is there",
        };
        let node = self.call(name, vec![value.clone()], from)?;
        let Op::Call(function) = node.op else { return Ok(node) };
        let mut node = Node { op: Op::Aggregate { function, distinct: false, filter: false }, ..node };
        if let Some(filter) = &call.filter {
            node.args.push(self.condition(filter)?);
            node.op = Op::Aggregate { function, distinct: false, filter: true };
        }
        flat(node, from)
    }

    /// The aggregate's arguments and type.
    pub(crate) fn aggregate_of(
        &mut self,
        call: &Call,
        function: &'static Function,
        written: &[Option<&Expr>],
        from: &Source,
    ) -> Result<Node, Refusal> {
        let distinct = distinct(call);
        let mut args = Vec::new();
        for arg in written {
            args.push(match arg {
                Some(arg) => self.expr(arg)?,
                None if function.name == "count" && written.len() == 1 && !distinct => {
                    Node::literal(Literal::Int(1), Type::Int)
                }
                None => return Err(star(from)),
            });
        }
        if function.name == "count" && args.is_empty() {
            return Err(from.place.refuse("count()", "counts nothing", "write count(*)"));
        }
        if distinct && !matches!(function.name, "count" | "sum" | "avg" | "min" | "max" | "collect_set") {
            let problem = "takes no DISTINCT here";
            return Err(from.place.refuse(
                format!("{}(DISTINCT)", function.name),
                problem,
                "select DISTINCT rows before",
            ));
        }
        if args.len() == 3 && function.name == "percentile_approx" {
            // The accuracy: the value is exact here.
            args.pop();
        }
        if let Some(fraction) = args.get(1).filter(|_| function.name.starts_with("percentile")) {
            let inside = |literal: &Literal| match literal {
                Literal::Double(number) => (0.0..=1.0).contains(number),
                Literal::Int(number) => (0..=1).contains(number),
                Literal::Decimal(_) => {
                    let double = fraction.clone().cast(&Type::Double);
                    matches!(double.constant(), Some(Literal::Double(number)) if (0.0..=1.0).contains(number))
                }
                _ => false,
            };
            if !fraction.constant().is_some_and(inside) {
                let problem = "takes a constant from 0 to 1 as its fraction";
                return Err(from.place.refuse(function.name, problem, format!("write {}(x, 0.9)", function.name)));
            }
        }
        let decimal = args.first().is_some_and(|arg| arg.ty.is_decimal());
        if decimal && ((distinct && matches!(function.name, "sum" | "avg")) || function.name == "collect_set") {
            let fix = "cast to DOUBLE, or select DISTINCT rows before";
            return Err(from.place.refuse(&*from.text, "takes each DECIMAL once, which this engine does not", fix));
        }
        if let ("sum" | "avg", [Node { ty: Type::Decimal(precision, scale), .. }]) = (function.name, args.as_slice()) {
            let size = (*precision, *scale);
            let (precision, scale) =
                if function.name == "sum" { decimal::summed(size) } else { decimal::averaged(size) };
            let function = functions::find(&format!("{} decimal", function.name)).unwrap_or(function);
            let op = Op::Aggregate { function, distinct, filter: false };
            return Ok(Node { op, args, ty: Type::Decimal(precision, scale), from: from.clone() });
        }
        let node = self.call(function.name, args, from)?;
        let name = match function.name {
            "max" if node.ty.is_float() => "max nan",
            "sum" if node.ty.is_float() => "sum float",
            name => name,
        };
        let function = functions::find(name).unwrap_or(function);
        let (args, ty) = signature::apply(function, node.args, &Node::literal(Literal::Null, Type::Null).at(from))?;
        Ok(Node { op: Op::Aggregate { function, distinct, filter: false }, args, ty, from: from.clone() })
    }
}

/// The aggregate, unless it has another one inside.
fn flat(node: Node, from: &Source) -> Result<Node, Refusal> {
    match node.args.iter().find(|arg| arg.aggregates() || arg.has_window()) {
        None => Ok(node),
        Some(inner) => {
            let problem = "is an aggregate or window function inside of an aggregate";
            Err(from.place.refuse(&*inner.from.text, problem, "compute it in a WITH query before"))
        }
    }
}

fn star(from: &Source) -> Refusal {
    from.place.refuse("*", "stands only in count(*)", "name the columns")
}
