//! `fvtop history`: feature values as they were, for a spine or for a range of time.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::rows::OutArgs;
use super::session::Session;
use super::target::TargetArgs;
use super::watch;
use crate::model::Time;
use crate::model::time::parse_time;
use crate::wire::queries::{HistoryQuery, Query};

/// Get historical feature values.
#[derive(Args, Clone, Debug)]
pub struct HistoryArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// A file with keys and instants to get the values for (.csv, .parquet, .jsonl)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["start", "end", "entities"])]
    pub spine: Option<PathBuf>,
    /// The spine's time column, with `:s`, `:ms`, `:us` or `:ns` behind it where it counts time in whole numbers since 1970
    /// [default: the only one that holds times]
    #[arg(long, value_name = "COLUMN[:UNIT]", requires = "spine")]
    pub timestamp_key: Option<String>,
    /// First instant [default: the start of the view's features]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub start: Option<Time>,
    /// First instant after [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub end: Option<Time>,
    /// A file with the keys that are wanted (.csv, .parquet, .jsonl)
    #[arg(long, value_name = "FILE")]
    pub entities: Option<PathBuf>,
    /// Compute from the source instead of reading what jobs have materialized
    #[arg(long)]
    pub from_source: bool,
    /// Keep the result as a dataset with a generated name
    #[arg(long)]
    pub save: bool,
    /// Keep the result as a dataset of this name
    #[arg(long, value_name = "NAME")]
    pub save_as: Option<String>,
    /// Where the rows go.
    #[command(flatten)]
    pub out: OutArgs,
}

/// Gets them and writes the rows.
///
/// # Errors
/// When the options do not fit, the deployment is not reached or refuses, the computation fails, or the rows cannot be
/// written.
pub(crate) async fn run(args: HistoryArgs) -> Result<(), Failure> {
    let outlet = args.out.outlet()?;
    let keeps = args.save || args.save_as.is_some();
    let ask = async |session: &Session| {
        let query = Query::History(HistoryQuery {
            workspace: session.workspace.clone(),
            feature_view: args.view,
            spine: args.spine,
            timestamp_key: args.timestamp_key,
            start_time: args.start,
            end_time: args.end,
            entities: args.entities,
            from_source: args.from_source,
            save: args.save,
            save_as: args.save_as,
        });
        watch::run(session, &query).await
    };
    let answer =
        if keeps { Session::change(&args.target, ask).await? } else { Session::run(&args.target, ask).await? };
    outlet.write(&answer.table.0)
}
