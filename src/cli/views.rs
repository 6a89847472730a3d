//! `fvtop views`: the feature views of a workspace, and all that is known of one.

use clap::{Args, Subcommand};
use serde_json::json;

use super::EXIT_CODES;
use super::failure::Failure;
use super::output::{json_time, print, print_json, table};
use super::session::Session;
use super::target::TargetArgs;
use crate::model::time::print_span;
use crate::model::{BatchTrigger, FeatureView, Span, ViewKind};

mod show;

/// List the feature views of a workspace, or show one.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ViewsArgs {
    /// What to do; without it, list them.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Options of the list.
    #[command(flatten)]
    pub list: ListArgs,
}

/// What to do with feature views.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Show every attribute of one feature view
    #[command(after_help = EXIT_CODES)]
    Show(show::ShowArgs),
}

/// Options of the list.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl ViewsArgs {
    /// The deployment.
    pub fn target(&self) -> &TargetArgs {
        match &self.verb {
            None => &self.list.target,
            Some(Verb::Show(args)) => &args.target,
        }
    }
}

/// Does it.
///
/// # Errors
/// When the deployment is not reached or refuses, or does not have the view.
pub(crate) async fn run(args: ViewsArgs) -> Result<(), Failure> {
    match args.verb {
        None => list(args.list).await,
        Some(Verb::Show(args)) => show::run(args).await,
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let views = Session::run(&args.target, async |session| {
        let views = session.api.feature_views(&session.workspace).await?;
        session.note_refused().await;
        Ok(views)
    })
    .await?;
    if args.json {
        return print_json(&views.iter().map(as_json).collect());
    }
    let headings = ["VIEW", "KIND", "JOIN KEYS", "FEATURES", "ONLINE", "OFFLINE", "SCHEDULE", "TRIGGER", "OWNER"];
    print(&table(&headings, &views.iter().map(as_row).collect::<Vec<_>>()))
}

fn as_row(view: &FeatureView) -> Vec<String> {
    let yes_no = |flag| if flag { "yes" } else { "no" }.to_owned();
    let keys: Vec<_> = view.join_keys.iter().map(|key| key.name.as_str()).collect();
    vec![
        view.name.clone(),
        kind(view),
        keys.join(","),
        view.features.len().to_string(),
        yes_no(view.online),
        yes_no(view.offline),
        view.batch_schedule.map_or_else(|| "-".to_owned(), print_span),
        trigger(view.batch_trigger).to_owned(),
        view.owner.clone(),
    ]
}

fn kind(view: &FeatureView) -> String {
    let source = if view.is_stream { "stream" } else { "batch" };
    let how = match view.kind {
        ViewKind::Aggregate { .. } => "aggregate",
        ViewKind::Temporal { .. } => "latest row",
        ViewKind::OnDemand => "on demand",
        ViewKind::Other => "other",
    };
    format!("{source} {how}")
}

fn trigger(trigger: BatchTrigger) -> &'static str {
    match trigger {
        BatchTrigger::Scheduled => "scheduled",
        BatchTrigger::Manual => "manual",
        BatchTrigger::NoBatch => "no batch",
    }
}

fn as_json(view: &FeatureView) -> serde_json::Value {
    let span = |span: Option<Span>| span.map(print_span);
    let (interval, ttl) = match view.kind {
        ViewKind::Aggregate { interval } => (interval, None),
        ViewKind::Temporal { ttl } => (None, ttl),
        ViewKind::OnDemand | ViewKind::Other => (None, None),
    };
    let key = |key: &crate::model::JoinKey| json!({"name": key.name, "type": key.data_type.to_string()});
    let feature = |feature: &crate::model::Feature| {
        let data_type = feature.data_type.as_ref().map(ToString::to_string);
        json!({"name": feature.name, "type": data_type, "definition": feature.definition})
    };
    json!({
        "id": view.id.to_string(),
        "name": view.name,
        "workspace": view.workspace,
        "description": view.description,
        "owner": view.owner,
        "family": view.family,
        "tags": view.tags,
        "kind": kind(view),
        "entities": view.entities,
        "data_sources": view.data_sources,
        "join_keys": view.join_keys.iter().map(key).collect::<Vec<_>>(),
        "online_serving_index": view.online_serving_index,
        "wildcard_join_key": view.wildcard_join_key(),
        "timestamp_field": view.timestamp_field,
        "features": view.features.iter().map(feature).collect::<Vec<_>>(),
        "aggregation_interval": span(interval),
        "ttl": span(ttl),
        "online": view.online,
        "offline": view.offline,
        "materialization_enabled": view.materialization_enabled,
        "batch_schedule": span(view.batch_schedule),
        "batch_trigger": trigger(view.batch_trigger),
        "feature_start_time": json_time(view.feature_start_time),
        "max_data_delay": span(view.max_data_delay),
        "created_at": json_time(view.created_at),
        "defined_in": view.defined_in,
        "url": view.url,
    })
}
