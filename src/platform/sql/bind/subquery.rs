//! Subqueries in expressions: each joins a column to the rows of the query around, and stands for it.
//!
//! Only joins that are exact for any data; the others are refused.

use polars::prelude as pl;
use polars::prelude::{Expr as Plan, UniqueKeepStrategy, lit};
use sqlparser::ast::{Expr, Query, Select, SetExpr, Spanned};

use super::Binder;
use crate::platform::sql::lower::{as_key, lower};
use crate::platform::sql::node::{Literal, Node, Op, Source, name};
use crate::platform::sql::plan::{Named, Relation, always, conjuncts, equal_keys, is_grouped, left_join, matched_once};
use crate::platform::sql::refusal::{Place, Refusal};
use crate::platform::sql::types::Type;

/// The rows of a subquery, and what ties them to the query around.
struct Inner {
    relation: Relation,
    pairs: Vec<(Node, Node)>,
    rest: Vec<Node>,
}

impl Binder<'_> {
    fn allowed(&self, from: &Source) -> Result<(), Refusal> {
        if self.subqueries {
            return Ok(());
        }
        Err(from.place.refuse("a subquery", "stands in a join's condition", "join it, or move it to WHERE"))
    }

    /// The SELECT of a subquery without set operation, order and limit; absent otherwise.
    fn plain_select(query: &Query) -> Option<&Select> {
        match &*query.body {
            SetExpr::Select(select) if query.with.is_none() && query.limit_clause.is_none() => Some(select),
            _ => None,
        }
    }

    /// FROM and WHERE of a subquery, its conditions on the query around set apart.
    fn inner(&mut self, select: &Select) -> Result<Inner, Refusal> {
        let outer: Vec<Named> = self.relation.columns.clone();
        let mut relation = self.planner.from(select)?;
        let (mut pairs, mut rest) = (Vec::new(), Vec::new());
        let inner_columns = relation.columns.clone();
        for part in select.selection.iter().flat_map(conjuncts) {
            let mut binder = self.planner.binder(&mut relation, &outer, &[]);
            let node = binder.condition(part)?;
            crate::platform::sql::plan::no_aggregate(&node, "WHERE", "use a WITH query")?;
            let correlated = node.columns().iter().any(|id| outer.iter().any(|column| column.id == *id));
            if !correlated {
                self.planner.filter(&mut relation, &node);
            } else if let Some(pair) = equal_keys(&node, &outer, &inner_columns) {
                pairs.push(pair);
            } else {
                rest.push(node);
            }
        }
        Ok(Inner { relation, pairs, rest })
    }

    /// EXISTS (SELECT ... WHERE inner.key = outer.key AND ...).
    pub(crate) fn exists(&mut self, query: &Query, negated: bool, from: &Source) -> Result<Node, Refusal> {
        self.allowed(from)?;
        let inner = match Self::plain_select(query).filter(|select| is_plain(select)) {
            Some(select) => {
                let mut inner = self.inner(select)?;
                let columns = inner.relation.columns.clone();
                let items = self.planner.items(select, &mut inner.relation, &[])?;
                inner.relation.columns = columns;
                if items.iter().any(|(_, node)| node.aggregates()) {
                    let problem = "has an aggregate without GROUP BY, which always makes a row";
                    return Err(from.place.refuse("EXISTS", problem, "select 1, and put the condition into WHERE"));
                }
                inner
            }
            None => Inner { relation: self.planner.query(query, &[])?, pairs: Vec::new(), rest: Vec::new() },
        };
        let (frame, there) = self.marked(inner);
        self.relation.frame = frame;
        let id = self.planner.with_column(self.relation, there);
        let node = Node::column(id, Type::Boolean).at(from);
        if negated { self.call("not", vec![node], from) } else { Ok(node) }
    }

    /// The rows around, and whether each has a row in the subquery.
    fn marked(&mut self, inner: Inner) -> (pl::LazyFrame, Plan) {
        let left = self.relation.frame.clone();
        if !inner.rest.is_empty() {
            return matched_once(self.planner, left, inner.relation.frame, &inner.pairs, &inner.rest);
        }
        let mut keys = Vec::new();
        let mut pairs = Vec::new();
        for (outer, key) in &inner.pairs {
            let id = self.planner.id();
            keys.push(lower(key).alias(name(id)));
            pairs.push((outer.clone(), Node::column(id, key.ty.clone())));
        }
        let there = self.planner.id();
        let right = if keys.is_empty() {
            inner.relation.frame.limit(1)
        } else {
            inner.relation.frame.select(keys).unique(None, UniqueKeepStrategy::Any)
        };
        // A constant that is selected alone would be a row where there is none.
        let mut kept: Vec<Plan> = pairs.iter().flat_map(|(_, key)| key.columns()).map(|id| pl::col(name(id))).collect();
        kept.push(pl::col(name(there)));
        let right = right.with_columns([always().alias(name(there))]).select(kept);
        (left_join(self.planner, left, right, &pairs), pl::col(name(there)).is_not_null())
    }

    /// `x IN (SELECT ...)`, which Spark makes false, not null, where a null hides the answer; so is NOT IN.
    pub(crate) fn in_query(
        &mut self,
        expr: &Expr,
        query: &Query,
        negated: bool,
        from: &Source,
    ) -> Result<Node, Refusal> {
        self.allowed(from)?;
        let value = self.expr(expr)?;
        let inner = self.planner.query(query, &[])?;
        let [column] = inner.columns.as_slice() else {
            let problem = format!("selects {} columns", inner.columns.len());
            return Err(Place::of(query.span()).or(from.place).refuse("IN (SELECT)", problem, "select one column"));
        };
        let ty = value.ty.common(&column.ty).filter(Type::is_ordered);
        let Some(ty) = ty else {
            return Err(from.place.refuse(
                &*from.text,
                format!("looks for {} in {}", value.ty, column.ty),
                "cast one of them",
            ));
        };
        let item = as_key(&Node::column(column.id, column.ty.clone()).cast(&ty));
        let value = as_key(&value.cast(&ty));
        let all = inner.frame.clone();
        let inner = Inner { pairs: vec![(value.clone(), item.clone())], relation: inner, rest: Vec::new() };
        let (frame, mut answer) = self.marked(inner);
        self.relation.frame = frame;
        if negated {
            let (rows, nulls) = (self.planner.id(), self.planner.id());
            let counts = [pl::len().alias(name(rows)), lower(&item).null_count().alias(name(nulls))];
            let frame = self.relation.frame.clone();
            self.relation.frame = left_join(self.planner, frame, all.select(counts), &Vec::new());
            let open = lower(&value).is_null().or(pl::col(name(nulls)).gt(lit(0)));
            let unknown = pl::col(name(rows)).gt(lit(0)).and(open);
            answer = answer.or(unknown).not();
        }
        let id = self.planner.with_column(self.relation, answer);
        Ok(Node::column(id, Type::Boolean).at(from))
    }

    /// `(SELECT aggregate ...)` as a value: one for all rows, or by equal keys one for each.
    pub(crate) fn scalar(&mut self, query: &Query, from: &Source) -> Result<Node, Refusal> {
        self.allowed(from)?;
        let refuse = |problem: &str| {
            let fix = "select one aggregate, tied to the query around only by equal keys, or write a join";
            Err(from.place.refuse("a subquery as a value", problem, fix))
        };
        let Some(select) = Self::plain_select(query).filter(|select| is_plain(select)) else {
            return refuse("is not one plain SELECT");
        };
        let before = self.planner.problem_count();
        let mut inner = self.inner(select)?;
        let items = self.planner.items(select, &mut inner.relation, &[])?;
        if self.planner.problem_count() > before {
            return Err(Refusal::reported());
        }
        let [(_, item)] = items.as_slice() else { return refuse("selects more than one column") };
        if !item.aggregates() || item.has_window() {
            return refuse("may have more than one row");
        }
        if !inner.rest.is_empty() {
            return refuse("is tied to the query around by more than equal keys");
        }
        let is_count = matches!(&item.op, Op::Aggregate { function, .. } if function.name.contains("count"));
        if !inner.pairs.is_empty() && !matches!(item.op, Op::Aggregate { .. }) {
            return refuse("calculates with the aggregate of each key");
        }
        let keys: Vec<Node> = inner.pairs.iter().map(|(_, key)| key.clone()).collect();
        let nodes = std::iter::once(item.clone()).chain(keys.iter().cloned()).collect();
        let grouped = self.planner.grouped(&mut inner.relation, keys, nodes)?;
        let Some((value, keys)) = grouped.split_first() else { return refuse("has no value") };
        let value_id = self.planner.with_column(&mut inner.relation, lower(value));
        let pairs = inner.pairs.iter().zip(keys).map(|((outer, _), key)| (outer.clone(), key.clone())).collect();
        let frame = self.relation.frame.clone();
        self.relation.frame = left_join(self.planner, frame, inner.relation.frame, &pairs);
        let node = Node::column(value_id, value.ty.clone()).at(from);
        if is_count && !pairs.is_empty() {
            // Without rows a count is zero, not null.
            let zero = Node::literal(Literal::Int(0), node.ty.clone());
            let there = self.call("isnotnull", vec![node.clone()], from)?;
            return self.case(vec![there, node, zero], from);
        }
        Ok(node)
    }
}

/// Whether a SELECT has no groups and no DISTINCT.
fn is_plain(select: &Select) -> bool {
    !is_grouped(select) && select.distinct.is_none()
}
