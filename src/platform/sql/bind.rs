//! From the syntax tree of an expression to its meaning: names become columns, every value gets its type.
//!
//! What Spark would read differently is refused with its place. Planning tables is `plan`'s.

use std::sync::Arc;

use sqlparser::ast::{Expr, Ident, Spanned, WindowSpec};

use super::node::{Literal, Node, Op, Source};
use super::plan::{Named, Planner, Relation};
use super::refusal::{Place, Refusal, quote};
use super::types::Type;
use super::{depth, lower, signature};
use crate::model::suggest;

mod call;
mod form;
mod lambda;
mod literal;
mod operator;
mod special;
mod subquery;
mod window;

pub(super) use call::{CASTS, arguments};

/// Reads expressions over one relation. Subqueries join what they need to it.
pub(super) struct Binder<'a> {
    /// Gives numbers and plans subqueries.
    pub planner: &'a mut Planner,
    pub relation: &'a mut Relation,
    /// The columns of the query around, which a subquery's conditions may name.
    pub outer: &'a [Named],
    /// Names of the SELECT list, for GROUP BY, HAVING and ORDER BY.
    pub aliases: &'a [(String, Node)],
    /// Whether these hide columns, as in ORDER BY.
    pub aliases_first: bool,
    /// The parameters of the lambda functions around, the innermost last.
    pub variables: Vec<Named>,
    pub windows: &'a [(Ident, WindowSpec)],
    /// Whether subqueries may stand here.
    pub subqueries: bool,
    /// Where we are, for parts whose place is not known.
    pub place: Place,
}

/// Most parts of one expression: some forms stand for others that name an argument twice.
const MAX_NODES: usize = 50_000;
/// Most parts of an expression with all conditions under which what may fail is asked.
const MAX_PARTS: f64 = 100_000.0;

/// Functions that do not care about the order of an array.
const ORDERLESS: [&str; 6] = ["sort_array", "array_sort", "size", "array_contains", "array_max", "array_min"];

impl Binder<'_> {
    /// The meaning of a whole expression.
    pub(super) fn whole(&mut self, expr: &Expr) -> Result<Node, Refusal> {
        let node = self.expr(expr)?;
        check_lists(&node, "")?;
        if lower::size(&node) > MAX_PARTS {
            let problem =
                "has too many conditions of which each may fail on some value, and is asked only after those before it";
            let fix = "compute what may fail in a WITH query before, or use TRY_CAST, try_divide and the like";
            return Err(node.from.place.refuse(&*node.from.text, problem, fix));
        }
        Ok(node)
    }

    /// The meaning of a condition.
    pub(super) fn condition(&mut self, expr: &Expr) -> Result<Node, Refusal> {
        let node = self.whole(expr)?;
        match node.ty {
            Type::Boolean => Ok(node),
            Type::Null => Ok(node.cast(&Type::Boolean)),
            _ => {
                let problem = format!("is {} where a condition stands", node.ty);
                Err(node.from.place.refuse(&*node.from.text, problem, "compare it with something"))
            }
        }
    }

    /// Where an expression stands and what it looks like.
    pub(super) fn source(&self, expr: &Expr) -> Source {
        let place = Place::of(expr.span()).or(self.place);
        Source { place, text: Arc::from(quote(&expr.to_string())) }
    }

    /// A function of these arguments.
    pub(super) fn call(&self, name: &str, args: Vec<Node>, from: &Source) -> Result<Node, Refusal> {
        let Some(function) = super::functions::find(name) else {
            return Err(from.place.refuse(
                format!("function {name}"),
                "is not known",
                "docs/sql.md lists the functions",
            ));
        };
        let whole = Node::literal(Literal::Null, Type::Null).at(from);
        if let Some(problem) = signature::count_problem(function, args.len()) {
            return Err(from.place.refuse(format!("function {}", function.name), problem, signature::form(function)));
        }
        bounded(&args, from)?;
        let args = if signature::is_comparison(function) { operator::comparable(args) } else { args };
        if let Some(node) = self.special(function, &args, from)? {
            return Ok(node);
        }
        let (args, ty) = signature::apply(function, args, &whole)?;
        Ok(Node { op: Op::Call(function), args, ty, from: from.clone() })
    }

    /// A condition and what holds otherwise, all values in their common type.
    pub(super) fn case(&self, args: Vec<Node>, from: &Source) -> Result<Node, Refusal> {
        bounded(&args, from)?;
        let is_value = |index: usize| index % 2 == 1 || (index + 1 == args.len() && args.len() % 2 == 1);
        let whole = Node::literal(Literal::Null, Type::Null).at(from);
        let mut ty = Type::Null;
        for (_, value) in args.iter().enumerate().filter(|(index, _)| is_value(*index)) {
            ty = ty.common(&value.ty).ok_or_else(|| signature::mixed(&whole, &ty, &value.ty))?;
        }
        let args = args.iter().enumerate();
        let args = args.map(|(index, arg)| if is_value(index) { arg.clone().cast(&ty) } else { arg.clone() }).collect();
        Ok(Node { op: Op::Case, args, ty, from: from.clone() })
    }

    /// What a name of the SELECT list stands for.
    fn alias(&self, names: &[&str]) -> Option<Node> {
        let [name] = names else { return None };
        self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map(|(_, node)| node.clone())
    }

    /// The parameter of a lambda function, or a field of it, that a name stands for.
    fn variable(&self, names: &[&str], place: Place) -> Option<Result<Node, Refusal>> {
        let (first, fields) = names.split_first()?;
        let variable = self.variables.iter().rev().find(|variable| variable.name.eq_ignore_ascii_case(first))?;
        let from = Source { place, text: Arc::from(quote(&names.join("."))) };
        let node = Node::column(variable.id, variable.ty.clone()).at(&from);
        Some(fields.iter().try_fold(node, |node, name| field(node, name)))
    }

    /// The column, or field of a column, that a name stands for.
    pub(super) fn resolve(&mut self, names: &[Ident]) -> Result<Node, Refusal> {
        let place = names.first().map_or(self.place, |name| Place::of(name.span)).or(self.place);
        let written: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        let text = written.join(".");
        if let Some(node) = self.variable(&written, place) {
            return node;
        }
        if let Some(node) = self.alias(&written).filter(|_| self.aliases_first) {
            return Ok(node);
        }
        for columns in [self.relation.columns.as_slice(), self.outer] {
            if let Some((column, fields)) = find(columns, &written, place)? {
                let from = Source { place, text: Arc::from(quote(&text)) };
                let node = Node::column(column.id, column.ty.clone()).at(&from);
                return fields.iter().try_fold(node, |node, field| super::bind::field(node, field));
            }
        }
        if let Some(node) = self.alias(&written) {
            return Ok(node);
        }
        let known: Vec<&str> = self.relation.columns.iter().map(|column| column.name.as_str()).collect();
        let last = written.last().copied().unwrap_or_default();
        Err(place.refuse(format!("column {text}"), "is not there", suggest::fix(last, known.iter().copied())))
    }
}

/// Refuses what is too large or too deep when all that it names is written out.
fn bounded(args: &[Node], from: &Source) -> Result<(), Refusal> {
    if args.iter().map(Node::size).sum::<usize>() > MAX_NODES {
        let fix = "name its parts in a WITH query";
        return Err(from.place.refuse(&*from.text, "is too large when it is written out", fix));
    }
    if depth::nesting_of(args) > depth::MAX_DEPTH { Err(depth::too_deep(from.place, &from.text)) } else { Ok(()) }
}

/// A field of a struct.
pub(super) fn field(node: Node, name: &str) -> Result<Node, Refusal> {
    let Type::Struct(fields) = &node.ty else {
        let problem = format!("is {} and has no field {name}", node.ty);
        return Err(node.from.place.refuse(&*node.from.text, problem, "name a column of the input"));
    };
    let Some((name, ty)) = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).cloned() else {
        let fix = suggest::fix(name, fields.iter().map(|(known, _)| known.as_str()));
        return Err(node.from.place.refuse(&*node.from.text, format!("has no field {name}"), fix));
    };
    let from = node.from.clone();
    Ok(Node { op: Op::Field(name), args: vec![node], ty, from })
}

/// The column that a name stands for, and the names of fields that follow it; names do not care about case.
fn find<'c, 'n>(
    columns: &'c [Named],
    names: &'n [&'n str],
    place: Place,
) -> Result<Option<(&'c Named, &'n [&'n str])>, Refusal> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let ambiguous = || {
        let problem = "stands for more than one column";
        place.refuse(format!("column {}", names.join(".")), problem, "write the table's name before it")
    };
    if let [table, column, fields @ ..] = names {
        let of_table = |named: &&Named| named.qualifier.as_deref().is_some_and(|qualifier| same(qualifier, table));
        let mut found = columns.iter().filter(of_table).filter(|named| same(&named.name, column));
        if let Some(named) = found.next() {
            return if found.next().is_some() { Err(ambiguous()) } else { Ok(Some((named, fields))) };
        }
    }
    let Some((column, fields)) = names.split_first() else { return Ok(None) };
    let mut found = columns.iter().filter(|named| !named.hidden && same(&named.name, column));
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(ambiguous()),
        (found, _) => Ok(found.map(|named| (named, fields))),
    }
}

/// Arrays of collected values have no order on Spark: they may only go where it does not matter.
fn check_lists(node: &Node, parent: &str) -> Result<(), Refusal> {
    let name = match &node.op {
        Op::Aggregate { function, .. } => {
            if function.name.starts_with("collect_") && !ORDERLESS.contains(&parent) {
                let problem = "has no settled order on Spark";
                let fix = format!("write sort_array({}(...))", function.name);
                return Err(node.from.place.refuse(function.name, problem, fix));
            }
            function.name
        }
        Op::Call(function) => function.name,
        _ => "",
    };
    node.args.iter().try_for_each(|arg| check_lists(arg, name))
}
