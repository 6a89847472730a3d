//! One SELECT: FROM, WHERE, groups, windows, the list, DISTINCT and order.

use polars::prelude as pl;
use polars::prelude::Expr as Plan;
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderByExpr, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Spanned, WildcardAdditionalOptions, WindowSpec,
};

use super::{Named, Planner, Relation, carried, position, sorted};
use crate::platform::sql::bind::Binder;
use crate::platform::sql::check::is_generator;
use crate::platform::sql::lower::lower;
use crate::platform::sql::node::{Literal, Node, Op, name};
use crate::platform::sql::refusal::{Place, Refusal};
use crate::platform::sql::types::Type;
use crate::platform::sql::{frames, functions};

/// Most steps that the parts of one WHERE make.
const MAX_FILTERS: usize = 32;

/// An expression of the SELECT list with its name; empty where it has none.
pub(super) type Item = (String, Node);

impl Planner {
    /// A binder over a relation.
    pub(crate) fn binder<'a>(
        &'a mut self,
        relation: &'a mut Relation,
        outer: &'a [Named],
        aliases: &'a [(String, Node)],
    ) -> Binder<'a> {
        let place = Place::default();
        Binder {
            planner: self,
            relation,
            outer,
            aliases,
            aliases_first: false,
            variables: Vec::new(),
            windows: &[],
            subqueries: true,
            place,
        }
    }

    /// A SELECT, sorted by `order`.
    pub(crate) fn select(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        outer: &[Named],
    ) -> Result<Relation, Refusal> {
        let mut relation = self.from(select)?;
        if let Some(condition) = &select.selection {
            self.filtered(&mut relation, condition, outer);
        }
        self.projected(select, relation, order)
    }

    /// The rows where WHERE holds. Each part of it is a step of the plan, but for long conditions.
    fn filtered(&mut self, relation: &mut Relation, condition: &Expr, outer: &[Named]) {
        let parts = conjuncts(condition);
        let together = 1 + parts.len() / MAX_FILTERS;
        let mut waiting: Vec<Node> = Vec::new();
        for part in parts {
            let node = self.binder(relation, outer, &[]).condition(part);
            let node = node.and_then(|node| no_aggregate(&node, "WHERE", "use HAVING, or a WITH query").map(|()| node));
            let Some(node) = self.noted(node) else { continue };
            // What may fail is asked of the rows only that the parts before it leave.
            if together == 1 || node.may_fail() {
                self.all_of(relation, &mut waiting);
                self.filter(relation, &node);
                continue;
            }
            waiting.push(node);
            if waiting.len() == together {
                self.all_of(relation, &mut waiting);
            }
        }
        self.all_of(relation, &mut waiting);
    }

    /// Only the rows where all the conditions hold.
    fn all_of(&mut self, relation: &mut Relation, conditions: &mut Vec<Node>) {
        let Some(and) = functions::find("and") else { return };
        while conditions.len() > 1 {
            let pairs = conditions.chunks(2).map(|pair| match pair {
                [a, b] => {
                    let args = vec![a.clone(), b.clone()];
                    Node { op: Op::Call(and), args, ty: Type::Boolean, from: a.from.clone() }
                }
                rest => rest.first().cloned().unwrap_or(Node::literal(Literal::Boolean(true), Type::Boolean)),
            });
            *conditions = pairs.collect();
        }
        if let Some(condition) = conditions.pop() {
            self.filter(relation, &condition);
        }
    }

    /// What follows FROM and WHERE.
    pub(crate) fn projected(
        &mut self,
        select: &Select,
        mut relation: Relation,
        order: &[OrderByExpr],
    ) -> Result<Relation, Refusal> {
        let place = Place::of(select.select_token.0.span);
        let windows = named_windows(&select.named_window)?;
        let before = self.problems.len();
        let mut items = self.items(select, &mut relation, &windows)?;
        let mut having = select.having.as_ref().and_then(|having| {
            let mut binder = self.binder(&mut relation, &[], &items);
            binder.place = place;
            let having = binder.condition(having);
            self.noted(having)
        });
        let mut keys = Vec::new();
        for item in order {
            let mut binder = self.binder(&mut relation, &[], &items);
            binder.windows = &windows;
            binder.aliases_first = true;
            let key = order_key(&mut binder, item, &items);
            keys.extend(self.noted(key));
        }
        if select.distinct.is_some() {
            let hidden = keys.iter().find(|(key, _, _)| !items.iter().any(|(_, node)| node == key));
            if let Some((key, _, _)) = hidden {
                let problem = "is an order that is not selected, with DISTINCT";
                return Err(key.from.place.refuse(&*key.from.text, problem, "select it too"));
            }
        }
        let groups = self.groups(select, &mut relation, &items)?;
        if self.problems.len() > before {
            return self.unfinished(relation, items);
        }
        let all = || items.iter().map(|(_, node)| node).chain(&having).chain(keys.iter().map(|(key, _, _)| key));
        if groups.is_some() || having.is_some() || all().any(Node::aggregates) {
            let nodes: Vec<Node> = all().cloned().collect();
            let mut nodes = self.grouped(&mut relation, groups.unwrap_or_default(), nodes)?.into_iter();
            for node in
                items.iter_mut().map(|(_, node)| node).chain(&mut having).chain(keys.iter_mut().map(|(key, _, _)| key))
            {
                if let Some(new) = nodes.next() {
                    *node = new;
                }
            }
        }
        if let Some(having) = &having {
            self.filter(&mut relation, having);
        }
        self.windowed(
            &mut relation,
            items.iter_mut().map(|(_, node)| node).chain(keys.iter_mut().map(|(key, _, _)| key)),
        );
        self.listed(select, relation, items, keys)
    }

    /// A SELECT of which a part is refused: its columns are known all the same, for the queries around it.
    fn unfinished(&mut self, relation: Relation, items: Vec<Item>) -> Result<Relation, Refusal> {
        let columns = items.into_iter().map(|(name, node)| Named {
            qualifier: None,
            name,
            id: self.id(),
            ty: node.ty,
            hidden: false,
        });
        Ok(Relation { columns: columns.collect(), ..relation })
    }

    /// The expressions of the SELECT list. One that is refused is null, for those that name it.
    pub(crate) fn items(
        &mut self,
        select: &Select,
        relation: &mut Relation,
        windows: &[(Ident, WindowSpec)],
    ) -> Result<Vec<Item>, Refusal> {
        let mut items: Vec<Item> = Vec::new();
        let mut generators = 0;
        for item in &select.projection {
            let (expr, names) = match item {
                SelectItem::UnnamedExpr(expr) => (expr, vec![column_name(expr)]),
                SelectItem::ExprWithAlias { expr, alias } => (expr, vec![alias.value.clone()]),
                SelectItem::ExprWithAliases { expr, aliases } => {
                    (expr, aliases.iter().map(|alias| alias.value.clone()).collect())
                }
                SelectItem::Wildcard(options) => {
                    let columns = star(relation, None, options);
                    items.extend(self.noted(columns).unwrap_or_default());
                    continue;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options) => {
                    let columns = star(relation, Some(&table.to_string()), options);
                    items.extend(self.noted(columns).unwrap_or_default());
                    continue;
                }
                other => {
                    let problem = "is not in the dialect";
                    let refused = Place::of(other.span()).refuse(other.to_string(), problem, "select plain values");
                    self.problems.push(refused);
                    continue;
                }
            };
            let place = Place::of(item.span());
            if is_generator(expr) {
                generators += 1;
                let rows = if generators == 1 {
                    self.generated(relation, expr, &names)
                } else {
                    let problem = "is a second one in one SELECT, which Spark does not take";
                    Err(place.refuse(expr.to_string(), problem, "make its rows in a WITH query before"))
                };
                items.extend(self.noted(rows).unwrap_or_default());
                continue;
            }
            let [text] = names.as_slice() else {
                let problem = "is one value with several names";
                self.problems.push(place.refuse(expr.to_string(), problem, "give it one name"));
                continue;
            };
            let mut binder = self.binder(relation, &[], &items);
            binder.windows = windows;
            binder.place = place;
            let node = binder.whole(expr);
            let node = self.noted(node).unwrap_or(Node::literal(Literal::Null, Type::Null));
            items.push((text.clone(), node));
        }
        let others = || items.iter().map(|(_, node)| node);
        if generators > 0 && (others().any(|node| node.aggregates() || node.has_window()) || is_grouped(select)) {
            let fix = "group, or number the rows, in a WITH query before or after it";
            let place = Place::of(select.select_token.0.span);
            return Err(place.refuse("explode", "stands beside groups or a window function", fix));
        }
        Ok(items)
    }

    /// The expressions of GROUP BY; absent without one. Places and names of the SELECT list stand for its expressions.
    fn groups(
        &mut self,
        select: &Select,
        relation: &mut Relation,
        items: &[Item],
    ) -> Result<Option<Vec<Node>>, Refusal> {
        let GroupByExpr::Expressions(exprs, modifiers) = &select.group_by else {
            let problem = "is not in the dialect";
            return Err(Place::of(select.span()).refuse("GROUP BY ALL", problem, "name the columns of the groups"));
        };
        if !modifiers.is_empty() {
            return Err(Place::of(select.span()).refuse(
                "GROUP BY WITH",
                "is not in the dialect",
                "use UNION ALL of groups",
            ));
        }
        if exprs.is_empty() {
            return Ok(None);
        }
        let mut groups = Vec::new();
        for expr in exprs {
            let group = match position(expr, items.len()).and_then(|at| items.get(at)) {
                Some((_, node)) => Ok(node.clone()),
                None => self.binder(relation, &[], items).whole(expr),
            };
            let group =
                group.and_then(|group| no_aggregate(&group, "GROUP BY", "group by plain columns").map(|()| group));
            groups.extend(self.noted(group));
        }
        Ok(Some(groups))
    }

    fn windowed<'n>(&mut self, relation: &mut Relation, nodes: impl Iterator<Item = &'n mut Node>) {
        let mut done: Vec<(Node, u32)> = Vec::new();
        for node in nodes {
            *node = node.replace(&mut |part| {
                let Op::Window(window) = &part.op else { return None };
                let id = match done.iter().find(|(known, _)| known == part) {
                    Some((_, id)) => *id,
                    None => {
                        let args = part.args.iter().map(|arg| {
                            let id = self.id();
                            relation.frame = relation.frame.clone().with_columns([lower(arg).alias(name(id))]);
                            pl::col(name(id))
                        });
                        let args: Vec<Plan> = args.collect();
                        let id = self.with_column(relation, frames::expression(window, args, &part.ty));
                        done.push((part.clone(), id));
                        id
                    }
                };
                Some(Node::column(id, part.ty.clone()).at(&part.from))
            });
        }
    }

    /// The list as columns, then DISTINCT and order.
    fn listed(
        &mut self,
        select: &Select,
        relation: Relation,
        items: Vec<Item>,
        keys: Vec<(Node, bool, bool)>,
    ) -> Result<Relation, Refusal> {
        let mut frame = relation.frame;
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for (text, node) in items {
            let id = self.id();
            exprs.push(lower(&node).alias(name(id)));
            columns.push(Named { qualifier: None, name: text, id, ty: node.ty, hidden: false });
        }
        let keys: Vec<(Node, bool, bool)> = keys
            .into_iter()
            .map(|(key, descending, nulls_last)| {
                let id = self.id();
                exprs.push(lower(&key).alias(name(id)));
                (Node::column(id, key.ty), descending, nulls_last)
            })
            .collect();
        let visible: Vec<Plan> = columns.iter().map(|column| pl::col(name(column.id))).chain([carried()]).collect();
        // Adding before choosing: constants spread over all rows that way.
        frame = frame.with_columns(exprs);
        if matches!(select.distinct, Some(Distinct::Distinct)) {
            frame = self.distinct(frame, &columns);
        }
        Ok(Relation { frame: sorted(frame, &keys).select(visible), columns })
    }
}

/// Whether a SELECT makes groups.
pub(crate) fn is_grouped(select: &Select) -> bool {
    let keys = !matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty());
    keys || select.having.is_some()
}

/// The parts of a condition that must all hold.
pub(crate) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::BinaryOp { left, op: sqlparser::ast::BinaryOperator::And, right } => {
            let mut parts = conjuncts(left);
            parts.extend(conjuncts(right));
            parts
        }
        Expr::Nested(inner) if matches!(**inner, Expr::BinaryOp { op: sqlparser::ast::BinaryOperator::And, .. }) => {
            conjuncts(inner)
        }
        other => vec![other],
    }
}

/// Refuses aggregates and windows where rows are not grouped yet.
pub(crate) fn no_aggregate(node: &Node, clause: &str, fix: &str) -> Result<(), Refusal> {
    if node.aggregates() || node.has_window() {
        let problem = format!("is an aggregate or window function in {clause}");
        return Err(node.from.place.refuse(&*node.from.text, problem, fix));
    }
    Ok(())
}

/// A key of ORDER BY: a place or a name of the SELECT list, else an expression of the rows.
fn order_key(binder: &mut Binder<'_>, item: &OrderByExpr, items: &[Item]) -> Result<(Node, bool, bool), Refusal> {
    let of_list = match &item.expr {
        Expr::Identifier(name) => items.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(&name.value)),
        expr => position(expr, items.len()).and_then(|at| items.get(at)),
    };
    let descending = item.options.asc == Some(false);
    let nulls_last = item.options.nulls_first.map_or(descending, |first| !first);
    match of_list {
        Some((_, node)) if node.ty.is_ordered() => Ok((node.clone(), descending, nulls_last)),
        _ => binder.order_key(item),
    }
}

/// The name that a column has without AS; empty where Spark would make one up.
fn column_name(expr: &Expr) -> String {
    use sqlparser::ast::AccessExpr::Dot;
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()).unwrap_or_default(),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last() {
            Some(Dot(Expr::Identifier(name))) => name.value.clone(),
            _ => String::new(),
        },
        Expr::Nested(inner) => column_name(inner),
        _ => String::new(),
    }
}

/// The columns that `*` or `table.*` stands for.
fn star(relation: &Relation, table: Option<&str>, options: &WildcardAdditionalOptions) -> Result<Vec<Item>, Refusal> {
    let place = Place::of(options.wildcard_token.0.span);
    let except: Vec<String> = match &options.opt_except {
        Some(except) => std::iter::once(&except.first_element)
            .chain(&except.additional_elements)
            .map(|name| name.value.to_lowercase())
            .collect(),
        None => Vec::new(),
    };
    let of_table = |named: &&Named| match table {
        Some(table) => named.qualifier.as_deref().is_some_and(|qualifier| qualifier.eq_ignore_ascii_case(table)),
        None => !named.hidden,
    };
    let kept = |named: &&Named| !except.contains(&named.name.to_lowercase());
    let items: Vec<Item> = relation
        .columns
        .iter()
        .filter(of_table)
        .filter(kept)
        .map(|named| (named.name.clone(), Node::column(named.id, named.ty.clone())))
        .collect();
    if items.is_empty() {
        let construct = table.map_or("*".to_owned(), |table| format!("{table}.*"));
        return Err(place.refuse(construct, "stands for no column", "name a table of the FROM clause"));
    }
    Ok(items)
}

/// The windows that the query names.
fn named_windows(definitions: &[NamedWindowDefinition]) -> Result<Vec<(Ident, WindowSpec)>, Refusal> {
    let window = |NamedWindowDefinition(name, window): &NamedWindowDefinition| match window {
        NamedWindowExpr::WindowSpec(spec) => Ok((name.clone(), spec.clone())),
        NamedWindowExpr::NamedWindow(_) => {
            let place = Place::of(name.span);
            Err(place.refuse(format!("WINDOW {name}"), "is another window's name", "write its window in brackets"))
        }
    };
    definitions.iter().map(window).collect()
}
