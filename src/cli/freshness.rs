//! `fvtop freshness`: how fresh all feature views of a workspace are (docs/wire.md section 2.3).

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::coverage;
use super::failure::Failure;
use super::output::{json_time, note, print, print_json, table, time};
use super::session::Session;
use super::target::TargetArgs;
use crate::model::freshness::in_order;
use crate::model::time::print_highest;
use crate::model::{Freshness, Span};

/// Show how fresh all feature views of a workspace are, the stale ones first.
#[derive(Args, Clone, Debug)]
pub struct FreshnessArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const HEADINGS: [&str; 7] =
    ["FEATURE VIEW", "MATERIALIZED?", "STALE?", "FRESHNESS", "EXPECTED FRESHNESS", "CREATED", "STREAM?"];

/// Prints it.
///
/// # Errors
/// When the deployment is not reached or refuses.
pub(crate) async fn run(args: FreshnessArgs) -> Result<(), Failure> {
    let (all, late) = Session::run(&args.target, async |session| {
        let all = session.api.all_freshness(&session.workspace).await?;
        Ok((all, late(session).await))
    })
    .await?;
    let all = in_order(all);
    if args.json {
        let with_late = |freshness: &Freshness| {
            let mut object = as_json(freshness);
            object["late"] = late.get(&freshness.feature_view).cloned().into();
            object
        };
        return print_json(&all.iter().map(with_late).collect());
    }
    for (view, late) in &late {
        note(&format!("Late data of {view}: {late}."));
    }
    print(&table(&HEADINGS, &all.iter().map(as_row).collect::<Vec<_>>()))
}

/// What came too late, by view. Only our own platform knows, so no other is asked view by view.
async fn late(session: &Session) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if !session.api.deployment().await.is_ok_and(|deployment| deployment.own_api.is_some()) {
        return all;
    }
    for view in session.api.feature_views(&session.workspace).await.unwrap_or_default() {
        if let Some(late) = coverage::late(session, view.id).await {
            all.insert(view.name, late);
        }
    }
    all
}

fn as_row(freshness: &Freshness) -> Vec<String> {
    let yes_no = |flag| if flag { "yes" } else { "no" }.to_owned();
    // One dash for all: none of the three means anything without the others.
    let known = |text: String| if freshness.is_known() { text } else { "-".to_owned() };
    let span = |span: Option<Span>| known(span.map(print_highest).unwrap_or_default());
    vec![
        freshness.feature_view.clone(),
        yes_no(freshness.materialization_enabled),
        known(yes_no(freshness.is_stale)),
        span(freshness.freshness),
        span(freshness.expected),
        time(freshness.created_at),
        yes_no(freshness.is_stream),
    ]
}

fn as_json(freshness: &Freshness) -> serde_json::Value {
    let seconds = |span: Option<Span>| span.map(|span| span.num_seconds());
    json!({
        "feature_view": freshness.feature_view,
        "materialization_enabled": freshness.materialization_enabled,
        "is_stale": freshness.is_known().then_some(freshness.is_stale),
        "freshness_seconds": seconds(freshness.freshness),
        "expected_freshness_seconds": seconds(freshness.expected),
        "created_at": json_time(freshness.created_at),
        "is_stream": freshness.is_stream,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_dash() {
        let freshness = Freshness {
            feature_view: "v".to_owned(),
            materialization_enabled: true,
            is_stream: false,
            is_stale: true,
            freshness: Some(Span::seconds(93_784)),
            expected: Some(Span::hours(2)),
            created_at: None,
        };
        assert_eq!(as_row(&freshness), ["v", "yes", "yes", "1d 2h", "2h", "-", "no"]);
        let unwritten = Freshness { freshness: None, ..freshness.clone() };
        assert_eq!(as_row(&unwritten), ["v", "yes", "-", "-", "-", "-", "no"]);
        let off = Freshness { materialization_enabled: false, ..freshness };
        assert_eq!(as_row(&off), ["v", "no", "-", "-", "-", "-", "no"]);
    }
}
