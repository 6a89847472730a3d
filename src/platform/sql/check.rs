//! What a query may say, before any table is known: constructs and functions outside of the dialect are refused here.
//!
//! What depends on columns and types is refused when the query is planned, which a definition's loading does too.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, JoinConstraint, JoinOperator, PivotValueSource, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Spanned, Statement, TableFactor, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use super::depth;
use super::refusal::{Place, Refusal};
use super::text::ONE_SELECT;

mod calls;

/// The query of a statement, with all of it that is outside of the dialect; `Err` where nothing more can be told of it.
pub(super) fn query(statement: Statement) -> Result<(Query, Vec<Refusal>), Refusal> {
    let place = Place::of(statement.span());
    let Statement::Query(mut query) = statement else {
        return Err(place.refuse("the query", "is not a query", ONE_SELECT));
    };
    depth::balance(&mut query);
    depth::check(&query)?;
    let mut checker = Checker { place, generators: Vec::new(), problems: Vec::new(), shape: false };
    let ControlFlow::Continue(()) = query.visit(&mut checker);
    checker.problems.extend(unnamed(&query.body));
    match Refusal::of(std::mem::take(&mut checker.problems)) {
        // Names and types mean nothing where the tables themselves are not understood.
        Some(refusal) if checker.shape => Err(refusal),
        refusal => Ok((*query, refusal.map(|refusal| refusal.all().cloned().collect()).unwrap_or_default())),
    }
}

/// The output needs names: Spark makes some up that no feature should have.
fn unnamed(body: &SetExpr) -> Vec<Refusal> {
    let mut first = body;
    let select = loop {
        first = match first {
            SetExpr::Select(select) => break select,
            SetExpr::SetOperation { left, .. } => left,
            SetExpr::Query(query) => &query.body,
            _ => return Vec::new(),
        }
    };
    let unnamed = |item: &SelectItem| {
        let SelectItem::UnnamedExpr(expr) = item else { return None };
        let mut inner = expr;
        while let Expr::Nested(nested) = inner {
            inner = nested;
        }
        let named =
            matches!(inner, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. });
        (!named).then(|| Place::of(item.span()).refuse(item.to_string(), "has no name", "give it one with AS"))
    };
    select.projection.iter().filter_map(unnamed).collect()
}

struct Checker {
    place: Place,
    /// Where generators stand that may: in LATERAL VIEWs, and by themselves in a SELECT list.
    generators: Vec<Span>,
    problems: Vec<Refusal>,
    /// Whether a problem is about the tables and clauses of the query, not about an expression.
    shape: bool,
}

type Found = ControlFlow<Infallible>;

impl Checker {
    fn shape(&mut self, problem: Option<Refusal>) {
        self.shape |= problem.is_some();
        self.problems.extend(problem);
    }
}

impl Visitor for Checker {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> Found {
        let place = Place::of(query.span()).or(self.place);
        self.place = place;
        if let SetExpr::Select(select) = &*query.body {
            self.generators.extend(select.lateral_views.iter().map(|view| view.lateral_view.span()));
        }
        let refuse = |present: bool, what: &str, fix: &str| present.then(|| place.refuse(what, NOT_SHARED, fix));
        let with = query.with.as_ref();
        for problem in [
            refuse(with.is_some_and(|with| with.recursive), "WITH RECURSIVE", "write the steps out, or join twice"),
            refuse(query.fetch.is_some(), "FETCH", "use LIMIT"),
            refuse(!query.locks.is_empty() || query.for_clause.is_some(), "FOR", "leave it out"),
            refuse(query.settings.is_some() || query.format_clause.is_some(), "SETTINGS", "leave it out"),
            refuse(!query.pipe_operators.is_empty(), "|>", "write SELECT ... FROM ..."),
        ] {
            self.shape(problem);
        }
        body(&query.body, place).into_iter().for_each(|problem| self.shape(Some(problem)));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> Found {
        for item in &select.projection {
            let (SelectItem::UnnamedExpr(expr)
            | SelectItem::ExprWithAlias { expr, .. }
            | SelectItem::ExprWithAliases { expr, .. }) = item
            else {
                continue;
            };
            self.generators.push(expr.span());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Found {
        let place = Place::of(factor.span()).or(self.place);
        self.shape(table(factor, place));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Found {
        let place = Place::of(expr.span()).or(self.place);
        if is_generator(expr) && self.generators.contains(&expr.span()) {
            return ControlFlow::Continue(());
        }
        self.problems.extend(expression(expr, place));
        ControlFlow::Continue(())
    }
}

/// Whether an expression makes rows, not a value.
pub(super) fn is_generator(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let name = function.name.to_string();
    GENERATORS.iter().any(|generator| name.eq_ignore_ascii_case(generator))
}

/// Functions that make a row of each element of an array.
pub(super) const GENERATORS: [&str; 4] = ["explode", "explode_outer", "posexplode", "posexplode_outer"];

/// Why a construct is refused that is good SQL elsewhere.
const NOT_SHARED: &str = "is not shared by Spark and this engine";

fn body(body: &SetExpr, place: Place) -> Vec<Refusal> {
    let refuse = |what: &str, fix: &str| vec![place.refuse(what, NOT_SHARED, fix)];
    match body {
        SetExpr::Select(select) => clauses(select, Place::of(select.select_token.0.span).or(place)),
        // A query in brackets is visited by itself.
        SetExpr::Query(_) => Vec::new(),
        SetExpr::SetOperation { left, op, set_quantifier, right } => {
            let by_name = !matches!(set_quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None);
            let mut problems = self::body(left, place);
            problems.extend(self::body(right, place));
            if by_name {
                problems.extend(refuse("UNION BY NAME", "select the columns in the same order"));
            } else if *op != SetOperator::Union && *set_quantifier == SetQuantifier::All {
                problems.extend(refuse(&format!("{op} ALL"), "leave ALL out, or group and count"));
            }
            problems
        }
        SetExpr::Values(_) => refuse("VALUES", "put the rows into a source"),
        SetExpr::Table(_) => refuse("TABLE", "write SELECT * FROM"),
        _ => vec![place.refuse("the query", "is not a query", ONE_SELECT)],
    }
}

fn clauses(select: &Select, place: Place) -> Vec<Refusal> {
    let refuse = |present: bool, what: &str, fix: &str| present.then(|| place.refuse(what, NOT_SHARED, fix));
    let at = |expr: &Option<Expr>| expr.as_ref().map_or(place, |expr| Place::of(expr.span()).or(place));
    let qualify = select.qualify.is_some().then(|| {
        let fix = "compute the window function in a WITH query and filter it by WHERE";
        at(&select.qualify).refuse("QUALIFY", "Spark has no QUALIFY", fix)
    });
    let on = matches!(select.distinct, Some(Distinct::On(_)));
    let fix = "number the rows by row_number() OVER (PARTITION BY ... ORDER BY ...) and keep number 1";
    let clustered = !select.cluster_by.is_empty() || !select.distribute_by.is_empty();
    let plain = [
        qualify,
        on.then(|| place.refuse("DISTINCT ON", "Spark has no DISTINCT ON", fix)),
        refuse(select.top.is_some(), "TOP", "use ORDER BY and LIMIT"),
        refuse(select.into.is_some(), "INTO", "leave it out: a view writes nothing by itself"),
        refuse(!select.sort_by.is_empty(), "SORT BY", "use ORDER BY"),
        refuse(clustered, "CLUSTER BY", "leave it out"),
        refuse(!select.connect_by.is_empty(), "CONNECT BY", "join the steps"),
        refuse(select.prewhere.is_some(), "PREWHERE", "use WHERE"),
        refuse(select.exclude.is_some(), "EXCLUDE", "use EXCEPT, or name the columns"),
        refuse(select.value_table_mode.is_some(), "SELECT AS", "name the columns"),
    ];
    let list = select.projection.iter().filter_map(|item| listed(item, place));
    let joins = select.from.iter().flat_map(|table| &table.joins).filter_map(|join| {
        let place = Place::of(join.relation.span()).or(place);
        if matches!(join.relation, TableFactor::Pivot { .. }) {
            let problem = "stands behind a JOIN, all of which it would turn on Spark";
            return Some(place.refuse("PIVOT", problem, "put the join, or the PIVOT, into a subquery"));
        }
        joined(&join.join_operator, place)
    });
    plain.into_iter().flatten().chain(list).chain(joins).collect()
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
        TableFactor::Pivot { alias: Some(_), .. } => {
            Some(place.refuse("PIVOT", "has a name, which Spark does not take", "put it into a subquery with a name"))
        }
        TableFactor::Pivot { value_source: PivotValueSource::List(_), default_on_null: None, .. } => None,
        TableFactor::Pivot { .. } => {
            refuse("PIVOT", "name its values: PIVOT (sum(value) FOR key IN ('a' AS a, 'b' AS b))")
        }
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
        Expr::AtTimeZone { .. } => refuse("AT TIME ZONE", "write from_utc_timestamp(ts, 'America/New_York')"),
        Expr::SimilarTo { .. } => refuse("SIMILAR TO", "use RLIKE"),
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => {
            refuse("GROUPING SETS, CUBE, ROLLUP", "use UNION ALL of groups")
        }
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
