//! What is outside of the dialect is refused with its construct, its place and what to write instead.

use super::*;

/// A query, what is refused of it, the line and column, and words of the problem or the fix.
const REFUSED: &[(&str, &str, usize, usize, &str)] = &[
    ("DROP TABLE events", "the query", 1, 1, "write one SELECT"),
    ("INSERT INTO events SELECT 1", "the query", 1, 1, "write one SELECT"),
    ("", "the query", 1, 1, "write one SELECT"),
    ("SELECT id FROM events; SELECT 2 AS a", "the query", 1, 1, "more than one statement"),
    ("SELECT id\nFROM events QUALIFY row_number() OVER (ORDER BY id) = 1", "QUALIFY", 2, 21, "WITH query"),
    ("SELECT DISTINCT ON (key) id FROM events", "DISTINCT ON", 1, 1, "row_number()"),
    (
        "SELECT id FROM events ASOF JOIN plain MATCH_CONDITION (events.id >= plain.lo)",
        "ASOF JOIN",
        1,
        33,
        "number the pairs",
    ),
    ("SELECT id FROM events NATURAL JOIN plain", "NATURAL JOIN", 1, 36, "USING"),
    ("SELECT * FROM events PIVOT (sum(x) FOR key IN (ANY))", "PIVOT", 1, 15, "name its values"),
    ("SELECT yes FROM events PIVOT (sum(x) FOR flag IN (true AS yes)) AS p", "PIVOT", 1, 17, "subquery with a name"),
    ("SELECT * FROM plain JOIN events PIVOT (sum(x) FOR flag IN (true AS yes))", "PIVOT", 1, 26, "into a subquery"),
    (
        "SELECT stddev(x) AS sd, collect_set(key) AS cats FROM events",
        "collect_set",
        1,
        25,
        "sort_array(collect_set(...))",
    ),
    (
        "SELECT regexp_replace(text, '^fraud_\", \"') AS clean FROM events",
        "function regexp_replace",
        1,
        8,
        "2 arguments and takes 3",
    ),
    ("SELECT * FROM events PIVOT (x FOR key IN ('a'))", "FOR", 1, 31, "docs/sql.md"),
    ("SELECT * FROM (SELECT key, x FROM events) PIVOT (first(x) FOR key IN ('a'))", "first(x)", 1, 56, "use sum"),
    ("SELECT id, upper(explode(tags)) AS t FROM events", "function explode", 1, 18, "select it by itself"),
    ("SELECT explode(tags) AS t, explode(tags) AS u FROM events", "explode(tags)", 1, 28, "WITH query"),
    ("SELECT key, explode(tags) AS t, count(*) AS c FROM events GROUP BY key", "explode", 1, 1, "in a WITH query"),
    ("SELECT explode(key) AS t FROM events", "explode(key)", 1, 8, "takes an array"),
    ("SELECT explode(tags) AS (a, b) FROM events", "explode(tags)", 1, 8, "2 names for 1 columns"),
    ("SELECT x + 1 AS (a, b) FROM events", "x + 1", 1, 8, "give it one name"),
    ("SELECT filter(key, t -> t = 'a') AS u FROM events", "filter", 1, 8, "takes an array"),
    ("SELECT filter(tags, t -> t) AS u FROM events", "t", 1, 26, "compare it"),
    ("SELECT filter(tags, (a, b, c) -> true) AS u FROM events", "filter", 1, 8, "3 parameters"),
    ("SELECT transform(tags, t -> sum(n)) AS u FROM events", "sum(n)", 1, 29, "WITH query"),
    ("SELECT upper(t -> t) AS u FROM events", "t -> t", 1, 8, "docs/sql.md"),
    ("SELECT aggregate(tags, 0, (a, t) -> a + 1) AS u FROM events", "function aggregate", 1, 8, "explode it"),
    ("SELECT first(x, n) AS f FROM events", "function first", 1, 8, "no constant"),
    ("SELECT first(x) FILTER (WHERE flag) AS f FROM events", "function first", 1, 8, "CASE WHEN condition"),
    (
        "SELECT key, size(filter(sort_array(collect_list(n)), v -> v > x)) AS c FROM events GROUP BY key",
        "x",
        1,
        63,
        "GROUP BY",
    ),
    ("SELECT percentile_approx(x, array(0.1D, 0.5D)) AS p FROM events", "percentile_approx", 1, 8, "0 to 1"),
    ("WITH RECURSIVE t AS (SELECT 1 AS a) SELECT a FROM t", "WITH RECURSIVE", 1, 1, "write the steps out"),
    ("SELECT strftime(ts, '%Y') AS y FROM events", "function strftime", 1, 8, "date_format"),
    ("SELECT id,\n  strptime(text, '%Y') AS y FROM events", "function strptime", 2, 3, "to_timestamp"),
    ("SELECT string_to_array(text, ',') AS a FROM events", "function string_to_array", 1, 8, "split"),
    ("SELECT date_trunk('hour', ts) AS h FROM events", "function date_trunk", 1, 8, "did you mean `date_trunc`?"),
    ("SELECT frobnicate(x) AS f FROM events", "function frobnicate", 1, 8, "docs/sql.md lists"),
    ("SELECT rand() AS r FROM events", "function rand", 1, 8, "another value each time"),
    ("SELECT uuid() AS r FROM events", "function uuid", 1, 8, "md5"),
    ("SELECT collect_list(x) AS r FROM events GROUP BY key", "collect_list", 1, 8, "sort_array"),
    ("SELECT id FROM read_parquet('x.parquet')", "read_parquet", 1, 16, "name the files as a source"),
    ("SELECT id FROM parquet.`x.parquet`", "parquet.`x.parquet`", 1, 16, "name the files as a source"),
    ("SELECT id FROM event", "table event", 1, 16, "did you mean `events`?"),
    ("SELECT idd FROM events", "column idd", 1, 8, "did you mean `id`?"),
    ("SELECT id FROM events LIMIT 5", "LIMIT", 1, 29, "add ORDER BY"),
    ("SELECT id + 1 FROM events", "id + 1", 1, 8, "AS"),
    ("SELECT id, id FROM events", "output id", 1, 1, "rename"),
    ("SELECT 1.5 AS d", "output d", 1, 1, "1.5D"),
    ("SELECT n * 1.5 AS d FROM events", "n * 1.5", 1, 8, "1.5D"),
    ("SELECT text = 5 AS t FROM events", "text = 5", 1, 8, "CAST(... AS INT)"),
    ("SELECT id FROM events WHERE x", "x", 1, 29, "compare it"),
    ("SELECT ts - ts AS d FROM events", "ts - ts", 1, 8, "datediff"),
    ("SELECT key FROM events, plain", "column key", 1, 8, "table's name before it"),
    ("SELECT x, count(*) AS c FROM events GROUP BY key", "x", 1, 8, "GROUP BY"),
    ("SELECT id FROM events WHERE sum(x) > 1", "sum(x) > 1", 1, 29, "HAVING"),
    ("SELECT t FROM events, UNNEST(tags) AS t", "UNNEST", 1, 23, "LATERAL VIEW"),
    ("SELECT text RLIKE '(?=a)' AS t FROM events", "rlike", 1, 19, "plainer expression"),
    ("SELECT regexp_replace(text, 'x*', '') AS t FROM events", "regexp_replace", 1, 29, "at least one character"),
    ("SELECT to_date(text, 'YYYY') AS t FROM events", "to_date", 1, 22, "yyyy-MM-dd"),
    ("SELECT get_json_object(js, '$.a[*]') AS t FROM events", "get_json_object", 1, 28, "'$.a.b[0]'"),
    ("SELECT row_number() AS r FROM events", "function row_number", 1, 8, "OVER"),
    ("SELECT row_number() OVER (PARTITION BY key) AS r FROM events", "function row_number", 1, 8, "ORDER BY"),
    ("SELECT sum(x) OVER (ORDER BY id GROUPS 1 PRECEDING) AS r FROM events", "the frame GROUPS", 1, 8, "ROWS or RANGE"),
    ("SELECT id FROM events AT TIME ZONE 'UTC'", "TIME", 1, 26, "docs/sql.md"),
    ("SELECT ts AT TIME ZONE 'UTC' AS t FROM events", "AT TIME ZONE", 1, 8, "INTERVAL"),
    ("SELECT x::DECIMAL(10, 2) AS d FROM events", "x::DECIMAL(10,2)", 1, 8, "DOUBLE"),
    ("SELECT CAST(flag AS TIMESTAMP) AS d FROM events", "CAST(flag AS TIMESTAMP)", 1, 13, "cast to another type"),
    ("SELECT substring(text, n) AS u FROM events", "substring", 1, 24, "INT"),
    ("SELECT lag(x, n) OVER (ORDER BY id) AS u FROM events", "lag", 1, 15, "INT"),
    ("SELECT id FROM events WHERE id = (SELECT lo FROM plain)", "a subquery as a value", 1, 35, "one aggregate"),
    ("SELECT a.id FROM events AS a FULL JOIN plain AS b ON a.id < b.lo", "FULL JOIN", 1, 40, "LEFT JOIN"),
    ("SELECT id FROM events ORDER BY x LIMIT 2 OFFSET 1", "LIMIT", 1, 40, "OFFSET"),
    ("SELECT id FROM (VALUES (1)) AS t(id)", "VALUES", 1, 24, "source"),
    ("SELECT key, sum(x) AS s FROM events GROUP BY ROLLUP (key)", "GROUPING SETS, CUBE, ROLLUP", 1, 54, "UNION ALL"),
    ("SELECT 1.5F AS x", "1.5F", 1, 11, "1.5D"),
    ("SELECT 'a\\u0041' AS x", "\\u in a text", 1, 8, "the character itself"),
    (
        "SELECT count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND INTERVAL 1 HOUR PRECEDING) AS c FROM events",
        "the frame RANGE",
        1,
        8,
        "smaller unit",
    ),
    ("SELECT DISTINCT key FROM events ORDER BY id", "id", 1, 42, "select it too"),
    ("SELECT if(NULL, 1, 2) AS c FROM events", "if", 1, 11, "leave it out"),
    ("SELECT CASE WHEN NULL THEN 1 END AS c FROM events", "NULL", 1, 18, "compare it"),
    ("SELECT id FROM events WHERE", "the end", 1, 28, "docs/sql.md"),
];

#[test]
fn what_is_outside_of_the_dialect_is_refused() {
    let tables = tables();
    let mut wrong = Vec::new();
    for (sql, construct, line, column, words) in REFUSED {
        let inputs = tables.iter().map(|(name, frame)| (name.as_str(), frame.clone().lazy())).collect();
        let found = check(sql).and_then(|query| plan(&query, inputs, chrono::Utc::now(), at_once()));
        let Err(refusal) = found else {
            wrong.push(format!("{sql}: taken"));
            continue;
        };
        let place = (refusal.line, refusal.column) == (*line, *column);
        if refusal.construct != *construct || !place || !refusal.to_string().contains(words) {
            wrong.push(format!("{sql}\n   {refusal}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), REFUSED.len(), wrong.join("\n"));
}
