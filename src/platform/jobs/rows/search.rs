//! Jobs of many views by a filter: the places of a section of them, and how many there are.

use rusqlite::types::Value;
use rusqlite::{ToSql, params_from_iter};

use super::Rows;
use crate::model::time::{micros, span_micros};
use crate::model::{JobState, Time};
use crate::platform::jobs::error::TableError;
use crate::platform::jobs::filter::{Bounds, Filter, Section};
use crate::platform::jobs::record::JobRecord;
use crate::wire::proto::enums::StatusState;

/// Whether an attempt of the job runs.
const RUNS: &str = "EXISTS (SELECT 1 FROM attempts WHERE job = jobs.id AND attempts.state = 'RUNNING')";

impl Rows<'_> {
    /// The places of the jobs in a section, in its order; and the last one's where more follow.
    pub fn places(&self, filter: &Filter, section: Section, now: Time) -> Result<(Vec<i64>, Option<i64>), TableError> {
        let mut wanted = Condition::of(filter, now);
        let (beyond, order) = if section.oldest_first { (">", "ASC") } else { ("<", "DESC") };
        if let Some(after) = section.after {
            wanted.add(&format!("jobs.seq {beyond} ?"), Value::Integer(after));
        }
        let one_more = Value::Integer(length(section.size.saturating_add(1)));
        let skip = Value::Integer(length(section.skip));
        let sql = format!(
            "SELECT jobs.seq FROM jobs WHERE {} ORDER BY jobs.seq {order} LIMIT ? OFFSET ?",
            wanted.sql.join(" AND ")
        );
        wanted.values.extend([one_more, skip]);
        let mut query = self.connection.prepare_cached(&sql)?;
        let found = query.query_map(params_from_iter(&wanted.values), |row| row.get(0))?;
        let mut places: Vec<i64> = found.collect::<Result<_, _>>()?;
        let more = places.len() > section.size;
        places.truncate(section.size);
        let next = places.last().copied().filter(|_| more);
        Ok((places, next))
    }

    /// The jobs at these places, newest first.
    pub fn at_places(&self, places: &[i64]) -> Result<Vec<JobRecord>, TableError> {
        let list = list(places.iter().map(i64::to_string));
        self.select("jobs.seq IN (SELECT value FROM json_each(?1))", &[&list as &dyn ToSql])
    }

    /// How many jobs are wanted.
    pub fn count(&self, filter: &Filter, now: Time) -> Result<usize, TableError> {
        let wanted = Condition::of(filter, now);
        let sql = format!("SELECT COUNT(*) FROM jobs WHERE {}", wanted.sql.join(" AND "));
        let mut query = self.connection.prepare_cached(&sql)?;
        let count: i64 = query.query_row(params_from_iter(&wanted.values), |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}

/// Conditions that all must hold, and the values of their question marks in order.
struct Condition {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Condition {
    fn of(filter: &Filter, now: Time) -> Self {
        let mut wanted = Self { sql: Vec::new(), values: Vec::new() };
        match filter.views.as_slice() {
            [one] => wanted.add("jobs.view = ?", Value::Text(one.to_string())),
            // The plus keeps the table's own order: sorting the jobs of all views by place would take longer.
            all => {
                let views = list(all.iter().map(|view| format!("\"{view}\"")));
                wanted.add("+jobs.view IN (SELECT value FROM json_each(?))", Value::Text(views));
            }
        }
        if let Some(states) = &filter.states {
            wanted.any(states.iter().filter_map(|state| state_is(*state)));
        }
        if let Some(types) = &filter.types {
            wanted.any(types.iter().map(|kind| ("jobs.job_type = ?".to_owned(), vec![text(kind)])));
        }
        let count = |n: u32| Value::Integer(i64::from(n));
        wanted.between("(SELECT COUNT(*) FROM attempts WHERE job = jobs.id)", filter.attempts, count);
        let instant = |at: Time| Value::Integer(micros(at));
        wanted.between("jobs.updated_at", filter.changed, instant);
        wanted.between("jobs.window_start", filter.starts, instant);
        wanted.between("jobs.window_end", filter.ends, instant);
        wanted.between(&took(now), filter.duration, |span| Value::Integer(span_micros(span)));
        for (column, flag) in [("by_user", filter.by_user), ("online", filter.online), ("offline", filter.offline)] {
            if let Some(flag) = flag {
                wanted.add(&format!("jobs.{column} = ?"), Value::Integer(flag.into()));
            }
        }
        wanted
    }

    fn add(&mut self, sql: &str, value: Value) {
        self.sql.push(sql.to_owned());
        self.values.push(value);
    }

    /// At least one of these must hold.
    fn any(&mut self, choices: impl Iterator<Item = (String, Vec<Value>)>) {
        let (sql, values): (Vec<_>, Vec<_>) = choices.unzip();
        self.sql.push(if sql.is_empty() { "FALSE".to_owned() } else { format!("({})", sql.join(" OR ")) });
        self.values.extend(values.into_iter().flatten());
    }

    fn between<T>(&mut self, expression: &str, bounds: Bounds<T>, value: impl Fn(T) -> Value) {
        for (end, compare) in [(bounds.from, ">="), (bounds.until, "<=")] {
            if let Some(end) = end {
                self.add(&format!("{expression} {compare} ?"), value(end));
            }
        }
    }
}

/// How a job in that state is told by its row and those of its attempts; absent for a state that no job is ever in.
fn state_is(state: StatusState) -> Option<(String, Vec<Value>)> {
    use JobState::{
        CancellationRequested, Cancelled, Drained, Draining, Failure, ManualRetry, Running, Scheduled, Success,
    };
    let (states, runs): (&[JobState], Option<bool>) = match state {
        StatusState::Unspecified => return None,
        StatusState::Scheduled => (&[Scheduled], None),
        StatusState::Pending => (&[Running, ManualRetry], Some(false)),
        StatusState::Running => (&[Running, ManualRetry], Some(true)),
        StatusState::Success => (&[Success], None),
        StatusState::Error => (&[Failure], None),
        StatusState::Drained => (&[Draining, Drained], None),
        StatusState::ManualCancellationRequested => (&[CancellationRequested], None),
        StatusState::ManuallyCancelled => (&[Cancelled], None),
    };
    let marks = vec!["?"; states.len()].join(", ");
    let runs = match runs {
        Some(true) => format!(" AND {RUNS}"),
        Some(false) => format!(" AND NOT {RUNS}"),
        None => String::new(),
    };
    Some((format!("(jobs.state IN ({marks}){runs})"), states.iter().map(text).collect()))
}

/// How long the newest attempt took, in microseconds; one that has not ended, up to now.
fn took(now: Time) -> String {
    format!(
        "(SELECT CASE WHEN attempts.state IN ('PENDING', 'RUNNING') THEN {} ELSE attempts.updated_at END
              - attempts.created_at FROM attempts WHERE job = jobs.id ORDER BY number DESC LIMIT 1)",
        micros(now)
    )
}

fn text(word: &impl ToString) -> Value {
    Value::Text(word.to_string())
}

/// A list that the database reads.
fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

fn length(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
