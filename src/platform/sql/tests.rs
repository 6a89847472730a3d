//! The dialect as a whole: statements with Spark's own answers, on both engines of Polars.

use std::path::PathBuf;

use polars::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::types::Type;
use super::*;
use crate::model::time::parse_time;

mod docs;
mod refused;
mod shape;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql")
}

fn read_json(file: &str) -> Map<String, Value> {
    serde_json::from_str(&std::fs::read_to_string(folder().join(file)).unwrap()).unwrap()
}

/// A type by Spark's simple name.
fn type_of(name: &str) -> Type {
    if let Some(element) = name.strip_prefix("array<").and_then(|name| name.strip_suffix('>')) {
        return Type::List(Box::new(type_of(element)));
    }
    if let Some(fields) = name.strip_prefix("struct<").and_then(|name| name.strip_suffix('>')) {
        let field = |field: &str| field.split_once(':').map(|(name, ty)| (name.to_owned(), type_of(ty))).unwrap();
        return Type::Struct(fields.split(',').map(field).collect());
    }
    match name {
        "bigint" => Type::Long,
        "double" => Type::Double,
        "boolean" => Type::Boolean,
        "timestamp" => Type::Timestamp,
        _ => Type::Text,
    }
}

fn cell(value: &Value, ty: &Type) -> AnyValue<'static> {
    match (value, ty) {
        (Value::Null, _) => AnyValue::Null,
        (Value::Number(number), Type::Long) => AnyValue::Int64(number.as_i64().unwrap()),
        (Value::Number(number), _) => AnyValue::Float64(number.as_f64().unwrap()),
        (Value::Bool(flag), _) => AnyValue::Boolean(*flag),
        (Value::String(text), Type::Timestamp) => AnyValue::DatetimeOwned(
            calendar::parse_timestamp(text).unwrap(),
            TimeUnit::Microseconds,
            Some(Arc::new(TimeZone::UTC)),
        ),
        (Value::String(text), Type::Double) => AnyValue::Float64(text.parse().unwrap()),
        (Value::String(text), _) => AnyValue::StringOwned(text.into()),
        (Value::Array(items), Type::List(element)) => {
            let items: Vec<_> = items.iter().map(|item| cell(item, element)).collect();
            AnyValue::List(Series::from_any_values_and_dtype("".into(), &items, &element.polars(), true).unwrap())
        }
        (Value::Object(object), Type::Struct(fields)) => {
            let values = fields.iter().map(|(name, ty)| cell(&object[name], ty)).collect();
            let fields = fields.iter().map(|(name, ty)| Field::new(name.into(), ty.polars())).collect();
            AnyValue::StructOwned(Box::new((values, fields)))
        }
        (value, ty) => panic!("{value} as {ty}"),
    }
}

/// The tables of the statements.
pub(super) fn tables() -> Vec<(String, DataFrame)> {
    let table = |(name, table): (String, Value)| {
        let rows = table["rows"].as_array().unwrap();
        let fields = table["schema"].as_str().unwrap().split(", ");
        let column = |(index, field): (usize, &str)| {
            let (name, ty) = field.split_once(' ').unwrap();
            let ty = type_of(ty);
            let values: Vec<_> = rows.iter().map(|row| cell(&row[index], &ty)).collect();
            Column::from(Series::from_any_values_and_dtype(name.into(), &values, &ty.polars(), true).unwrap())
        };
        (name, DataFrame::new(rows.len(), fields.enumerate().map(column).collect()).unwrap())
    };
    read_json("tables.json").into_iter().map(table).collect()
}

/// A cell of a result as spark.py writes it.
fn shown(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(flag) => json!(flag),
        AnyValue::String(text) => json!(text),
        AnyValue::StringOwned(text) => json!(text.as_str()),
        AnyValue::Float32(number) => shown(&AnyValue::Float64(f64::from(*number))),
        AnyValue::Float64(number) => json!({"f": if number.is_nan() { "NaN".into() } else { format!("{number:?}") }}),
        AnyValue::Date(day) => json!({"d": calendar::print_date(*day)}),
        AnyValue::Datetime(at, ..) | AnyValue::DatetimeOwned(at, ..) => json!({"t": calendar::print_timestamp(*at)}),
        AnyValue::Decimal(number, _, scale) => json!({"decimal": decimal::print(*number, *scale as u8)}),
        AnyValue::List(items) => Value::Array(items.iter().map(|item| shown(&item)).collect()),
        other => json!(other.extract::<i64>().unwrap_or_else(|| panic!("{other:?}"))),
    }
}

fn rows(frame: &DataFrame) -> Vec<Vec<Value>> {
    let row = |row| frame.columns().iter().map(|column| shown(&column.get(row).unwrap())).collect();
    (0..frame.height()).map(row).collect()
}

fn same(a: &Value, b: &Value) -> bool {
    let float =
        |value: &Value| value.get("f").and_then(|float| float.as_str().map(|float| float.parse::<f64>().unwrap()));
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => match (float(a), float(b)) {
            (Some(a), Some(b)) => a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
            _ => match (a.get("t"), b.get("t")) {
                (Some(a), Some(b)) => {
                    calendar::parse_timestamp(a.as_str().unwrap()) == calendar::parse_timestamp(b.as_str().unwrap())
                }
                _ => a == b,
            },
        },
    }
}

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    sql: String,
    rows: Option<String>,
}

/// The query over the tables, in Spark's types.
fn planned(query: &Query, tables: &[(String, DataFrame)]) -> PolarsResult<LazyFrame> {
    let inputs = tables.iter().map(|(name, frame)| (name.as_str(), frame.clone().lazy())).collect();
    let now = parse_time("2024-06-01T12:00:00Z").unwrap();
    let mut failed = None;
    let planned = super::planned(query, inputs, now, at_once(), &mut failed, false);
    planned.map_err(|refusal| failed.unwrap_or_else(|| refusal.into()))
}

/// What differs from the expectation; absent when nothing does.
fn difference(sql: &str, expected: &Value, tables: &[(String, DataFrame)]) -> Option<String> {
    let query = match check(sql) {
        Ok(query) => query,
        Err(refusal) => return Some(refusal.to_string()),
    };
    let empty: Vec<_> = tables.iter().map(|(name, frame)| (name.clone(), frame.clear())).collect();
    let mut types = Vec::new();
    for (engine, name) in [(Engine::InMemory, "in memory"), (Engine::Streaming, "streaming")] {
        let run = |tables: &[(String, DataFrame)]| -> PolarsResult<DataFrame> {
            Ok(planned(&query, tables)?.collect_with_engine(engine)?.unwrap_single())
        };
        let frame = match (run(tables), expected.get("error")) {
            (Err(_), Some(_)) => continue,
            (Err(error), None) => return Some(format!("{name}: {error}")),
            (Ok(_), Some(error)) => return Some(format!("{name}: no error, Spark has {error}")),
            (Ok(frame), None) => frame,
        };
        let mut found: Vec<Vec<Value>> = rows(&frame);
        let mut wanted: Vec<Vec<Value>> = serde_json::from_value(expected["rows"].clone()).unwrap();
        if !sql.contains("ORDER BY") || sql.contains("OVER") {
            found.sort_by_key(|row| format!("{row:?}"));
            wanted.sort_by_key(|row| format!("{row:?}"));
        }
        let all = found.len() == wanted.len() && found.iter().zip(&wanted).all(|(a, b)| same(&json!(a), &json!(b)));
        if !all {
            return Some(format!("{name}:\n  found {}\n  Spark {}", json!(found), json!(wanted)));
        }
        let schema: Vec<(String, String)> = frame
            .schema()
            .iter()
            .map(|(name, dtype)| {
                (name.to_string(), Type::of(dtype).map_or(dtype.to_string(), |ty| ty.to_string().to_lowercase()))
            })
            .collect();
        if let Some(wanted) = expected.get("schema") {
            let wanted: Vec<(String, String)> = serde_json::from_value(wanted.clone()).unwrap();
            if schema != wanted {
                return Some(format!("{name}: types {schema:?}, Spark {wanted:?}"));
            }
        }
        let without_rows = match run(&empty) {
            Ok(frame) => frame,
            // A constant that fails does so without rows too, as on Spark.
            Err(error) => return Some(format!("{name}, without rows: {error}")),
        };
        if without_rows.schema() != frame.schema() {
            return Some(format!("{name}, without rows: {:?} for {:?}", without_rows.schema(), frame.schema()));
        }
        types.push(schema);
    }
    None
}

/// Every statement of a file, against Spark's answers in another one.
fn answered(statements: &str, answers: &str, least: usize) {
    let cases: Cases = toml::from_str(&std::fs::read_to_string(folder().join(statements)).unwrap()).unwrap();
    let spark = read_json(answers);
    let tables = tables();
    assert!(cases.case.len() >= least);
    let mut wrong = Vec::new();
    for Case { sql, rows } in &cases.case {
        let own = rows.as_ref().map(|rows| json!({"rows": serde_json::from_str::<Value>(rows).unwrap()}));
        let expected = own.or_else(|| spark.get(sql).cloned()).unwrap_or_else(|| panic!("run spark.py for: {sql}"));
        wrong.extend(difference(sql, &expected, &tables).map(|found| format!("{sql}\n  {found}")));
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.case.len(), wrong.join("\n"));
}

#[test]
fn statements_answer_as_spark_does() {
    answered("cases.toml", "spark.json", 150);
}

#[test]
fn values_are_those_of_spark() {
    answered("values.toml", "values.json", 100);
}

#[test]
fn a_failing_value_is_told_with_its_place() {
    let frame = df!("wind" => [1.0, 1048.36]).unwrap();
    let query = check("SELECT\n  CAST(wind AS TINYINT) AS w FROM t").unwrap();
    let planned = lazy(&query, vec![("t", frame.lazy())], Time::UNIX_EPOCH, at_once()).unwrap();
    let error = planned.collect().unwrap_err();
    let line = first_line(&error);
    assert!(
        line.contains("line 2, column") && line.contains("CAST(wind AS TINYINT): the value 1048.36 does not fit i8"),
        "{line}"
    );
}

#[test]
fn what_a_query_needs_is_told_from_its_text() {
    let query = check("WITH a AS (SELECT id, X FROM t WHERE y > 1) SELECT a.id, x + 1 AS z FROM a").unwrap();
    assert_eq!(query.follows("t"), Follows::InOrder);
    let columns = query.columns_of("T").unwrap();
    assert!(["id", "x", "y"].iter().all(|name| columns.contains(*name)) && !columns.contains("w"));
    assert_eq!(query.columns_of("u").unwrap().len(), 0);
    assert_eq!(check("SELECT * FROM t").unwrap().columns_of("t"), None);
    assert!(check("SELECT a FROM t JOIN u USING (k)").unwrap().columns_of("u").unwrap().contains("k"));
}

/// Rows enough for several pieces of the streaming engine, and for several threads.
fn many() -> Vec<(String, DataFrame)> {
    let rows = 0..250_000_i64;
    let ids: Vec<i64> = rows.clone().collect();
    let at = |id: &i64| {
        AnyValue::DatetimeOwned(
            (id * 7_919 % 86_400) * 1_000_000,
            TimeUnit::Microseconds,
            Some(Arc::new(TimeZone::UTC)),
        )
    };
    let times: Vec<_> = ids.iter().map(at).collect();
    let events = DataFrame::new(
        ids.len(),
        vec![
            Column::new("id".into(), ids.clone()),
            Column::new("k".into(), ids.iter().map(|id| id * 31 % 1_000).collect::<Vec<_>>()),
            Column::new("n".into(), ids.iter().map(|id| (id % 5 != 0).then_some(id % 97)).collect::<Vec<_>>()),
            Column::new(
                "text".into(),
                ids.iter().map(|id| if id % 10 == 0 { "x".to_owned() } else { id.to_string() }).collect::<Vec<_>>(),
            ),
            Column::from(
                Series::from_any_values_and_dtype("ts".into(), &times, &Type::Timestamp.polars(), true).unwrap(),
            ),
        ],
    );
    let plain = df!("k" => (0..700_i64).collect::<Vec<_>>(), "lo" => (0..700_i64).map(|k| k % 50).collect::<Vec<_>>());
    vec![("e".to_owned(), events.unwrap()), ("p".to_owned(), plain.unwrap())]
}

#[test]
fn both_engines_agree_on_many_rows() {
    let tables = many();
    for sql in [
        "SELECT id, k + 1 AS a, CASE WHEN text <> 'x' THEN CAST(text AS BIGINT) END AS b, upper(text) AS c FROM e WHERE n % 7 = 3",
        "SELECT k, sum(n) AS s, count(*) AS c, max_by(id, ts) AS m, avg(n) AS a, count(DISTINCT n) AS d FROM e GROUP BY k",
        "SELECT id, row_number() OVER (PARTITION BY k ORDER BY ts, id) AS r, \
         count(*) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW) AS h FROM e",
        "SELECT e.id, p.lo FROM e LEFT JOIN p ON e.k = p.k AND e.n > p.lo",
        "SELECT id FROM e WHERE EXISTS (SELECT 1 FROM p WHERE p.k = e.k AND p.lo < e.n)",
        "SELECT id FROM e WHERE k NOT IN (SELECT k FROM p) AND n IS NOT NULL",
        "SELECT id, part FROM e LATERAL VIEW explode(split(text, '1')) t AS part WHERE id < 20000",
        "SELECT id, n - (SELECT avg(lo) FROM p) AS d FROM e",
    ] {
        let query = check(sql).unwrap();
        let run = |engine| {
            let out = planned(&query, &tables).unwrap().collect_with_engine(engine).unwrap().unwrap_single();
            let names: Vec<String> = out.get_column_names().iter().map(ToString::to_string).collect();
            out.sort(names, SortMultipleOptions::default()).unwrap()
        };
        let (memory, streaming) = (run(Engine::InMemory), run(Engine::Streaming));
        assert!(memory.height() > 1_000 || sql.contains("GROUP"), "{sql}");
        assert!(memory.equals_missing(&streaming), "{sql}\n{memory}\n{streaming}");
        if query.follows("e") == Follows::InOrder {
            let out = planned(&query, &tables).unwrap().collect_with_engine(Engine::Streaming).unwrap().unwrap_single();
            assert!(out.column("id").unwrap().i64().unwrap().iter().is_sorted(), "{sql}: the order of rows is kept");
        }
    }
}

/// Every NaN is one NaN, whatever its bits; minus zero is zero.
#[test]
fn there_is_one_nan_and_one_zero() {
    let table = |nan: f64, zero: f64| {
        let values = [Some(1.0), Some(nan), Some(f64::NEG_INFINITY), None, Some(zero), Some(nan), Some(f64::INFINITY)];
        let other = [Some(nan), Some(f64::NAN), Some(0.0), Some(1.0), Some(0.0), None, Some(2.0)];
        let ids: Vec<i64> = (0..7).collect();
        vec![("t".to_owned(), df!("id" => ids, "x" => values.to_vec(), "y" => other.to_vec()).unwrap())]
    };
    let negative = f64::from_bits(0xFFF8_0000_0000_0001);
    assert!(negative.is_nan() && negative.is_sign_negative());
    let mut wrong = Vec::new();
    for sql in [
        "SELECT id FROM t ORDER BY x, id",
        "SELECT id FROM t ORDER BY x DESC, id",
        "SELECT x, id FROM t ORDER BY x NULLS LAST, y, id",
        "SELECT id, x > 5 AS a, x < 5 AS b, x = y AS c, x <=> y AS d, x >= CAST('NaN' AS DOUBLE) AS e, x <> y AS f, x <= y AS g FROM t ORDER BY id",
        "SELECT min(x) AS a, max(x) AS b, count(DISTINCT x) AS c, sum(x) AS d, avg(x) AS e, max_by(id, y) AS f FROM t WHERE id <> 5",
        "SELECT x, count(*) AS n FROM t GROUP BY x ORDER BY x",
        "SELECT DISTINCT x FROM t ORDER BY x",
        "SELECT id, greatest(x, y) AS a, least(x, y) AS b, array_max(array(x, y)) AS c, array_min(array(x, y)) AS d FROM t ORDER BY id",
        "SELECT id, sort_array(array(x, y, 1.0D)) AS a, array_distinct(array(x, y)) AS b, array_contains(array(y), x) AS c, array_position(array(y), x) AS d FROM t ORDER BY id",
        "SELECT a.id, b.id AS other FROM t AS a JOIN t AS b ON a.x = b.y ORDER BY a.id, b.id",
        "SELECT id FROM t WHERE x IN (SELECT y FROM t) ORDER BY id",
        "SELECT id, x IN (0.0D, CAST('NaN' AS DOUBLE)) AS a FROM t ORDER BY id",
        "SELECT id, rank() OVER (ORDER BY x) AS a, dense_rank() OVER (ORDER BY x DESC) AS b, count(*) OVER (PARTITION BY x) AS c, max(x) OVER (ORDER BY id) AS d, min(x) OVER (ORDER BY id DESC) AS e, sum(x) OVER (ORDER BY id) AS f, count(*) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS g FROM t ORDER BY id",
        "SELECT x FROM t UNION SELECT y AS x FROM t ORDER BY x",
        "SELECT x FROM t INTERSECT SELECT y AS x FROM t ORDER BY x",
        "SELECT x FROM t EXCEPT SELECT y AS x FROM t WHERE id < 4 ORDER BY x",
        "SELECT id, xxhash64(x) AS a, isnan(x) AS b, CASE x WHEN y THEN 1 ELSE 0 END AS c, nullif(x, y) AS d, CAST(x AS STRING) AS e FROM t ORDER BY id",
        "SELECT id, x + 1 AS a, x - x AS b, x * 0 AS c, sqrt(x) AS d, -x AS e, abs(x) AS f, x % 2 AS g FROM t ORDER BY id",
        "SELECT percentile(x, 0.5) AS a, median(x) AS b, sort_array(collect_set(x)) AS c FROM t",
    ] {
        let query = check(sql).unwrap();
        for engine in [Engine::InMemory, Engine::Streaming] {
            let run = |tables: &[(String, DataFrame)]| {
                rows(&planned(&query, tables).unwrap().collect_with_engine(engine).unwrap().unwrap_single())
            };
            let (plain, found) = (run(&table(f64::NAN, 0.0)), run(&table(negative, -0.0)));
            // Zero keeps its sign where it is only passed on.
            let shown = |rows: &Vec<Vec<Value>>| json!(rows).to_string().replace("-0.0", "0.0");
            if shown(&plain) != shown(&found) {
                wrong.push(format!("{sql}\n  {}\n  {}", json!(plain), json!(found)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let query = check("SELECT id FROM t ORDER BY x DESC NULLS LAST, id").unwrap();
    let found = planned(&query, &table(negative, -0.0)).unwrap().collect().unwrap();
    let ids: Vec<i64> = found.column("id").unwrap().i64().unwrap().iter().flatten().collect();
    assert_eq!(ids, [1, 5, 6, 0, 4, 2, 3]);
}

/// What leaves the years of the dialect is an error that names the value, on any way there.
#[test]
fn nothing_leaves_the_years_of_the_dialect_silently() {
    let at = |micros: i64| AnyValue::DatetimeOwned(micros, TimeUnit::Microseconds, Some(Arc::new(TimeZone::UTC)));
    let times = [at(1_704_103_200_000_000)];
    let ts = Series::from_any_values_and_dtype("ts".into(), &times, &Type::Timestamp.polars(), true).unwrap();
    let columns = vec![
        Column::from(ts),
        Column::new("n".into(), [i64::from(i32::MAX)]),
        Column::new("huge".into(), [1_704_103_200_000_000_i64]),
        Column::new("small".into(), [i32::MAX]),
        Column::new("x".into(), [1e300]),
        Column::new("text".into(), ["12024-01-01 10:00:00"]),
        Column::new("bc".into(), ["-0044-03-15"]),
    ];
    let tables = vec![("t".to_owned(), DataFrame::new(1, columns).unwrap())];
    for (expression, words) in [
        ("ts + INTERVAL 1 DAY * n", "2024-01-01 10:00:00"),
        ("ts - INTERVAL 1 MONTH * n", "2024-01-01 10:00:00"),
        ("ts + INTERVAL 9000 YEARS", "2024-01-01 10:00:00"),
        ("timestampadd(YEAR, n, ts)", "2147483647 year"),
        ("timestampadd(MICROSECOND, huge * 1000, ts)", "2024-01-01"),
        ("dateadd(DAY, -1000000, ts)", "2024-01-01"),
        ("date_add(ts, small)", "2147483647 days"),
        ("date_sub(ts, small)", "2147483647 days"),
        ("CAST(ts AS DATE) + small", "2147483647 days"),
        ("CAST(ts AS DATE) + INTERVAL 1 YEAR * n", "2024-01-01"),
        ("add_months(ts, small)", "2147483647 months"),
        ("make_date(10000, 1, 1)", "10000-1-1"),
        ("make_date(small, 1, 1)", "2147483647-1-1"),
        ("make_date(0, 1, 1)", "0-1-1"),
        ("make_timestamp(10000, 1, 1, 0, 0, 0)", "10000-1-1"),
        ("timestamp_seconds(huge)", "1704103200000000"),
        ("timestamp_millis(huge)", "1704103200000000"),
        ("timestamp_micros(huge * 1000)", "1704103200000000000"),
        ("CAST(huge AS TIMESTAMP)", "1704103200000000"),
        ("TRY_CAST(huge AS TIMESTAMP)", "1704103200000000"),
        ("CAST(x AS TIMESTAMP)", "1000000000000000000000"),
        ("from_unixtime(huge)", "1704103200000000"),
        ("date_from_unix_date(small)", "2147483647 days"),
        ("CAST(text AS TIMESTAMP)", "12024-01-01 10:00:00"),
        ("TRY_CAST(text AS TIMESTAMP)", "12024-01-01 10:00:00"),
        ("to_timestamp(text)", "12024-01-01 10:00:00"),
        ("TRY_CAST(bc AS DATE)", "-0044-03-15"),
        ("CAST('300000-01-01' AS DATE)", "300000-01-01"),
        ("CAST(bc AS DATE)", "-0044-03-15"),
        ("to_timestamp('0000', 'yyyy')", "0000"),
        ("from_utc_timestamp(TIMESTAMP '9999-12-31 23:30:00', '+01:00')", "9999-12-31 23:30:00"),
        ("to_utc_timestamp(TIMESTAMP '0001-01-01 00:30:00', '+01:00')", "0001-01-01 00:30:00"),
        ("next_day(DATE '9999-12-31', 'Mon')", "9999-12-31"),
    ] {
        let query = check(&format!("SELECT {expression} AS value FROM t")).unwrap();
        for engine in [Engine::InMemory, Engine::Streaming] {
            match planned(&query, &tables).unwrap().collect_with_engine(engine) {
                Ok(frame) => panic!("{expression}: {:?}", frame.unwrap_single()),
                Err(error) => {
                    let line = first_line(&error);
                    assert!(line.contains(words) && line.contains("line 1, column"), "{expression}: {line}");
                    assert!(
                        line.contains(calendar::OUTSIDE) || line.contains("there is no date"),
                        "{expression}: {line}"
                    );
                }
            }
        }
    }
}
