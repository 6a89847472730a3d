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
    let (told, late) = Session::run(&args.target, async |session| {
        let told = session.api.all_freshness(&session.workspace).await?;
        Ok((told, late(session).await))
    })
    .await?;
    let told = in_order(told);
    if args.json {
        let with_late = |told: &Freshness| {
            let mut object = as_json(told);
            object["late"] = late.get(&told.feature_view).cloned().into();
            object
        };
        return print_json(&told.iter().map(with_late).collect());
    }
    for (view, late) in &late {
        note(&format!("Late data of {view}: {late}."));
    }
    print(&table(&HEADINGS, &told.iter().map(as_row).collect::<Vec<_>>()))
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

fn as_row(told: &Freshness) -> Vec<String> {
    let yes_no = |flag| if flag { "yes" } else { "no" }.to_owned();
    // One dash for all: none of the three means anything without the others.
    let known = |text: String| if told.is_known() { text } else { "-".to_owned() };
    let span = |span: Option<Span>| known(span.map(print_highest).unwrap_or_default());
    vec![
        told.feature_view.clone(),
        yes_no(told.materialization_enabled),
        known(yes_no(told.is_stale)),
        span(told.freshness),
        span(told.expected),
        time(told.created_at),
        yes_no(told.is_stream),
    ]
}

fn as_json(told: &Freshness) -> serde_json::Value {
    let seconds = |span: Option<Span>| span.map(|span| span.num_seconds());
    json!({
        "feature_view": told.feature_view,
        "materialization_enabled": told.materialization_enabled,
        "is_stale": told.is_known().then_some(told.is_stale),
        "freshness_seconds": seconds(told.freshness),
        "expected_freshness_seconds": seconds(told.expected),
        "created_at": json_time(told.created_at),
        "is_stream": told.is_stream,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_dash() {
        let told = Freshness {
            feature_view: "v".to_owned(),
            materialization_enabled: true,
            is_stream: false,
            is_stale: true,
            freshness: Some(Span::seconds(93_784)),
            expected: Some(Span::hours(2)),
            created_at: None,
        };
        assert_eq!(as_row(&told), ["v", "yes", "yes", "1d 2h", "2h", "-", "no"]);
        let unwritten = Freshness { freshness: None, ..told.clone() };
        assert_eq!(as_row(&unwritten), ["v", "yes", "-", "-", "-", "-", "no"]);
        let off = Freshness { materialization_enabled: false, ..told };
        assert_eq!(as_row(&off), ["v", "no", "-", "-", "-", "-", "no"]);
    }
}
