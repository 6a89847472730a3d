//! Plain Polars doing the minimum of the same work.

use std::fs::File;
use std::path::Path;

use polars::prelude::*;

use crate::data::{digest, events, spine_of};

/// Length of a tile.
const HOUR: i64 = 3_600_000_000;
/// Lengths of the windows, in days.
pub(crate) const DAYS: [i64; 3] = [1, 7, 30];

/// `join_asof` by key, four features, nothing older than thirty days.
pub(crate) fn as_of(dir: &Path) -> String {
    let features = ["carrier", "origin", "dest", "dep_delay"];
    let wanted = ["tailnum", "timestamp"].iter().chain(&features).map(|name| col(*name)).collect::<Vec<_>>();
    // A row of thirty days ago is too old by a tick.
    let options = AsOfOptions {
        tolerance: Some(Scalar::new(
            DataType::Duration(TimeUnit::Microseconds),
            AnyValue::Duration(30 * 24 * HOUR - 1, TimeUnit::Microseconds),
        )),
        ..by_key()
    };
    let spine = spine_of(dir, crate::data::SMALL).sort(["spine_time"], SortMultipleOptions::default());
    let joined = join(spine, events(dir).select(wanted), "spine_time", "timestamp", options);
    digest(&run(joined), &features)
}

fn by_key() -> AsOfOptions {
    AsOfOptions {
        left_by: Some(vec!["tailnum".into()]),
        right_by: Some(vec!["tailnum".into()]),
        strategy: AsofStrategy::Backward,
        allow_eq: true,
        check_sortedness: false,
        ..AsOfOptions::default()
    }
}

fn join(left: LazyFrame, right: LazyFrame, left_on: &str, right_on: &str, options: AsOfOptions) -> LazyFrame {
    left.join_builder()
        .with(right)
        .how(JoinType::AsOf(Box::new(options)))
        .left_on([col(left_on)])
        .right_on([col(right_on)])
        .coalesce(JoinCoalesce::CoalesceColumns)
        .finish()
}

/// The engine that is faster at all of this.
fn run(plan: LazyFrame) -> DataFrame {
    plan.collect_with_engine(Engine::Streaming).unwrap().unwrap_single()
}

fn hourly(dir: &Path) -> LazyFrame {
    let hour = col("timestamp").cast(DataType::Int64).floor_div(lit(HOUR)) * lit(HOUR);
    events(dir)
        .select([col("tailnum"), hour.alias("tile"), col("distance")])
        .group_by([col("tailnum"), col("tile")])
        .agg([col("distance").count().cast(DataType::Int64).alias("count"), col("distance").sum().alias("sum")])
}

/// Tiles, running sums per key, and four as-of joins: at T, and at T less each window.
pub(crate) fn windows(dir: &Path, rows: usize) -> String {
    // Running sums by grouping and exploding: measured at a third of what a window function over the keys takes.
    let sorted = run(hourly(dir).sort(["tailnum", "tile"], SortMultipleOptions::default()));
    let running = |name: &str| col(name).cum_sum(false);
    let tiles = sorted
        .lazy()
        .group_by([col("tailnum")])
        .agg([running("count"), running("sum"), (col("tile") + lit(HOUR)).alias("end")])
        .explode(
            by_name(["count", "sum", "end"], true, false),
            ExplodeOptions { empty_as_null: true, keep_nulls: true },
        );
    let tiles = run(tiles.sort(["end"], SortMultipleOptions::default()));
    let edge = col("spine_time").cast(DataType::Int64).floor_div(lit(HOUR)) * lit(HOUR);
    let mut joined = spine_of(dir, rows).with_column(edge.alias("edge")).sort(["edge"], SortMultipleOptions::default());
    for days in [0].iter().chain(&DAYS) {
        let at = format!("edge_{days}");
        joined = joined.with_column((col("edge") - lit(days * 24 * HOUR)).alias(at.as_str()));
        let right = tiles.clone().lazy().select([
            col("tailnum"),
            col("end").alias(at.as_str()),
            col("count").alias(format!("count_{days}")),
            col("sum").alias(format!("sum_{days}")),
        ]);
        joined = join(joined, right, &at, &at, by_key());
    }
    let value = |name: &str, days: i64| col(format!("{name}_{days}")).fill_null(lit(0));
    let mut features = Vec::new();
    let mut names = Vec::new();
    for days in DAYS {
        let count = value("count", 0) - value("count", days);
        let sum = value("sum", 0) - value("sum", days);
        let some = |e: Expr| when(count.clone().gt(lit(0))).then(e).otherwise(lit(NULL));
        for (name, feature) in [
            ("count", count.clone()),
            ("sum", some(sum.clone())),
            ("mean", some(sum.clone() / count.clone().cast(DataType::Float64))),
        ] {
            names.push(format!("distance_{name}_{days}d_1h"));
            features.push(feature.alias(names.last().unwrap().as_str()));
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    digest(&run(joined.select(features)), &names)
}

/// Hourly tiles into one Parquet file.
pub(crate) fn tiles(dir: &Path) -> String {
    let mut tiles = run(hourly(dir).with_column((col("sum") / col("count").cast(DataType::Float64)).alias("mean")));
    let path = dir.join("tiles.parquet");
    ParquetWriter::new(File::create(&path).unwrap()).finish(&mut tiles).unwrap();
    digest(&tiles, &["count", "sum", "mean"])
}
