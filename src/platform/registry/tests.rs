//! What a user of a repository sees: the sound example, and the whole text of errors.

mod services;
mod streams;

use super::{load, load_with};
use crate::model::{BatchTrigger, Span};
use crate::platform::definition::{FeatureStart, Function, Kind};

#[tokio::test]
async fn the_example_repository_is_sound() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights");
    let repository = load(&root);
    let errors: Vec<String> = repository.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    let prod: Vec<_> = repository.views.iter().filter(|view| view.workspace == "prod").collect();
    assert_eq!(prod[0].name, "aircraft_state");
    assert_eq!(prod.len(), 9);
    assert!(prod.iter().all(|view| view.is_stream() && view.live && !view.owner.is_empty() && !view.tags.is_empty()));
    let services: Vec<_> = repository.services.iter().map(|s| (s.workspace.as_str(), s.name.as_str())).collect();
    let both = |workspace| [(workspace, "flight_delay"), (workspace, "airport_board")];
    assert_eq!(
        services.iter().filter(|(workspace, _)| *workspace == "prod").copied().collect::<Vec<_>>(),
        both("prod")
    );
    let by_name = |name: &str| prod.iter().find(|view| view.name == name).copied().unwrap();
    assert_eq!(by_name("origin_carriers").online_serving_index, ["origin"]);
    assert_eq!(by_name("aircraft_utilization").batch_trigger, BatchTrigger::Manual);
    let delays = by_name("carrier_delays");
    assert_eq!(delays.feature_start_time, Some(FeatureStart::BeforeApply(Span::days(3))));
    let Kind::Aggregate { aggregations, .. } = &delays.kind else { panic!("not an aggregate") };
    assert_eq!(aggregations[1].feature, "dep_delay_mean_1h_1h");
    assert_eq!(aggregations[1].function, Function::Mean);
}

fn data() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights/data")
}

/// A small sound repository over the example's files.
fn repository(changes: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let data = data();
    std::fs::create_dir(root.path().join("views")).unwrap();
    let sound = [
        ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n".to_owned()),
        (
            "entities.toml",
            "[[entity]]\nname = \"carrier\"\njoin_keys = [{ name = \"carrier\", type = \"string\" }]\n".to_owned(),
        ),
        (
            "sources.toml",
            format!(
                "[[source]]\nname = \"flights\"\nfiles = \"{}/flights.parquet\"\ntimestamp_column = \"timestamp\"\n",
                data.display()
            ),
        ),
        ("views/sound.toml", VIEW.replace("NAME", "sound")),
    ];
    for (file, text) in sound.iter().map(|(file, text)| (*file, text.as_str())).chain(changes.iter().copied()) {
        std::fs::write(root.path().join(file), text).unwrap();
    }
    root
}

const VIEW: &str = r#"name = "NAME"
entities = ["carrier"]
source = "flights"
mode = "spark_sql"
sql = "SELECT carrier, timestamp, dep_delay, arr_delay FROM flights"
online = true
batch_schedule = "1h"
aggregation_interval = "1h"
aggregations = [{ column = "dep_delay", function = "mean", time_window = "6h" }]
"#;

/// All that is printed about a repository with one more view file, and the names of the views that are left.
fn printed(view: &str) -> (Vec<String>, Vec<String>) {
    let root = repository(&[("views/other.toml", view)]);
    let loaded = load_with(root.path(), &[data()]);
    let names = loaded.views.iter().map(|view| view.name.clone()).collect();
    (loaded.errors.iter().map(ToString::to_string).collect(), names)
}

#[test]
fn every_error_of_a_view_names_file_line_field_and_fix() {
    let changed = |from: &str, to: &str| VIEW.replace("NAME", "other").replace(from, to);
    let cases = [
        (
            changed("batch_schedule", "batch_shedule"),
            "views/other.toml:7: batch_shedule: is not a known field. did you mean `batch_schedule`?",
        ),
        (
            changed("batch_schedule = \"1h\"", "batch_schedule = \"90m\""),
            "views/other.toml:7: batch_schedule: 1h30m is not a multiple of aggregation_interval, 1h. write 1h or 2h",
        ),
        (
            changed("\"6h\"", "\"90m\""),
            "views/other.toml:9: aggregations[0].time_window: 1h30m is not a multiple of aggregation_interval, 1h. write 1h or 2h",
        ),
        (
            changed("\"6h\"", "\"soon\""),
            "views/other.toml:9: aggregations[0].time_window: `soon` is not a duration. write whole numbers with d, h, m or s, such as `30m` or `1d12h`",
        ),
        (
            changed("\"mean\"", "\"avg\""),
            "views/other.toml:9: aggregations[0].function: `avg` is not a function. use one of count, sum, mean, min, max, last, var_samp, var_pop, stddev_samp, stddev_pop, variance, stddev, last_distinct, last_n",
        ),
        (
            changed("\"dep_delay\"", "\"dep_dely\""),
            "views/other.toml:9: aggregations[0].column: the query has no column `dep_dely`. did you mean `dep_delay`?",
        ),
        (
            changed("\"dep_delay\"", "\"carrier\""),
            "views/other.toml:9: aggregations[0].function: takes numbers, and `carrier` is string. cast the column in the SQL, or count it instead",
        ),
        (
            changed("\"carrier\"]", "\"carier\"]"),
            "views/other.toml:2: entities: there is no entity `carier`. did you mean `carrier`?",
        ),
        (
            changed("\"flights\"", "\"fligths\""),
            "views/other.toml:3: source: there is no source `fligths`. did you mean `flights`?",
        ),
        (
            changed("\"spark_sql\"", "\"pyspark\""),
            "views/other.toml:4: mode: `pyspark` cannot be run. write mode = \"spark_sql\"",
        ),
        (
            changed("carrier, timestamp", "timestamp"),
            "views/other.toml:5: sql: the query does not select the join key `carrier`. add `carrier` to the SELECT",
        ),
        (
            changed("timestamp,", "timestamp, sched_dep_ts,"),
            "views/other.toml: timestamp_field: the query has several timestamp columns: timestamp, sched_dep_ts. add timestamp_field = \"timestamp\"",
        ),
        (
            changed("SELECT", "DELETE"),
            "views/other.toml:5: sql: is not a query. write one SELECT statement (it may begin with WITH)",
        ),
        (
            changed("online = true", "online = \"yes\""),
            "views/other.toml:6: online: is a text, not true or false. write true or false",
        ),
        (
            changed("online = true", "offline = true\noffline_partition = \"5h\""),
            "views/other.toml:7: offline_partition: 5h is neither whole days nor a divisor of a day. write a size such as `1h`, `6h` or `1d`",
        ),
        (
            changed("online = true", "offline = true\noffline_partition = \"30m\""),
            "views/other.toml:7: offline_partition: 30m is not a multiple of aggregation_interval, 1h. write 1h",
        ),
        (
            changed("online = true", "online = true\noffline_partition = \"6h\""),
            "views/other.toml:7: offline_partition: has no meaning without `offline = true`. add that, or remove it",
        ),
        (
            changed("online = true", "ttl = \"1d\""),
            "views/other.toml:6: ttl: cannot be given with aggregations. remove it: windows say how long events count",
        ),
        (
            changed("\"other\"", "\"../other\""),
            "views/other.toml:1: name: `../other` is not a plain name. use a letter, then letters, digits, `_` and `-`, at most 128",
        ),
        (
            changed("\"other\"", "\"sound\""),
            "views/sound.toml: name: `sound` is defined in views/other.toml already. rename one of them",
        ),
        (
            changed("\"6h\"", "\"9d\"").replace("\"1h\"", "\"1s\""),
            "views/other.toml:9: aggregations[0].time_window: 9d holds more than 100000 tiles. use a longer aggregation_interval",
        ),
    ];
    for (view, expected) in cases {
        let (errors, names) = printed(&view);
        let expected = expected.replace("views/other.toml: timestamp_field", "views/other.toml:1: timestamp_field");
        assert_eq!(errors, [expected.as_str()]);
        assert_eq!(names.len(), 1, "{expected}");
    }
}

#[test]
fn names_that_stored_rows_have_for_themselves_are_refused() {
    let latest = VIEW.replace("NAME", "other").replace("aggregation_interval = \"1h\"\n", "");
    let latest = latest.split("aggregations").next().unwrap().to_owned();
    let named = |name: &str| latest.replace("dep_delay", &format!("dep_delay AS {name}"));
    let offline = |name: &str| named(name).replace("online = true", "offline = true");
    let problem = |name: &str, what: &str| {
        format!("views/other.toml:5: sql: the column `{name}` has the name under which {what}. rename it with AS")
    };
    for (view, expected) in [
        (named("_Anchor_Time"), Some(problem("_Anchor_Time", "stored rows keep their time"))),
        (offline("TIME_partition"), Some(problem("TIME_partition", "offline tables keep their partition"))),
        (named("time_partition"), None),
        (offline("tile_start_time"), None),
    ] {
        assert_eq!(printed(&view).0, expected.into_iter().collect::<Vec<_>>(), "{view}");
    }
}

#[test]
fn feature_names_are_taken_whatever_their_case() {
    let twice =
        "aggregations = [{ column = \"dep_delay\", function = \"mean\", time_window = \"6h\", name = \"CARRIER\" }, ";
    let view = VIEW.replace("NAME", "other").replace("aggregations = [", twice);
    let (errors, _) = printed(&view);
    let expected = "views/other.toml:9: aggregations[0].name: the feature name `CARRIER` is taken. remove the repeated aggregation, or give it a `name`";
    assert_eq!(errors, [expected]);
}

#[test]
fn broken_toml_hides_no_other_view() {
    let (errors, names) = printed("name = \"other\nentities = [");
    assert_eq!(names, ["sound"]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("views/other.toml:1: not valid TOML: "), "{}", errors[0]);
    assert!(errors[0].ends_with(". correct the TOML syntax on that line"), "{}", errors[0]);
}

#[test]
fn all_errors_of_a_view_are_told_at_once_in_the_order_of_the_lines() {
    let view = VIEW.replace("NAME", "other").replace("\"6h\"", "\"90m\"").replace("\"carrier\"]", "\"x\"]");
    let (errors, _) = printed(&format!("{view}colour = 1\n"));
    let lines: Vec<&str> = errors.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["views/other.toml:2", "views/other.toml:9", "views/other.toml:10"]);
}

#[test]
fn sources_and_entities_are_checked() {
    let sources = "[[source]]\nname = \"flights\"\nfiles = \"nothing/*.parquet\"\n";
    let entities = "[[entity]]\nname = \"carrier\"\njoin_keys = [{ name = \"carrier\", type = \"float64\" }]\n";
    let root = repository(&[("sources.toml", sources), ("entities.toml", entities)]);
    let loaded = load_with(root.path(), &[data()]);
    let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
    let expected = [
        "entities.toml:3: entity[0].join_keys[0].type: `float64` cannot be a key type. use \"string\" or \"int64\"".to_owned(),
        "entities.toml:3: entity[0].join_keys: names no key. write `join_keys = [{ name = \"tailnum\", type = \"string\" }]`".to_owned(),
        format!("sources.toml:3: source[0].files: no file matches `nothing/*.parquet`. put Parquet files there, or correct the path (it is relative to {})", root.path().display()),
        "views/sound.toml:2: entities: entity `carrier` has errors. correct them first".to_owned(),
        "views/sound.toml:3: source: source `flights` has errors. correct them first".to_owned(),
    ];
    assert_eq!(errors, expected);
    assert!(loaded.views.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_told_with_what_to_write() {
    for (file, expected) in [
        ("workspaces.toml", "create it with a table `[[workspace]]` with `name = \"prod\"` and `live = true`"),
        ("entities.toml", "create it with a table `[[entity]]` with `name` and `join_keys = "),
        (
            "sources.toml",
            "create it with a table `[[source]]` with `name`, `timestamp_column`, and `files` or a `stream`",
        ),
    ] {
        let root = repository(&[]);
        std::fs::remove_file(root.path().join(file)).unwrap();
        let errors: Vec<String> = load(root.path()).errors.iter().map(ToString::to_string).collect();
        let expected = format!("{file}: the file is not there. {expected}");
        assert!(errors.iter().any(|error| error.starts_with(&expected)), "{expected}: {errors:?}");
    }
}

#[test]
fn the_repository_of_the_readme_is_sound() {
    let readme = include_str!("../../../README.md");
    let blocks = readme.split("```toml\n").filter_map(|rest| rest.split("```").next());
    let sample = blocks.filter(|block| block.starts_with("# my-repository/")).collect::<String>();
    let kafka = "kind = \"kafka\", brokers = \"a.example.com:9092\", topic = \"clicks\", start = \"latest\"";
    let (tiles, continuous) = ("aggregation_interval = \"1m\"", "aggregation_mode = \"continuous\"");
    assert!(sample.contains(kafka) && sample.contains(tiles), "{sample}");
    // A program without Kafka refuses a source of it, and has nothing else against the sample.
    let sample = if super::streams::HAS_KAFKA { sample } else { sample.replace(kafka, "kind = \"ingest\"") };
    for sample in [sample.replace(tiles, continuous), sample] {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("views")).unwrap();
        for (file, text) in sample.split("# my-repository/").skip(1).map(|file| file.split_once('\n').unwrap()) {
            std::fs::write(root.path().join(file), text).unwrap();
        }
        let loaded = load(root.path());
        let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(loaded.views.len(), 1);
        assert!(loaded.views[0].live && loaded.views[0].writes_stream());
    }
}

#[test]
fn a_folder_that_is_not_there_is_one_error() {
    let loaded = load(std::path::Path::new("/nowhere/at/all"));
    let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, ["/nowhere/at/all: there is no such folder. give the folder that holds workspaces.toml"]);
}

#[test]
fn a_query_outside_of_the_dialect_is_told_with_its_line_in_the_file() {
    let written = "sql = \"SELECT carrier, timestamp, dep_delay, arr_delay FROM flights\"";
    let cases = [
        (
            "sql = \"\"\"\nSELECT carrier, timestamp,\n  strptime(origin, '%Y') AS dep_delay, arr_delay\nFROM flights\n\"\"\"",
            "views/other.toml:7: sql: line 2, column 3 of the query: function strptime: Spark has no strptime. \
             use to_timestamp(text, 'yyyy-MM-dd HH:mm:ss')",
        ),
        (
            "sql = '''SELECT carrier, timestamp, arr_delay,\ndep_dely AS dep_delay FROM flights'''",
            "views/other.toml:6: sql: line 2, column 1 of the query: column dep_dely: is not there. \
             did you mean `dep_delay`?",
        ),
    ];
    for (query, expected) in cases {
        let (errors, names) = printed(&VIEW.replace("NAME", "other").replace(written, query));
        assert_eq!(errors, [expected]);
        assert_eq!(names.len(), 1);
    }
}

#[test]
fn all_that_is_wrong_with_a_query_is_told_at_once_each_on_its_line() {
    let written = "sql = \"SELECT carrier, timestamp, dep_delay, arr_delay FROM flights\"";
    let query = "sql = '''SELECT carrier, timestamp,\n  dep_dely AS dep_delay,\n  strftime(timestamp, '%Y') AS year\nFROM flights WHERE arr_dely > 1'''";
    let (errors, _) = printed(&VIEW.replace("NAME", "other").replace(written, query));
    let messages: Vec<&str> = errors.iter().map(|error| error.split_once(" of the query: ").unwrap().1).collect();
    assert_eq!(
        messages,
        [
            "column dep_dely: is not there. did you mean `dep_delay`?",
            "function strftime: Spark has no strftime. use date_format(ts, 'yyyy-MM-dd HH:mm:ss')",
            "column arr_dely: is not there. did you mean `arr_delay`?",
        ]
    );
    let lines: Vec<&str> = errors.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["views/other.toml:6", "views/other.toml:7", "views/other.toml:8"]);
}

#[test]
fn a_query_too_deep_is_refused_with_its_line_and_costs_no_other_view() {
    let sum = |count: usize| format!("dep_delay{} AS dep_delay", " + 1".repeat(count));
    for (count, sound) in [(20, true), (440, false), (20_000, false)] {
        let (errors, names) =
            printed(&VIEW.replace("NAME", "other").replace("dep_delay, arr", &format!("{}, arr", sum(count))));
        assert_eq!(names.len(), 1 + usize::from(sound), "{errors:?}");
        let refused = |error: &String| error.starts_with("views/other.toml:5: sql: ") && error.contains("levels");
        assert!(sound == errors.is_empty() && errors.iter().all(refused), "{errors:?}");
    }
}

#[test]
fn names_of_the_definition_and_of_the_query_do_not_care_about_case() {
    let view = VIEW.replace("NAME", "other").replace(
        "SELECT carrier, timestamp, dep_delay, arr_delay FROM flights",
        "SELECT CARRIER, Timestamp, f.DEP_DELAY FROM FLIGHTS AS f",
    );
    let view = format!("{view}timestamp_field = \"timestamp\"\n");
    let root = repository(&[("views/other.toml", &view)]);
    let loaded = load_with(root.path(), &[data()]);
    let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    let view = loaded.views.iter().find(|view| view.name == "other").unwrap();
    assert_eq!(
        (view.timestamp_field.as_str(), view.feature_names()),
        ("timestamp", vec!["dep_delay_mean_6h_1h".to_owned()])
    );
    let Kind::Aggregate { aggregations, .. } = &view.kind else { panic!("not an aggregate") };
    assert_eq!(aggregations[0].column, "DEP_DELAY", "as the query calls it");
}
