//! The feature repository of the crash test, and what its source holds, computed without a line of the platform.
//!
//! The source is a pure function of hour, user and *generation*. Another generation is published only while no server
//! runs, so the generation that an attempt read is known from its start; what an attempt wrote is then known to the
//! row. Between generations amounts differ, and some users have no clicks in some hours: a window that is written again
//! must also lose rows.

use std::path::{Path, PathBuf};

use chrono::Utc;
use fvtop::model::{Time, Window};
use polars::prelude::*;

use crate::support::write_parquet;

/// Users are numbered from zero.
pub(crate) const USERS: usize = 6;
/// An hour in microseconds.
pub(crate) const HOUR: i64 = 3_600_000_000;
/// The longest time window of the aggregations, in hours; every shorter one is a feature too.
pub(crate) const REACH: i64 = 24;

/// Hours of clicks before the present, and after it, for hours that end while the test runs.
const BEFORE: i64 = 80;
const AFTER: i64 = 12;

/// What a view keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Hourly tiles: count, sum and last amount.
    Tiles,
    /// The clicks themselves, the newest of each user online.
    Rows,
}

/// A view of the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub name: &'static str,
    pub shape: Shape,
    /// Whether the platform makes its jobs; else people do.
    pub scheduled: bool,
    /// Hours before its application at which its schedule begins.
    pub begins: i64,
}

pub(crate) const VIEWS: [View; 3] = [
    View { name: "clicks_hourly", shape: Shape::Tiles, scheduled: true, begins: 6 + REACH },
    View { name: "last_click", shape: Shape::Rows, scheduled: true, begins: 6 },
    View { name: "clicks_asked", shape: Shape::Tiles, scheduled: false, begins: 24 + REACH },
];

const WORKSPACES: &str = r#"
[[workspace]]
name = "prod"
live = true
description = "What serves."
"#;

const ENTITIES: &str = r#"
[[entity]]
name = "user"
description = "A user."
owner = "tests@example.com"
join_keys = [{ name = "user_id", type = "int64" }]
"#;

const SOURCES: &str = r#"
[[source]]
name = "clicks"
description = "Clicks of users."
owner = "tests@example.com"
files = "clicks.parquet"
timestamp_column = "timestamp"
"#;

fn definition(view: &View) -> String {
    let begins = view.begins - if view.shape == Shape::Tiles { REACH } else { 0 };
    let mut text = format!(
        r#"
name = "{}"
description = "Clicks of users."
owner = "tests@example.com"
entities = ["user"]
source = "clicks"
mode = "spark_sql"
sql = "SELECT user_id, timestamp, amount FROM clicks"
online = true
offline = true
batch_schedule = "1h"
max_batch_aggregation_interval = "1h"
feature_start_time = "apply - {begins}h"
"#,
        view.name
    );
    if !view.scheduled {
        text.push_str("batch_trigger = \"manual\"\n");
    }
    if view.shape == Shape::Tiles {
        text.push_str("aggregation_interval = \"1h\"\naggregations = [\n");
        for hours in 1..=REACH {
            for function in ["count", "sum"] {
                text.push_str(&format!(
                    "  {{ column = \"amount\", function = \"{function}\", time_window = \"{hours}h\" }},\n"
                ));
            }
        }
        text.push_str("  { column = \"amount\", function = \"last\", time_window = \"24h\" },\n]\n");
    }
    text
}

/// The repository and its source.
pub(crate) struct World {
    pub repo: PathBuf,
    first: i64,
    end: i64,
}

impl World {
    /// Writes the repository with its first generation.
    pub(crate) fn make(repo: &Path) -> Self {
        std::fs::create_dir_all(repo.join("views")).unwrap();
        for (name, text) in [("workspaces.toml", WORKSPACES), ("entities.toml", ENTITIES), ("sources.toml", SOURCES)] {
            std::fs::write(repo.join(name), text).unwrap();
        }
        for view in &VIEWS {
            std::fs::write(repo.join(format!("views/{}.toml", view.name)), definition(view)).unwrap();
        }
        let present = hour_of(Utc::now());
        let world = Self { repo: repo.to_owned(), first: present - BEFORE, end: present + AFTER };
        world.publish(0);
        world
    }

    /// The hours that have clicks.
    pub(crate) fn hours(&self) -> std::ops::Range<i64> {
        self.first..self.end
    }

    /// Puts another generation into the place of the source, whole or not at all.
    pub(crate) fn publish(&self, generation: u32) {
        let (mut users, mut times, mut amounts) = (Vec::new(), Vec::new(), Vec::new());
        for hour in self.first..self.end {
            for user in 0..USERS {
                for (time, amount) in clicks(hour, user, generation) {
                    users.push(user as i64);
                    times.push(time);
                    amounts.push(amount);
                }
            }
        }
        let frame = df!("user_id" => users, "timestamp" => times, "amount" => amounts).unwrap();
        let (made, place) = (self.repo.join("clicks.new"), self.repo.join("clicks.parquet"));
        write_parquet(&made, frame, &["timestamp"]);
        std::fs::rename(made, place).unwrap();
    }
}

/// The clicks of a user in an hour: times in microseconds, oldest first, and amounts. No two clicks share a time.
pub(crate) fn clicks(hour: i64, user: usize, generation: u32) -> Vec<(i64, i64)> {
    let (who, generation) = (user as i64, i64::from(generation));
    if (hour * 7 + who * 3 + generation) % 5 == 0 {
        return Vec::new();
    }
    let click = |number: i64| {
        let second = (number * USERS as i64 + who) * 60;
        let amount = hour % 1_000 * 1_000 + number * 10 + who + generation * 1_000_000;
        (hour * HOUR + second * 1_000_000, amount)
    };
    (0..4 + (hour + who) % 5).map(click).collect()
}

/// What the offline table holds of a user and hour: rows of (count, sum, last) or of (time, amount).
pub(crate) fn stored(shape: Shape, hour: i64, user: usize, generation: u32) -> Vec<Vec<i64>> {
    let clicks = clicks(hour, user, generation);
    match shape {
        Shape::Rows => clicks.into_iter().map(|(time, amount)| vec![time, amount]).collect(),
        Shape::Tiles => tile(&clicks).map(|(count, sum, last)| vec![count, sum, last]).into_iter().collect(),
    }
}

/// Count, sum and last amount of clicks, where there are any.
pub(crate) fn tile(clicks: &[(i64, i64)]) -> Option<(i64, i64, i64)> {
    let (_, last) = clicks.last()?;
    Some((clicks.len() as i64, clicks.iter().map(|(_, amount)| amount).sum(), *last))
}

/// The hour of an instant, counted from 1970.
pub(crate) fn hour_of(at: Time) -> i64 {
    at.timestamp_micros().div_euclid(HOUR)
}

/// The beginning of an hour, as the command line takes it.
pub(crate) fn printed_hour(hour: i64) -> String {
    fvtop::model::time::from_micros(hour * HOUR).format("%Y-%m-%dT%H:00:00Z").to_string()
}

/// The window of these hours.
pub(crate) fn window(hours: std::ops::Range<i64>) -> Window {
    let time = |hour: i64| chrono::DateTime::from_timestamp_micros(hour * HOUR).unwrap();
    Window { start: time(hours.start), end: time(hours.end) }
}

/// The hours of a window.
pub(crate) fn hours(window: Window) -> std::ops::Range<i64> {
    hour_of(window.start)..hour_of(window.end)
}
