//! `fvtop audit`: who changed what.

use clap::Args;
use polars::prelude::{Column, DataFrame};

use super::failure::{FAILED, Failure};
use super::output::{print, print_json, print_with, table, time};
use super::place::Place;
use super::target::TargetArgs;
use crate::client::api::access::AuditWanted;
use crate::client::table;
use crate::model::Time;
use crate::model::time::parse_time;
use crate::wire::access::{AUDIT_LIMIT, AuditRow};

/// Show the audit log.
#[derive(Args, Clone, Debug)]
pub struct AuditArgs {
    /// Where the audit log is.
    #[command(flatten)]
    pub target: TargetArgs,
    /// At most so many entries, the newest
    #[arg(long, value_name = "N", default_value_t = AUDIT_LIMIT)]
    pub limit: usize,
    /// Only entries from then on
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub since: Option<Time>,
    /// Only entries of the key with this name or id
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV
    #[arg(long)]
    pub csv: bool,
}

/// Prints the newest entries, the newest first.
///
/// # Errors
/// When the place is not reached, has no audit log or refuses.
pub(crate) async fn run(args: AuditArgs) -> Result<(), Failure> {
    let place = Place::open(&args.target, false).await?;
    let wanted = AuditWanted { limit: args.limit, since: args.since, key: args.key };
    let rows = place.audit(wanted).await;
    place.close().await;
    let rows = rows?;
    if args.json {
        return print_json(&rows.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect());
    }
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    if args.csv {
        let frame =
            frame(&cells).map_err(|error| Failure::new(FAILED, format!("The log cannot be shown: {error}.")))?;
        return print_with(|out| table::csv(&frame, out));
    }
    print(&table(&HEADINGS.map(str::to_uppercase).each_ref().map(String::as_str), &cells))
}

const HEADINGS: [&str; 9] =
    ["time", "key", "call", "workspace", "feature_view", "asked_for", "outcome", "result", "request_id"];

fn cells(row: &AuditRow) -> Vec<String> {
    vec![
        time(Some(row.at)),
        row.key_name.clone(),
        row.call.clone(),
        row.workspace.clone(),
        row.feature_view.clone(),
        row.words.clone(),
        row.outcome(),
        row.sentence.clone(),
        row.request_id.clone(),
    ]
}

fn frame(rows: &[Vec<String>]) -> polars::prelude::PolarsResult<DataFrame> {
    let column = |(at, name): (usize, &&str)| {
        let cells: Vec<&str> = rows.iter().filter_map(|row| row.get(at)).map(String::as_str).collect();
        Column::new((*name).into(), cells)
    };
    DataFrame::new(rows.len(), HEADINGS.iter().enumerate().map(column).collect())
}
