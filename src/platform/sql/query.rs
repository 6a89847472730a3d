//! A checked query, and what can be told from its text alone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{Expr, Ident, JoinConstraint, Query as Tree, SelectItem, SetExpr, TableFactor, Visit, Visitor};

use super::follows::{self, Follows};
use super::join_kind::kind_of;
use super::refusal::Refusal;
use super::{check, depth, text};

/// A query in the dialect. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Query(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tree: Tree,
    words: BTreeSet<String>,
    tables: BTreeMap<String, usize>,
    wildcard: bool,
    spelling: Vec<String>,
}

impl Query {
    /// Reads and checks a text.
    pub(crate) fn read(query: &str) -> Result<Self, Refusal> {
        let (query, problems) = Self::read_all(query)?;
        Refusal::of(problems).map_or(Ok(query), Err)
    }

    /// Reads a text; what is outside of the dialect is told beside the query. `Err` for what is no query at all, or
    /// one that nothing more can be told of.
    pub(crate) fn read_all(query: &str) -> Result<(Self, Vec<Refusal>), Refusal> {
        depth::on_deep_stack(|| {
            let (tree, problems) = check::query(text::parse(query)?)?;
            let mut names = Names::default();
            let ControlFlow::Continue(()) = tree.visit(&mut names);
            let Names { words, tables, wildcard } = names;
            let inner = Inner { tree, words, tables, wildcard, spelling: Vec::new() };
            Ok((Self(Arc::new(inner)), problems))
        })
    }

    /// The same query, whose output columns are spelled as these names where they are the same without regard to case.
    pub(crate) fn spelled<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let spelling = names.into_iter().map(str::to_owned).collect();
        let Inner { tree, words, tables, wildcard, .. } = match Arc::try_unwrap(self.0) {
            Ok(inner) => inner,
            Err(shared) => Inner {
                tree: shared.tree.clone(),
                words: shared.words.clone(),
                tables: shared.tables.clone(),
                spelling: Vec::new(),
                ..*shared
            },
        };
        Self(Arc::new(Inner { tree, words, tables, wildcard, spelling }))
    }

    /// The name of an output column that the query calls so.
    pub(crate) fn output<'n>(&'n self, name: &'n str) -> &'n str {
        let known = self.0.spelling.iter().find(|known| known.eq_ignore_ascii_case(name));
        known.map_or(name, String::as_str)
    }

    /// How often the query names a table.
    pub(crate) fn mentions(&self, table: &str) -> usize {
        self.0.tables.get(&table.to_lowercase()).copied().unwrap_or(0)
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.0.tree
    }

    /// How the rows of the query come of the rows of that table.
    pub(crate) fn follows(&self, table: &str) -> Follows {
        follows::follows(&self.0.tree, table)
    }

    /// Whether the query takes first or last rows, so that the order of its first input counts.
    pub(crate) fn asks_for_order(&self) -> bool {
        ["first", "last", "any_value", "first_value", "last_value"].iter().any(|name| self.0.words.contains(*name))
    }

    /// Whether the query names that table.
    pub(crate) fn reads(&self, table: &str) -> bool {
        self.mentions(table) > 0
    }

    /// The names (lower case) that the query may need of an input, more rather than less; absent for all. Names in
    /// queries do not care about case.
    pub(crate) fn columns_of(&self, table: &str) -> Option<BTreeSet<String>> {
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
    tables: BTreeMap<String, usize>,
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
                    if let Some((_, JoinConstraint::Using(names))) = kind_of(&join.join_operator) {
                        let parts = names.iter().flat_map(|name| &name.0).filter_map(|part| part.as_ident());
                        parts.for_each(|name| self.add(name));
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
        // A row of PIVOT stands for all columns that it does not name.
        self.wildcard |= matches!(factor, TableFactor::Pivot { .. });
        if let TableFactor::Table { name, .. } = factor {
            for ident in name.0.iter().filter_map(|part| part.as_ident()) {
                *self.tables.entry(ident.value.to_lowercase()).or_insert(0) += 1;
            }
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
