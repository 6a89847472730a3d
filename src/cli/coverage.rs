//! `fvtop coverage`: which windows of a view are materialized where.

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::output::{json_time, note, print, print_json, table, time};
use super::session::Session;
use super::target::TargetArgs;
use crate::model::Window;
use crate::model::time::print_span;

/// Show which windows of a view are materialized where.
#[derive(Args, Clone, Debug)]
pub struct CoverageArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints them.
///
/// # Errors
/// When the deployment is not reached or refuses, or does not have the view.
pub async fn run(args: CoverageArgs) -> Result<(), Failure> {
    let coverage = Session::run(&args.target, async |session| {
        let view = session.api.feature_view(&session.workspace, &args.view).await?;
        Ok(session.api.coverage(&session.workspace, view.id).await?)
    })
    .await?;
    if args.json {
        let window =
            |window: &Window| json!({"start": json_time(Some(window.start)), "end": json_time(Some(window.end))});
        let windows = |windows: &[Window]| windows.iter().map(window).collect::<Vec<_>>();
        return print_json(&json!({"online": windows(&coverage.online), "offline": windows(&coverage.offline)}));
    }
    let row = |store: &str, window: &Window| {
        vec![store.to_owned(), time(Some(window.start)), time(Some(window.end)), print_span(window.span())]
    };
    let mut rows: Vec<_> = coverage.online.iter().map(|window| row("online", window)).collect();
    rows.extend(coverage.offline.iter().map(|window| row("offline", window)));
    if rows.is_empty() {
        note("Nothing of the view is materialized.");
    }
    print(&table(&["STORE", "START", "END", "LENGTH"], &rows))
}
