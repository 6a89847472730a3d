//! `fvtop delete-keys`: deletes keys of a view from its stores, once the user has named the view again.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::confirm;
use super::failure::{FAILED, Failure, USAGE};
use super::jobs::rows::{json_of, text};
use super::jobs::wait::{Ended, ThenWait, in_full, wait};
use super::output::{note, print, print_json};
use super::session::Session;
use super::target::TargetArgs;
use crate::client::keys;
use crate::client::message::{KeySet, Problem};
use crate::model::{DeletionStarted, FeatureView, Stores};

/// Delete keys of a view from its stores.
///
/// What a later job or event writes for a deleted key is there again.
#[derive(Args, Clone, Debug)]
pub struct DeleteKeysArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// File with a column for each join key (.csv, .parquet, .jsonl), at most 10000 rows
    #[arg(long, value_name = "FILE", required_unless_present = "key", conflicts_with = "key")]
    pub keys: Option<PathBuf>,
    /// A key: a value for each join key, separated by commas; may be given more than once. Values that hold a comma go into
    /// a file
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = parts)]
    pub key: Vec<Parts>,
    /// Delete from the online store [default: from both]
    #[arg(long)]
    pub online: bool,
    /// Delete from the offline store [default: from both]
    #[arg(long)]
    pub offline: bool,
    /// The view's name again, in place of the question
    #[arg(long, value_name = "VIEW")]
    pub yes: Option<String>,
    /// What follows.
    #[command(flatten)]
    pub then: ThenWait,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The parts of one key: names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts(Vec<(String, String)>);

fn parts(text: &str) -> Result<Parts, String> {
    let part = |part: &str| {
        let (name, value) = part.split_once('=').filter(|(name, _)| !name.trim().is_empty())?;
        Some((name.trim().to_owned(), value.to_owned()))
    };
    let wrong = "write it as NAME=VALUE,NAME=VALUE; a value that holds a comma goes into a file";
    text.split(',').map(part).collect::<Option<Vec<_>>>().map(Parts).ok_or_else(|| wrong.to_owned())
}

/// Deletes them and prints the jobs, as they were started or, with a wait, as they ended.
///
/// # Errors
/// When the keys do not fit the view, the view is not named again, or the deployment is not reached or refuses; of a wait,
/// when a job does not end well.
pub(crate) async fn run(args: DeleteKeysArgs) -> Result<(), Failure> {
    let (started, ended) = Session::change(&args.target, async |session| {
        let view = session.api.feature_view(&session.workspace, &args.view).await?;
        let neither = !args.online && !args.offline;
        let stores = Stores { online: args.online || neither, offline: args.offline || neither };
        let refused = |problem: Problem| Failure::new(FAILED, problem);
        keys::check(&view, stores).map_err(refused)?;
        let keys = read(&args, &view).map_err(refused)?;
        agree(&args, &view, &keys, stores).await?;
        let started = session.api.delete_keys(&view, &keys, stores).await?;
        // Whatever comes after, the user knows what was started.
        started.jobs.iter().for_each(|id| note(&format!("started deletion job {id}")));
        let mut ended = Vec::new();
        for id in &started.jobs {
            ended.push(follow(session, &view, *id, args.then).await?);
        }
        Ok((started, ended))
    })
    .await?;
    tell(&started, ended, args.json)
}

/// The keys, with every check that needs no deployment.
fn read(args: &DeleteKeysArgs, view: &FeatureView) -> Result<KeySet, Problem> {
    if let Some(path) = &args.keys {
        // Nothing else runs here that this could hold up.
        return keys::from_file(view, path);
    }
    let in_order = |Parts(parts): &Parts| {
        let names: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
        keys::check_names(view, &names, "A key that was typed")?;
        let value = |name: &str| parts.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone());
        Ok(view.join_keys.iter().filter_map(|key| value(&key.name)).collect())
    };
    let typed = args.key.iter().map(in_order).collect::<Result<Vec<Vec<String>>, Problem>>()?;
    keys::typed(view, &typed)
}

/// Tells what will be deleted, and wants the view's name for it.
async fn agree(args: &DeleteKeysArgs, view: &FeatureView, keys: &KeySet, stores: Stores) -> Result<(), Failure> {
    let what = summary(view, keys, stores);
    let wrong = |code, name: &str| {
        Failure::new(code, format!("`{name}` is not the name of the view. Nothing was deleted; asked for was {what}."))
    };
    if let Some(name) = &args.yes {
        if *name != view.name {
            return Err(wrong(USAGE, name));
        }
        note(&format!("deleting {what}"));
        return Ok(());
    }
    match confirm::ask(&format!("Delete {what}?\nType the view's name to do it:")).await {
        Some(name) if name == view.name => Ok(()),
        Some(name) => Err(wrong(FAILED, &name)),
        None => {
            let how = format!("Give --yes {} to do it; there is no terminal to ask on.", view.name);
            Err(Failure::new(USAGE, format!("This would delete {what}. {how}")))
        }
    }
}

/// How many keys, from where, of which view, in which stores; goes into a sentence.
fn summary(view: &FeatureView, keys: &KeySet, stores: Stores) -> String {
    let distinct = keys.table.0.height();
    let count = if distinct == 1 { "1 key".to_owned() } else { format!("{distinct} keys") };
    let given = if keys.given == distinct { String::new() } else { format!(" ({} given)", keys.given) };
    let file = keys.file.as_ref().map(|file| format!(" from {}", file.display())).unwrap_or_default();
    format!("{count}{given}{file} of `{}` in `{}`, {}", view.name, view.workspace, stores.words())
}

async fn follow(session: &Session, view: &FeatureView, id: crate::model::Id, then: ThenWait) -> Result<Ended, Failure> {
    let job = session.api.job(&view.workspace, &view.name, id).await?;
    if then.wait {
        return Ok(wait(session, job, then.timeout).await);
    }
    Ok(Ended { job: in_full(session, job).await, failure: None })
}

fn tell(started: &DeletionStarted, ended: Vec<Ended>, as_json: bool) -> Result<(), Failure> {
    for text in &started.notes {
        note(text);
    }
    let (jobs, failures): (Vec<_>, Vec<_>) = ended.into_iter().map(|ended| (ended.job, ended.failure)).unzip();
    if as_json {
        print_json(&json!({"jobs": jobs.iter().map(json_of).collect::<Vec<_>>(), "notes": started.notes}))?;
    } else {
        print(&text(&jobs))?;
    }
    let failures: Vec<Failure> = failures.into_iter().flatten().collect();
    let sentences = failures.iter().map(|failure| failure.text.as_str()).collect::<Vec<_>>().join("\n");
    failures.first().map_or(Ok(()), |first| Err(Failure::new(first.code, sentences)))
}
