//! Groups: keys and aggregates become columns, and what is selected is said in terms of them.

use polars::prelude as pl;
use polars::prelude::{Expr as Plan, when};

use super::{Planner, Relation};
use crate::platform::sql::functions::{self, Function, Kind};
use crate::platform::sql::lower::{as_key, constant, lower};
use crate::platform::sql::node::{Literal, Node, Op, name};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::types::Type;

impl Planner {
    /// Groups the rows by the keys; the nodes come back in terms of the groups' columns. Without keys all rows are
    /// one group, also when there are none.
    pub(crate) fn grouped(
        &mut self,
        relation: &mut Relation,
        keys: Vec<Node>,
        nodes: Vec<Node>,
    ) -> Result<Vec<Node>, Refusal> {
        let mut before: Vec<Plan> = Vec::new();
        let mut key_ids = Vec::new();
        for key in &keys {
            let id = self.id();
            before.push(lower(&as_key(key)).alias(name(id)));
            key_ids.push(id);
        }
        let mut found: Vec<(Node, u32)> = Vec::new();
        let mut aggregates: Vec<Plan> = Vec::new();
        let mut changed = Vec::new();
        for node in &nodes {
            changed.push(node.replace(&mut |part| {
                if let Some(at) = keys.iter().position(|key| key == part) {
                    return key_ids.get(at).map(|id| Node::column(*id, part.ty.clone()).at(&part.from));
                }
                let Op::Aggregate { function, distinct, filter } = &part.op else { return None };
                let id = match found.iter().find(|(known, _)| known == part) {
                    Some((_, id)) => *id,
                    None => {
                        let columns = self.columns(part, *filter, &mut before);
                        let id = self.id();
                        let value = aggregate(function, *distinct, part, &columns).cast(part.ty.polars());
                        aggregates.push(value.alias(name(id)));
                        found.push((part.clone(), id));
                        id
                    }
                };
                Some(Node::column(id, part.ty.clone()).at(&part.from))
            }));
        }
        for node in &changed {
            let checked = check(node, &key_ids, &found, &[]);
            self.noted(checked);
        }
        let kept: Vec<Plan> = key_ids.iter().map(|id| pl::col(name(*id))).collect();
        let frame = relation.frame.clone().with_columns(before);
        relation.frame = match (kept.is_empty(), aggregates.is_empty()) {
            (true, true) => frame.select([pl::len().alias(name(self.id()))]),
            (true, false) => frame.select(aggregates),
            (false, true) => frame.select(kept).unique(None, pl::UniqueKeepStrategy::Any),
            (false, false) => frame.group_by(kept).agg(aggregates),
        };
        let read = |(key, id): (&Node, &u32)| {
            let value = Node::column(*id, Type::Text).cast(&key.ty);
            key.ty.is_decimal().then(|| lower(&value).alias(name(*id)))
        };
        let decimals: Vec<Plan> = keys.iter().zip(&key_ids).filter_map(read).collect();
        if !decimals.is_empty() {
            relation.frame = relation.frame.clone().with_columns(decimals);
        }
        relation.columns.clear();
        Ok(changed)
    }

    /// The arguments of an aggregate as columns; rows that FILTER leaves out are null in them.
    fn columns(&mut self, part: &Node, filter: bool, before: &mut Vec<Plan>) -> Vec<Plan> {
        let (args, condition) = match part.args.split_last() {
            Some((condition, args)) if filter => (args, Some(lower(condition))),
            _ => (part.args.as_slice(), None),
        };
        let mut columns = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            if let (true, Some(literal)) = (index > 0, arg.constant()) {
                columns.push(constant(literal.scalar(&arg.ty)));
                continue;
            }
            let arg = &if counts_values(part) { as_key(arg) } else { arg.clone() };
            let mut value = lower(arg);
            if let Some(condition) = &condition {
                value = when(condition.clone()).then(value).otherwise(constant(pl::Scalar::null(arg.ty.polars())));
            }
            let id = self.id();
            before.push(value.alias(name(id)));
            columns.push(pl::col(name(id)));
        }
        columns
    }
}

/// Whether it only asks which values are the same.
fn counts_values(part: &Node) -> bool {
    match &part.op {
        Op::Aggregate { function, distinct, .. } => {
            function.name == "approx_count_distinct" || (function.name == "count" && *distinct)
        }
        _ => false,
    }
}

fn aggregate(function: &'static Function, distinct: bool, part: &Node, columns: &[Plan]) -> Plan {
    let one = |columns: &[Plan]| columns.first().cloned().unwrap_or(pl::lit(pl::NULL));
    match (function.name, distinct) {
        ("count", true) => functions::distinct(columns),
        ("count", false) if columns.len() > 1 => {
            let whole = columns.iter().map(|column| column.clone().is_not_null()).reduce(Plan::and);
            whole.unwrap_or(pl::lit(true)).sum()
        }
        ("count", false)
            if matches!(part.op, Op::Aggregate { filter: false, .. })
                && part.args.first().and_then(Node::constant) == Some(&Literal::Int(1)) =>
        {
            pl::len()
        }
        (_, distinct) => {
            let columns = if distinct { vec![one(columns).drop_nulls().unique()] } else { columns.to_vec() };
            match function.kind {
                Kind::Aggregate(make) => make(&columns),
                _ => pl::lit(pl::NULL),
            }
        }
    }
}

/// Refuses columns that are neither keys nor inside of aggregates.
fn check(node: &Node, keys: &[u32], found: &[(Node, u32)], variables: &[u32]) -> Result<(), Refusal> {
    if let Op::Column(id) = node.op
        && !keys.contains(&id)
        && !found.iter().any(|(_, known)| *known == id)
        && !variables.contains(&id)
    {
        let problem = "is neither in GROUP BY nor inside of an aggregate";
        return Err(node.from.place.refuse(&*node.from.text, problem, "add it to GROUP BY, or take max_by or min_by"));
    }
    if let Op::Lambda(lambda) = &node.op {
        let variables = [variables, &lambda.parameters].concat();
        return node.args.iter().try_for_each(|arg| check(arg, keys, found, &variables));
    }
    node.args.iter().try_for_each(|arg| check(arg, keys, found, variables))
}
