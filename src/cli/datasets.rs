//! `fvtop datasets`: results that were kept.

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::output::{note, or_dash, print, print_json, table, time};
use super::rows::OutArgs;
use super::session::Session;
use super::target::TargetArgs;
use crate::client::query::not_served;
use crate::wire::queries::Dataset;

/// List, show and read datasets.
#[derive(Args, Clone, Debug)]
pub struct DatasetsArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with datasets.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// List the datasets of a workspace
    List {
        /// The deployment.
        #[command(flatten)]
        target: TargetArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of one
    Show {
        /// The deployment.
        #[command(flatten)]
        target: TargetArgs,
        /// The dataset
        #[arg(value_name = "NAME")]
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read its rows
    Read {
        /// The deployment.
        #[command(flatten)]
        target: TargetArgs,
        /// The dataset
        #[arg(value_name = "NAME")]
        name: String,
        /// Where the rows go.
        #[command(flatten)]
        out: OutArgs,
    },
}

impl DatasetsArgs {
    /// The deployment.
    pub fn target(&self) -> &TargetArgs {
        match &self.verb {
            Verb::List { target, .. } | Verb::Show { target, .. } | Verb::Read { target, .. } => target,
        }
    }
}

/// Does it.
///
/// # Errors
/// When the deployment is not reached, has no datasets or refuses, or the rows cannot be written.
pub(crate) async fn run(args: DatasetsArgs) -> Result<(), Failure> {
    // Before anything is fetched.
    let outlet = match &args.verb {
        Verb::Read { out, .. } => Some(out.outlet()?),
        _ => None,
    };
    let session = Session::open(args.target()).await?;
    let fetched = fetch(&session, &args.verb).await;
    session.close().await;
    match fetched? {
        Fetched::Text(text) => print(&text),
        Fetched::Json(json) => print_json(&json),
        Fetched::Rows(rows) => outlet.map_or(Ok(()), |outlet| outlet.write(&rows)),
    }
}

enum Fetched {
    Text(String),
    Json(serde_json::Value),
    Rows(polars::prelude::DataFrame),
}

async fn fetch(session: &Session, verb: &Verb) -> Result<Fetched, Failure> {
    let (api, workspace) = (&session.api, session.workspace.as_str());
    let own_api = api.deployment().await?.own_api.ok_or_else(|| not_served(api))?;
    Ok(match verb {
        Verb::List { json, .. } => {
            let list = api.datasets(&own_api, workspace).await?;
            for damaged in &list.damaged {
                note(&format!("warning: dataset {} is damaged: {}", damaged.name, damaged.problem));
            }
            match json {
                true => Fetched::Json(list.datasets.iter().map(as_json).collect()),
                false => Fetched::Text(table(&HEADINGS, &list.datasets.iter().map(as_row).collect::<Vec<_>>())),
            }
        }
        Verb::Show { name, json, .. } => {
            let dataset = api.dataset(&own_api, workspace, name).await?;
            if *json { Fetched::Json(as_json(&dataset)) } else { Fetched::Text(description(&dataset)) }
        }
        Verb::Read { name, .. } => Fetched::Rows(api.dataset_rows(&own_api, workspace, name).await?),
    })
}

const HEADINGS: [&str; 7] = ["DATASET", "OF", "ROWS", "BYTES", "KEY COLUMNS", "TIMESTAMP KEY", "CREATED"];

fn as_row(dataset: &Dataset) -> Vec<String> {
    vec![
        dataset.name.clone(),
        source(dataset),
        dataset.rows.to_string(),
        dataset.bytes.to_string(),
        or_dash(dataset.key_columns.as_ref().map(|keys| keys.join(","))),
        or_dash(dataset.timestamp_key.clone()),
        time(Some(dataset.created_at)),
    ]
}

/// The view or the feature service that it holds features of.
fn source(dataset: &Dataset) -> String {
    let service = dataset.feature_service.as_ref().map(|name| format!("service {name}"));
    service.unwrap_or_else(|| dataset.feature_view.clone())
}

/// What is known, then the columns.
fn description(dataset: &Dataset) -> String {
    let known = HEADINGS.iter().map(|heading| heading.to_lowercase()).zip(as_row(dataset));
    let known: Vec<Vec<String>> = known.map(|(name, value)| vec![name, value]).collect();
    let columns: Vec<Vec<String>> =
        dataset.schema.iter().map(|column| vec![column.name.clone(), column.data_type.clone()]).collect();
    format!("{}\n{}", table(&["PROPERTY", "VALUE"], &known), table(&["COLUMN", "TYPE"], &columns))
}

fn as_json(dataset: &Dataset) -> serde_json::Value {
    // Its own form is the wire's; it always has one.
    serde_json::to_value(dataset).unwrap_or_default()
}
