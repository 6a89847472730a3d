//! The status table as people see it: the columns and texts of docs/wire.md section 2.3, docs/semantics.md section 11.
//!
//! A function of the message and the options alone. It does not clean what servers write into their messages.

use std::cmp::Ordering;

use super::{id_from_proto, time_from_proto};
use crate::model::time::print_time;
use crate::model::{StatusOptions, StatusOrder, StatusTable, UnknownColumn};
use crate::wire::proto::common::Timestamp;
use crate::wire::proto::enums::{StatusState, TaskType};
use crate::wire::proto::status::{MaterializationAttemptStatus, MaterializationStatus};

/// What stands where there is nothing.
const ABSENT: &str = "N/A";
/// What stands where a number has no word.
const UNKNOWN: &str = "UNKNOWN";
/// A termination reason that says nothing.
const NO_REASON: &str = "UNKNOWN_TERMINATION_REASON";

/// One column: its heading, whether it is shown only on demand, and its cell of a row.
struct Column {
    heading: &'static str,
    verbose: bool,
    cell: fn(&MaterializationAttemptStatus) -> String,
}

const fn column(heading: &'static str, cell: fn(&MaterializationAttemptStatus) -> String) -> Column {
    Column { heading, verbose: false, cell }
}

const fn verbose(heading: &'static str, cell: fn(&MaterializationAttemptStatus) -> String) -> Column {
    Column { heading, verbose: true, cell }
}

const COLUMNS: [Column; 12] = [
    column("TYPE", |row| kind(row).to_owned()),
    column("WINDOW_START_TIME", |row| time(row.window_start_time)),
    column("WINDOW_END_TIME", |row| time(row.window_end_time)),
    column("STATUS", |row| state(row).to_owned()),
    column("ATTEMPT", |row| number(row.attempt_number.filter(|number| *number > 0))),
    verbose("MATERIALIZATION_TASK", |row| {
        row.materialization_task_id.as_ref().map_or_else(|| ABSENT.to_owned(), |id| id_from_proto(id).to_string())
    }),
    verbose("ENV_VERSION", |row| row.spark_cluster_environment_version.unwrap_or(0).to_string()),
    verbose("TERMINATION_REASON", |row| text(row.termination_reason.as_deref().filter(|reason| *reason != NO_REASON))),
    verbose("STATE_MESSAGE", |row| text(row.state_message.as_deref())),
    verbose("TASK_SCHEDULED_AT", |row| time(row.materialization_task_created_at)),
    column("JOB_CREATED_AT", |row| time(row.attempt_created_at)),
    column("JOB_LOGS", |row| text(row.run_page_url.as_deref())),
];

/// The table that `options` ask for: one row an attempt, in the order of the message unless they sort it.
///
/// # Errors
/// When a column to sort by is not among those shown.
pub fn status_table(status: &MaterializationStatus, options: &StatusOptions) -> Result<StatusTable, UnknownColumn> {
    let shown: Vec<&Column> = COLUMNS.iter().filter(|column| options.verbose || !column.verbose).collect();
    let sort = sort_places(options.sort_columns.as_deref().unwrap_or_default(), &shown)?;
    let asked = status.materialization_attempts.iter().filter(|row| !options.deletions || is_deletion(row));
    let wanted = |row: &&MaterializationAttemptStatus| !options.errors_only || is_error(row);
    let chosen: Vec<_> = match options.order {
        StatusOrder::Tecton => asked.take(options.limit).filter(wanted).collect(),
        StatusOrder::FilterFirst => asked.filter(wanted).collect(),
    };
    let cells = |row: &MaterializationAttemptStatus| shown.iter().map(|column| (column.cell)(row)).collect();
    let mut rows: Vec<Vec<String>> = chosen.into_iter().map(cells).collect();
    rows.sort_by(|a, b| compare(a, b, &sort));
    rows.truncate(options.limit);
    Ok(StatusTable { columns: shown.iter().map(|column| column.heading).collect(), rows })
}

/// The places of the columns to sort by.
fn sort_places(list: &str, shown: &[&Column]) -> Result<Vec<usize>, UnknownColumn> {
    if list.trim().is_empty() {
        return Ok(Vec::new());
    }
    let place = |name: &str| {
        let found = shown.iter().position(|column| column.heading.eq_ignore_ascii_case(name));
        let choices = || shown.iter().map(|column| column.heading).collect();
        found.ok_or_else(|| UnknownColumn { name: name.to_owned(), choices: choices() })
    };
    list.split(',').map(str::trim).map(place).collect()
}

fn compare(a: &[String], b: &[String], places: &[usize]) -> Ordering {
    let cells = |place: &usize| Some((a.get(*place)?, b.get(*place)?));
    places.iter().filter_map(cells).map(|(a, b)| compare_cells(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Ascending by what is shown: numbers by their size and before everything else, the rest as text. Released clients
/// fail where numbers and `N/A` meet.
fn compare_cells(a: &str, b: &str) -> Ordering {
    match (a.parse::<i64>(), b.parse::<i64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

fn is_deletion(row: &MaterializationAttemptStatus) -> bool {
    row.data_source_type == Some(TaskType::Deletion.into())
}

fn is_error(row: &MaterializationAttemptStatus) -> bool {
    row.materialization_state == Some(StatusState::Error.into())
}

fn kind(row: &MaterializationAttemptStatus) -> &'static str {
    match row.data_source_type.and_then(|number| TaskType::try_from(number).ok()) {
        Some(TaskType::Batch) => "BATCH",
        Some(TaskType::Stream) => "STREAM",
        Some(TaskType::Ingest) => "INGEST",
        Some(TaskType::Deletion) => "DELETION",
        _ => UNKNOWN,
    }
}

fn state(row: &MaterializationAttemptStatus) -> &'static str {
    let named = row.materialization_state.filter(|number| *number != 0).and_then(StatusState::name_of);
    named.and_then(|name| name.strip_prefix("MATERIALIZATION_STATUS_STATE_")).unwrap_or(UNKNOWN)
}

fn time(at: Option<Timestamp>) -> String {
    at.and_then(time_from_proto).map_or_else(|| ABSENT.to_owned(), print_time)
}

fn number(number: Option<i32>) -> String {
    number.map_or_else(|| ABSENT.to_owned(), |number| number.to_string())
}

fn text(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(ABSENT).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Id;
    use crate::wire::convert::id_to_proto;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds: 1_795_305_600 + seconds, nanos: 999_999_999 })
    }

    fn row(kind: TaskType, state: StatusState, attempt: Option<i32>, task: u128) -> MaterializationAttemptStatus {
        MaterializationAttemptStatus {
            data_source_type: Some(kind.into()),
            materialization_state: Some(state.into()),
            attempt_number: attempt,
            materialization_task_id: Some(id_to_proto(Id(task))),
            ..Default::default()
        }
    }

    /// A deletion, a waiting window, a failed and a later good attempt of another, and a stream.
    fn status() -> MaterializationStatus {
        let failed = MaterializationAttemptStatus {
            window_start_time: at(0),
            window_end_time: at(3_600),
            attempt_created_at: at(3_605),
            materialization_task_created_at: at(3_600),
            state_message: Some("The file is cut off.".into()),
            termination_reason: Some("SOURCE_ERROR".into()),
            spark_cluster_environment_version: Some(7),
            run_page_url: Some("https://example.com/run/1".into()),
            ..row(TaskType::Batch, StatusState::Error, Some(2), 3)
        };
        let good = MaterializationAttemptStatus {
            attempt_created_at: at(4_000),
            state_message: Some(String::new()),
            termination_reason: Some(NO_REASON.into()),
            attempt_number: Some(10),
            materialization_state: Some(StatusState::Success.into()),
            ..failed.clone()
        };
        let waiting = MaterializationAttemptStatus {
            window_start_time: at(3_600),
            window_end_time: at(7_200),
            ..row(TaskType::Batch, StatusState::Scheduled, None, 2)
        };
        MaterializationStatus {
            materialization_attempts: vec![
                row(TaskType::Deletion, StatusState::Running, Some(1), 1),
                waiting,
                good,
                failed,
                row(TaskType::Deletion, StatusState::Error, Some(1), 5),
                row(TaskType::OfflineMaintenance, StatusState::Unspecified, None, 4),
            ],
            ..Default::default()
        }
    }

    fn shown(options: &StatusOptions) -> Vec<String> {
        let table = status_table(&status(), options).unwrap();
        let mut lines = vec![table.columns.join("|")];
        lines.extend(table.rows.iter().map(|row| row.join("|")));
        lines
    }

    const HEADINGS: &str = "TYPE|WINDOW_START_TIME|WINDOW_END_TIME|STATUS|ATTEMPT|JOB_CREATED_AT|JOB_LOGS";
    const DELETING: &str = "DELETION|N/A|N/A|RUNNING|1|N/A|N/A";
    const WAITING: &str = "BATCH|2026-11-22 01:00:00|2026-11-22 02:00:00|SCHEDULED|N/A|N/A|N/A";
    const GOOD: &str =
        "BATCH|2026-11-22 00:00:00|2026-11-22 01:00:00|SUCCESS|10|2026-11-22 01:06:40|https://example.com/run/1";
    const FAILED: &str =
        "BATCH|2026-11-22 00:00:00|2026-11-22 01:00:00|ERROR|2|2026-11-22 01:00:05|https://example.com/run/1";
    const NOT_DELETED: &str = "DELETION|N/A|N/A|ERROR|1|N/A|N/A";
    const OTHER: &str = "UNKNOWN|N/A|N/A|UNKNOWN|N/A|N/A|N/A";

    #[test]
    fn without_options_every_attempt_is_a_row_in_the_order_it_came() {
        let rows = [HEADINGS, DELETING, WAITING, GOOD, FAILED, NOT_DELETED, OTHER];
        assert_eq!(shown(&StatusOptions::default()), rows);
        let none = status_table(&MaterializationStatus::default(), &StatusOptions::default()).unwrap();
        assert_eq!((none.columns.len(), none.rows.len()), (7, 0));
    }

    #[test]
    fn verbose_tells_task_reason_message_and_schedule() {
        let lines = shown(&StatusOptions { verbose: true, limit: 4, ..Default::default() });
        assert_eq!(
            lines,
            [
                "TYPE|WINDOW_START_TIME|WINDOW_END_TIME|STATUS|ATTEMPT|MATERIALIZATION_TASK|ENV_VERSION|TERMINATION_REASON|\
                 STATE_MESSAGE|TASK_SCHEDULED_AT|JOB_CREATED_AT|JOB_LOGS",
                "DELETION|N/A|N/A|RUNNING|1|00000000000000000000000000000001|0|N/A|N/A|N/A|N/A|N/A",
                "BATCH|2026-11-22 01:00:00|2026-11-22 02:00:00|SCHEDULED|N/A|00000000000000000000000000000002|0|N/A|N/A|\
                 N/A|N/A|N/A",
                "BATCH|2026-11-22 00:00:00|2026-11-22 01:00:00|SUCCESS|10|00000000000000000000000000000003|7|N/A|N/A|\
                 2026-11-22 01:00:00|2026-11-22 01:06:40|https://example.com/run/1",
                "BATCH|2026-11-22 00:00:00|2026-11-22 01:00:00|ERROR|2|00000000000000000000000000000003|7|SOURCE_ERROR|\
                 The file is cut off.|2026-11-22 01:00:00|2026-11-22 01:00:05|https://example.com/run/1",
            ]
        );
    }

    #[test]
    fn released_clients_cut_before_they_look_for_errors() {
        let options = |limit, order| StatusOptions { limit, errors_only: true, order, ..Default::default() };
        assert_eq!(shown(&options(3, StatusOrder::Tecton)), [HEADINGS]);
        assert_eq!(shown(&options(4, StatusOrder::Tecton)), [HEADINGS, FAILED]);
        assert_eq!(shown(&options(1, StatusOrder::FilterFirst)), [HEADINGS, FAILED]);
        assert_eq!(shown(&options(3, StatusOrder::FilterFirst)), [HEADINGS, FAILED, NOT_DELETED]);
        assert_eq!(shown(&options(0, StatusOrder::FilterFirst)), [HEADINGS]);
    }

    #[test]
    fn deletion_status_looks_at_deletions_before_it_cuts() {
        let options = StatusOptions { deletions: true, limit: 2, ..Default::default() };
        assert_eq!(shown(&options), [HEADINGS, DELETING, NOT_DELETED]);
        assert_eq!(shown(&StatusOptions { errors_only: true, ..options }), [HEADINGS, NOT_DELETED]);
    }

    #[test]
    fn rows_are_sorted_by_what_is_shown_numbers_by_their_size() {
        let sorted = |list: &str, limit, order| {
            shown(&StatusOptions { sort_columns: Some(list.to_owned()), limit, order, ..Default::default() })
        };
        let by_attempt = [HEADINGS, DELETING, NOT_DELETED, FAILED, GOOD, WAITING, OTHER];
        assert_eq!(sorted("attempt", 1000, StatusOrder::Tecton), by_attempt);
        let by_both = [HEADINGS, FAILED, WAITING, GOOD, NOT_DELETED, DELETING, OTHER];
        assert_eq!(sorted("Type, STATUS", 1000, StatusOrder::Tecton), by_both);
        assert_eq!(sorted("TYPE", 2, StatusOrder::Tecton), [HEADINGS, WAITING, DELETING]);
        assert_eq!(sorted("TYPE", 2, StatusOrder::FilterFirst), [HEADINGS, WAITING, GOOD]);
        assert_eq!(sorted(" ", 1, StatusOrder::Tecton), [HEADINGS, DELETING]);
    }

    #[test]
    fn a_column_that_is_not_shown_cannot_be_sorted_by() {
        let ask = |verbose, list: &str| {
            let options = StatusOptions { verbose, sort_columns: Some(list.to_owned()), ..Default::default() };
            status_table(&status(), &options).map_err(|error| error.to_string())
        };
        let choices = "TYPE, WINDOW_START_TIME, WINDOW_END_TIME, STATUS, ATTEMPT, JOB_CREATED_AT, JOB_LOGS";
        for (list, name) in [("type,colour", "colour"), ("ENV_VERSION", "ENV_VERSION"), ("TYPE,", "")] {
            let text = format!("`{name}` is not a column of this table: sort by one or more of {choices}");
            assert_eq!(ask(false, list), Err(text));
        }
        assert!(ask(true, "env_version").is_ok());
    }
}
