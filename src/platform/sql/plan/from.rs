//! FROM: tables, subqueries, joins in their order, LATERAL VIEW.

use polars::prelude as pl;
use polars::prelude::{DataFrame, ExplodeOptions, IntoLazy, by_name};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint, LateralView, Select, Spanned, TableAlias,
    TableFactor, TableWithJoins,
};

use super::select::Item;
use super::{Named, Planner, Relation};
use crate::platform::sql::cells;
use crate::platform::sql::check::is_generator;
use crate::platform::sql::join_kind::{How, kind_of};
use crate::platform::sql::lower::lower;
use crate::platform::sql::node::{Node, name};
use crate::platform::sql::refusal::{Place, Refusal};
use crate::platform::sql::types::Type;

impl Planner {
    /// The rows of FROM with their LATERAL VIEWs; one row without columns where there is no FROM.
    pub(crate) fn from(&mut self, select: &Select) -> Result<Relation, Refusal> {
        let mut all: Option<Relation> = None;
        let mut refused = false;
        for table in &select.from {
            let next = self.joined(table);
            let Some(next) = self.noted(next) else {
                refused = true;
                continue;
            };
            all = Some(match all {
                Some(all) => self.join(all, next, How::Inner, &JoinConstraint::None, Place::of(table.span()))?,
                None => next,
            });
        }
        if refused {
            return Err(Refusal::reported());
        }
        let mut relation = match all {
            Some(relation) => relation,
            None => Relation { frame: self.one_row(), columns: Vec::new() },
        };
        for view in &select.lateral_views {
            self.exploded(&mut relation, view)?;
        }
        Ok(relation)
    }

    fn one_row(&mut self) -> pl::LazyFrame {
        let column = pl::Column::new(name(self.id()), [true]);
        DataFrame::new(1, vec![column]).unwrap_or_default().lazy()
    }

    fn joined(&mut self, tables: &TableWithJoins) -> Result<Relation, Refusal> {
        let first = self.factor(&tables.relation);
        let mut relation = self.noted(first);
        for join in &tables.joins {
            let right = self.factor(&join.relation);
            let place = Place::of(join.relation.span());
            let (how, constraint) = kind_of(&join.join_operator).ok_or_else(|| {
                let fix = "use JOIN, LEFT, RIGHT, FULL, SEMI, ANTI or CROSS JOIN";
                place.refuse("JOIN", "is of a kind that Spark has not", fix)
            })?;
            relation = match (relation, self.noted(right)) {
                (Some(left), Some(right)) => {
                    let joined = self.join(left, right, how, constraint, place);
                    self.noted(joined)
                }
                _ => None,
            };
        }
        relation.ok_or_else(Refusal::reported)
    }

    pub(crate) fn factor(&mut self, factor: &TableFactor) -> Result<Relation, Refusal> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let place = Place::of(factor.span());
                let table = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
                let table = table.filter(|_| name.0.len() == 1).unwrap_or(name.to_string());
                let mut relation = self.table(&table, place)?;
                for column in &mut relation.columns {
                    column.qualifier = Some(table.clone());
                    column.hidden = false;
                }
                if let Some(alias) = alias {
                    rename(&mut relation, alias)?;
                }
                Ok(relation)
            }
            TableFactor::Derived { lateral: false, subquery, alias, .. } => {
                let mut relation = self.query(subquery, &[])?;
                if let Some(alias) = alias {
                    rename(&mut relation, alias)?;
                }
                Ok(relation)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.joined(table_with_joins),
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, alias: None, .. } => {
                let place = Place::of(table.span());
                self.pivoted(table, aggregate_functions, value_column, value_source, place)
            }
            other => {
                let place = Place::of(other.span());
                Err(place.refuse(other.to_string(), "is not a table of the dialect", "name an input of the view"))
            }
        }
    }

    /// LATERAL VIEW explode(array): a row for each element.
    fn exploded(&mut self, relation: &mut Relation, view: &LateralView) -> Result<(), Refusal> {
        let names: Vec<String> = view.lateral_col_alias.iter().map(|alias| alias.value.clone()).collect();
        let columns = self.elements(relation, &view.lateral_view, view.outer, &names)?;
        let qualifier = Some(view.lateral_view_name.to_string());
        relation.columns.extend(columns.into_iter().map(|column| Named { qualifier: qualifier.clone(), ..column }));
        Ok(())
    }

    /// explode(array) in a SELECT list: a row for each element, and what the list has of it.
    pub(crate) fn generated(
        &mut self,
        relation: &mut Relation,
        generator: &Expr,
        names: &[String],
    ) -> Result<Vec<Item>, Refusal> {
        let names: Vec<String> = names.iter().filter(|name| !name.is_empty()).cloned().collect();
        let columns = self.elements(relation, generator, false, &names)?;
        Ok(columns.into_iter().map(|column| (column.name, Node::column(column.id, column.ty))).collect())
    }

    /// The rows once for each element of an array: its position if it is asked for, and the element.
    fn elements(
        &mut self,
        relation: &mut Relation,
        generator: &Expr,
        outer: bool,
        names: &[String],
    ) -> Result<Vec<Named>, Refusal> {
        let place = Place::of(generator.span());
        let refuse = |problem: String| {
            let fix = "write explode(array) AS column, or LATERAL VIEW explode(array) t AS column";
            Err(place.refuse(generator.to_string(), problem, fix))
        };
        let Some((function, argument)) = parts(generator) else {
            return refuse("is not explode or posexplode of one array".to_owned());
        };
        let outer = outer || function.ends_with("_outer");
        let with_position = function.starts_with("pos");
        let node = self.binder(relation, &[], &[]).whole(argument)?;
        super::select::no_aggregate(&node, "explode", "group in a WITH query before")?;
        let Type::List(element) = node.ty.clone() else {
            return refuse(format!("takes an array, and `{}` is {}", node.from.text, node.ty));
        };
        let width = 1 + usize::from(with_position);
        if names.len() > width || (with_position && names.len() == 1) {
            return refuse(format!("has {} names for {width} columns", names.len()));
        }
        let items = self.with_column(relation, lower(&node));
        let mut exploded = vec![name(items)];
        let mut columns = Vec::new();
        let named = |name: Option<&String>, default: &str, id: u32, ty: Type| Named {
            qualifier: None,
            name: name.map_or(default, String::as_str).to_owned(),
            id,
            ty,
            hidden: false,
        };
        if with_position {
            let positions = self.with_column(relation, positions(&Node::column(items, node.ty.clone())));
            exploded.push(name(positions));
            columns.push(named(names.first(), "pos", positions, Type::Int));
        }
        columns.push(named(names.get(width - 1), "col", items, *element));
        let options = ExplodeOptions { empty_as_null: outer, keep_nulls: outer };
        relation.frame = relation.frame.clone().explode(by_name(exploded, true, false), options);
        Ok(columns)
    }
}

/// For each array the numbers of its elements from 0.
fn positions(list: &Node) -> pl::Expr {
    let run = |columns: &mut [pl::Column]| {
        let Some(column) = columns.first() else { pl::polars_bail!(ComputeError: "no array") };
        let list = cells::lists(column)?;
        let numbers = |items: pl::Series| -> pl::Series {
            pl::NamedFrom::new("".into(), (0..items.len() as i32).collect::<Vec<i32>>())
        };
        let made = (0..column.len()).map(|row| list.get(row).map(numbers)).collect();
        Ok(super::super::cast::list_column(made, &Type::Int)?.with_name(column.name().clone()))
    };
    let dtype = Type::List(Box::new(Type::Int)).polars();
    lower(list)
        .map(move |column| run(&mut [column]), move |_, field| Ok(pl::Field::new(field.name().clone(), dtype.clone())))
}

/// The name and the one argument of a generator.
fn parts(expr: &Expr) -> Option<(String, &Expr)> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] if is_generator(expr) => {
            Some((function.name.to_string().to_lowercase(), argument))
        }
        _ => None,
    }
}

/// Gives a relation its alias, and its columns theirs.
pub(super) fn rename(relation: &mut Relation, alias: &TableAlias) -> Result<(), Refusal> {
    let place = Place::of(alias.name.span);
    if !alias.columns.is_empty() && alias.columns.len() != relation.columns.len() {
        let problem = format!("names {} columns of {}", alias.columns.len(), relation.columns.len());
        return Err(place.refuse(alias.name.to_string(), problem, "name them all"));
    }
    for column in &mut relation.columns {
        column.qualifier = Some(alias.name.value.clone());
    }
    for (column, name) in relation.columns.iter_mut().zip(&alias.columns) {
        column.name = name.name.value.clone();
    }
    Ok(())
}
