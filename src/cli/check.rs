//! `fvtop check`: whether a data directory holds what jobs wrote, looked through in full.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::failure::{FAILED, Failure};
use super::output::{print, print_json, table};
use crate::platform::inspection::{self, Finding};

/// Look through a data directory in full.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Folder of a platform that does not run just now
    #[arg(long, value_name = "DIR", env = "FVTOP_DATA_DIR")]
    pub data_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints what was found, and fails where something is damaged.
///
/// # Errors
/// When the directory is none, is in use, or is damaged.
pub(crate) async fn run(args: CheckArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Handle::current();
    let looked = tokio::task::spawn_blocking(move || inspection::whole(&args.data_dir, &runtime)).await;
    let looked = looked.map_err(|error| Failure::new(FAILED, error))?;
    let found: Vec<Finding> = looked.map_err(|error| Failure::new(FAILED, format!("{error}.")))?;
    let damaged = found.iter().filter(|finding| !finding.sound).count();
    if args.json {
        let finding = |finding: &Finding| json!({"part": finding.part, "sound": finding.sound, "told": finding.text});
        let all: Vec<_> = found.iter().map(finding).collect();
        print_json(&json!({"sound": damaged == 0, "findings": all}))?;
    } else {
        let state = |finding: &Finding| if finding.sound { "sound" } else { "DAMAGED" }.to_owned();
        let row = |finding: &Finding| vec![finding.part.clone(), state(finding), finding.text.clone()];
        print(&table(&["PART", "STATE", "WHAT"], &found.iter().map(row).collect::<Vec<_>>()))?;
    }
    match damaged {
        0 => Ok(()),
        1 => Err(Failure::new(FAILED, "1 part of the data directory is damaged.")),
        many => Err(Failure::new(FAILED, format!("{many} parts of the data directory are damaged."))),
    }
}
