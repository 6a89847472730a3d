//! Joins. Equalities are the keys of Polars' joins; what else a condition asks is asked of the pairs.

use polars::prelude as pl;
use polars::prelude::{Expr as Plan, JoinCoalesce, JoinType, LazyFrame, MaintainOrderJoin, lit, when};
use sqlparser::ast::{Expr, JoinConstraint, ObjectName};

use super::pairs::{ALONE, LEFT_OUT, MATCHED, states};
use super::select::{conjuncts, no_aggregate};
use super::{Named, Planner, Relation, always};
use crate::platform::sql::join_kind::How;
use crate::platform::sql::lower::{as_key, constant, lower};
use crate::platform::sql::node::{Node, Op, name};
use crate::platform::sql::refusal::{Place, Refusal};
use crate::platform::sql::types::Type;

/// Keys of a join: values of the left and of the right side that must be equal.
pub(super) type Pairs = Vec<(Node, Node)>;

/// The condition of a join in its parts.
#[derive(Default)]
struct Condition {
    pairs: Pairs,
    left: Vec<Node>,
    right: Vec<Node>,
    both: Vec<Node>,
}

impl Planner {
    /// The join of two relations.
    pub(crate) fn join(
        &mut self,
        left: Relation,
        right: Relation,
        how: How,
        constraint: &JoinConstraint,
        place: Place,
    ) -> Result<Relation, Refusal> {
        match constraint {
            JoinConstraint::On(condition) => {
                let condition = self.condition(&left, &right, condition)?;
                self.join_on(left, right, how, condition, place)
            }
            JoinConstraint::Using(names) => self.join_using(left, right, how, names, place),
            JoinConstraint::Natural => {
                Err(place.refuse("NATURAL JOIN", "changes its meaning with the columns", "write JOIN ... USING (key)"))
            }
            JoinConstraint::None if how == How::Inner => self.join_on(left, right, how, Condition::default(), place),
            JoinConstraint::None => Err(place.refuse("JOIN", "has no condition", "add ON a.key = b.key")),
        }
    }

    fn condition(&mut self, left: &Relation, right: &Relation, condition: &Expr) -> Result<Condition, Refusal> {
        let columns = [left.columns.clone(), right.columns.clone()].concat();
        let mut both = Relation { frame: left.frame.clone(), columns };
        let mut parts = Condition::default();
        for part in conjuncts(condition) {
            let mut binder = self.binder(&mut both, &[], &[]);
            binder.subqueries = false;
            let node = binder.condition(part)?;
            no_aggregate(&node, "ON", "compute it in a WITH query before")?;
            for node in split(node) {
                if let Some(pair) = equal_keys(&node, &left.columns, &right.columns) {
                    parts.pairs.push(pair);
                    continue;
                }
                match (within(&node, &left.columns), within(&node, &right.columns)) {
                    (true, false) => parts.left.push(node),
                    (false, true) => parts.right.push(node),
                    _ => parts.both.push(node),
                }
            }
        }
        Ok(parts)
    }

    fn join_on(
        &mut self,
        mut left: Relation,
        mut right: Relation,
        how: How,
        mut on: Condition,
        place: Place,
    ) -> Result<Relation, Refusal> {
        if how == How::Right {
            let on = Condition {
                pairs: on.pairs.into_iter().map(|(a, b)| (b, a)).collect(),
                left: on.right,
                right: on.left,
                both: on.both,
            };
            let count = right.columns.len();
            let mut joined = self.join_on(right, left, How::Left, on, place)?;
            joined.columns.rotate_left(count);
            return Ok(joined);
        }
        if how == How::Full
            && !(on.left.is_empty() && on.right.is_empty() && on.both.is_empty() && !on.pairs.is_empty())
        {
            let fix = "join on equal keys only, or write a LEFT JOIN and a UNION ALL";
            return Err(place.refuse("FULL JOIN", "has a condition besides equal keys", fix));
        }
        for condition in std::mem::take(&mut on.right) {
            self.filter(&mut right, &condition);
        }
        if how == How::Inner || how == How::Semi {
            for condition in std::mem::take(&mut on.left) {
                self.filter(&mut left, &condition);
            }
        }
        let rest: Vec<Node> = on.left.into_iter().chain(on.both).collect();
        let mut columns = left.columns.clone();
        if !matches!(how, How::Semi | How::Anti) {
            columns.extend(right.columns.clone());
        }
        let frame = match how {
            How::Inner => {
                let (ranges, rest) = self.ranges(&mut left, &mut right, &on.pairs, rest);
                let frame = self.keyed(left.frame, right.frame, &on.pairs, JoinType::Inner);
                let mut joined =
                    Relation { frame: ranges.into_iter().fold(frame, LazyFrame::filter), columns: Vec::new() };
                rest.iter().for_each(|condition| self.filter(&mut joined, condition));
                joined.frame
            }
            How::Full => self.keyed(left.frame, right.frame, &on.pairs, JoinType::Full),
            How::Left if rest.is_empty() => self.keyed(left.frame, right.frame, &on.pairs, JoinType::Left),
            How::Semi if rest.is_empty() => self.keyed(left.frame, right.frame, &on.pairs, JoinType::Semi),
            How::Anti if rest.is_empty() => self.keyed(left.frame, right.frame, &on.pairs, JoinType::Anti),
            How::Left | How::Right => {
                let (frame, state) = self.asked(left.frame, right.frame, &on.pairs, &rest, false);
                let only_matched = right.columns.iter().map(|column| {
                    let null = constant(pl::Scalar::null(column.ty.polars()));
                    let value = pl::col(name(column.id));
                    when(pl::col(name(state)).eq(lit(MATCHED))).then(value).otherwise(null).alias(name(column.id))
                });
                frame.filter(pl::col(name(state)).neq(lit(LEFT_OUT))).with_columns(only_matched.collect::<Vec<_>>())
            }
            How::Semi | How::Anti => {
                let (frame, state) = self.asked(left.frame, right.frame, &on.pairs, &rest, true);
                let wanted = if how == How::Semi { MATCHED } else { ALONE };
                frame.filter(pl::col(name(state)).eq(lit(wanted)))
            }
        };
        Ok(Relation { frame, columns })
    }

    /// Conditions of a join without keys that compare a left with a right value: Polars looks such pairs up by order.
    /// Each has columns of its own, for two conditions on one column make a join that the streaming engine lacks.
    fn ranges(
        &mut self,
        left: &mut Relation,
        right: &mut Relation,
        pairs: &Pairs,
        rest: Vec<Node>,
    ) -> (Vec<Plan>, Vec<Node>) {
        let mut ranges = Vec::new();
        let mut others = Vec::new();
        for node in rest {
            let (Op::Call(function), [a, b]) = (&node.op, node.args.as_slice()) else {
                others.push(node);
                continue;
            };
            let across = |a: &Node, b: &Node| within(a, &left.columns) && within(b, &right.columns);
            let straight = across(a, b);
            if !pairs.is_empty() || node.may_fail() || a.ty == Type::Text || !(straight || across(b, a)) {
                others.push(node);
                continue;
            }
            let (of_left, of_right) = if straight { (a, b) } else { (b, a) };
            let of_left = pl::col(name(self.with_column(left, lower(of_left))));
            let of_right = pl::col(name(self.with_column(right, lower(of_right))));
            let (a, b) = if straight { (of_left, of_right) } else { (of_right, of_left) };
            match function.name {
                "<" => ranges.push(a.lt(b)),
                "<=" => ranges.push(a.lt_eq(b)),
                ">" => ranges.push(a.gt(b)),
                ">=" => ranges.push(a.gt_eq(b)),
                _ => others.push(node),
            }
        }
        (ranges, others)
    }

    fn join_using(
        &mut self,
        left: Relation,
        right: Relation,
        how: How,
        names: &[ObjectName],
        place: Place,
    ) -> Result<Relation, Refusal> {
        let mut on = Condition::default();
        let mut shared = Vec::new();
        for key in names {
            let key = key.to_string().trim_matches('`').to_owned();
            let side = |relation: &Relation| {
                let mut found =
                    relation.columns.iter().filter(|named| !named.hidden && named.name.eq_ignore_ascii_case(&key));
                let one = found.next().cloned().filter(|_| found.next().is_none());
                one.ok_or_else(|| {
                    place.refuse(
                        format!("USING ({key})"),
                        "is not exactly one column of both sides",
                        "join ON a.key = b.key",
                    )
                })
            };
            let (a, b) = (side(&left)?, side(&right)?);
            let Some(ty) = a.ty.common(&b.ty) else {
                let problem = format!("is {} on one side and {} on the other", a.ty, b.ty);
                return Err(place.refuse(format!("USING ({key})"), problem, "cast one of them"));
            };
            let value = |named: &Named| as_key(&Node::column(named.id, named.ty.clone()).cast(&ty));
            on.pairs.push((value(&a), value(&b)));
            shared.push((key, a, b, ty));
        }
        let mut joined = self.join_on(left, right, how, on, place)?;
        let mut columns = Vec::new();
        for (key, a, b, ty) in shared {
            let value = |named: &Named| lower(&Node::column(named.id, named.ty.clone()).cast(&ty));
            // One side's key stays as it is; only keys of both sides need their common type.
            let (value, ty) = match how {
                How::Right => (pl::col(name(b.id)), b.ty),
                How::Full => (pl::coalesce(&[value(&a), value(&b)]), ty),
                _ => (pl::col(name(a.id)), a.ty),
            };
            let id = self.with_column(&mut joined, value);
            for column in joined.columns.iter_mut().filter(|column| column.id == a.id || column.id == b.id) {
                column.hidden = true;
            }
            columns.push(Named { qualifier: None, name: key, id, ty, hidden: false });
        }
        columns.append(&mut joined.columns);
        Ok(Relation { columns, ..joined })
    }

    /// Polars' join on keys; without keys all pairs.
    fn keyed(&mut self, left: LazyFrame, right: LazyFrame, pairs: &Pairs, how: JoinType) -> LazyFrame {
        if pairs.is_empty() && how == JoinType::Inner {
            return left.cross_join(right, None);
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let (mut a_keys, mut b_keys) = (Vec::new(), Vec::new());
        let constant = [(lit(0_i32), lit(0_i32))];
        let keys = pairs.iter().map(|(x, y)| (lower(x), lower(y)));
        let none = if pairs.is_empty() { constant.to_vec() } else { Vec::new() };
        for (x, y) in keys.chain(none) {
            let (x_id, y_id) = (self.id(), self.id());
            a.push(x.alias(name(x_id)));
            b.push(y.alias(name(y_id)));
            a_keys.push(pl::col(name(x_id)));
            b_keys.push(pl::col(name(y_id)));
        }
        let order = if how == JoinType::Full { MaintainOrderJoin::None } else { MaintainOrderJoin::Left };
        let builder = left.with_columns(a).join_builder().with(right.with_columns(b)).how(how);
        builder.left_on(a_keys).right_on(b_keys).coalesce(JoinCoalesce::KeepColumns).maintain_order(order).finish()
    }

    /// All pairs of the keys, and in a new column whether each is one by the other conditions too.
    fn asked(
        &mut self,
        left: LazyFrame,
        right: LazyFrame,
        pairs: &Pairs,
        rest: &[Node],
        once: bool,
    ) -> (LazyFrame, u32) {
        let (row, there, fits, state) = (self.id(), self.id(), self.id(), self.id());
        let left = left.with_row_index(name(row), None);
        let right = right.with_columns([always().alias(name(there))]);
        let frame = self.keyed(left, right, pairs, JoinType::Left);
        let mut condition = pl::col(name(there)).is_not_null();
        for node in rest {
            let value = lower(node).eq_missing(lit(true));
            condition = condition.and(value);
        }
        let frame = frame.with_columns([condition.alias(name(fits))]);
        let columns = [pl::col(name(row)), pl::col(name(fits))];
        let field = |_: &pl::Schema, _: &[pl::Field]| Ok(pl::Field::new("state".into(), pl::DataType::Int32));
        let value = pl::apply_multiple(move |columns: &mut [pl::Column]| states(columns, once), columns, field, false);
        (frame.with_columns([value.alias(name(state))]), state)
    }
}

/// The parts of a condition that must all hold.
fn split(node: Node) -> Vec<Node> {
    match &node.op {
        Op::Call(function) if function.name == "and" && !node.may_fail() => {
            node.args.into_iter().flat_map(split).collect()
        }
        _ => vec![node],
    }
}

/// Whether an expression reads only these columns, and at least one.
fn within(node: &Node, columns: &[Named]) -> bool {
    let ids = node.columns();
    !ids.is_empty() && ids.iter().all(|id| columns.iter().any(|column| column.id == *id))
}

/// The two sides of an equality between the left and the right columns; absent for anything else.
pub(crate) fn equal_keys(node: &Node, left: &[Named], right: &[Named]) -> Option<(Node, Node)> {
    let (Op::Call(function), [a, b]) = (&node.op, node.args.as_slice()) else { return None };
    if function.name != "=" || a.may_fail() || b.may_fail() {
        return None;
    }
    if within(a, left) && within(b, right) {
        return Some((as_key(a), as_key(b)));
    }
    (within(a, right) && within(b, left)).then(|| (as_key(b), as_key(a)))
}

/// The frame with a column that is true where the keys are found in the other frame (which has them once), and the
/// columns of the other frame there.
pub(crate) fn left_join(planner: &mut Planner, left: LazyFrame, right: LazyFrame, pairs: &Pairs) -> LazyFrame {
    planner.keyed(left, right, pairs, JoinType::Left)
}

/// The frame with a column that says whether any row of the other frame fits by keys and conditions; each row once.
pub(crate) fn matched_once(
    planner: &mut Planner,
    left: LazyFrame,
    right: LazyFrame,
    pairs: &Pairs,
    rest: &[Node],
) -> (LazyFrame, Plan) {
    let (frame, state) = planner.asked(left, right, pairs, rest, true);
    (frame.filter(pl::col(name(state)).neq(lit(LEFT_OUT))), pl::col(name(state)).eq(lit(MATCHED)))
}
