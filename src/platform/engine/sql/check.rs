//! What a query may say, before any table is known: constructs and functions outside of the dialect are refused here.
//!
//! What depends on columns and types is refused when the query is planned, which a definition's loading does too.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier,
    Spanned, Statement, TableFactor, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use super::refusal::{Place, Refusal};
use super::text::ONE_SELECT;

mod calls;

/// The query of a statement, if it is one and all of it is in the dialect.
pub fn query(statement: Statement) -> Result<Query, Refusal> {
    let place = Place::of(statement.span());
    let Statement::Query(query) = statement else {
        return Err(place.refuse("the query", "is not a query", ONE_SELECT));
    };
    match query.visit(&mut Checker { place, generators: Vec::new() }) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => named(&query.body).map(|()| *query),
    }
}

/// The output needs names: Spark makes some up that no feature should have.
fn named(body: &SetExpr) -> Result<(), Refusal> {
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { left, .. } => return named(left),
        SetExpr::Query(query) => return named(&query.body),
        _ => return Ok(()),
    };
    for item in &select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let mut inner = expr;
        while let Expr::Nested(nested) = inner {
            inner = nested;
        }
        if !matches!(inner, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. }) {
            return Err(Place::of(item.span()).refuse(item.to_string(), "has no name", "give it one with AS"));
        }
    }
    Ok(())
}

struct Checker {
    place: Place,
    /// Where the generators of LATERAL VIEWs stand: the only place for them.
    generators: Vec<Span>,
}

type Found = ControlFlow<Refusal>;

fn all<const N: usize>(checks: [Option<Refusal>; N]) -> Found {
    checks.into_iter().flatten().next().map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

impl Visitor for Checker {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> Found {
        let place = Place::of(query.span()).or(self.place);
        self.place = place;
        if let SetExpr::Select(select) = &*query.body {
            self.generators.extend(select.lateral_views.iter().map(|view| view.lateral_view.span()));
        }
        let refuse = |present: bool, what: &str, fix: &str| present.then(|| place.refuse(what, NOT_SHARED, fix));
        let with = query.with.as_ref();
        all([
            refuse(with.is_some_and(|with| with.recursive), "WITH RECURSIVE", "write the steps out, or join twice"),
            refuse(query.fetch.is_some(), "FETCH", "use LIMIT"),
            refuse(!query.locks.is_empty() || query.for_clause.is_some(), "FOR", "leave it out"),
            refuse(query.settings.is_some() || query.format_clause.is_some(), "SETTINGS", "leave it out"),
            refuse(!query.pipe_operators.is_empty(), "|>", "write SELECT ... FROM ..."),
            body(&query.body, place),
        ])
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Found {
        let place = Place::of(factor.span()).or(self.place);
        table(factor, place).map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Found {
        let place = Place::of(expr.span()).or(self.place);
        if matches!(expr, Expr::Function(_)) && self.generators.contains(&expr.span()) {
            return ControlFlow::Continue(());
        }
        expression(expr, place).map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }
}

/// Why a construct is refused that is good SQL elsewhere.
const NOT_SHARED: &str = "is not shared by Spark and this engine";

fn body(body: &SetExpr, place: Place) -> Option<Refusal> {
    let refuse = |what: &str, fix: &str| Some(place.refuse(what, NOT_SHARED, fix));
    match body {
        SetExpr::Select(select) => clauses(select, Place::of(select.select_token.0.span).or(place)),
        // A query in brackets is visited by itself.
        SetExpr::Query(_) => None,
        SetExpr::SetOperation { left, op, set_quantifier, right } => {
            let by_name = !matches!(set_quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None);
            if by_name {
                return refuse("UNION BY NAME", "select the columns in the same order");
            }
            if *op != SetOperator::Union && *set_quantifier == SetQuantifier::All {
                return refuse(&format!("{op} ALL"), "leave ALL out, or group and count");
            }
            self::body(left, place).or_else(|| self::body(right, place))
        }
        SetExpr::Values(_) => refuse("VALUES", "put the rows into a source"),
        SetExpr::Table(_) => refuse("TABLE", "write SELECT * FROM"),
        _ => Some(place.refuse("the query", "is not a query", ONE_SELECT)),
    }
}

fn clauses(select: &Select, place: Place) -> Option<Refusal> {
    let refuse = |present: bool, what: &str, fix: &str| present.then(|| place.refuse(what, NOT_SHARED, fix));
    let at = |expr: &Option<Expr>| expr.as_ref().map_or(place, |expr| Place::of(expr.span()).or(place));
    let qualify = select.qualify.is_some().then(|| {
        let fix = "compute the window function in a WITH query and filter it by WHERE";
        at(&select.qualify).refuse("QUALIFY", "Spark has no QUALIFY", fix)
    });
    let on = matches!(select.distinct, Some(Distinct::On(_)));
    let fix = "number the rows by row_number() OVER (PARTITION BY ... ORDER BY ...) and keep number 1";
    qualify
        .or_else(|| on.then(|| place.refuse("DISTINCT ON", "Spark has no DISTINCT ON", fix)))
        .or_else(|| refuse(select.top.is_some(), "TOP", "use ORDER BY and LIMIT"))
        .or_else(|| refuse(select.into.is_some(), "INTO", "leave it out: a view writes nothing by itself"))
        .or_else(|| refuse(!select.sort_by.is_empty(), "SORT BY", "use ORDER BY"))
        .or_else(|| {
            refuse(!select.cluster_by.is_empty() || !select.distribute_by.is_empty(), "CLUSTER BY", "leave it out")
        })
        .or_else(|| refuse(!select.connect_by.is_empty(), "CONNECT BY", "join the steps"))
        .or_else(|| refuse(select.prewhere.is_some(), "PREWHERE", "use WHERE"))
        .or_else(|| refuse(select.exclude.is_some(), "EXCLUDE", "use EXCEPT, or name the columns"))
        .or_else(|| refuse(select.value_table_mode.is_some(), "SELECT AS", "name the columns"))
        .or_else(|| select.projection.iter().find_map(|item| listed(item, place)))
        .or_else(|| {
            select.from.iter().flat_map(|table| &table.joins).find_map(|join| {
                let place = Place::of(join.relation.span()).or(place);
                joined(&join.join_operator, place)
            })
        })
}

fn listed(item: &SelectItem, place: Place) -> Option<Refusal> {
    let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { return None };
    let place = Place::of(options.wildcard_token.0.span).or(place);
    let other = options.opt_ilike.is_some()
        || options.opt_exclude.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some();
    other.then(|| place.refuse(item.to_string(), NOT_SHARED, "use `* EXCEPT (a, b)`, or name the columns"))
}

fn joined(operator: &JoinOperator, place: Place) -> Option<Refusal> {
    let natural = |constraint: &JoinConstraint| {
        let natural = matches!(constraint, JoinConstraint::Natural);
        natural
            .then(|| place.refuse("NATURAL JOIN", "changes its meaning with the columns", "write JOIN ... USING (key)"))
    };
    match operator {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Right(on)
        | JoinOperator::RightOuter(on)
        | JoinOperator::FullOuter(on)
        | JoinOperator::CrossJoin(on)
        | JoinOperator::Semi(on)
        | JoinOperator::LeftSemi(on)
        | JoinOperator::Anti(on)
        | JoinOperator::LeftAnti(on) => natural(on),
        JoinOperator::AsOf { .. } => {
            let fix = "join on a range, number the pairs by row_number() and keep number 1";
            Some(place.refuse("ASOF JOIN", "Spark has no ASOF JOIN", fix))
        }
        _ => Some(place.refuse("JOIN", NOT_SHARED, "use JOIN, LEFT, RIGHT, FULL, LEFT SEMI, LEFT ANTI or CROSS JOIN")),
    }
}

fn table(factor: &TableFactor, place: Place) -> Option<Refusal> {
    let refuse = |what: &str, fix: &str| Some(place.refuse(what, NOT_SHARED, fix));
    match factor {
        TableFactor::Table { name, args, version, sample, with_hints, partitions, with_ordinality, .. } => {
            let text = name.to_string().to_lowercase();
            if text == "unnest" {
                return refuse("UNNEST", "write LATERAL VIEW explode(array) t AS column");
            }
            if args.is_some() || text.starts_with("read_") || text.contains('.') {
                let problem = "reads something else than an input of the view";
                let fix = "name the files as a source, and read from its input name";
                return Some(place.refuse(name.to_string(), problem, fix));
            }
            if version.is_some()
                || sample.is_some()
                || *with_ordinality
                || !with_hints.is_empty()
                || !partitions.is_empty()
            {
                return refuse(&factor.to_string(), "read from the plain name of the input");
            }
            None
        }
        TableFactor::Derived { lateral: true, .. } => refuse("LATERAL (SELECT)", "join the subquery by its keys"),
        TableFactor::Derived { sample: Some(_), .. } => {
            refuse("TABLESAMPLE", "leave it out: results must be the same each time")
        }
        TableFactor::Derived { .. } | TableFactor::NestedJoin { alias: None, .. } => None,
        TableFactor::UNNEST { .. } => refuse("UNNEST", "write LATERAL VIEW explode(array) t AS column"),
        TableFactor::Pivot { .. } => refuse("PIVOT", "write sum(CASE WHEN key = 'a' THEN value END) for each column"),
        TableFactor::Unpivot { .. } => refuse("UNPIVOT", "write a SELECT for each column and UNION ALL"),
        TableFactor::Function { name, .. } => refuse(&name.to_string(), "read from an input of the view"),
        TableFactor::TableFunction { .. } => refuse("TABLE()", "read from an input of the view"),
        _ => refuse(&factor.to_string(), "read from an input of the view"),
    }
}

fn expression(expr: &Expr, place: Place) -> Option<Refusal> {
    let refuse = |what: &str, fix: &str| Some(place.refuse(what, NOT_SHARED, fix));
    match expr {
        Expr::Function(function) => calls::refusal(function, place),
        Expr::AtTimeZone { .. } => refuse("AT TIME ZONE", "all instants are UTC: add an INTERVAL"),
        Expr::SimilarTo { .. } => refuse("SIMILAR TO", "use RLIKE"),
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => {
            refuse("GROUPING SETS, CUBE, ROLLUP", "use UNION ALL of groups")
        }
        Expr::Lambda(_) => refuse("a lambda function", "use LATERAL VIEW explode and an aggregate"),
        Expr::JsonAccess { .. } => refuse("the path operator `:`", "use get_json_object(text, '$.path')"),
        Expr::AnyOp { .. } | Expr::AllOp { .. } => refuse("ANY and ALL", "use IN, EXISTS, or compare with max or min"),
        Expr::InUnnest { .. } => refuse("IN UNNEST", "use array_contains"),
        Expr::Tuple(_) => refuse("a tuple", "compare the columns one by one"),
        Expr::Collate { .. } => refuse("COLLATE", "use lower()"),
        Expr::Convert { .. } => refuse("CONVERT", "use CAST"),
        Expr::Overlay { .. } => refuse("OVERLAY", "use concat and substring"),
        Expr::Struct { .. } | Expr::Named { .. } => refuse("STRUCT", "select its fields"),
        Expr::Dictionary(_) | Expr::Map(_) => refuse("MAP", "select its values"),
        Expr::Array(_) => refuse("ARRAY[...]", "write array(...)"),
        Expr::Prefixed { .. } => refuse("a text with a prefix", "write it in plain quotes"),
        Expr::MatchAgainst { .. }
        | Expr::MemberOf(_)
        | Expr::Prior(_)
        | Expr::OuterJoin(_)
        | Expr::IsNormalized { .. } => refuse(&expr.to_string(), "use plain comparisons"),
        Expr::Like { any: true, .. } | Expr::ILike { any: true, .. } => {
            refuse("LIKE ANY", "write several LIKE with OR")
        }
        Expr::Like { escape_char: Some(_), .. } | Expr::ILike { escape_char: Some(_), .. } => {
            refuse("ESCAPE", "use the backslash: LIKE '10\\\\%'")
        }
        _ => None,
    }
}
