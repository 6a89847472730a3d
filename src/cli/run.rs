//! `fvtop run`: a feature view over a range of time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::failure::{FAILED, Failure};
use super::rows::OutArgs;
use super::session::Session;
use super::target::TargetArgs;
use super::watch;
use crate::model::Time;
use crate::model::time::parse_time;
use crate::wire::queries::{Query, RunQuery};

/// Run a feature view over a range of time; nothing is written.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// First instant [default: the end minus the batch schedule]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub start: Option<Time>,
    /// First instant after [default: the start plus the batch schedule; without both the last complete period]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub end: Option<Time>,
    /// How far to aggregate: disabled, partial or full [default: full]
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<String>,
    /// A file that stands for an input of the view (.csv, .parquet, .jsonl); may be given once for each input
    #[arg(long, value_name = "NAME=FILE", value_parser = mock)]
    pub mock: Vec<(String, PathBuf)>,
    /// Where the rows go.
    #[command(flatten)]
    pub out: OutArgs,
}

/// Runs it and writes the rows.
///
/// # Errors
/// When the options do not fit, the deployment is not reached or refuses, the computation fails, or the rows cannot be
/// written.
pub(crate) async fn run(args: RunArgs) -> Result<(), Failure> {
    let outlet = args.out.outlet()?;
    let mut mocks = BTreeMap::new();
    for (input, path) in args.mock {
        if mocks.insert(input.clone(), path).is_some() {
            let problem = format!("The input `{input}` is given two tables. Give one table for each input.");
            return Err(Failure::new(FAILED, problem));
        }
    }
    let ask = async |session: &Session| {
        let query = Query::Run(RunQuery {
            workspace: session.workspace.clone(),
            feature_view: args.view,
            start_time: args.start,
            end_time: args.end,
            aggregation_level: args.level,
            mock_sources: mocks,
        });
        watch::run(session, &query).await
    };
    let answer = Session::run(&args.target, ask).await?;
    outlet.write(&answer.table.0)
}

fn mock(text: &str) -> Result<(String, PathBuf), String> {
    let parts = text.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty());
    let (name, file) = parts.ok_or("write it as NAME=FILE, such as flights=flights.csv")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}
