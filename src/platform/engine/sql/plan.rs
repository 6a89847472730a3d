//! Queries as lazy frames: tables by name, WITH, SELECT, set operations, order and limit.
//!
//! Inside a plan every column has a number for its name, so that joins and subqueries never mix names up.

use polars::prelude as pl;
use polars::prelude::{Expr as Plan, LazyFrame, SortMultipleOptions, UnionArgs, UniqueKeepStrategy, lit};
use sqlparser::ast::{
    Expr, LimitClause, OrderByExpr, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, Spanned, Value,
};

use super::functions::Function;
use super::lower::lower;
use super::node::{Node, Op, name};
use super::refusal::{Place, Refusal};
use super::types::Type;
use crate::platform::registry::suggest;

mod from;
mod group;
mod joins;
mod pairs;
mod select;

pub use joins::{equal_keys, left_join, matched_once};
pub use select::{conjuncts, no_aggregate};

/// A column that a query can name.
#[derive(Clone, Debug)]
pub struct Named {
    /// The table's name or alias.
    pub qualifier: Option<String>,
    /// Its name.
    pub name: String,
    /// Its number in the plan.
    pub id: u32,
    /// Its type.
    pub ty: Type,
    /// Named only with its table: the other half of a USING.
    pub hidden: bool,
}

/// A frame and what its columns are called.
#[derive(Clone)]
pub struct Relation {
    /// The rows.
    pub frame: LazyFrame,
    /// The columns, in order.
    pub columns: Vec<Named>,
}

/// Plans one query.
pub struct Planner {
    /// Inputs and WITH queries by name; later ones hide earlier ones.
    tables: Vec<(String, Relation)>,
    next: u32,
    /// The instant of the run in microseconds.
    pub now: i64,
}

impl Planner {
    /// A planner over the inputs.
    pub fn new(inputs: Vec<(&str, LazyFrame)>, now: i64) -> pl::PolarsResult<Self> {
        let mut planner = Self { tables: Vec::new(), next: 0, now };
        for (table, mut frame) in inputs {
            let schema = frame.collect_schema()?;
            let mut columns = Vec::new();
            let mut exprs = Vec::new();
            for (column, dtype) in schema.iter() {
                let Some(ty) = Type::of(dtype) else { continue };
                let id = planner.id();
                let expr = pl::col(column.clone());
                exprs.push(if ty.polars() == *dtype { expr } else { expr.cast(ty.polars()) }.alias(name(id)));
                columns.push(Named { qualifier: None, name: column.to_string(), id, ty, hidden: false });
            }
            planner.tables.push((table.to_owned(), Relation { frame: frame.select(exprs), columns }));
        }
        Ok(planner)
    }

    /// A number for a new column.
    pub fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// The whole query: its output columns have their names.
    pub fn finish(mut self, query: &Query) -> Result<LazyFrame, Refusal> {
        let relation = self.query(query, &[])?;
        let place = Place::of(query.span());
        let mut exprs: Vec<Plan> = Vec::new();
        for (index, column) in relation.columns.iter().enumerate() {
            let text = &column.name;
            if text.is_empty() {
                return Err(place.refuse(format!("output {}", index + 1), "has no name", "give it one with AS"));
            }
            if relation.columns.iter().take(index).any(|other| other.name.eq_ignore_ascii_case(text)) {
                return Err(place.refuse(format!("output {text}"), "comes twice", "rename one of them with AS"));
            }
            if matches!(column.ty, Type::Null | Type::Decimal | Type::Interval) {
                let problem = format!("has type {} on Spark, which features cannot have", column.ty);
                return Err(place.refuse(format!("output {text}"), problem, "cast it, or write a number as `1.5D`"));
            }
            exprs.push(pl::col(name(column.id)).alias(text.as_str()));
        }
        Ok(relation.frame.select(exprs))
    }

    /// A query; `outer` are the columns of the query around that its conditions may name.
    pub fn query(&mut self, query: &Query, outer: &[Named]) -> Result<Relation, Refusal> {
        let known = self.tables.len();
        if let Some(with) = &query.with {
            for table in &with.cte_tables {
                let mut relation = self.query(&table.query, &[])?;
                from::rename(&mut relation, &table.alias)?;
                self.tables.push((table.alias.name.value.clone(), relation));
            }
        }
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
        self.tables.truncate(known);
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
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let (a, b) = (self.body(left, &[], &[], place)?, self.body(right, &[], &[], place)?);
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

    fn combined(
        &mut self,
        a: Relation,
        b: Relation,
        op: SetOperator,
        quantifier: SetQuantifier,
        place: Place,
    ) -> Result<Relation, Refusal> {
        let construct = op.to_string();
        if a.columns.len() != b.columns.len() {
            let problem = format!("has {} columns on one side and {} on the other", a.columns.len(), b.columns.len());
            return Err(place.refuse(construct, problem, "select the same columns on both sides"));
        }
        let (mut left, mut right, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for (x, y) in a.columns.iter().zip(&b.columns) {
            let Some(ty) = x.ty.common(&y.ty) else {
                let problem = format!("has {} as {} on one side and {} on the other", x.name, x.ty, y.ty);
                return Err(place.refuse(construct, problem, "cast one of them"));
            };
            let id = self.id();
            let side = |named: &Named| lower(&Node::column(named.id, named.ty.clone()).cast(&ty)).alias(name(id));
            left.push(side(x));
            right.push(side(y));
            columns.push(Named { qualifier: None, id, ty, ..x.clone() });
        }
        let (a, b) = (a.frame.select(left), b.frame.select(right));
        let distinct = matches!(quantifier, SetQuantifier::None | SetQuantifier::Distinct);
        let unique = |frame: LazyFrame| frame.unique(None, UniqueKeepStrategy::Any);
        let frame = match op {
            SetOperator::Union => {
                let args = UnionArgs { rechunk: false, maintain_order: true, ..UnionArgs::default() };
                let all = pl::concat([a, b], args)
                    .map_err(|error| place.refuse(&*construct, error.to_string(), "cast its columns"))?;
                if distinct { unique(all) } else { all }
            }
            SetOperator::Intersect | SetOperator::Except | SetOperator::Minus if distinct => {
                let keys: Vec<Plan> = columns.iter().map(|column| pl::col(name(column.id))).collect();
                let how = if op == SetOperator::Intersect { pl::JoinType::Semi } else { pl::JoinType::Anti };
                let builder = unique(a).join_builder().with(b).how(how).join_nulls(true);
                builder.left_on(keys.clone()).right_on(keys).finish()
            }
            _ => return Err(place.refuse(format!("{construct} ALL"), "is not in the dialect", "leave ALL out")),
        };
        Ok(Relation { frame, columns })
    }

    /// The table of that name, its columns with new numbers.
    pub fn table(&mut self, table: &str, place: Place) -> Result<Relation, Refusal> {
        let same = |(known, _): &&(String, Relation)| known.eq_ignore_ascii_case(table);
        let Some((_, relation)) = self.tables.iter().rev().find(same) else {
            let known: Vec<&str> = self.tables.iter().map(|(known, _)| known.as_str()).collect();
            let fix = suggest::fix(table, known.iter().copied());
            return Err(place.refuse(format!("table {table}"), "is not an input of the view", fix));
        };
        let relation = relation.clone();
        Ok(self.renumbered(relation))
    }

    /// The same rows with new numbers of the columns: a table may come twice.
    pub fn renumbered(&mut self, relation: Relation) -> Relation {
        let mut columns = relation.columns;
        let mut exprs = Vec::with_capacity(columns.len());
        for column in &mut columns {
            let id = self.id();
            exprs.push(pl::col(name(column.id)).alias(name(id)));
            column.id = id;
        }
        Relation { frame: relation.frame.select(exprs), columns }
    }

    /// The relation with a column more.
    pub fn with_column(&mut self, relation: &mut Relation, value: Plan) -> u32 {
        let id = self.id();
        relation.frame = relation.frame.clone().with_columns([value.alias(name(id))]);
        id
    }

    /// Only the rows where the condition holds.
    pub fn filter(&mut self, relation: &mut Relation, condition: &Node) {
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

/// The rows sorted by keys with their direction and the place of nulls. Equal rows keep their order.
pub fn sorted(frame: LazyFrame, keys: &[(Node, bool, bool)]) -> LazyFrame {
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
pub fn position(expr: &Expr, count: usize) -> Option<usize> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(digits, _) = &value.value else { return None };
    digits.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < count)
}

/// LIMIT's number. Without ORDER BY it would take any rows.
fn limit(query: &Query) -> Result<Option<pl::IdxSize>, Refusal> {
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

/// TRUE in every row.
pub fn always() -> Plan {
    lit(true)
}
