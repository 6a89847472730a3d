//! The question before anything changes: object, place, effect, what it hits, and which key does what.
//!
//! It holds what it is about by value, captured when it was opened: a refresh underneath never changes what a
//! confirmation does. What follows from a yes is [`mutations`]'s.

use std::path::PathBuf;

use ratatui::layout::Rect;

use super::quarantine::{came_of, records};
use super::{Next, Window};
use crate::client::message::Table;
use crate::model::{self, Id, Job, JobState, JobType, TriggerRequest};
use crate::tui::action::{Action, Danger, Layer, stacks};
use crate::tui::app::columns::{self, long_window};
use crate::tui::app::origin::sentence;
use crate::tui::app::{App, acts_on_marks, bulk, mutations, periods, selected_job};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::phase;
use crate::tui::scroll::scroll;
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::view::form::{fact, wrapped};
use crate::wire::quarantine::{QuarantineAsked, QuarantineRow, RetryAnswer};
use crate::wire::queries::{HistoryQuery, Query};

const NAMES: usize = 12;

/// What a yes does, with all that it takes to do it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask {
    Cancel {
        job: Id,
        /// Its state when the question was opened.
        state: JobState,
    },
    /// Cancel these jobs, each with its state when the question was opened.
    CancelAll(Vec<(Id, JobState)>),
    /// Start the stream again whose last job this is.
    StartStream(Id),
    /// Read the stream whose last job this is from another place.
    RestartStream {
        job: Id,
        from: String,
    },
    /// Try this job again that has failed for good.
    Retry {
        job: Id,
        /// Also over what other jobs wrote since.
        overwrite: bool,
    },
    Trigger(TriggerRequest),
    /// Compute this and keep the result as a dataset.
    Keep(Box<HistoryQuery<PathBuf>>),
    /// Retry these records of the quarantine, or drop them.
    Quarantine {
        asked: Box<QuarantineAsked>,
        drops: bool,
    },
    /// Write a table over a file that is there. Nothing of the deployment changes.
    Replace {
        table: Table,
        path: PathBuf,
    },
}

/// A question before something changes. No is the default.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
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

/// Opens the question about the marked jobs, or about the selected one.
pub(crate) fn open(app: &mut App, action: Action) {
    let job = selected_job(app);
    let question = match action {
        Action::Cancel if acts_on_marks(app) => bulk::question(&app.jobs),
        Action::Cancel => job.map(Question::cancel),
        _ if is_about_stream(app) => job.map(Question::start_stream),
        _ => job.map(|job| Question::retry(job, &app.jobs.all)),
    };
    if let Some(question) = question {
        app.windows.open(question);
    }
}

/// Whether to run the selected job again is to start a stream again: that has no window to choose.
pub(crate) fn is_about_stream(app: &App) -> bool {
    selected_job(app).is_some_and(|job| job.job_type == JobType::Stream)
}

impl Question {
    /// The question before a job is cancelled.
    pub(crate) fn cancel(job: &Job) -> Self {
        let window = job.window.map(long_window);
        let effect = match job.job_type {
            JobType::Stream => {
                "Stops the stream of the view: new events no longer reach the online store until somebody starts it \
                 again with f."
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
    pub(crate) fn start_stream(job: &Job) -> Self {
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

    /// The question before a stream is read from another place; `effect` is what the deployment says that it does.
    pub(crate) fn restart_stream(
        job: Id,
        (workspace, feature_view): (String, String),
        from: String,
        effect: String,
    ) -> Self {
        Self {
            title: "Read the stream from there?",
            workspace,
            feature_view,
            facts: vec![("from", from.clone())],
            effect,
            scroll: 0,
            ask: Ask::RestartStream { job, from },
        }
    }

    /// The question before a job is tried again. `jobs` are those of its view: they tell what is overwritten.
    pub(crate) fn retry(job: &Job, jobs: &[Job]) -> Self {
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
    pub(crate) fn trigger(request: TriggerRequest) -> Self {
        let stores = match (request.online, request.offline) {
            (true, true) => "online and offline",
            (true, false) => "online only",
            _ => "offline only",
        };
        let retries = if request.use_tecton_managed_retries { "managed" } else { "none: one attempt" };
        let effect = match (request.overwrite, request.offline) {
            (true, true) => {
                "Starts a batch job. Offline rows of the window are dropped and written anew; online rows may be \
                 replaced."
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
    pub(crate) fn keep(query: &HistoryQuery<PathBuf>) -> Self {
        Self {
            title: "Keep the result?",
            workspace: query.workspace.clone(),
            feature_view: query.feature_view.clone(),
            facts: vec![
                ("dataset", query.save_as.clone().unwrap_or_default()),
                ("of", sentence(&Query::History(query.clone()))),
            ],
            effect:
                "Computes the values and keeps them as a dataset of the workspace. A name that is taken is refused."
                    .to_owned(),
            scroll: 0,
            ask: Ask::Keep(Box::new(query.clone())),
        }
    }

    /// The question before records of the quarantine are retried, with what a dry run said.
    pub(crate) fn retry_quarantined(asked: QuarantineAsked, would: &RetryAnswer) -> Self {
        let mut facts = vec![("records", meant(&asked))];
        if let Some(first) = would.stays.first() {
            facts.push(("first to stay", format!("{}: {}", first.place, first.sentence)));
        }
        let came = came_of(would, true);
        Self {
            title: "Retry these records?",
            workspace: asked.workspace.clone(),
            feature_view: asked.feature_view.clone(),
            facts,
            effect: format!("{came} What arrives is written online once and leaves the quarantine."),
            scroll: 0,
            ask: Ask::Quarantine { asked: Box::new(asked), drops: false },
        }
    }

    /// The question before records of the quarantine are dropped; `first` is the selected one.
    pub(crate) fn drop_quarantined(asked: QuarantineAsked, count: u64, first: Option<&QuarantineRow>) -> Self {
        let mut facts = vec![("records", meant(&asked))];
        if let Some(row) = first.filter(|_| !asked.ids.is_empty()) {
            facts.extend([("place", row.place.clone()), ("reason", row.reason.clone())]);
        }
        Self {
            title: "Drop these records?",
            workspace: asked.workspace.clone(),
            feature_view: asked.feature_view.clone(),
            facts,
            effect: format!("{} and what it would have brought are lost for good.", records(count)),
            scroll: 0,
            ask: Ask::Quarantine { asked: Box::new(asked), drops: true },
        }
    }

    /// The question before a table is written over a file.
    pub(crate) fn replace(table: Table, path: PathBuf) -> Self {
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

impl Window for Question {
    fn layers(&self) -> &'static [Layer] {
        stacks::QUESTION
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::Yes => {
                mutations::confirmed(app, self.clone(), effects);
                Next::Close
            }
            _ => Next::stay_if(scroll(&mut self.scroll, action, app.layout.window)),
        }
    }

    /// To write over a file of one's own changes nothing of the deployment.
    fn mutates(&self, action: Action) -> bool {
        let is_local = matches!(self.ask, Ask::Replace { .. }) && action == Action::Yes;
        action.info().danger == Danger::Mutates && !is_local
    }

    /// What it hits is listed between what it is about and the keys, and scrolls where it is long.
    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(if matches!(self.ask, Ask::CancelAll(_)) { 84 } else { 72 });
        let inside = usize::from(wide.saturating_sub(6));
        let mut head = facts(self, inside);
        if let Some(change) = changed(app, self) {
            head.push(Vec::new());
            head.extend(wrapped(&change, inside, Meaning::Warning));
        }
        head.push(Vec::new());
        let list = list(app, self);
        let mut foot: Vec<Line> = if list.is_empty() { Vec::new() } else { vec![Vec::new()] };
        foot.push(vec![
            piece("y", Meaning::Key),
            piece(" yes     ", Meaning::Dim),
            piece("n", Meaning::Key),
            piece(" or ", Meaning::Dim),
            piece("enter", Meaning::Key),
            piece(" no", Meaning::Dim),
        ]);
        let area = centred(body, wide, (head.len() + list.len() + foot.len() + 2) as u16);
        let inner = canvas.window(area, 2, &[piece(self.title, Meaning::TitleFocus)], &[]);
        // Where not all fits, the keys matter most, then what is hit.
        let height = usize::from(inner.height);
        let below = foot.len().min(height);
        let listed = list.len().min((height - below).saturating_sub(head.len()).max((height - below) / 2));
        let above = height - below - listed;
        let part = |from: usize, rows: usize| Rect { y: inner.y + from as u16, height: rows as u16, ..inner };
        canvas.lines(part(0, above), &head, usize::MAX);
        canvas.lines(part(above + listed, below), &foot, usize::MAX);
        if !list.is_empty() {
            canvas.layout.window = canvas.lines(part(above, listed), &list, self.scroll);
            let track = Rect { y: inner.y + above as u16 - 1, height: listed as u16 + 2, ..area };
            canvas.thumb(track, self.scroll, listed, list.len());
        }
    }

    /// What a table, a record or the form of a query was asked about goes with it; a job is asked about wherever it is.
    fn closes_with_view(&mut self, _app: &mut App, _effects: &mut Vec<Effect>) -> bool {
        matches!(self.ask, Ask::Keep(_) | Ask::Replace { .. } | Ask::Quarantine { .. })
    }
}

/// Which records of the quarantine are meant.
fn meant(asked: &QuarantineAsked) -> String {
    match (asked.ids.as_slice(), &asked.reason) {
        ([id], _) => format!("the one with the number {id}"),
        (_, Some(reason)) => format!("all of the reason {reason}"),
        _ => "all of the view".to_owned(),
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
    let wrote = |other: &Job| -> Vec<(model::Window, String)> {
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

/// What the question is about, and what will happen.
fn facts(question: &Question, inside: usize) -> Vec<Line> {
    let place = [("view", &question.feature_view), ("workspace", &question.workspace)];
    let place = place.into_iter().filter(|(_, value)| !value.is_empty());
    let facts = place.chain(question.facts.iter().map(|(name, value)| (*name, value)));
    let mut lines: Vec<Line> = vec![Vec::new()];
    lines.extend(facts.flat_map(|(name, value)| fact(name, value, NAMES, inside)));
    lines.push(Vec::new());
    lines.extend(wrapped(&question.effect, inside, Meaning::Text));
    lines
}

/// Each job that the question hits, as it is now.
fn list(app: &App, question: &Question) -> Vec<Line> {
    let Ask::CancelAll(jobs) = &question.ask else { return Vec::new() };
    let windows = jobs.iter().filter_map(|(id, _)| app.jobs.find(*id)?.window);
    let windows = windows.map(|window| width(&columns::short_window(window, app.now))).max().unwrap_or(0).max(25);
    let line = |(id, state): &(Id, JobState)| {
        let mut line = vec![piece(format!("{}  ", columns::short_id(*id)), Meaning::Text)];
        let Some(job) = app.jobs.find(*id) else {
            line.push(piece("no longer in the list", Meaning::Warning));
            return line;
        };
        let window = job.window.map(|window| columns::short_window(window, app.now)).unwrap_or_default();
        let kind = job.job_type.to_string().to_lowercase();
        let phase = phase::phase(job);
        line.push(piece(format!("{} {}  ", fit(&kind, 8, false), fit(&window, windows, false)), Meaning::Dim));
        line.push(piece(format!("{} {}", phase.glyph, phase.word), phase.meaning));
        if job.state != *state {
            let was = state.to_string().to_lowercase();
            line.push(piece(format!("  (was {was})"), Meaning::Warning));
        }
        line
    };
    jobs.iter().map(line).collect()
}

/// What happened to the object since the question was opened.
fn changed(app: &App, question: &Question) -> Option<String> {
    let (job, state) = match &question.ask {
        Ask::Cancel { job, state } => (job, state),
        Ask::Retry { job, .. } => (job, &JobState::Failure),
        _ => return None,
    };
    match app.jobs.find(*job) {
        None => Some("This job is no longer in the list.".to_owned()),
        Some(job) if job.state != *state => {
            Some(format!("It has changed since this question was opened: it is {} now.", phase::phase(job).word))
        }
        Some(_) => None,
    }
}
