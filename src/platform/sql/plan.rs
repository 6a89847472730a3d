//! Queries as lazy frames: tables by name, WITH, SELECT, set operations, order and limit.
//!
//! Inside a plan every column has a number for its name, so that joins and subqueries never mix names up.

use std::collections::BTreeSet;

use polars::prelude as pl;
use polars::prelude::{Expr as Plan, IntoLazy, LazyFrame, SortMultipleOptions, UnionArgs, UniqueKeepStrategy, lit};
use sqlparser::ast::{
    Cte, Expr, LimitClause, OrderByExpr, OrderByKind, Query as Tree, SetExpr, SetOperator, SetQuantifier, Spanned,
    Value,
};

use super::Compute;
use super::functions::Function;
use super::lower::{as_key, lower};
use super::node::{Node, Op, name};
use super::query::Query;
use super::refusal::{Place, Refusal};
use super::types::Type;
use crate::model::suggest;

mod from;
mod group;
mod joins;
mod pairs;
mod pivot;
mod select;

pub(super) use joins::{equal_keys, left_join, matched_once};
pub(super) use select::{conjuncts, is_grouped, no_aggregate};

/// A column that a query can name.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The table's name or alias.
    pub qualifier: Option<String>,
    pub name: String,
    /// Its number in the plan.
    pub id: u32,
    pub ty: Type,
    /// Named only with its table: the other half of a USING.
    pub hidden: bool,
}

/// A frame and what its columns are called.
#[derive(Clone)]
pub(super) struct Relation {
    pub frame: LazyFrame,
    pub columns: Vec<Named>,
}

/// A table that queries can name.
struct Table {
    name: String,
    /// Absent where what is wrong with it is told already.
    relation: Option<Relation>,
    /// How many reads of inputs one read of it stands for.
    reads: usize,
}

/// The column of an input that numbers its rows, where somebody wants to know which of them each row of the output came
/// of. No query can name it: it has no number, and goes along with the rows wherever columns are chosen.
pub(crate) const EVENT: &str = "\u{0}event";

/// The number of the row that each row came of, where rows have one.
pub(crate) fn carried() -> Plan {
    pl::by_name([EVENT], false, false).as_expr()
}

/// WITH queries that stand for more reads than this are computed once if they are named twice: each read of a plan is a
/// part of it, so that a chain of tables that are each read twice would double with each.
const MAX_READS: usize = 4;

pub(super) struct Planner {
    query: Query,
    /// Inputs and WITH queries; later ones hide earlier ones.
    tables: Vec<Table>,
    next: u32,
    /// Reads of inputs in the plan so far.
    reads: usize,
    compute: Compute,
    /// Why a table could not be computed.
    failed: Option<pl::PolarsError>,
    /// What is wrong with the query, as far as it was looked at.
    problems: Vec<Refusal>,
    /// The instant of the run in microseconds.
    pub now: i64,
}

impl Planner {
    /// A planner over the inputs.
    pub(super) fn new(
        inputs: Vec<(&str, LazyFrame)>,
        now: i64,
        query: &Query,
        compute: Compute,
    ) -> pl::PolarsResult<Self> {
        let (query, tables, problems) = (query.clone(), Vec::new(), Vec::new());
        let mut planner = Self { query, tables, next: 0, reads: 0, compute, failed: None, problems, now };
        for (table, mut frame) in inputs {
            let schema = frame.collect_schema()?;
            let mut columns = Vec::new();
            let mut exprs = Vec::new();
            for (column, dtype) in schema.iter() {
                if column == EVENT {
                    exprs.push(pl::col(EVENT));
                    continue;
                }
                let Some(ty) = Type::of(dtype) else { continue };
                let id = planner.id();
                let expr = pl::Expr::Column(column.clone());
                exprs.push(if ty.polars() == *dtype { expr } else { expr.cast(ty.polars()) }.alias(name(id)));
                columns.push(Named { qualifier: None, name: column.to_string(), id, ty, hidden: false });
            }
            let relation = Some(Relation { frame: frame.select(exprs), columns });
            planner.tables.push(Table { name: table.to_owned(), relation, reads: 1 });
        }
        Ok(planner)
    }

    /// How many problems were found so far.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The value; a refusal is kept until all of the query was looked at.
    pub(super) fn noted<T>(&mut self, value: Result<T, Refusal>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(refusal) => {
                if !refusal.is_reported() {
                    self.problems.push(refusal);
                }
                None
            }
        }
    }

    /// A number for a new column.
    pub(super) fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// The whole query: its output columns have their names, and where `as_features` the types in which features hold
    /// them. `failed` is why a table that is read several times could
    /// not be computed.
    pub(super) fn finish(
        mut self,
        failed: &mut Option<pl::PolarsError>,
        as_features: bool,
    ) -> Result<LazyFrame, Refusal> {
        let query = self.query.clone();
        let planned = self.query(query.tree(), &[]);
        let planned = self.noted(planned);
        *failed = self.failed.take();
        let place = Place::of(query.tree().span());
        match (planned, Refusal::of(std::mem::take(&mut self.problems))) {
            (Some(relation), None) => named(relation, &query, place, as_features),
            (_, refusal) => {
                Err(refusal.unwrap_or_else(|| place.refuse("the query", "cannot be planned", "simplify it")))
            }
        }
    }

    /// A query; `outer` are the columns of the query around that its conditions may name.
    pub(super) fn query(&mut self, query: &Tree, outer: &[Named]) -> Result<Relation, Refusal> {
        let known = self.tables.len();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let table = self.with_table(table);
            self.tables.push(table);
        }
        let relation = self.without_tables(query, outer);
        self.tables.truncate(known);
        relation
    }

    /// A query of WITH. One that is named several times and reads much is computed now.
    fn with_table(&mut self, table: &Cte) -> Table {
        let name = table.alias.name.value.clone();
        let before = self.reads;
        let relation = self.query(&table.query, &[]);
        let relation = self.noted(relation).and_then(|mut relation| {
            let renamed = from::rename(&mut relation, &table.alias);
            self.noted(renamed).map(|()| relation)
        });
        let mut reads = self.reads - before;
        let relation = match relation {
            Some(relation) if reads > MAX_READS && self.query.mentions(&name) > 1 => {
                reads = 1;
                let computed = self.computed(relation, Place::of(table.alias.name.span));
                self.noted(computed)
            }
            relation => relation,
        };
        Table { name, relation, reads }
    }

    fn computed(&mut self, relation: Relation, place: Place) -> Result<Relation, Refusal> {
        // Nothing is computed for a query that is refused.
        if !self.problems.is_empty() {
            return Ok(relation);
        }
        let visible: Vec<Plan> =
            relation.columns.iter().map(|column| pl::col(name(column.id))).chain([carried()]).collect();
        match (self.compute)(relation.frame.clone().select(visible)) {
            Ok(frame) => Ok(Relation { frame: frame.lazy(), ..relation }),
            Err(error) => {
                let problem = super::first_line(&error);
                self.failed = Some(error);
                Err(place.refuse("the query", problem, "correct the query"))
            }
        }
    }

    fn without_tables(&mut self, query: &Tree, outer: &[Named]) -> Result<Relation, Refusal> {
        let place = Place::of(query.span());
        let order: Vec<OrderByExpr> = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(order)) => order.clone(),
            Some(OrderByKind::All(_)) => {
                return Err(place.refuse("ORDER BY ALL", "is not in the dialect", "name the columns"));
            }
            None => Vec::new(),
        };
        let limit = limit(query)?;
        let mut relation = self.body(&query.body, &order, outer, place)?;
        if let Some(limit) = limit {
            relation.frame = relation.frame.limit(limit);
        }
        Ok(relation)
    }

    fn body(
        &mut self,
        body: &SetExpr,
        order: &[OrderByExpr],
        outer: &[Named],
        place: Place,
    ) -> Result<Relation, Refusal> {
        match body {
            SetExpr::Select(select) => self.select(select, order, outer),
            SetExpr::Query(query) => {
                let relation = self.query(query, outer)?;
                self.ordered(relation, order)
            }
            SetExpr::SetOperation { op: SetOperator::Union, set_quantifier: SetQuantifier::All, .. } => {
                let mut sides = Vec::new();
                for side in unions(body) {
                    let relation = self.body(side, &[], &[], place);
                    sides.push(self.noted(relation));
                }
                let sides = sides.into_iter().collect::<Option<Vec<_>>>().ok_or_else(Refusal::reported)?;
                let relation = self.united(sides, place)?;
                self.ordered(relation, order)
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let (a, b) = (self.body(left, &[], &[], place), self.body(right, &[], &[], place));
                let (Some(a), Some(b)) = (self.noted(a), self.noted(b)) else { return Err(Refusal::reported()) };
                let relation = self.combined(a, b, *op, *set_quantifier, place)?;
                self.ordered(relation, order)
            }
            _ => Err(place.refuse("the query", "is not a SELECT", super::text::ONE_SELECT)),
        }
    }

    /// The rows in the order of output columns.
    fn ordered(&mut self, mut relation: Relation, order: &[OrderByExpr]) -> Result<Relation, Refusal> {
        let mut keys = Vec::new();
        for item in order {
            let position = position(&item.expr, relation.columns.len());
            let item = match position.and_then(|at| relation.columns.get(at)) {
                Some(column) => {
                    let ident = sqlparser::ast::Ident::new(column.name.clone());
                    OrderByExpr { expr: Expr::Identifier(ident), ..item.clone() }
                }
                None => item.clone(),
            };
            keys.push(self.binder(&mut relation, &[], &[]).order_key(&item)?);
        }
        relation.frame = sorted(relation.frame, &keys);
        Ok(relation)
    }

    /// The rows of all sides.
    fn united(&mut self, sides: Vec<Relation>, place: Place) -> Result<Relation, Refusal> {
        let (frames, columns) = self.aligned(sides, "UNION", place)?;
        let args = UnionArgs { rechunk: false, maintain_order: true, ..UnionArgs::default() };
        let frame = pl::concat(frames, args)
            .map_err(|error| place.refuse("UNION", super::first_line(&error), "cast its columns"))?;
        Ok(Relation { frame, columns })
    }

    /// The sides of a set operation with the same columns, in their common types.
    fn aligned(
        &mut self,
        sides: Vec<Relation>,
        construct: &str,
        place: Place,
    ) -> Result<(Vec<LazyFrame>, Vec<Named>), Refusal> {
        let mut columns: Vec<Named> = Vec::new();
        for side in &sides {
            if columns.is_empty() {
                columns.clone_from(&side.columns);
            }
            if columns.len() != side.columns.len() {
                let problem =
                    format!("has {} columns on one side and {} on the other", columns.len(), side.columns.len());
                return Err(place.refuse(construct, problem, "select the same columns on both sides"));
            }
            for (column, other) in columns.iter_mut().zip(&side.columns) {
                column.ty = column.ty.common(&other.ty).ok_or_else(|| {
                    let problem =
                        format!("has {} as {} on one side and {} on the other", column.name, column.ty, other.ty);
                    place.refuse(construct, problem, "cast one of them")
                })?;
            }
        }
        for column in &mut columns {
            (column.id, column.qualifier) = (self.id(), None);
        }
        let frames = sides.into_iter().map(|side| {
            let exprs = side.columns.iter().zip(&columns).map(|(named, column)| {
                lower(&Node::column(named.id, named.ty.clone()).cast(&column.ty)).alias(name(column.id))
            });
            side.frame.select(exprs.chain([carried()]).collect::<Vec<_>>())
        });
        Ok((frames.collect(), columns))
    }

    fn combined(
        &mut self,
        a: Relation,
        b: Relation,
        op: SetOperator,
        quantifier: SetQuantifier,
        place: Place,
    ) -> Result<Relation, Refusal> {
        let construct = op.to_string();
        if !matches!(quantifier, SetQuantifier::None | SetQuantifier::Distinct) {
            return Err(place.refuse(format!("{construct} ALL"), "is not in the dialect", "leave ALL out"));
        }
        if op == SetOperator::Union {
            let all = self.united(vec![a, b], place)?;
            let visible: Vec<Plan> = all.columns.iter().map(|column| pl::col(name(column.id))).collect();
            return Ok(Relation {
                frame: self.distinct(all.frame, &all.columns).select(visible),
                columns: all.columns,
            });
        }
        let (frames, columns) = self.aligned(vec![a, b], &construct, place)?;
        let mut frames = frames.into_iter();
        let (Some(a), Some(b)) = (frames.next(), frames.next()) else { return Err(Refusal::reported()) };
        let visible: Vec<Plan> = columns.iter().map(|column| pl::col(name(column.id))).collect();
        let (a, left) = self.keys(a, &columns);
        let (b, right) = self.keys(b, &columns);
        let a = a.unique_generic(Some(left.clone()), UniqueKeepStrategy::Any);
        let how = if op == SetOperator::Intersect { pl::JoinType::Semi } else { pl::JoinType::Anti };
        let builder = a.join_builder().with(b).how(how).join_nulls(true);
        Ok(Relation { frame: builder.left_on(left).right_on(right).finish().select(visible), columns })
    }

    /// Each row once, by these columns. The frame may get more columns.
    fn distinct(&mut self, frame: LazyFrame, columns: &[Named]) -> LazyFrame {
        let (frame, keys) = self.keys(frame, columns);
        frame.unique_generic(Some(keys), UniqueKeepStrategy::Any)
    }

    /// These columns as keys: some are columns more.
    fn keys(&mut self, frame: LazyFrame, columns: &[Named]) -> (LazyFrame, Vec<Plan>) {
        let (mut more, mut keys) = (Vec::new(), Vec::new());
        for column in columns {
            let node = Node::column(column.id, column.ty.clone());
            let id = if column.ty.is_decimal() { self.id() } else { column.id };
            if id != column.id {
                more.push(lower(&as_key(&node)).alias(name(id)));
            }
            keys.push(pl::col(name(id)));
        }
        (if more.is_empty() { frame } else { frame.with_columns(more) }, keys)
    }

    /// The table of that name, its columns with new numbers.
    pub(super) fn table(&mut self, table: &str, place: Place) -> Result<Relation, Refusal> {
        let Some(found) = self.tables.iter().rev().find(|known| known.name.eq_ignore_ascii_case(table)) else {
            let known: Vec<&str> = self.tables.iter().map(|known| known.name.as_str()).collect();
            let fix = suggest::fix(table, known.iter().copied());
            return Err(place.refuse(format!("table {table}"), "is not an input of the view", fix));
        };
        let relation = found.relation.clone().ok_or_else(Refusal::reported)?;
        self.reads += found.reads;
        Ok(self.renumbered(relation))
    }

    /// The same rows with new numbers of the columns: a table may come twice.
    pub(super) fn renumbered(&mut self, relation: Relation) -> Relation {
        let mut columns = relation.columns;
        let mut exprs = Vec::with_capacity(columns.len());
        for column in &mut columns {
            let id = self.id();
            exprs.push(pl::col(name(column.id)).alias(name(id)));
            column.id = id;
        }
        exprs.push(carried());
        Relation { frame: relation.frame.select(exprs), columns }
    }

    /// The relation with a column more.
    pub(super) fn with_column(&mut self, relation: &mut Relation, value: Plan) -> u32 {
        let id = self.id();
        relation.frame = relation.frame.clone().with_columns([value.alias(name(id))]);
        id
    }

    /// Only the rows where the condition holds.
    pub(super) fn filter(&mut self, relation: &mut Relation, condition: &Node) {
        if is_range(condition) && !condition.may_fail() {
            // Polars makes a range join of such a condition over pairs, which its streaming engine does not know: it
            // must not see what the condition is.
            relation.frame = relation.frame.clone().filter(lower(condition).eq_missing(lit(true)));
        } else if condition.may_fail() {
            // As a column it stays where it is: Polars moves conditions next to others, and then a row that another
            // one leaves out could fail this one.
            let id = self.with_column(relation, lower(condition));
            relation.frame = relation.frame.clone().filter(pl::col(name(id)));
        } else {
            relation.frame = relation.frame.clone().filter(lower(condition));
        }
    }
}

/// The sides of UNION ALLs in a row, in their order.
fn unions(body: &SetExpr) -> Vec<&SetExpr> {
    let mut sides = Vec::new();
    let mut first = body;
    while let SetExpr::SetOperation { op: SetOperator::Union, set_quantifier: SetQuantifier::All, left, right } = first
    {
        sides.push(&**right);
        first = left;
    }
    sides.push(first);
    sides.reverse();
    sides
}

/// The output with its names.
fn named(relation: Relation, query: &Query, place: Place, as_features: bool) -> Result<LazyFrame, Refusal> {
    let mut exprs: Vec<Plan> = Vec::new();
    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    for (index, column) in relation.columns.iter().enumerate() {
        let text = query.output(&column.name);
        if text.is_empty() {
            problems.push(place.refuse(format!("output {}", index + 1), "has no name", "give it one with AS"));
        } else if !known.insert(text.to_lowercase()) {
            problems.push(place.refuse(format!("output {text}"), "comes twice", "rename one of them with AS"));
        }
        let held = column.ty.of_feature().unwrap_or_else(|fix| {
            let problem = format!("has type {} on Spark, which features cannot have", column.ty);
            problems.push(place.refuse(format!("output {text}"), problem, fix));
            column.ty.clone()
        });
        let value = Node::column(column.id, column.ty.clone());
        let value = if as_features { value.cast(&held) } else { value };
        exprs.push(lower(&value).alias(text));
    }
    exprs.push(carried());
    // All of them have the place of the query.
    let mut problems = problems.into_iter();
    match problems.next() {
        Some(first) => Err(Refusal { more: problems.collect(), ..first }),
        None => Ok(relation.frame.select(exprs)),
    }
}

/// The rows sorted by keys with their direction and the place of nulls. Equal rows keep their order.
pub(super) fn sorted(frame: LazyFrame, keys: &[(Node, bool, bool)]) -> LazyFrame {
    if keys.is_empty() {
        return frame;
    }
    let options = SortMultipleOptions {
        descending: keys.iter().map(|(_, descending, _)| *descending).collect(),
        nulls_last: keys.iter().map(|(_, _, nulls_last)| *nulls_last).collect(),
        maintain_order: true,
        ..SortMultipleOptions::default()
    };
    frame.sort_by_exprs(keys.iter().map(|(key, _, _)| lower(key)).collect::<Vec<_>>(), options)
}

/// The place that a whole number in GROUP BY or ORDER BY means, from 0.
pub(super) fn position(expr: &Expr, count: usize) -> Option<usize> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(digits, _) = &value.value else { return None };
    digits.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < count)
}

/// LIMIT's number. Without ORDER BY it would take any rows.
fn limit(query: &Tree) -> Result<Option<pl::IdxSize>, Refusal> {
    let Some(clause) = &query.limit_clause else { return Ok(None) };
    let place = Place::of(clause.span()).or(Place::of(query.span()));
    if query.order_by.is_none() {
        return Err(place.refuse("LIMIT", "takes any rows without an order", "add ORDER BY, or leave LIMIT out"));
    }
    let LimitClause::LimitOffset { limit: Some(Expr::Value(value)), offset: None, limit_by } = clause else {
        return Err(place.refuse("LIMIT", "is not a plain number", "write LIMIT and a whole number, without OFFSET"));
    };
    let number = match &value.value {
        Value::Number(digits, _) if limit_by.is_empty() => digits.parse().ok(),
        _ => None,
    };
    number.map(Some).ok_or_else(|| place.refuse("LIMIT", "is not a plain number", "write a whole number"))
}

/// Whether the condition holds one side of a range between columns.
fn is_range(condition: &Node) -> bool {
    let unequal = |function: &Function| matches!(function.name, "<" | "<=" | ">" | ">=");
    condition.any(&|node| {
        matches!(&node.op, Op::Call(function) if unequal(function))
            && node.args.iter().all(|arg| !arg.columns().is_empty())
    })
}

pub(super) fn always() -> Plan {
    lit(true)
}
