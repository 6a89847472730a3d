//! Queries of odd shapes: deep, long, with tables that are read again and again. Each is planned, or refused in words.

use super::*;

fn numbers() -> Vec<(String, DataFrame)> {
    let frame = df!("id" => (0..5_i64).collect::<Vec<_>>(), "n" => (0..5_i64).collect::<Vec<_>>(), "t" => ["a", "b", "c", "d", "e"]);
    vec![("t".to_owned(), frame.unwrap())]
}

/// The output on the engine that runs views.
fn output(sql: &str) -> Result<DataFrame, Refusal> {
    let query = check(sql)?;
    let tables = numbers();
    let inputs = tables.iter().map(|(name, frame)| (name.as_str(), frame.clone().lazy())).collect();
    let planned = plan(&query, inputs, Time::UNIX_EPOCH, at_once())?;
    deep(|| {
        let found = planned.clone().collect_with_engine(Engine::Streaming).unwrap().unwrap_single();
        assert_eq!(planned.collect().unwrap().height(), found.height());
        Ok(found)
    })
}

fn longs(frame: &DataFrame, column: &str) -> Vec<i64> {
    frame.column(column).unwrap().cast(&DataType::Int64).unwrap().i64().unwrap().iter().flatten().collect()
}

#[test]
fn chains_of_and_or_and_concat_have_no_bound_but_the_text() {
    let all =
        |count: usize, sign: &str, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(sign);
    for count in [20, 441, 800] {
        let found = output(&format!("SELECT id FROM t WHERE {}", all(count, " AND ", &|i| format!("id <> {}", i + 3))));
        assert_eq!(longs(&found.unwrap(), "id"), [0, 1, 2], "{count}");
        let found = output(&format!("SELECT id FROM t WHERE {}", all(count, " OR ", &|i| format!("id = {}", i + 3))));
        assert_eq!(longs(&found.unwrap(), "id"), [3, 4], "{count}");
    }
    let found = output(&format!("SELECT length({}) AS n FROM t", all(441, " || ", &|_| "t".to_owned()))).unwrap();
    assert_eq!(longs(&found, "n"), [441; 5]);
    let found = output(&format!("SELECT {} AS b FROM t", all(441, " AND ", &|i| format!("id < {}", i + 1)))).unwrap();
    assert_eq!(found.column("b").unwrap().bool().unwrap().iter().flatten().filter(|b| *b).count(), 1);
}

#[test]
fn what_is_deep_is_computed_or_refused_in_words() {
    let nested = |open: &str, close: &str, count: usize| {
        format!("SELECT {}n{} AS x FROM t", open.repeat(count), close.repeat(count))
    };
    let shapes: [(&str, &dyn Fn(usize) -> String); 14] = [
        ("sum", &|count| format!("SELECT n{} AS x FROM t", " + 1".repeat(count))),
        ("difference", &|count| format!("SELECT n{} AS x FROM t", " - 1".repeat(count))),
        ("product", &|count| format!("SELECT CAST(n AS DOUBLE){} AS x FROM t", " * 1e0".repeat(count))),
        ("cast", &|count| format!("SELECT n{} AS x FROM t", "::bigint::string".repeat(count))),
        ("is null", &|count| format!("SELECT n{} AS x FROM t", " IS NULL".repeat(count))),
        ("not", &|count| format!("SELECT {}(n > 1) AS x FROM t", "NOT ".repeat(count))),
        ("brackets", &|count| nested("(", ")", count)),
        ("functions", &|count| nested("abs(", ")", count)),
        ("case", &|count| nested("CASE WHEN n > 1 THEN ", " ELSE 0 END", count)),
        ("array", &|count| format!("SELECT {}1{} AS x FROM t", "array(".repeat(count), ")".repeat(count))),
        ("type", &|count| {
            format!("SELECT CAST(NULL AS {}INT{}) AS x FROM t", "ARRAY<".repeat(count), ">".repeat(count))
        }),
        ("subquery", &|count| format!("SELECT n FROM {}t{}", "(SELECT n FROM ".repeat(count), ")".repeat(count))),
        ("tables", &|count| format!("SELECT n FROM {}t{}", "(".repeat(count), ")".repeat(count))),
        ("lateral aliases", &|count| {
            let steps: Vec<String> = (0..count).map(|i| format!("a{i} + 1 AS a{}", i + 1)).collect();
            format!("SELECT n AS a0, {} FROM t", steps.join(", "))
        }),
    ];
    for (shape, sql) in shapes {
        for count in [5, 20, 60, 90, 130, 440, 3_000, 20_000] {
            let sql = sql(count);
            match output(&sql) {
                Ok(found) => assert_eq!(found.height(), 5, "{shape} {count}"),
                Err(refusal) => {
                    let plain = !matches!(shape, "type" | "tables");
                    assert!(count > 40 || !plain, "{shape} {count}: {refusal}");
                    let sentence = Refusal { more: Vec::new(), ..refusal.clone() }.to_string();
                    assert!(
                        sentence.len() < 600 && refusal.line == 1 && !refusal.fix.is_empty(),
                        "{shape} {count}: {sentence}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_long_is_computed_or_refused_in_words() {
    let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(", ");
    let found = output(&format!("SELECT id FROM t WHERE n IN ({})", list(15_000, &|i| (i + 3).to_string()))).unwrap();
    assert_eq!(longs(&found, "id"), [3, 4]);
    let refused = output(&format!("SELECT id FROM t WHERE n IN ({})", list(100_000, &|i| i.to_string()))).unwrap_err();
    assert!(refused.to_string().contains("bytes, more than the 100000 allowed"), "{refused}");
    let whens = |count: usize| (0..count).map(|i| format!("WHEN {i} THEN {} ", i * 2)).collect::<String>();
    let found = output(&format!("SELECT CASE n {} END AS x FROM t", whens(2_000))).unwrap();
    assert_eq!(longs(&found, "x"), [0, 2, 4, 6, 8]);
    // What may fail is asked under all conditions before it, unless it was asked of all rows already.
    let same: String = (0..300).map(|i| format!("WHEN CAST(n AS TINYINT) = {i} THEN {i} ")).collect();
    let found = output(&format!("SELECT CASE {same} END AS x FROM t")).unwrap();
    assert_eq!(longs(&found, "x"), [0, 1, 2, 3, 4]);
    let any = (0..300).map(|i| format!("CAST(n AS TINYINT) = {}", i + 3)).collect::<Vec<_>>().join(" OR ");
    assert_eq!(longs(&output(&format!("SELECT id FROM t WHERE {any}")).unwrap(), "id"), [3, 4]);
    assert_eq!(longs(&output("SELECT id FROM t WHERE CAST(n AS TINYINT) IN (1, 4, 9)").unwrap(), "id"), [1, 4]);
    let others: String = (0..300).map(|i| format!("WHEN CAST(n + {i} AS TINYINT) = 1 THEN 1 ")).collect();
    let refused = output(&format!("SELECT CASE {others} END AS x FROM t")).unwrap_err();
    assert!(refused.to_string().contains("may fail") && refused.to_string().contains("TRY_CAST"), "{refused}");
    let found = output(&format!("SELECT {} FROM t", list(1_000, &|i| format!("n + {i} AS c{i}")))).unwrap();
    assert_eq!((found.width(), longs(&found, "c999")), (1_000, vec![999, 1_000, 1_001, 1_002, 1_003]));
    let unions = |count: usize, sign: &str| vec!["SELECT n FROM t"; count].join(sign);
    assert_eq!(output(&unions(500, " UNION ALL ")).unwrap().height(), 2_500);
    let refused = output(&unions(2_000, " UNION ALL ")).unwrap_err();
    assert!(refused.to_string().contains("at most 1000 are planned"), "{refused}");
    let joins = |count: usize| {
        let joins: String = (1..count).map(|i| format!(" JOIN t AS t{i} ON t0.id = t{i}.id")).collect();
        format!("SELECT t0.id FROM t AS t0{joins}")
    };
    assert_eq!(output(&joins(40)).unwrap().height(), 5);
    assert!(output(&joins(200)).unwrap_err().to_string().contains("joined tables"));
}

/// A table that each query reads twice was twice the plan with each level.
#[test]
fn tables_that_are_read_again_are_planned_once() {
    for levels in [3, 16, 40] {
        let steps: String = (1..=levels)
            .map(|level| {
                let before = level - 1;
                format!(
                    ", t{level} AS (SELECT a.id, a.n + b.n AS n FROM t{before} AS a JOIN t{before} AS b ON a.id = b.id)"
                )
            })
            .collect();
        let sql = format!("WITH t0 AS (SELECT id, n FROM t){steps} SELECT id, n FROM t{levels}");
        let found = output(&sql).unwrap();
        let expected: Vec<i64> = (0..5).map(|n| n << levels).collect();
        let mut rows = longs(&found, "n");
        rows.sort_unstable();
        assert_eq!(rows, expected, "{levels}");
    }
    let twice = "SELECT id FROM t WHERE id IN (SELECT id FROM t)";
    let nested = (0..20)
        .fold(twice.to_owned(), |inner, _| format!("SELECT a.id FROM ({inner}) AS a JOIN t AS b ON a.id = b.id"));
    assert_eq!(output(&nested).unwrap().height(), 5);
}

#[test]
fn a_table_that_fails_when_it_is_computed_fails_the_query_with_its_place() {
    let step = |level: usize, before: &str| {
        format!("t{level} AS (SELECT a.id, a.n FROM {before} AS a JOIN {before} AS b ON a.id = b.id)")
    };
    let sql = format!(
        "WITH t0 AS (SELECT id, CAST(t AS INT) AS n FROM t),\n{}, {}, {}, {} SELECT id, n FROM t4",
        step(1, "t0"),
        step(2, "t1"),
        step(3, "t2"),
        step(4, "t3")
    );
    let tables = numbers();
    let inputs = tables.iter().map(|(name, frame)| (name.as_str(), frame.clone().lazy())).collect();
    let error =
        lazy(&check(&sql).unwrap(), inputs, Time::UNIX_EPOCH, at_once()).and_then(LazyFrame::collect).unwrap_err();
    assert!(
        first_line(&error).contains("line 1, column") && first_line(&error).contains("'a' does not fit"),
        "{error}"
    );
}

#[test]
fn all_problems_of_a_query_are_told_at_once() {
    let sql = "WITH a AS (SELECT id, nn AS x FROM t)\nSELECT id, frobnicate(x) AS y, x + 1 AS z, zz AS w,\nstrftime(x, '%Y') AS s\nFROM a JOIN b ON a.id = b.id";
    let (query, mut problems) = Query::read_all(sql).unwrap();
    let tables = numbers();
    let inputs = tables.iter().map(|(name, frame)| (name.as_str(), frame.clone().lazy())).collect();
    let planned = plan(&query, inputs, Time::UNIX_EPOCH, at_once()).map(|_| ());
    problems.extend(planned.unwrap_err().all().cloned());
    let refusal = Refusal::of(problems).unwrap();
    let found: Vec<(usize, &str)> = refusal.all().map(|one| (one.line, one.construct.as_str())).collect();
    assert_eq!(
        found,
        [(1, "column nn"), (2, "function frobnicate"), (3, "function strftime"), (4, "table b")],
        "names of a table that is not there mean nothing"
    );
    let refusal = output("SELECT idd AS a, nn AS b, n AS c FROM t WHERE mm > 1 AND t > 'a' GROUP BY kk").unwrap_err();
    let found: Vec<&str> = refusal.all().map(|one| one.construct.as_str()).collect();
    assert_eq!(found, ["column idd", "column nn", "column mm", "column kk"]);
}

/// Names mean the same in any case, and the output has them as the query, or the view, spells them.
#[test]
fn names_do_not_care_about_case() {
    let names = |sql: &str, spelling: &[&str]| -> Vec<String> {
        let tables = numbers();
        let inputs = tables.iter().map(|(name, frame)| (name.as_str(), frame.clone().lazy())).collect();
        let query = check(sql).unwrap().spelled(spelling.iter().copied());
        let mut planned = lazy(&query, inputs, Time::UNIX_EPOCH, at_once()).unwrap();
        planned.collect_schema().unwrap().iter_names().map(ToString::to_string).collect()
    };
    assert_eq!(names("SELECT ID, T.n, t.T FROM T", &[]), ["ID", "n", "T"]);
    assert_eq!(names("SELECT ID, N AS Total, t FROM t", &["id", "total"]), ["id", "total", "t"]);
    assert_eq!(names("WITH A AS (SELECT id FROM t) SELECT a.ID FROM a", &["Id"]), ["Id"]);
}
