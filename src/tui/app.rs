//! Everything the console knows, as plain data, and the one function that changes it.
//!
//! [`update`] takes what happened and the time, changes the [`App`], and returns what is to be done. It reads no clock,
//! does no I/O and starts nothing; `view` draws the `App` and changes nothing. What drawing learns (how many rows fit) comes
//! back as [`Layout`] and is kept here for the next message.

mod audit_log;
mod bulk;
pub mod columns;
mod coverage;
mod disabled;
#[cfg(test)]
mod job_testing;
mod jobs;
#[cfg(test)]
mod jobs_tests;
mod lookup;
mod moves;
mod mutations;
mod notes;
mod perform;
pub mod periods;
mod receive;
mod status;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod typing;
mod wildcard;
pub(super) mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use audit_log::Audited;
pub use bulk::Batch;
pub use columns as table;
pub use columns::{Column, Progress};
pub use coverage::Covered;
pub use disabled::{disabled, marks_count, selected_job};
pub use jobs::{FIELDS as JOB_FIELDS, Jobs, window as jobs_window};
pub use lookup::{Answer, Lookup};
pub use notes::{Level, Note, Notes};
pub use stream::{Anchor, Stream};
pub use windows::chooser::{Chooser, Kind as ChooserKind, Line as ChooserLine, Pick};
pub use windows::delete_keys::{DeleteForm, DeleteItem};
pub use windows::job::Detail;
pub use windows::query_form::{AskForm, AskItem, AskKind, LEVELS};
pub use windows::question::{Ask, Confirm, Question};
pub use windows::table::{Face, Head, Origin, Running, SaveForm, Sheet};
pub use windows::trigger::{TriggerForm, TriggerItem};

use super::action::Layer;
use super::clipboard::Delivery;
use super::effect::{Effect, Message};
use super::keymap;
use crate::client::message::{Command, Connection, Failing, Generation, Offer, Part, RequestId, Serves};
use crate::model::{FeatureView, Freshness, Id, Time, Workspace};

/// The four panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// What the view is.
    Summary,
    /// Its jobs.
    Jobs,
    /// Its features for one key.
    Lookup,
    /// Its stream's records.
    Stream,
}

impl Pane {
    /// All panes in reading order.
    pub const ALL: [Self; 4] = [Self::Summary, Self::Jobs, Self::Lookup, Self::Stream];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Summary => "Summary",
            Self::Jobs => "Jobs",
            Self::Lookup => "Lookup",
            Self::Stream => "Stream",
        }
    }

    /// The reads that it shows and says what is wrong with, what matters most first. Lookups and the stream have words of
    /// their own.
    pub fn reads(self) -> &'static [Part] {
        match self {
            Self::Summary => &[Part::Views, Part::Freshness, Part::Summary],
            Self::Jobs => &[Part::Jobs, Part::Reasons],
            Self::Lookup | Self::Stream => &[],
        }
    }
}

/// Whether the screen is behind the state, and why. Ordered: input wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dirty {
    /// The screen shows the state.
    Clean,
    /// Data or the clock moved on.
    Data,
    /// The user did something.
    Input,
}

/// What drawing learned, for the next message; and when the picture will be out of date by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Tabs instead of panes.
    pub tabs: bool,
    /// Visible rows of the job table.
    pub jobs_rows: usize,
    /// Lines of the Summary pane, and how many are visible.
    pub summary: (usize, usize),
    /// Lines of the Lookup answer, and how many are visible.
    pub lookup: (usize, usize),
    /// Visible records.
    pub stream_rows: usize,
    /// Widths of the record columns: they grow, so that columns do not jump.
    pub stream_widths: Vec<usize>,
    /// The table of an answer.
    pub sheet: SheetLayout,
    /// Lines of the topmost window, and how many are visible.
    pub window: (usize, usize),
    /// The instant at which some visible text will be another.
    pub next_change: Option<Time>,
}

/// What drawing the table of an answer learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SheetLayout {
    /// Visible rows.
    pub rows: usize,
    /// The first column that shows beside the keys.
    pub left: usize,
    /// Widths of the columns that showed so far, 0 for others: they grow, so that columns do not jump.
    pub widths: Vec<usize>,
}

/// A window over the panes; the last one has the keys.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// What keys do; scrolled by that many lines.
    Help(usize),
    /// Requests, notes, notices; scrolled by that many lines.
    Journal(usize),
    /// One job in full.
    Detail(Box<Detail>),
    /// A list to pick from.
    Chooser(Box<Chooser>),
    /// The form of a new job.
    Trigger(Box<TriggerForm>),
    /// The form of a deletion.
    Delete(Box<DeleteForm>),
    /// The question before keys are deleted.
    Confirm(Box<Confirm>),
    /// The form of `run` or `get_historical_features`.
    Ask(Box<AskForm>),
    /// A query under way, or why it failed.
    Running(Box<Running>),
    /// The table of an answer.
    Sheet(Box<Sheet>),
    /// The question for a file to write the table to.
    Save(Box<SaveForm>),
    /// A question before something changes.
    Question(Box<Question>),
}

/// Which line on a pane is typed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// The filter of Jobs.
    JobFilter,
    /// The filter of Stream.
    StreamFilter,
    /// The form of Lookup.
    Key,
    /// The filter of a table.
    TableFilter,
}

/// What the deployment told of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployment {
    /// Its address.
    pub url: String,
    /// What it wants shown, such as errors in its repository.
    pub notices: Vec<String>,
    /// What it serves, as far as that is known.
    pub serves: Serves,
}

/// A profile of the user: what stands in the header, so that one deployment is not taken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its colour, one of [`super::theme::profile_colours`].
    pub colour: Option<String>,
}

/// A request that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Pending {
    /// The cancellation of this job.
    Cancel(Id),
    /// Another attempt of this job.
    Retry(Id),
    /// A new job.
    Trigger,
    /// A deletion.
    Delete,
    /// A table that is written into a file.
    Save,
}

/// Everything on the screen.
#[derive(Clone, Debug)]
pub struct App {
    /// The time of the last message.
    pub now: Time,
    /// Whether the screen is behind.
    pub dirty: Dirty,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What the last drawing learned.
    pub layout: Layout,
    /// Index of the theme in `theme::built_in()`.
    pub theme: usize,
    /// Nothing may be changed.
    pub read_only: bool,
    /// The user's home, for paths that begin with `~`.
    pub home: Option<String>,
    /// How the deployment is called in the header until it tells its address.
    pub endpoint: String,
    /// The profile that names the deployment.
    pub profile: Option<Profile>,
    /// The deployment, once reached.
    pub deployment: Option<Deployment>,
    /// How the connection stands, and since when.
    pub connection: Connection,
    /// Reads that fail while the connection stands.
    pub failing: BTreeMap<Part, Failing>,
    /// Since when the data on the screen may be old; absent while live.
    pub stale_since: Option<Time>,
    /// Workspaces there are.
    pub workspaces: Vec<Workspace>,
    /// The open workspace.
    pub workspace: Option<String>,
    /// Views of the open workspace; absent until they came.
    pub views: Option<Arc<Vec<FeatureView>>>,
    /// The open view.
    pub view: Option<String>,
    /// The view to open when the views come.
    pub wanted_view: Option<String>,
    /// Counts up with each change of workspace or view.
    pub generation: Generation,
    /// The generation under which the workspace was opened.
    pub workspace_generation: Generation,
    /// Counts up with each request.
    pub last_request: RequestId,
    /// Requests that wait for their answers.
    pub pending: BTreeMap<RequestId, Pending>,
    /// Cancellations that were asked for together and are not all answered.
    pub batches: Vec<Batch>,
    /// Which windows of the open view are materialized where.
    pub coverage: Covered,
    /// The pane that has the keys.
    pub focus: Pane,
    /// That pane fills the screen.
    pub zoomed: bool,
    /// A line that is typed into.
    pub typing: Option<Typing>,
    /// Windows over the panes.
    pub overlays: Vec<Overlay>,
    /// How far Summary is scrolled, in lines.
    pub summary_scroll: usize,
    /// Rows of the server's summary.
    pub summary_rows: Vec<(String, String)>,
    /// Freshness, once told.
    pub freshness: Option<Freshness>,
    /// The Jobs pane.
    pub jobs: Jobs,
    /// The Lookup pane.
    pub lookup: Lookup,
    /// The Stream pane.
    pub stream: Stream,
    /// What was typed into the forms of queries: by workspace, view and kind.
    pub asks: BTreeMap<(String, String, AskKind), AskForm>,
    /// Toasts and journal.
    pub notes: Notes,
    /// The deployment's audit log.
    pub audit: Audited,
}

/// What the program was started with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Index of the theme.
    pub theme: usize,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Workspace to open.
    pub workspace: Option<String>,
    /// View to open.
    pub view: Option<String>,
    /// How to call the deployment.
    pub endpoint: String,
    /// The profile that names it.
    pub profile: Option<Profile>,
    /// What the user should know, in whole sentences.
    pub warnings: Vec<String>,
    /// The user's home.
    pub home: Option<String>,
    /// Columns and rows.
    pub size: (u16, u16),
}

impl App {
    /// The first state, and the first things to do.
    pub fn new(start: Start, now: Time) -> (Self, Vec<Effect>) {
        let mut app = Self {
            now,
            dirty: Dirty::Input,
            size: start.size,
            layout: Layout::default(),
            theme: start.theme,
            read_only: start.read_only,
            home: start.home,
            endpoint: start.endpoint,
            profile: start.profile,
            deployment: None,
            connection: Connection::Connecting,
            failing: BTreeMap::new(),
            stale_since: None,
            workspaces: Vec::new(),
            workspace: start.workspace.clone(),
            views: None,
            view: None,
            wanted_view: start.view,
            generation: 1,
            workspace_generation: 1,
            last_request: 0,
            pending: BTreeMap::new(),
            batches: Vec::new(),
            coverage: Covered::default(),
            audit: Audited::default(),
            focus: Pane::Jobs,
            zoomed: false,
            typing: None,
            overlays: Vec::new(),
            summary_scroll: 0,
            summary_rows: Vec::new(),
            freshness: None,
            jobs: Jobs::default(),
            lookup: Lookup::default(),
            stream: Stream::default(),
            asks: BTreeMap::new(),
            notes: Notes::default(),
        };
        for warning in start.warnings {
            app.notes.add(now, Level::Warning, warning);
        }
        let open = Command::OpenWorkspace { generation: 1, workspace: start.workspace };
        (app, vec![Effect::Client(open)])
    }

    /// The open view's definition.
    pub fn feature_view(&self) -> Option<&FeatureView> {
        let name = self.view.as_ref()?;
        self.views.as_ref()?.iter().find(|view| view.name == *name)
    }

    /// The layers in which keys are looked up now, the first one winning.
    pub fn layers(&self) -> &'static [Layer] {
        match (self.overlays.last(), self.typing, self.focus) {
            (Some(Overlay::Help(_) | Overlay::Journal(_)), ..) => keymap::WINDOW,
            (Some(Overlay::Detail(..)), ..) => keymap::DETAIL,
            (Some(Overlay::Chooser(_)), ..) => keymap::CHOOSE,
            (Some(Overlay::Question(_)), ..) => keymap::QUESTION,
            (Some(Overlay::Running(running)), ..) => match running.failed {
                None => keymap::RUNNING,
                Some(_) => keymap::FAILED,
            },
            (Some(Overlay::Sheet(_)), None, _) => keymap::SHEET,
            (Some(Overlay::Trigger(_)), ..) => keymap::TRIGGER,
            (
                Some(Overlay::Sheet(_) | Overlay::Delete(_) | Overlay::Confirm(_) | Overlay::Ask(_) | Overlay::Save(_)),
                ..,
            )
            | (None, Some(_), _) => keymap::FORM,
            (None, None, Pane::Summary) => keymap::SUMMARY,
            (None, None, Pane::Jobs) => keymap::JOBS,
            (None, None, Pane::Lookup) => keymap::LOOKUP,
            (None, None, Pane::Stream) => keymap::STREAM,
        }
    }

    /// Whether the data on the screen comes from a deployment that answers.
    pub fn is_live(&self) -> bool {
        matches!(self.connection, Connection::Live | Connection::Slow { .. })
    }

    /// What is known of that part's being served.
    pub fn offer(&self, part: Part) -> &Offer {
        self.deployment.as_ref().map_or(&Offer::Unknown, |deployment| deployment.serves.of(part))
    }

    /// The open table.
    fn sheet(&mut self) -> Option<&mut Sheet> {
        self.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::Sheet(sheet) => Some(&mut **sheet),
            _ => None,
        })
    }

    fn request(&mut self) -> RequestId {
        self.last_request += 1;
        self.last_request
    }

    fn soil(&mut self, dirty: Dirty) {
        self.dirty = self.dirty.max(dirty);
    }
}

/// Takes in one message; says what is to be done.
pub fn update(app: &mut App, message: Message, now: Time) -> Vec<Effect> {
    app.now = now;
    let mut effects = Vec::new();
    match message {
        Message::Key(chord) => perform::press(app, chord, &mut effects),
        Message::Paste(text) => typing::paste(app, &text),
        Message::Resize(columns, rows) => {
            app.size = (columns, rows);
            app.layout.stream_widths.clear();
            app.layout.sheet.widths.clear();
            app.soil(Dirty::Input);
        }
        Message::Focus(focused) => effects.push(Effect::Client(Command::Focus(focused))),
        Message::Update(told) => receive::receive(app, told, &mut effects),
        Message::Worked(done) => windows::query::worked(app, done, &mut effects),
        Message::Copied { what, delivery } => {
            let level = if delivery == Delivery::TooLong { Level::Warning } else { Level::Info };
            app.notes.add(now, level, delivery.note(&what));
            app.soil(Dirty::Input);
        }
        Message::Tick => {
            app.notes.expire(now);
            app.stream.settle(now);
            app.soil(Dirty::Data);
        }
    }
    windows::query::begin_work(app, &mut effects);
    effects
}
