//! `fvtop status`: `materialization_status` and `deletion_status`.

use clap::Args;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::output::{print, print_json, table};
use super::session::Session;
use super::target::TargetArgs;
use crate::model::status::LIMIT;
use crate::model::{StatusOptions, StatusOrder, StatusTable};

/// Show the status table of a view.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// Show deletion jobs alone
    #[arg(long)]
    pub deletions: bool,
    /// Show task, version, reason, message and schedule too
    #[arg(long)]
    pub verbose: bool,
    /// Most rows; without --filter-first they are counted before errors are picked out
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    pub limit: usize,
    /// Columns to sort by, such as type,attempt; upper or lower case [default: the deployment's order]
    #[arg(long, value_name = "COLUMNS")]
    pub sort_columns: Option<String>,
    /// Show attempts that ended with an error alone
    #[arg(long)]
    pub errors_only: bool,
    /// Pick out and sort before counting to the limit, so that no error is missed
    #[arg(long)]
    pub filter_first: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints it.
///
/// # Errors
/// When a column to sort by is none, or the deployment is not reached or refuses, or does not have the view.
pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let options = StatusOptions {
        deletions: args.deletions,
        verbose: args.verbose,
        limit: args.limit,
        errors_only: args.errors_only,
        sort_columns: args.sort_columns.clone(),
        order: if args.filter_first { StatusOrder::FilterFirst } else { StatusOrder::Tecton },
    };
    let status = Session::run(&args.target, async |session| {
        let view = session.api.feature_view(&session.workspace, &args.view).await?;
        Ok(session.api.status(&session.workspace, view.id, &options).await?)
    })
    .await?;
    if args.json { print_json(&as_json(&status)) } else { print(&table(&status.columns, &status.rows)) }
}

/// An array of objects, a text for each column.
fn as_json(status: &StatusTable) -> Value {
    let row = |row: &Vec<String>| {
        let cells = status.columns.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell.as_str().into()));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    status.rows.iter().map(row).collect()
}
