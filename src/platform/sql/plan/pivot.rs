//! PIVOT with a list of values: a column for each value, a row for each group of the other columns.
//!
//! It becomes aggregates with a condition; a value without rows is null, also of a count, as on Spark.

use polars::prelude as pl;
use sqlparser::ast::{Expr, ExprWithAlias, PivotValueSource, TableFactor};

use super::{Named, Planner, Relation};
use crate::platform::sql::functions;
use crate::platform::sql::lower::lower;
use crate::platform::sql::node::{Literal, Node, Op, name};
use crate::platform::sql::refusal::{Place, Refusal};
use crate::platform::sql::types::Type;

const FORM: &str = "write PIVOT (sum(value) FOR key IN ('a' AS a, 'b' AS b))";

impl Planner {
    /// The rows of a table with a PIVOT.
    pub(crate) fn pivoted(
        &mut self,
        table: &TableFactor,
        aggregates: &[ExprWithAlias],
        key: &[Expr],
        values: &PivotValueSource,
        place: Place,
    ) -> Result<Relation, Refusal> {
        let mut relation = self.factor(table)?;
        let ([key], PivotValueSource::List(values)) = (key, values) else {
            return Err(place.refuse("PIVOT", "has several keys, or values that are not listed", FORM));
        };
        let key = self.binder(&mut relation, &[], &[]).whole(key)?;
        let mut made: Vec<(String, Node)> = Vec::new();
        for aggregate in aggregates {
            let node = self.binder(&mut relation, &[], &[]).whole(&aggregate.expr)?;
            if !node.aggregates() || node.has_window() || edge(&node) {
                let problem = "is no aggregate of a pivot";
                return Err(node.from.place.refuse(
                    &*node.from.text,
                    problem,
                    "use sum, avg, count, min, max or the like",
                ));
            }
            let alias = aggregate.alias.as_ref().map(|alias| alias.value.clone());
            if alias.is_none() && aggregates.len() > 1 {
                return Err(node.from.place.refuse(&*node.from.text, "has no name", "give each aggregate one with AS"));
            }
            made.push((alias.unwrap_or_default(), node));
        }
        let used: Vec<u32> = made.iter().map(|(_, node)| node).chain([&key]).flat_map(Node::columns).collect();
        let groups: Vec<Named> = relation.columns.iter().filter(|column| !used.contains(&column.id)).cloned().collect();
        let keys: Vec<Node> = groups.iter().map(|column| Node::column(column.id, column.ty.clone())).collect();
        let mut names: Vec<String> = groups.into_iter().map(|column| column.name).collect();
        let mut nodes = keys.clone();
        for value in values {
            let mut binder = self.binder(&mut relation, &[], &[]);
            let node = binder.whole(&value.expr)?;
            let from = node.from.clone();
            let alias = value.alias.as_ref().map(|alias| alias.value.clone());
            let Some(text) = alias.or_else(|| text(&node)) else {
                return Err(from.place.refuse(&*from.text, "is no plain constant with a name", FORM));
            };
            let is_value = binder.call("=", vec![key.clone(), node], &from)?;
            let there = binder.call("count", vec![Node::literal(Literal::Int(1), Type::Int)], &from)?;
            let there = counted(there, &is_value);
            let zero = Node::literal(Literal::Int(0), Type::Long);
            let there = binder.call(">", vec![there, zero], &from)?;
            for (alias, aggregate) in &made {
                let of_value = aggregate.replace(&mut |part| only_where(part, &is_value));
                nodes.push(binder.case(vec![there.clone(), of_value], &from)?);
                names.push(if made.len() == 1 { text.clone() } else { format!("{text}_{alias}") });
            }
        }
        let nodes = self.grouped(&mut relation, keys, nodes)?;
        let mut columns = Vec::new();
        let mut exprs = Vec::new();
        for (node, text) in nodes.into_iter().zip(names) {
            let id = self.id();
            exprs.push(lower(&node).alias(name(id)));
            columns.push(Named { qualifier: None, name: text, id, ty: node.ty, hidden: false });
        }
        let visible: Vec<pl::Expr> = columns.iter().map(|column| pl::col(name(column.id))).collect();
        Ok(Relation { frame: relation.frame.with_columns(exprs).select(visible), columns })
    }
}

/// Whether it holds a first or last value, whose rows a condition cannot leave out.
fn edge(node: &Node) -> bool {
    node.any(&|part| matches!(&part.op, Op::Aggregate { function, .. } if function.name.contains(" of rows")))
}

/// A count of rows as an aggregate with a condition.
fn counted(call: Node, condition: &Node) -> Node {
    let Op::Call(function) = call.op else { return call };
    let mut args = call.args.clone();
    args.push(condition.clone());
    Node { op: Op::Aggregate { function, distinct: false, filter: true }, args, ..call }
}

/// An aggregate of the rows where the condition holds.
fn only_where(part: &Node, condition: &Node) -> Option<Node> {
    let Op::Aggregate { function, distinct, filter } = part.op else { return None };
    let mut args = part.args.clone();
    let condition = match (filter, args.pop()) {
        (true, Some(own)) => {
            let both = functions::find("and")?;
            let args = vec![own, condition.clone()];
            Node { op: Op::Call(both), args, ty: Type::Boolean, from: part.from.clone() }
        }
        (_, last) => {
            args.extend(last);
            condition.clone()
        }
    };
    args.push(condition);
    Some(Node { op: Op::Aggregate { function, distinct, filter: true }, args, ..part.clone() })
}

/// The name that a value's column has without AS.
fn text(value: &Node) -> Option<String> {
    match value.constant()? {
        Literal::Text(text) => Some(text.clone()),
        Literal::Int(number) => Some(number.to_string()),
        Literal::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
