//! The question before anything changes.
//!
//! It holds what it is about by value, captured when it was opened: a refresh underneath never changes what a
//! confirmation does.

use std::path::PathBuf;

use crate::client::message::Table;
use crate::model::{HistoryQuery, Id, Job, JobState, JobType, Query, TriggerRequest, Window};
use crate::tui::app::columns::{self, long_window};
use crate::tui::app::periods;
use crate::tui::field::Field;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Cancel this job.
    Cancel {
        /// The job.
        job: Id,
        /// Its state when the question was opened.
        state: JobState,
    },
    /// Cancel these jobs, each with its state when the question was opened.
    CancelAll(Vec<(Id, JobState)>),
    /// Start the stream again whose last job this is.
    StartStream(Id),
    /// Try this job again that has failed for good.
    Retry {
        /// The job.
        job: Id,
        /// Also over what other jobs wrote since.
        overwrite: bool,
    },
    /// Start this job.
    Trigger(TriggerRequest),
    /// Compute this and keep the result as a dataset.
    Keep(Box<HistoryQuery>),
    /// Write a table over a file that is there. Nothing of the deployment changes.
    Replace {
        /// The table.
        table: Table,
        /// The file.
        path: PathBuf,
    },
}

/// A question before something changes. No is the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked for.
    pub ask: Ask,
    /// Workspace; empty where it does not matter.
    pub workspace: String,
    /// View; empty where it does not matter.
    pub feature_view: String,
    /// What the window is called.
    pub title: &'static str,
    /// Names and values of the object.
    pub facts: Vec<(&'static str, String)>,
    /// What will happen, in a sentence.
    pub effect: String,
    /// How far the list of what it will hit is scrolled, in lines.
    pub scroll: usize,
}

/// The question before keys are deleted: the view's name must be typed.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// What must be typed.
    pub name: String,
    /// What is typed.
    pub field: Field,
    /// Names and values of what will be deleted.
    pub facts: Vec<(&'static str, String)>,
    /// What will happen, in a sentence.
    pub effect: String,
    /// What is wrong with what was typed, in a sentence.
    pub error: Option<String>,
}

impl Question {
    /// The question before a job is cancelled.
    pub fn cancel(job: &Job) -> Self {
        let window = job.window.map(long_window);
        let effect = match job.job_type {
            JobType::Stream => {
                "Stops the stream of the view: new events no longer reach the online store until somebody starts it again with f."
            }
            _ => "The running attempt is stopped and none follows; its window stays unfilled.",
        };
        let facts = [("job", Some(job.id.to_string())), ("type", Some(job.job_type.to_string())), ("window", window)];
        Self {
            title: if job.job_type == JobType::Stream { "Stop the stream of this view?" } else { "Cancel this job?" },
            ask: Ask::Cancel { job: job.id, state: job.state.clone() },
            workspace: job.workspace.clone(),
            feature_view: job.feature_view.clone(),
            facts: facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            effect: effect.to_owned(),
            scroll: 0,
        }
    }

    /// The question before a stream is started again.
    pub fn start_stream(job: &Job) -> Self {
        Self {
            title: "Start the stream of this view again?",
            ask: Ask::StartStream(job.id),
            workspace: job.workspace.clone(),
            feature_view: job.feature_view.clone(),
            facts: vec![("last job", job.id.to_string()), ("type", job.job_type.to_string())],
            effect:
                "Starts a new stream job. It goes on from where the last one stopped, as far back as the stream keeps \
                     its events."
                    .to_owned(),
            scroll: 0,
        }
    }

    /// The question before a job is tried again. `jobs` are those of its view: they tell what is overwritten.
    pub fn retry(job: &Job, jobs: &[Job]) -> Self {
        let overwrite = !job.allowed.retry && job.allowed.overwrite_retry;
        let mut effect = "Queues another attempt of the same job, managed retries included.".to_owned();
        if overwrite {
            effect.push_str(" Other jobs wrote into its window since: ");
            effect.push_str(&overwritten(job, jobs));
            if job.offline {
                effect.push_str(" Offline rows of the window are dropped and written anew.");
            }
            if job.online {
                effect.push_str(" Online rows of the window may be replaced.");
            }
        }
        let failed = columns::failed(job).and_then(|attempt| attempt.reason.clone());
        let facts = [
            ("job", Some(job.id.to_string())),
            ("window", job.window.map(|window| format!("{} UTC", long_window(window)))),
            ("stores", Some(columns::stores(job).replace(' ', " and "))),
            ("attempts", Some(columns::attempts(job).to_string())),
            ("failed by", failed),
        ];
        Self {
            title: if overwrite { "Try this job again over newer data?" } else { "Try this job again?" },
            ask: Ask::Retry { job: job.id, overwrite },
            workspace: job.workspace.clone(),
            feature_view: job.feature_view.clone(),
            facts: facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            effect,
            scroll: 0,
        }
    }

    /// The question before a job is started.
    pub fn trigger(request: TriggerRequest) -> Self {
        let stores = match (request.online, request.offline) {
            (true, true) => "online and offline",
            (true, false) => "online only",
            _ => "offline only",
        };
        let retries = if request.use_tecton_managed_retries { "managed" } else { "none: one attempt" };
        let effect = match (request.overwrite, request.offline) {
            (true, true) => {
                "Starts a batch job. Offline rows of the window are dropped and written anew; online rows may be replaced."
            }
            (true, false) => "Starts a batch job. Online rows of the window may be replaced.",
            (false, _) => "Starts a batch job. It is refused if the window is materialized already.",
        };
        let window = long_window(request.window);
        Self {
            title: "Start this job?",
            workspace: request.workspace.clone(),
            feature_view: request.feature_view.clone(),
            facts: vec![
                ("window", format!("{window} UTC")),
                ("stores", stores.to_owned()),
                ("retries", retries.to_owned()),
            ],
            effect: effect.to_owned(),
            scroll: 0,
            ask: Ask::Trigger(request),
        }
    }

    /// The question before a result is kept as a dataset.
    pub fn keep(query: &HistoryQuery) -> Self {
        Self {
            title: "Keep the result?",
            workspace: query.workspace.clone(),
            feature_view: query.feature_view.clone(),
            facts: vec![
                ("dataset", query.save_as.clone().unwrap_or_default()),
                ("of", super::query_form::sentence(&Query::History(query.clone()))),
            ],
            effect:
                "Computes the values and keeps them as a dataset of the workspace. A name that is taken is refused."
                    .to_owned(),
            scroll: 0,
            ask: Ask::Keep(Box::new(query.clone())),
        }
    }

    /// The question before a table is written over a file.
    pub fn replace(table: Table, path: PathBuf) -> Self {
        Self {
            title: "Replace this file?",
            workspace: String::new(),
            feature_view: String::new(),
            facts: vec![("file", path.display().to_string())],
            effect: "The file is there already. What is in it is lost.".to_owned(),
            scroll: 0,
            ask: Ask::Replace { table, path },
        }
    }
}

/// Jobs whose work another attempt of `job` would overwrite, and the parts of its window they wrote.
fn overwritten(job: &Job, jobs: &[Job]) -> String {
    let Some(window) = job.window else { return "what they wrote is overwritten.".to_owned() };
    let newer = |other: &&Job| {
        other.id != job.id
            && other.state == JobState::Success
            && (other.online && job.online || other.offline && job.offline)
    };
    let wrote = |other: &Job| -> Vec<(Window, String)> {
        let parts = periods::within(other.window.as_slice(), window);
        parts.into_iter().map(|part| (part, columns::short_id(other.id))).collect()
    };
    let parts: Vec<_> = jobs.iter().filter(newer).flat_map(wrote).collect();
    if parts.is_empty() {
        return format!("what they wrote for {} is overwritten.", long_window(window));
    }
    let named: Vec<String> =
        parts.iter().take(4).map(|(part, id)| format!("{} (job {id})", long_window(*part))).collect();
    let more =
        if parts.len() > named.len() { format!(" and {} more", parts.len() - named.len()) } else { String::new() };
    format!("{}{more} is overwritten.", named.join(", "))
}
