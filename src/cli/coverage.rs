//! `fvtop coverage`: which windows of a view are materialized where.

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::output::{json_time, note, print, print_json, table, time};
use super::session::Session;
use super::target::TargetArgs;
use crate::model::time::print_span;
use crate::model::{Id, Window};

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
pub(crate) async fn run(args: CoverageArgs) -> Result<(), Failure> {
    let (coverage, [late, kept]) = Session::run(&args.target, async |session| {
        let view = session.api.feature_view(&session.workspace, &args.view).await?;
        let coverage = session.api.coverage(&session.workspace, view.id).await?;
        Ok((coverage, summary_rows(session, view.id, ["Late data", "Kept events"]).await))
    })
    .await?;
    if args.json {
        let window =
            |window: &Window| json!({"start": json_time(Some(window.start)), "end": json_time(Some(window.end))});
        let windows = |windows: &[Window]| windows.iter().map(window).collect::<Vec<_>>();
        let (online, offline) = (windows(&coverage.online), windows(&coverage.offline));
        return print_json(&json!({"online": online, "offline": offline, "late": late, "kept": kept}));
    }
    let row = |store: &str, window: &Window| {
        vec![store.to_owned(), time(Some(window.start)), time(Some(window.end)), print_span(window.span())]
    };
    let mut rows: Vec<_> = coverage.online.iter().map(|window| row("online", window)).collect();
    rows.extend(coverage.offline.iter().map(|window| row("offline", window)));
    if let Some(late) = late {
        note(&format!("Late data: {late}."));
    }
    if let Some(kept) = kept {
        // What lies before is not computed: the schedule makes no jobs of it.
        note(&format!("Kept events: {kept}."));
    }
    if rows.is_empty() {
        note("Nothing of the view is materialized.");
    }
    print(&table(&["STORE", "START", "END", "LENGTH"], &rows))
}

/// What the deployment says of events of a view that came after the jobs of their windows; only our own knows of them.
pub(crate) async fn late(session: &Session, view: Id) -> Option<String> {
    let [late] = summary_rows(session, view, ["Late data"]).await;
    late
}

/// What the summary of a view says under these titles.
async fn summary_rows<const N: usize>(session: &Session, view: Id, titles: [&str; N]) -> [Option<String>; N] {
    let summary = session.api.summary(&session.workspace, view).await.unwrap_or_default();
    titles.map(|title| summary.iter().find(|(of, _)| of == title).map(|(_, text)| text.clone()))
}
