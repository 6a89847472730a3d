//! How deep a query may be, and the stack that fits its reading and planning.
//!
//! Whatever walks a query calls itself, and so does Polars: a query is measured before anything else walks it. Long
//! chains of AND, OR and `||` become trees of the same value that are not deep; other operators keep their order, for
//! sums of numbers depend on it.

use std::cell::Cell;
use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Query, SetExpr, Spanned, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use super::node::Node;
use super::refusal::{Place, Refusal};

/// Most levels of an expression: brackets, functions and operators in a row count one each.
pub(super) const MAX_DEPTH: usize = 100;
/// Most set operations of one query, and most tables that it names.
const MAX_TABLES: usize = 1_000;
/// Most joins of one FROM.
const MAX_JOINS: usize = 100;
/// Chains up to this long stay as they are written.
const SHORT: usize = 8;
/// Stack for the longest text that is read at all. Memory is used only as far as a query is deep.
const STACK: usize = 256 << 20;

/// Least stack that Polars and the parser leave themselves where they call themselves; with less they take a new one.
/// Their own choice is too little for what they call in between.
const RED_ZONE: usize = 1 << 20;
/// Size of such a new stack.
const SEGMENT: usize = 16 << 20;

thread_local! {
    /// Whether this thread has such a stack.
    static IS_DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Does the work on a stack that fits the longest query. A fault in it is told as a refusal.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, Refusal> + Send) -> Result<T, Refusal> {
    if IS_DEEP.get() {
        return work();
    }
    recursive::set_minimum_stack_size(RED_ZONE);
    recursive::set_stack_allocation_size(SEGMENT);
    let refuse = |problem: String| {
        let start = Place { line: 1, column: 1 };
        Err(start.refuse("the query", problem, "write it in a plainer way, and report it with the log"))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("plan".to_owned()).stack_size(STACK);
        let started = thread.spawn_scoped(scope, || {
            IS_DEEP.set(true);
            work()
        });
        match started.map(|thread| thread.join()) {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => refuse("ends the planner with a fault".to_owned()),
            Err(error) => refuse(format!("cannot be planned: no thread for it: {error}")),
        }
    })
}

/// Makes long chains of AND, OR and `||` trees of the same value that are not deep.
pub(super) fn balance(query: &mut Query) {
    let ControlFlow::Continue(()) = query.visit(&mut Balance);
}

struct Balance;

impl VisitorMut for Balance {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        balance_chain(expr);
        ControlFlow::Continue(())
    }
}

fn balance_chain(expr: &mut Expr) {
    let Expr::BinaryOp { op, .. } = expr else { return };
    if !matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat) {
        return;
    }
    let op = op.clone();
    let mut length = 0;
    let mut at = &*expr;
    while let Expr::BinaryOp { left, op: same, .. } = at
        && *same == op
    {
        (length, at) = (length + 1, left);
    }
    if length <= SHORT {
        return;
    }
    let mut operands = Vec::with_capacity(length + 1);
    let mut rest = std::mem::replace(expr, Expr::value(Value::Null));
    loop {
        match rest {
            Expr::BinaryOp { left, op: same, right } if same == op => {
                operands.push(*right);
                rest = *left;
            }
            first => {
                operands.push(first);
                break;
            }
        }
    }
    operands.reverse();
    *expr = joined(operands, &op);
}

/// The operands in their order, half of them on each side.
fn joined(mut operands: Vec<Expr>, op: &BinaryOperator) -> Expr {
    if operands.len() < 2 {
        return operands.pop().unwrap_or(Expr::value(Value::Null));
    }
    let right = operands.split_off(operands.len() / 2);
    let (left, right) = (Box::new(joined(operands, op)), Box::new(joined(right, op)));
    Expr::BinaryOp { left, op: op.clone(), right }
}

/// Refuses a query that is deeper or larger than can be planned.
pub(super) fn check(query: &Query) -> Result<(), Refusal> {
    match query.visit(&mut Measure::default()) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(()),
    }
}

#[derive(Default)]
struct Measure {
    depth: usize,
    tables: usize,
}

impl Visitor for Measure {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        let place = Place::of(query.span());
        let mut body = &*query.body;
        let mut operations = 0;
        while let SetExpr::SetOperation { left, .. } = body {
            (operations, body) = (operations + 1, left);
        }
        if operations > MAX_TABLES {
            return ControlFlow::Break(too_many(place, "set operations", operations, MAX_TABLES));
        }
        if let SetExpr::Select(select) = body {
            let joins: usize = select.from.iter().map(|table| 1 + table.joins.len()).sum();
            if joins > MAX_JOINS {
                return ControlFlow::Break(too_many(place, "joined tables", joins, MAX_JOINS));
            }
        }
        self.deeper(|| place)
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Refusal> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        self.tables += 1;
        if self.tables <= MAX_TABLES {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(too_many(Place::of(factor.span()), "tables", self.tables, MAX_TABLES))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        self.deeper(|| Place::of(expr.span()))
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Refusal> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

impl Measure {
    fn deeper(&mut self, place: impl Fn() -> Place) -> ControlFlow<Refusal> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(too_deep(place(), "the expression"))
    }
}

/// The refusal of what is too deep.
pub(super) fn too_deep(place: Place, construct: &str) -> Refusal {
    let problem = format!(
        "has more than {MAX_DEPTH} levels (an operator in a row, a bracket and a function count one each; AND, OR and || do not)"
    );
    place.refuse(construct, problem, "name its parts in WITH queries, each of which selects a piece of it")
}

fn too_many(place: Place, what: &str, count: usize, most: usize) -> Refusal {
    let problem = format!("has {count} {what} or more, and at most {most} are planned");
    place.refuse("the query", problem, "split the view, or put the tables together in one source")
}

/// The deepest nesting of these expressions, 0 without any.
pub(super) fn nesting_of(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| 1 + nesting_of(&node.args)).max().unwrap_or(0)
}
