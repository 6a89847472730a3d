//! Whether the rows of a query come of single rows of a table, told from its text alone: then pieces of the table may
//! be queried by themselves, and a stream's events one by one.
//!
//! It knows what is certain and takes anything else for a query of the whole table. Pure data.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, JoinOperator, Query, Select, SetExpr, SetOperator, SetQuantifier, TableFactor, TableWithJoins,
    Visit, Visitor,
};

use super::check::is_generator;
use super::functions::{self, Kind};

/// How the rows of a query come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// The table is not read.
    Apart,
    /// Each comes of one row of the table, and of what else there is, in the order of the table's rows.
    InOrder,
    /// Each comes of one row of the table, in any order.
    Each,
    /// Some may need several rows of the table.
    Many,
}

/// WITH queries and the table, with how their rows come about.
type Known = Vec<(String, Follows)>;

/// How the rows of the query come of the rows of the table.
pub(super) fn follows(query: &Query, table: &str) -> Follows {
    of_query(query, &mut vec![(table.to_lowercase(), Follows::InOrder)])
}

fn of_query(query: &Query, known: &mut Known) -> Follows {
    let depth = known.len();
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        let rows = of_query(&table.query, known);
        known.push((table.alias.name.value.to_lowercase(), rows));
    }
    let rows = of_body(&query.body, known);
    known.truncate(depth);
    match rows {
        Follows::Apart => Follows::Apart,
        _ if query.limit_clause.is_some() || query.fetch.is_some() => Follows::Many,
        Follows::InOrder if query.order_by.is_some() => Follows::Each,
        rows => rows,
    }
}

fn of_body(body: &SetExpr, known: &mut Known) -> Follows {
    match body {
        SetExpr::Select(select) => of_select(select, known),
        SetExpr::Query(query) => of_query(query, known),
        SetExpr::SetOperation { left, op, set_quantifier, right } => {
            let all = *op == SetOperator::Union && *set_quantifier == SetQuantifier::All;
            match (of_body(left, known), of_body(right, known)) {
                (Follows::Apart, Follows::Apart) => Follows::Apart,
                // Rows of another table would come again with each piece of this one.
                (Follows::Apart | Follows::Many, _) | (_, Follows::Apart | Follows::Many) => Follows::Many,
                _ if all => Follows::Each,
                _ => Follows::Many,
            }
        }
        _ => Follows::Many,
    }
}

fn of_select(select: &Select, known: &mut Known) -> Follows {
    let mut seen = Seen { known, depth: 0, reads: false, many: false, generates: false };
    let ControlFlow::Continue(()) = conditions(select, &mut seen);
    let (reads, mut many, generates) = (seen.reads, seen.many, seen.generates);
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty());
    many |= grouped || select.having.is_some() || select.distinct.is_some() || select.qualify.is_some();
    many |= select.top.is_some() || !select.connect_by.is_empty() || select.prewhere.is_some();
    let (mut rows, mut others) = (Follows::Apart, false);
    for table in &select.from {
        rows = product(rows, of_joins(table, known), &mut others);
    }
    match rows {
        // Conditions that look into the table make its other rows count.
        Follows::Apart if !reads => Follows::Apart,
        _ if reads || many => Follows::Many,
        Follows::InOrder if generates => Follows::Each,
        rows => rows,
    }
}

/// The expressions of a SELECT, those of its joins as well.
fn conditions(select: &Select, seen: &mut Seen<'_>) -> ControlFlow<std::convert::Infallible> {
    select.projection.visit(seen)?;
    select.selection.visit(seen)?;
    select.lateral_views.visit(seen)?;
    select.qualify.visit(seen)?;
    select.having.visit(seen)?;
    select.group_by.visit(seen)?;
    for join in select.from.iter().flat_map(|table| &table.joins) {
        if let Some(JoinKind { constraint: Some(constraint), .. }) = kind(&join.join_operator) {
            constraint.visit(seen)?;
        }
    }
    ControlFlow::Continue(())
}

/// The rows of two relations beside each other. `others` says whether a relation without the table came before it.
fn product(left: Follows, right: Follows, others: &mut bool) -> Follows {
    let rows = match (left, right) {
        (Follows::Apart, Follows::Apart) => Follows::Apart,
        (Follows::Apart, Follows::InOrder) if *others => Follows::Each,
        (Follows::Apart, rows) | (rows, Follows::Apart) => rows,
        _ => Follows::Many,
    };
    *others |= right == Follows::Apart;
    rows
}

fn of_joins(tables: &TableWithJoins, known: &mut Known) -> Follows {
    let mut rows = of_factor(&tables.relation, known);
    for join in &tables.joins {
        let right = of_factor(&join.relation, known);
        rows = match (rows, right, kind(&join.join_operator)) {
            (Follows::Apart, Follows::Apart, _) => Follows::Apart,
            (rows @ (Follows::InOrder | Follows::Each), Follows::Apart, Some(kind)) if kind.by_left => rows,
            (Follows::Apart, Follows::InOrder | Follows::Each, Some(kind)) if kind.by_right => Follows::Each,
            _ => Follows::Many,
        };
    }
    rows
}

fn of_factor(factor: &TableFactor, known: &mut Known) -> Follows {
    match factor {
        TableFactor::Table { name, .. } => {
            let name = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase());
            let found = known.iter().rev().find(|(known, _)| Some(known) == name.as_ref());
            found.map_or(Follows::Apart, |(_, rows)| *rows)
        }
        TableFactor::Derived { subquery, .. } => of_query(subquery, known),
        TableFactor::NestedJoin { table_with_joins, .. } => of_joins(table_with_joins, known),
        _ => Follows::Many,
    }
}

/// What a join does with single rows of its sides.
struct JoinKind<'a> {
    /// Each row of the output comes of one row of the left side, whatever the other rows of that side are.
    by_left: bool,
    /// The same of the right side.
    by_right: bool,
    constraint: Option<&'a sqlparser::ast::JoinConstraint>,
}

fn kind(operator: &JoinOperator) -> Option<JoinKind<'_>> {
    let (by_left, by_right, constraint) = match operator {
        JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => (true, true, on),
        JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Semi(on)
        | JoinOperator::LeftSemi(on)
        | JoinOperator::Anti(on)
        | JoinOperator::LeftAnti(on) => (true, false, on),
        JoinOperator::Right(on) | JoinOperator::RightOuter(on) => (false, true, on),
        JoinOperator::FullOuter(on) => (false, false, on),
        _ => return None,
    };
    Some(JoinKind { by_left, by_right, constraint: Some(constraint) })
}

/// What the expressions of a SELECT need: several rows, or the table itself in a subquery.
struct Seen<'a> {
    known: &'a Known,
    /// How many subqueries deep it is.
    depth: usize,
    reads: bool,
    many: bool,
    /// Whether a row may make several.
    generates: bool,
}

impl Visitor for Seen<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Table { name, .. } = factor {
            let idents = name.0.iter().filter_map(|part| part.as_ident());
            let mut names = idents.map(|ident| ident.value.to_lowercase());
            let is_read = |name| self.known.iter().any(|(known, rows)| *known == name && *rows != Follows::Apart);
            self.reads |= names.any(is_read);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = function.name.to_string();
        let of_rows = match functions::find(&name) {
            Some(known) => matches!(known.kind, Kind::Aggregate(_) | Kind::Window(_)),
            None => !super::bind::CASTS.iter().any(|(cast, _)| name.eq_ignore_ascii_case(cast)),
        };
        // A generator makes rows of one row.
        let makes_rows = is_generator(expr);
        self.generates |= self.depth == 0 && makes_rows;
        self.many |= self.depth == 0 && (function.over.is_some() || (of_rows && !makes_rows));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::sql::check;

    #[test]
    fn what_rows_come_of_is_told_from_the_text() {
        let cases = [
            ("SELECT a + 1 AS b FROM t WHERE upper(a) = 'X'", Follows::InOrder),
            ("WITH s AS (SELECT a FROM T) SELECT a FROM (SELECT a FROM s) x", Follows::InOrder),
            ("SELECT t.a, u.b FROM t LEFT JOIN u ON t.k = u.k", Follows::InOrder),
            ("SELECT t.a, u.b FROM t, u WHERE t.k > u.k", Follows::InOrder),
            ("SELECT a FROM t WHERE a IN (SELECT max(b) AS b FROM u GROUP BY k)", Follows::InOrder),
            (
                "WITH m AS (SELECT k, max(b) AS b FROM u GROUP BY k) SELECT a FROM t SEMI JOIN m ON t.k = m.k",
                Follows::InOrder,
            ),
            ("SELECT t.a FROM u JOIN t ON t.k = u.k", Follows::Each),
            ("SELECT t.a FROM u, t", Follows::Each),
            ("SELECT a FROM t ORDER BY a", Follows::Each),
            ("SELECT a FROM t UNION ALL SELECT b AS a FROM t", Follows::Each),
            ("SELECT x FROM t LATERAL VIEW explode(a) v AS x", Follows::Each),
            ("SELECT k, explode_outer(a) AS x FROM t", Follows::Each),
            ("SELECT filter(a, x -> x > 1) AS x FROM t", Follows::InOrder),
            ("SELECT first(a) AS f FROM t", Follows::Many),
            ("SELECT * FROM t PIVOT (sum(a) FOR k IN (1))", Follows::Many),
            ("SELECT a FROM u", Follows::Apart),
            ("SELECT sum(a) AS s FROM t", Follows::Many),
            ("SELECT a, lag(a) OVER (ORDER BY a) AS b FROM t", Follows::Many),
            (
                "WITH r AS (SELECT a, row_number() OVER (PARTITION BY k ORDER BY a) AS r FROM t) SELECT a FROM r WHERE r = 1",
                Follows::Many,
            ),
            ("SELECT DISTINCT a FROM t", Follows::Many),
            ("SELECT a FROM t GROUP BY a", Follows::Many),
            ("SELECT a FROM t ORDER BY a LIMIT 3", Follows::Many),
            ("SELECT a FROM t UNION SELECT a FROM t", Follows::Many),
            ("SELECT a FROM t UNION ALL SELECT a FROM u", Follows::Many),
            ("SELECT t.a FROM t JOIN t AS o ON t.k = o.k AND t.ts > o.ts", Follows::Many),
            ("WITH m AS (SELECT k, max(a) AS m FROM t GROUP BY k) SELECT a FROM t JOIN m ON t.k = m.k", Follows::Many),
            ("SELECT t.a FROM u LEFT JOIN t ON t.k = u.k", Follows::Many),
            ("SELECT t.a FROM t FULL JOIN u ON t.k = u.k", Follows::Many),
            ("SELECT a, a - (SELECT avg(a) FROM t) AS d FROM t", Follows::Many),
            ("SELECT b FROM u WHERE b IN (SELECT a FROM t)", Follows::Many),
            ("WITH s AS (SELECT max(a) AS a FROM t) SELECT a FROM s", Follows::Many),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text).unwrap().follows("t"), expected, "{text}");
        }
    }
}
