//! Files as other programs write them, through the whole of a source: what is read, and what is refused and how.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use deltalake_core::arrow::array::*;
use deltalake_core::arrow::datatypes::{DataType as Arrow, Field, Float16Type, Int8Type, Schema, TimeUnit};
use deltalake_core::parquet::arrow::ArrowWriter;
use deltalake_core::parquet::data_type::{ByteArray, ByteArrayType, Int64Type as ParquetInt64, Int96, Int96Type};
use deltalake_core::parquet::file::properties::{EnabledStatistics, WriterProperties};
use deltalake_core::parquet::file::writer::SerializedFileWriter;
use deltalake_core::parquet::schema::parser::parse_message_type;

use super::*;
use crate::model::time::{micros, parse_time};
use crate::model::{Time, Value};
use crate::platform::compute::{Cancel, EngineError, ErrorKind, MEMORY};
use crate::platform::definition::{Repository, View};
use crate::platform::engine::ask::{Answer, Control, HistoryArgs, Rows, RunArgs};
use crate::platform::engine::{Engine, PolarsEngine};
use crate::platform::{frame, registry};
use crate::wire::queries::{HistoryQuery, RunQuery};

fn at(text: &str) -> Time {
    parse_time(text).unwrap()
}

fn times(texts: &[&str]) -> ArrayRef {
    let micros = texts.iter().map(|text| micros(at(text)));
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

fn write_with(path: &Path, columns: &[(&str, ArrayRef)], properties: Option<WriterProperties>) {
    let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.iter().map(|(_, array)| Arc::clone(array)).collect());
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, properties).unwrap();
    writer.write(&batch.unwrap()).unwrap();
    writer.close().unwrap();
}

fn write(path: &Path, columns: &[(&str, ArrayRef)]) {
    write_with(path, columns, None);
}

/// One event of a key `a` at that time, with a value.
fn event(path: &Path, time: &str, value: ArrayRef) {
    write(path, &[("k", texts(&["a"])), ("ts", times(&[time])), ("v", value)]);
}

/// A repository with a source `s` and a view `v` of this SELECT list after `k, ts`.
fn repository(root: &Path, source: &str, list: &str) -> Repository {
    let write = |file: &str, text: &str| std::fs::write(root.join(file), text).unwrap();
    std::fs::create_dir_all(root.join("views")).unwrap();
    write("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n");
    write("entities.toml", "[[entity]]\nname = \"e\"\njoin_keys = [{ name = \"k\", type = \"string\" }]\n");
    write("sources.toml", &format!("[[source]]\nname = \"s\"\ntimestamp_column = \"ts\"\n{source}\n"));
    let rest = "entities = [\"e\"]\nsource = \"s\"\ntimestamp_field = \"ts\"\nmode = \"spark_sql\"\noffline = true\nbatch_schedule = \"1d\"\n";
    write("views/v.toml", &format!("name = \"v\"\n{rest}sql = '''SELECT k, ts, {list} FROM s'''\n"));
    registry::load(root)
}

fn errors(repository: &Repository) -> Vec<String> {
    repository.errors.iter().map(ToString::to_string).collect()
}

fn view(repository: &Repository) -> Arc<View> {
    assert_eq!(errors(repository), Vec::<String>::new());
    Arc::clone(repository.views.iter().find(|view| view.name == "v").unwrap())
}

fn controlled<T>(work: impl FnOnce(Control<'_>) -> T) -> T {
    work(Control::quiet(&Cancel::default(), MEMORY))
}

fn from_source(view: &View, now: &str, end: Option<&str>) -> Result<Answer, EngineError> {
    let args = HistoryArgs {
        query: &HistoryQuery { end_time: end.map(at), ..HistoryQuery::default() },
        rows: Rows::Source,
        feature_start_time: None,
        separator: ".".to_owned(),
        now: at(now),
    };
    controlled(|control| PolarsEngine.history(view, &args, control))
}

/// The values of a column of everything that the source has.
fn all(view: &View, column: &str) -> Vec<Value> {
    let answer = from_source(view, "2026-01-01", None).unwrap();
    frame::values(answer.frame.column(column).unwrap())
}

fn day(view: &View, day: &str) -> Result<usize, EngineError> {
    let window = Window { start: at(day), end: at(day) + Span::days(1) };
    PolarsEngine
        .materialize(view, window, at("2026-01-01"), Control::quiet(&Cancel::default(), MEMORY))
        .map(|rows| rows.height())
}

#[test]
fn files_named_by_the_days_of_another_place_lose_no_row() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str| root.path().join(name);
    let days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"];
    // Days of New York: each ends at five in the morning of the next.
    for pair in days.windows(2) {
        let at = [format!("{}T05:00:00Z", pair[0]), format!("{}T17:00:00Z", pair[0]), format!("{}T02:00:00Z", pair[1])];
        let at: Vec<&str> = at.iter().map(String::as_str).collect();
        let columns = [("k", texts(&["a"; 3])), ("ts", times(&at)), ("v", texts(&["x"; 3]))];
        // One of them says nothing of its times.
        let silent = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
        write_with(&file(&format!("{}.parquet", pair[0])), &columns, (pair[0] == "2024-01-02").then_some(silent));
    }
    let loaded = repository(root.path(), "files = \"{yyyy}-{MM}-{dd}.parquet\"", "v");
    let view = view(&loaded);
    let jobs: usize = days.iter().map(|of| day(&view, of).unwrap()).sum();
    assert_eq!((jobs, all(&view, "v").len()), (9, 9));
    // A window that no file touches opens none, so that a damaged one does no harm there.
    event(&file("2024-01-03.parquet"), "2024-02-01T00:00:00Z", texts(&["late"]));
    assert_eq!(day(&view, "2024-02-01").unwrap(), 1, "the file is another one than the repository was read with");
    assert_eq!(day(&view, "2024-01-03").unwrap(), 1);
    // Of a damaged one only the name tells: a day more on both sides.
    std::fs::write(file("2024-01-03.parquet"), "PAR1").unwrap();
    for (of, fails) in [("2024-01-01", false), ("2024-01-02", true), ("2024-01-04", true), ("2024-01-05", false)] {
        assert_eq!(day(&view, of).is_err(), fails, "{of}");
    }
}

#[test]
fn types_that_polars_panics_on_are_read_and_cost_nobody_else() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str| root.path().join(name);
    let zoned = |zone: &str| -> ArrayRef {
        let at = micros(at("2024-01-02T03:00:00Z"));
        Arc::new(TimestampMicrosecondArray::from_iter_values([at]).with_timezone(zone))
    };
    let half = Arc::new(PrimitiveArray::<Float16Type>::from_iter_values([half_of(1.5)]));
    let uuid = Arc::new(FixedSizeBinaryArray::try_from_iter([[0x12_u8; 16]].into_iter()).unwrap());
    for (zone, value) in [("+05:30", texts(&["x"])), ("Z", half), ("-00:30", uuid as ArrayRef)] {
        let data_type = value.data_type().clone();
        let v = Field::new("v", data_type.clone(), true);
        let v = match data_type {
            Arrow::FixedSizeBinary(_) => v.with_metadata([(EXTENSION.to_owned(), "arrow.uuid".to_owned())].into()),
            _ => v,
        };
        let fields = [Field::new("k", Arrow::Utf8, true), Field::new("ts", zoned(zone).data_type().clone(), true), v];
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![texts(&["a"]), zoned(zone), value]).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(file("s.parquet")).unwrap(), schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let view = view(&repository(root.path(), "files = \"s.parquet\"", "v"));
        let expected = match data_type {
            Arrow::Utf8 => Value::Text("x".to_owned()),
            Arrow::Float16 => Value::Float(1.5),
            _ => Value::Text("12121212-1212-1212-1212-121212121212".to_owned()),
        };
        assert_eq!(all(&view, "v"), [expected]);
        assert_eq!(all(&view, "ts"), [Value::Time(at("2024-01-02T03:00:00Z"))]);
        assert_eq!(day(&view, "2024-01-02"), Ok(1));
        assert_eq!(day(&view, "2024-01-03"), Ok(0));
    }
}

fn half_of(value: f32) -> <Float16Type as deltalake_core::arrow::datatypes::ArrowPrimitiveType>::Native {
    let one = Float32Array::from_iter_values([value]);
    let half = deltalake_core::arrow::compute::cast(&one, &Arrow::Float16).unwrap();
    half.as_primitive::<Float16Type>().value(0)
}

#[test]
fn a_damaged_file_is_named_and_costs_only_the_views_that_read_it() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str| root.path().join(name);
    event(&file("good.parquet"), "2024-01-02", texts(&["x"]));
    let good = std::fs::read(file("good.parquet")).unwrap();
    let cases: [(&str, Vec<u8>); 4] = [
        ("empty", vec![]),
        ("cut", good[..good.len() / 2].to_vec()),
        ("text", b"k,ts,v\na,2024-01-01,x\n".to_vec()),
        ("encrypted", [&good[..good.len() - 4], b"PARE"].concat()),
    ];
    for (name, bytes) in cases {
        std::fs::write(file("bad.parquet"), bytes).unwrap();
        let source = "files = \"good.parquet\"\n[[source]]\nname = \"bad\"\nfiles = \"bad.parquet\"";
        let loaded = repository(root.path(), source, "v");
        let messages = errors(&loaded);
        assert_eq!((messages.len(), loaded.views.len()), (1, 1), "{name}: {messages:?}");
        let (place, path) = ("sources.toml:7: source[1].files: no file can be read: ", file("bad.parquet"));
        assert!(messages[0].starts_with(&format!("{place}{}: ", path.display())), "{}", messages[0]);
        // Beside a sound file it is found when it is read.
        let view = view(&repository(root.path(), "files = \"*.parquet\"", "v"));
        let error = from_source(&view, "2026-01-01", None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Source);
        assert!(error.message.starts_with(&format!("source s: file {} cannot be read: ", path.display())), "{error}");
    }
    // A bend in each place: rows, or an error with the name of the file; never a fault of the engine.
    for place in (4..good.len()).step_by(7) {
        let mut bent = good.clone();
        bent[place] ^= 0x55;
        std::fs::write(file("bad.parquet"), bent).unwrap();
        let loaded = repository(root.path(), "files = \"bad.parquet\"", "v");
        let Some(view) = loaded.views.first() else {
            assert!(errors(&loaded).iter().all(|error| !error.contains("with a fault")), "{:?}", errors(&loaded));
            continue;
        };
        if let Err(error) = from_source(view, "2026-01-01", None) {
            let known = error.message.contains("bad.parquet") || error.kind == ErrorKind::Query;
            assert!(known && !error.message.contains("engine stopped"), "{place}: {error}");
        }
    }
}

#[test]
fn a_source_has_one_schema_made_of_all_its_files() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str| root.path().join(name);
    let integer = |n: i64| Arc::new(Int64Array::from_iter_values([n])) as ArrayRef;
    event(&file("1.parquet"), "2024-01-01", integer(7));
    event(&file("2.parquet"), "2024-01-02", Arc::new(Float64Array::from_iter_values([0.5])));
    event(&file("3.parquet"), "2024-01-03", Arc::new(NullArray::new(1)));
    write(&file("4.parquet"), &[("k", texts(&["a"])), ("ts", times(&["2024-01-04"])), ("w", texts(&["new"]))]);
    let view_of = |list: &str| view(&repository(root.path(), "files = \"*.parquet\"", list));
    let both = view_of("v, w");
    assert_eq!(all(&both, "v"), [Value::Float(7.0), Value::Float(0.5), Value::Null, Value::Null]);
    assert_eq!(all(&both, "w"), [Value::Null, Value::Null, Value::Null, Value::Text("new".to_owned())]);
    assert_eq!(day(&both, "2024-01-02"), Ok(1));
    // An integer that is no double is not made another one.
    event(&file("1.parquet"), "2024-01-01", integer(9_007_199_254_740_993));
    let error = from_source(&view_of("v"), "2026-01-01", None).unwrap_err().message;
    for part in ["1.parquet", "column `v`", "9007199254740993"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // Types that do not meet are told with both files, where the column is used.
    event(&file("1.parquet"), "2024-01-01", texts(&["seven"]));
    let messages = errors(&repository(root.path(), "files = \"*.parquet\"", "v"));
    let (first, second) = (file("1.parquet"), file("2.parquet"));
    let expected = format!(
        "views/v.toml:8: sql: line 1, column 15 of the query: column v: is string in {} and float64 in {}. write it with one type in all files",
        first.display(),
        second.display()
    );
    assert_eq!(messages, [expected]);
    assert_eq!(all(&view_of("w"), "w").len(), 4);
}

#[test]
fn the_types_of_other_programs_can_be_computed_with() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("s.parquet");
    let decimal = Decimal128Array::from_iter_values([12_345]).with_precision_and_scale(10, 2).unwrap();
    let inner: Vec<(Arc<Field>, ArrayRef)> = vec![
        (Arc::new(Field::new("x", Arrow::Int32, true)), Arc::new(Int32Array::from_iter_values([5]))),
        (Arc::new(Field::new("y", Arrow::Timestamp(TimeUnit::Nanosecond, None), true)), {
            Arc::new(TimestampNanosecondArray::from_iter_values([-1]))
        }),
    ];
    let codes = (0..200_i16).map(|_| Some("gold")).collect::<DictionaryArray<Int8Type>>().slice(0, 1);
    let fixed = FixedSizeListArray::from_iter_primitive::<deltalake_core::arrow::datatypes::Int32Type, _, _>(
        [Some(vec![Some(3), None])],
        2,
    );
    write(
        &path,
        &[
            ("k", Arc::new(codes)),
            ("ts", times(&["2024-01-02"])),
            ("d", Arc::new(Date32Array::from_iter_values([19_724]))),
            ("n", Arc::new(decimal)),
            ("u", Arc::new(UInt64Array::from_iter_values([u64::MAX]))),
            ("small", Arc::new(UInt8Array::from_iter_values([200]))),
            ("s", Arc::new(StructArray::from(inner))),
            ("l", Arc::new(fixed)),
            ("b", Arc::new(BinaryArray::from_iter_values([b"x"]))),
            ("nothing", Arc::new(NullArray::new(1))),
        ],
    );
    let source = "files = \"s.parquet\"";
    let list = "s.x AS x, s.y AS y, l, small, nothing, CAST(d AS STRING) AS d";
    let view = view(&repository(root.path(), source, list));
    let text = |text: &str| vec![Value::Text(text.to_owned())];
    assert_eq!(all(&view, "k"), text("gold"));
    assert_eq!(all(&view, "d"), text("2024-01-02"));
    assert_eq!(all(&view, "x"), [Value::Int(5)]);
    assert_eq!(all(&view, "y"), [Value::Time(at("1969-12-31T23:59:59.999999Z"))]);
    assert_eq!(all(&view, "l"), [Value::List(vec![Value::Int(3), Value::Null])]);
    assert_eq!(all(&view, "small"), [Value::Int(200)]);
    assert_eq!(all(&view, "nothing"), [Value::Null]);
    let messages = errors(&repository(root.path(), source, "b"));
    let expected = format!(
        "views/v.toml:8: sql: line 1, column 15 of the query: column b: is binary in {}, which queries have no type for. \
         write it as text, a number, a date or a timestamp",
        path.display()
    );
    assert_eq!(messages, [expected]);
}

/// A file with a column `v` of INT96: Julian days and nanoseconds of the day.
fn int96(path: &Path, values: &[(u32, u64)]) {
    let message = "message m { required binary k (UTF8); required int64 ts (TIMESTAMP_MICROS); required int96 v; }";
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let keys: Vec<ByteArray> = values.iter().map(|_| ByteArray::from("a")).collect();
    let start = micros(at("2024-01-01"));
    let instants: Vec<i64> = (0..).map(|n| start + n).take(values.len()).collect();
    let times: Vec<Int96> = values
        .iter()
        .map(|(day, nanos)| {
            let mut value = Int96::new();
            value.set_data(*nanos as u32, (*nanos >> 32) as u32, *day);
            value
        })
        .collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&keys, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ParquetInt64>().write_batch(&instants, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&times, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn times_are_those_of_the_file_or_an_error_that_shows_them() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("s.parquet");
    let read = || from_source(&view(&repository(root.path(), "files = \"s.parquet\"", "v")), "2026-01-01", None);
    // 2024-06-01, 1000-01-01, 9999-12-31, and a nanosecond before 1970.
    int96(&path, &[(2_460_463, 0), (2_086_303, 0), (5_373_484, 1_500), (2_440_587, 86_399_999_999_999)]);
    let frame = read().unwrap().frame;
    let expected = ["2024-06-01", "1000-01-01", "9999-12-31T00:00:00.000001Z", "1969-12-31T23:59:59.999999Z"];
    assert_eq!(frame::values(frame.column("v").unwrap()), expected.map(|text| Value::Time(at(text))));
    let refused = |value: &str| {
        let error = read().unwrap_err();
        for part in ["s.parquet", "column `v`", value, "beyond what can be held"] {
            assert!(error.message.contains(part), "{part}: {error}");
        }
    };
    int96(&path, &[(2_460_463, 0), (400_000_000, 0)]);
    refused("34349133196800 seconds");
    int96(&path, &[(100_000_000, 0)]);
    refused("years -262143 to 262142");
    let millis = |at: i64| Arc::new(TimestampMillisecondArray::from_iter_values([at])) as ArrayRef;
    event(&path, "2024-01-01", millis(i64::MAX));
    refused("9223372036854775807 milliseconds");
    event(&path, "2024-01-01", Arc::new(TimestampMicrosecondArray::from_iter_values([i64::MIN])));
    refused("-9223372036854775808 microseconds");
    event(&path, "2024-01-01", millis(253_402_214_400_001));
    let frame = read().unwrap().frame;
    assert_eq!(frame::values(frame.column("v").unwrap()), [Value::Time(at("9999-12-31T00:00:00.001Z"))]);
    event(&path, "2024-01-01", Arc::new(TimestampNanosecondArray::from_iter_values([i64::MIN])));
    let frame = read().unwrap().frame;
    assert_eq!(frame::values(frame.column("v").unwrap()), [Value::Time(at("1677-09-21T00:12:43.145224Z"))]);
}

#[test]
fn event_times_of_nanoseconds_belong_to_one_window() {
    let root = tempfile::tempdir().unwrap();
    let before = TimestampNanosecondArray::from_iter_values([-1]);
    write(&root.path().join("s.parquet"), &[("k", texts(&["a"])), ("ts", Arc::new(before)), ("v", texts(&["x"]))]);
    let view = view(&repository(root.path(), "files = \"s.parquet\"", "v"));
    assert_eq!((day(&view, "1969-12-31"), day(&view, "1970-01-01")), (Ok(1), Ok(0)));
}

#[test]
fn events_later_than_now_are_told_and_may_be_taken() {
    let root = tempfile::tempdir().unwrap();
    let columns = [
        ("k", texts(&["a"; 3])),
        ("ts", times(&["2024-01-01", "2024-01-03", "2030-01-01"])),
        ("v", texts(&["x", "y", "z"])),
    ];
    write(&root.path().join("s.parquet"), &columns);
    let source = "files = \"s.parquet\"";
    let strict = view(&repository(root.path(), source, "v"));
    let free = view(&repository(root.path(), &format!("{source}\nfuture_events = true"), "v"));
    let sentence = |count: &str, latest: &str| {
        vec![format!(
            "{count} of source s {} later than now, 2024-01-02 00:00:00, and left out as not having happened yet; the latest is \
             of {latest} 00:00:00. Where such events are meant, write `future_events = true` in the source.",
            if count.starts_with('1') { "is" } else { "are" }
        )]
    };
    let asked =
        |view: &View, end| from_source(view, "2024-01-02", end).map(|a| (a.frame.height(), a.warnings)).unwrap();
    assert_eq!(asked(&strict, None), (1, sentence("2 events", "2030-01-01")));
    assert_eq!(asked(&strict, Some("2024-01-04")), (1, sentence("1 event", "2024-01-03")));
    assert_eq!(asked(&strict, Some("2024-01-02")), (1, vec![]));
    assert_eq!(asked(&free, Some("2024-01-04")), (2, vec![]));
    let ran = |view: &View| {
        let (start_time, end_time) = (Some(at("2024-01-01")), Some(at("2024-01-05")));
        let query = RunQuery { start_time, end_time, ..RunQuery::default() };
        let args = RunArgs { query: &query, now: at("2024-01-02") };
        controlled(|control| PolarsEngine.run(view, &args, control)).map(|a| (a.frame.height(), a.warnings)).unwrap()
    };
    assert_eq!(ran(&strict), (1, sentence("1 event", "2024-01-03")));
    assert_eq!(ran(&free), (2, vec![]));
}

/// A pipe that nobody writes to would hold whoever opens it, and with it a place of those who compute, for ever.
#[test]
fn what_is_no_plain_file_is_refused_at_once() {
    let root = tempfile::tempdir().unwrap();
    let pipe = root.path().join("s.parquet");
    let view = || view(&repository(root.path(), "files = \"s.parquet\"", "v"));
    event(&pipe, "2024-01-01", texts(&["x"]));
    let before = view();
    std::fs::remove_file(&pipe).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(Footer::read(&pipe).err().unwrap().contains("a pipe"));
    let refused = from_source(&before, "2026-01-01", None).unwrap_err();
    assert!(refused.message.contains("s.parquet") && refused.message.contains("a pipe"), "{refused}");
    std::fs::remove_file(&pipe).unwrap();
    std::fs::create_dir(&pipe).unwrap();
    assert_eq!(Footer::read(&pipe).err().unwrap(), "it is a folder");
}

/// Some kilobytes of a schema nested in itself end a process whose library recurses over it.
#[test]
fn a_schema_that_is_nested_too_deep_costs_only_its_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("deep.parquet");
    let mut field = Field::new("v", Arrow::Int64, true);
    let mut column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    for _ in 0..40 {
        field = Field::new("v", Arrow::List(Arc::new(field)), true);
        let Arrow::List(item) = field.data_type() else { unreachable!() };
        let one = deltalake_core::arrow::buffer::OffsetBuffer::from_lengths([1]);
        column = Arc::new(ListArray::new(Arc::clone(item), one, column, None));
    }
    write(&path, &[("v", column)]);
    let refused = Footer::read(&path).err().unwrap();
    assert!(refused.contains("nested") && refused.contains("at most 64"), "{refused}");
}
