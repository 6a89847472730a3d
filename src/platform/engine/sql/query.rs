//! A checked query, and what can be told from its text alone.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query as Tree, Select, SelectItem, SetExpr, TableFactor, Visit, Visitor,
};

use super::functions::{self, Kind};
use super::refusal::Refusal;
use super::{check, text};

/// A query in the dialect. Clones share it.
#[derive(Clone, Debug)]
pub struct Query(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tree: Tree,
    row_wise: bool,
    words: BTreeSet<String>,
    tables: BTreeSet<String>,
    wildcard: bool,
}

impl Query {
    /// Reads and checks a text.
    pub fn read(query: &str) -> Result<Self, Refusal> {
        let tree = check::query(text::parse(query)?)?;
        let mut names = Names::default();
        let ControlFlow::Continue(()) = tree.visit(&mut names);
        let row_wise = row_wise(&tree, &mut Vec::new()).is_some();
        let Names { words, tables, wildcard } = names;
        Ok(Self(Arc::new(Inner { tree, row_wise, words, tables, wildcard })))
    }

    /// The syntax tree.
    pub fn tree(&self) -> &Tree {
        &self.0.tree
    }

    /// Whether every output row comes of exactly one row of the only table that the query reads, in the same order: no
    /// join, group, window, DISTINCT, order, limit, set operation, LATERAL VIEW or subquery in an expression. Then
    /// pieces of the table can be queried by themselves. WHERE may leave rows out.
    pub fn is_row_wise(&self) -> bool {
        self.0.row_wise
    }

    /// Whether the query names that table.
    pub fn reads(&self, table: &str) -> bool {
        self.0.tables.contains(&table.to_lowercase())
    }

    /// All names in the query in lower case: of columns, tables, aliases and functions.
    pub fn words(&self) -> &BTreeSet<String> {
        &self.0.words
    }

    /// The names (lower case) that the query may need of an input, more rather than less; absent for all. Names in
    /// queries do not care about case.
    pub fn columns_of(&self, table: &str) -> Option<BTreeSet<String>> {
        if !self.reads(table) {
            return Some(BTreeSet::new());
        }
        if self.0.wildcard { None } else { Some(self.0.words.clone()) }
    }
}

/// Names, and whether a `*` stands for columns.
#[derive(Default)]
struct Names {
    words: BTreeSet<String>,
    tables: BTreeSet<String>,
    wildcard: bool,
}

impl Names {
    fn add(&mut self, ident: &Ident) {
        self.words.insert(ident.value.to_lowercase());
    }

    fn select(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                self.wildcard |= select
                    .projection
                    .iter()
                    .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
                let joins = select.from.iter().flat_map(|table| &table.joins);
                for join in joins {
                    // USING names columns outside of expressions.
                    let shown = join.to_string();
                    if let Some((_, using)) = shown.rsplit_once(" USING(") {
                        let names = using.trim_end_matches(')').split(',');
                        self.words.extend(names.map(|name| name.trim().trim_matches('`').to_lowercase()));
                    }
                }
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.select(left);
                self.select(right);
            }
            _ => {}
        }
    }
}

impl Visitor for Names {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Tree) -> ControlFlow<Self::Break> {
        self.select(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Table { name, .. } = factor {
            let idents = name.0.iter().filter_map(|part| part.as_ident());
            self.tables.extend(idents.map(|ident| ident.value.to_lowercase()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Identifier(name) => self.add(name),
            Expr::CompoundIdentifier(names) => names.iter().for_each(|name| self.add(name)),
            Expr::Function(function) => {
                self.words.insert(function.name.to_string().to_lowercase());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The table whose rows the output follows one by one; absent when it does not. `known` are WITH queries that do.
fn row_wise(query: &Tree, known: &mut Vec<(String, Option<String>)>) -> Option<String> {
    let depth = known.len();
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        let follows = row_wise(&table.query, known);
        known.push((table.alias.name.value.to_lowercase(), follows));
    }
    let plain = query.order_by.is_none() && query.limit_clause.is_none();
    let follows = match &*query.body {
        SetExpr::Select(select) if plain => select_row_wise(select, known),
        SetExpr::Query(inner) if plain => row_wise(inner, known),
        _ => None,
    };
    known.truncate(depth);
    follows
}

fn select_row_wise(select: &Select, known: &mut Vec<(String, Option<String>)>) -> Option<String> {
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty());
    if grouped || select.having.is_some() || select.distinct.is_some() || !select.lateral_views.is_empty() {
        return None;
    }
    let many = |visited: &dyn Fn(&mut Many) -> ControlFlow<()>| visited(&mut Many).is_break();
    if many(&|visitor| select.projection.visit(visitor)) || many(&|visitor| select.selection.visit(visitor)) {
        return None;
    }
    let [table] = select.from.as_slice() else { return None };
    if !table.joins.is_empty() {
        return None;
    }
    match &table.relation {
        TableFactor::Table { name, .. } => {
            let name = name.to_string().to_lowercase();
            match known.iter().rev().find(|(with, _)| *with == name) {
                Some((_, follows)) => follows.clone(),
                None => Some(name),
            }
        }
        TableFactor::Derived { subquery, .. } => row_wise(subquery, known),
        _ => None,
    }
}

/// Finds what needs more than one row.
struct Many;

impl Visitor for Many {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Tree) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let known = functions::find(&function.name.to_string());
        let many = function.over.is_some()
            || known.is_none_or(|known| matches!(known.kind, Kind::Aggregate(_) | Kind::Window(_)));
        let cast = super::bind::CASTS.iter().any(|(name, _)| function.name.to_string().eq_ignore_ascii_case(name));
        if many && !cast { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
