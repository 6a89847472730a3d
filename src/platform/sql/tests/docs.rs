//! docs/sql.md, written from the tables of the dialect.
//!
//! `FVTOP_BLESS=1 cargo test --lib sql::tests::docs` writes it anew.

use super::*;
use crate::platform::sql::functions::{ALIASES, Function, GROUPS, Kind};

/// A construct, what is to be said about it, an example.
type Construct = (&'static str, &'static str, &'static str);

const CONSTRUCTS: &[Construct] = &[
    (
        "SELECT",
        "Columns and expressions with names; every expression of the output needs `AS`. `*`, `table.*` and `* EXCEPT (a, b)` stand for columns. An expression may name one before it in the list, where FROM has no column of that name.",
        "SELECT key, x * 2 AS twice, twice + 1 AS more FROM events",
    ),
    ("WHERE", "Rows where the condition is true.", "SELECT id FROM events WHERE x > 1 AND flag"),
    (
        "WITH",
        "Named queries, each of which may read those before it. Not recursive. One that is named several times, and reads others that are, is computed once.",
        "WITH big AS (SELECT * FROM events WHERE x > 1) SELECT id FROM big",
    ),
    ("Subquery in FROM", "A query in place of a table.", "SELECT t.id FROM (SELECT id FROM events) AS t"),
    ("DISTINCT", "Each row once.", "SELECT DISTINCT key FROM events"),
    (
        "GROUP BY",
        "Groups by expressions, places in the list or its names; null is a group.",
        "SELECT key, count(*) AS n FROM events GROUP BY key",
    ),
    (
        "HAVING",
        "Groups where the condition is true.",
        "SELECT key, sum(x) AS total FROM events GROUP BY key HAVING total > 10",
    ),
    ("FILTER", "An aggregate of some rows.", "SELECT sum(x) FILTER (WHERE flag) AS s FROM events"),
    (
        "JOIN",
        "`[INNER] JOIN`, `LEFT`, `RIGHT`, `FULL`, `LEFT SEMI`, `LEFT ANTI`, `CROSS JOIN`, with ON or USING. Any condition, but FULL only equal keys. Nulls are equal to nothing.",
        "SELECT e.id, p.name FROM events AS e LEFT JOIN plain AS p ON e.key = p.key AND e.n > p.lo",
    ),
    (
        "LATERAL VIEW",
        "`explode` and `posexplode` make a row of each element of an array; with OUTER, or `explode_outer` and `posexplode_outer`, also of an empty one.",
        "SELECT id, tag FROM events LATERAL VIEW explode(tags) t AS tag",
    ),
    (
        "explode",
        "The same in a SELECT list: one of them, not beside groups or window functions. `posexplode` has two columns: `AS (position, tag)`.",
        "SELECT id, explode(tags) AS tag FROM events",
    ),
    (
        "PIVOT",
        "A column for each of the listed values, a row for each group of the other columns; null where a value has no row. With several aggregates each needs `AS`, and a column is called `value_name`.",
        "SELECT * FROM (SELECT key, flag, n FROM events) PIVOT (max(n) FOR flag IN (true AS yes, false AS no))",
    ),
    (
        "UNION, INTERSECT, EXCEPT",
        "`UNION ALL` keeps all rows; the others make each row one.",
        "SELECT key FROM events UNION SELECT key FROM plain",
    ),
    (
        "ORDER BY, LIMIT",
        "Nulls come first, descending last, unless NULLS FIRST or NULLS LAST is said. LIMIT only with ORDER BY; let the order settle ties.",
        "SELECT id FROM events ORDER BY x DESC, id LIMIT 3",
    ),
    ("IN", "A list, or a query of one column.", "SELECT id FROM events WHERE key IN (SELECT key FROM plain)"),
    (
        "EXISTS",
        "`[NOT] EXISTS` with conditions between the two queries.",
        "SELECT id FROM events AS e WHERE EXISTS (SELECT 1 FROM plain AS p WHERE p.key = e.key)",
    ),
    (
        "Subquery as a value",
        "One aggregate; it may be tied to the query around by equal keys.",
        "SELECT id, (SELECT max(p.rate) FROM plain AS p WHERE p.key = e.key) AS rate FROM events AS e",
    ),
    (
        "Window",
        "`OVER (PARTITION BY ... ORDER BY ...)`, or a name defined by WINDOW. Without a frame all rows up to the row and its equals count, or all without ORDER BY.",
        "SELECT id, sum(n) OVER (PARTITION BY key ORDER BY ts) AS s FROM events",
    ),
    (
        "ROWS",
        "A frame counted in rows.",
        "SELECT id, avg(x) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS a FROM events",
    ),
    (
        "RANGE",
        "A frame by the value of one ORDER BY: an interval over a timestamp, a number over a number. Both ends in the same unit.",
        "SELECT id, count(*) OVER (PARTITION BY key ORDER BY ts RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW) AS n FROM events",
    ),
    (
        "CASE",
        "With conditions, or values of one expression. A branch that is not taken cannot fail.",
        "SELECT CASE WHEN n <> 0 THEN 1 / n END AS inverse FROM events",
    ),
    (
        "CAST",
        "`CAST(x AS type)`, `x::type`; a value that does not fit is an error. TRY_CAST makes null of it. Types: BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL(p,s) STRING DATE TIMESTAMP ARRAY<...>. A number as a timestamp is seconds since 1970.",
        "SELECT TRY_CAST(text AS INT) AS number FROM events",
    ),
    (
        "BETWEEN, IS",
        "`[NOT] BETWEEN a AND b`, `IS [NOT] NULL`, `IS [NOT] TRUE`, `IS [NOT] FALSE`, `IS [NOT] DISTINCT FROM`.",
        "SELECT id FROM events WHERE n BETWEEN 1 AND 5 OR x IS NULL",
    ),
    (
        "Constants",
        "`1` INT, `1L` BIGINT, `1e0` and `1.5D` DOUBLE, `'text'`, `\"text\"`, `TRUE`, `NULL`, `DATE '2024-01-01'`, `TIMESTAMP '2024-01-01 10:00:00'`, `INTERVAL 1 HOUR`. `1.5` is a DECIMAL: with a double it is one, with whole numbers it calculates exactly, in Spark's precision and scale. A text compared with a date or timestamp is read as one.",
        "SELECT id FROM events WHERE ts >= '2024-01-01' AND x < 1.5",
    ),
    (
        "Names",
        "In any case, of columns, tables and aliases; `` `quoted name` ``; `struct.field`; `array[0]`. A column of the output is called as the query writes it; join keys, and the timestamp, as the definition does.",
        "SELECT e.s.a AS a, `key` FROM events AS e",
    ),
];

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn row(out: &mut String, name: &str, says: &str, example: &str) {
    let tick = |text: &str| if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") };
    out.push_str(&format!("| {} | {} | {} |\n", cell(name), cell(says), cell(&tick(example))));
}

fn function(out: &mut String, function: &Function) {
    let aliases: Vec<&str> =
        ALIASES.iter().filter(|(_, name)| *name == function.name).map(|(alias, _)| *alias).collect();
    let name = match function.name {
        "-x" => "`-x`".to_owned(),
        "[]" => "`[ ]`".to_owned(),
        name => format!("`{name}`"),
    };
    let also = if aliases.is_empty() { String::new() } else { format!(" Also `{}`.", aliases.join("`, `")) };
    row(out, &name, &format!("{}{also}", function.says), function.example);
}

fn page() -> String {
    let mut out = String::from(
        "# SQL of feature views\n\n\
         A view's `sql` is one SELECT in a dialect that Spark 4 and fvtop's own engine share: the same text gives the same\n\
         result on both (Spark with `spark.sql.ansi.enabled=true`, its default, and `spark.sql.session.timeZone=UTC`).\n\
         What is not on this page is refused when the definition is loaded, with its line, its column and what to write\n\
         instead. This page is written from the tables in `src/platform/sql`; each example on it is a test.\n\n\
         * All instants are UTC, in microseconds. `now()` is the instant of the run.\n\
         * A value that does not fit is an error that names the place in the query and the value: a cast, a whole number\n  \
         that overflows, a division by zero. A condition guards: what is not asked (a branch of CASE, the right side of\n  \
         AND after false) cannot fail.\n\
         * Dates and instants are in the years 0001 to 9999; what leaves them is an error, never null.\n\
         * There is one NaN: it equals itself and is greater than any number. `-0.0` equals `0.0`.\n\
         * A feature is a BOOLEAN, a number, a STRING, a TIMESTAMP or an array of these. A DATE becomes the timestamp of its\n  \
         beginning, a DECIMAL the double nearest to it; of a STRUCT or a MAP select the fields or keys as columns.\n\
         * Rows have no order unless ORDER BY gives them one.\n\
         * A query may be long, not deep: at most 100 levels (an operator in a row, a bracket and a function count one\n  \
         each; AND, OR and `||` in a row do not), 1,000 tables, 100 of them in one FROM, 100,000 bytes. All that is wrong\n  \
         with a query is told at once.\n\n\
         ## Constructs\n\n| construct | what it does | example |\n| --- | --- | --- |\n",
    );
    for (name, says, example) in CONSTRUCTS {
        row(&mut out, name, says, example);
    }
    for (heading, functions) in GROUPS {
        out.push_str(&format!("\n## {heading}\n\n| function | what it does | example |\n| --- | --- | --- |\n"));
        // Functions without a sentence are the inside of others.
        functions.iter().filter(|function| !function.says.is_empty()).for_each(|known| function(&mut out, known));
    }
    out
}

#[test]
fn the_page_is_in_step() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sql.md");
    let page = page();
    if std::env::var_os("FVTOP_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/sql.md is out of step: FVTOP_BLESS=1 cargo test --lib sql::tests::docs");
}

#[test]
fn examples_on_the_page_hold() {
    let tables = tables();
    let mut wrong = Vec::new();
    let mut run = |sql: &str| {
        let out = check(sql).map_err(PolarsError::from).and_then(|query| planned(&query, &tables)?.collect());
        out.map_err(|error| wrong.push(format!("{sql}\n  {error}"))).ok()
    };
    for (_, _, example) in CONSTRUCTS {
        assert!(run(example).is_none_or(|frame| frame.width() > 0), "{example}");
    }
    let mut false_ones = Vec::new();
    for known in GROUPS.iter().flat_map(|(_, functions)| *functions).filter(|known| !known.says.is_empty()) {
        if matches!(known.kind, Kind::Aggregate(_) | Kind::Window(_)) {
            run(&format!(
                "SELECT {} AS value FROM (SELECT *, key AS k, s.b AS b FROM events) AS t",
                known.example.replace("(x", "(n")
            ));
            continue;
        }
        let found = run(&format!("SELECT {} AS holds", known.example));
        if found.is_some_and(|frame| !matches!(frame.column("holds").unwrap().get(0).unwrap(), AnyValue::Boolean(true)))
        {
            false_ones.push(known.example);
        }
    }
    assert!(wrong.is_empty() && false_ones.is_empty(), "{}\n{false_ones:?}", wrong.join("\n"));
}
