//! FROM: tables, subqueries, joins in their order, LATERAL VIEW.

use polars::prelude as pl;
use polars::prelude::{DataFrame, ExplodeOptions, IntoLazy, by_name};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint, JoinOperator, LateralView, Select, Spanned,
    TableAlias, TableFactor, TableWithJoins,
};

use super::joins::How;
use super::{Named, Planner, Relation};
use crate::platform::engine::sql::cells;
use crate::platform::engine::sql::lower::lower;
use crate::platform::engine::sql::node::{Node, name};
use crate::platform::engine::sql::refusal::{Place, Refusal};
use crate::platform::engine::sql::types::Type;

impl Planner {
    /// The rows of FROM with their LATERAL VIEWs; one row without columns where there is no FROM.
    pub fn from(&mut self, select: &Select) -> Result<Relation, Refusal> {
        let mut all: Option<Relation> = None;
        for table in &select.from {
            let next = self.joined(table)?;
            all = Some(match all {
                Some(all) => self.join(all, next, How::Inner, &JoinConstraint::None, Place::of(table.span()))?,
                None => next,
            });
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
        let mut relation = self.factor(&tables.relation)?;
        for join in &tables.joins {
            let right = self.factor(&join.relation)?;
            let place = Place::of(join.relation.span());
            let (how, constraint) = how(&join.join_operator, place)?;
            relation = self.join(relation, right, how, constraint, place)?;
        }
        Ok(relation)
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<Relation, Refusal> {
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
            other => {
                let place = Place::of(other.span());
                Err(place.refuse(other.to_string(), "is not a table of the dialect", "name an input of the view"))
            }
        }
    }

    /// LATERAL VIEW explode(array): a row for each element.
    fn exploded(&mut self, relation: &mut Relation, view: &LateralView) -> Result<(), Refusal> {
        let place = Place::of(view.span());
        let refuse = |problem: String, fix: &str| Err(place.refuse(view.lateral_view.to_string(), problem, fix));
        let form = "write LATERAL VIEW explode(array) t AS column";
        let Some((function, argument)) = generator(&view.lateral_view) else {
            return refuse("is not explode or posexplode of one array".to_owned(), form);
        };
        let node = self.binder(relation, &[], &[]).whole(argument)?;
        super::select::no_aggregate(&node, "LATERAL VIEW", "group in a WITH query before")?;
        let Type::List(element) = node.ty.clone() else {
            return refuse(format!("takes an array, and `{}` is {}", node.from.text, node.ty), form);
        };
        let with_position = function == "posexplode";
        let mut given = view.lateral_col_alias.iter().map(|alias| alias.value.clone());
        if view.lateral_col_alias.len() > 1 + usize::from(with_position) {
            return refuse("has more names than columns".to_owned(), form);
        }
        let items = self.with_column(relation, lower(&node));
        let mut names = vec![name(items)];
        let qualifier = Some(view.lateral_view_name.to_string());
        if with_position {
            let positions = self.with_column(relation, positions(&Node::column(items, node.ty.clone())));
            names.push(name(positions));
            let text = given.next().unwrap_or("pos".to_owned());
            relation.columns.push(Named {
                qualifier: qualifier.clone(),
                name: text,
                id: positions,
                ty: Type::Int,
                hidden: false,
            });
        }
        let text = given.next().unwrap_or("col".to_owned());
        relation.columns.push(Named { qualifier, name: text, id: items, ty: *element, hidden: false });
        let options = ExplodeOptions { empty_as_null: view.outer, keep_nulls: view.outer };
        relation.frame = relation.frame.clone().explode(by_name(names, true, false), options);
        Ok(())
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
fn generator(expr: &Expr) -> Option<(String, &Expr)> {
    let Expr::Function(function) = expr else { return None };
    let name = function.name.to_string().to_lowercase();
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))]
            if matches!(name.as_str(), "explode" | "posexplode") =>
        {
            Some((name, argument))
        }
        _ => None,
    }
}

/// Gives a relation its alias, and its columns theirs.
pub fn rename(relation: &mut Relation, alias: &TableAlias) -> Result<(), Refusal> {
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

/// The kind of a join and its condition.
fn how(operator: &JoinOperator, place: Place) -> Result<(How, &JoinConstraint), Refusal> {
    Ok(match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) | JoinOperator::CrossJoin(constraint) => {
            (How::Inner, constraint)
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (How::Left, constraint),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (How::Right, constraint),
        JoinOperator::FullOuter(constraint) => (How::Full, constraint),
        JoinOperator::Semi(constraint) | JoinOperator::LeftSemi(constraint) => (How::Semi, constraint),
        JoinOperator::Anti(constraint) | JoinOperator::LeftAnti(constraint) => (How::Anti, constraint),
        _ => {
            return Err(place.refuse(
                "JOIN",
                "is of a kind that Spark has not",
                "use JOIN, LEFT, RIGHT, FULL, SEMI, ANTI or CROSS JOIN",
            ));
        }
    })
}
