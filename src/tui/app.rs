//! Everything the console knows, as plain data, and the one function that changes it.
//!
//! [`update`] takes what happened and the time, changes the [`App`], and returns what is to be done. It reads no clock,
//! does no I/O and starts nothing; `view` draws the `App` and changes nothing. What drawing learns (how many rows fit)
//! comes back as `Layout` and is kept here for the next message. The windows over the panes have a file each in
//! `app/windows`.

mod audit_log;
mod bulk;
pub(super) mod columns;
mod coverage;
mod disabled;
mod jobs;
mod lookup;
mod mutations;
mod notes;
mod origin;
mod panes;
mod perform;
pub(super) mod periods;
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

pub use audit_log::AuditLog;
pub use bulk::Batch;
pub use columns::{Column, Progress};
pub use coverage::ViewCoverage;
pub use disabled::{acts_on_marks, disabled, selected_job};
pub use jobs::Jobs;
pub use lookup::{Answer, Lookup};
pub use notes::{Level, Note, Notes};
pub use stream::{Anchor, Stream};
use windows::Windows;
use windows::query_form::{self, QueryForm};

use super::action::{Layer, stacks};
use super::clipboard::Delivery;
use super::effect::{Effect, Message};
use super::layout::Layout;
use crate::client::message::{Command, Connection, Failing, Generation, Offer, Part, RequestId, Serves};
use crate::model::{FeatureView, Freshness, Id, Time, Workspace};

/// One of the four panes of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// What the open view is, and how fresh.
    Summary,
    /// The materialization jobs of the open view.
    Jobs,
    /// Its features for one key.
    Lookup,
    /// The newest records of its stream.
    Stream,
}

impl Pane {
    /// All panes in reading order.
    pub const ALL: [Self; 4] = [Self::Summary, Self::Jobs, Self::Lookup, Self::Stream];

    /// The name on its frame and its tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Summary => "Summary",
            Self::Jobs => "Jobs",
            Self::Lookup => "Lookup",
            Self::Stream => "Stream",
        }
    }

    /// The reads that it shows and says what is wrong with, what matters most first. Lookups and the stream have words
    /// of their own.
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
    /// The user pressed a key or pasted a text.
    Input,
}

/// Which line on a pane is typed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// The filter of the Jobs pane.
    JobFilter,
    /// The filter of the Stream pane.
    StreamFilter,
    /// The join keys to look up.
    Key,
}

/// What the deployment says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployment {
    /// The address of its API.
    pub url: String,
    /// What it wants shown, such as errors in its repository.
    pub notices: Vec<String>,
    /// What it serves, as far as that is known.
    pub serves: Serves,
}

/// A profile of the user: what stands in the header, so that one deployment is not taken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name under which the user keeps it.
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
    /// A materialization job that is to start.
    Trigger,
    /// The deletion of keys from the stores.
    Delete,
    /// The retry or the drop of records of the quarantine.
    Quarantine,
    /// A table that is written into a file.
    Save,
    /// What a restart of a stream would do.
    StreamEffect,
}

/// The state of the console: everything that is on the screen, and what it takes to go on from there.
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
    /// Nothing of the deployment may be changed.
    pub read_only: bool,
    /// The user's home, for paths that begin with `~`.
    pub home: Option<String>,
    /// How the deployment is called in the header until it tells its address.
    pub endpoint: String,
    /// The profile that names the deployment.
    pub profile: Option<Profile>,
    /// What the deployment says of itself, once it was reached.
    pub deployment: Option<Deployment>,
    /// How the connection stands, and since when.
    pub connection: Connection,
    /// Reads that fail while the connection stands.
    pub failing: BTreeMap<Part, Failing>,
    /// Since when the data on the screen may be old; absent while live.
    pub stale_since: Option<Time>,
    /// All workspaces of the deployment.
    pub workspaces: Vec<Workspace>,
    /// Name of the workspace that is open.
    pub workspace: Option<String>,
    /// Views of the open workspace; absent until they came.
    pub views: Option<Arc<Vec<FeatureView>>>,
    /// Name of the feature view that is open.
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
    pub coverage: ViewCoverage,
    /// The pane that has the keys.
    pub focus: Pane,
    /// That pane fills the screen.
    pub zoomed: bool,
    /// A line that is typed into.
    pub typing: Option<Typing>,
    /// The windows that are open over the panes.
    pub windows: Windows,
    /// How far Summary is scrolled, in lines.
    pub summary_scroll: usize,
    /// Rows of the server's summary.
    pub summary_rows: Vec<(String, String)>,
    /// How fresh the features are, once that is known.
    pub freshness: Option<Freshness>,
    /// What the Jobs pane shows and selects.
    pub jobs: Jobs,
    /// What the Lookup pane asks for, and its answer.
    pub lookup: Lookup,
    /// The records of the Stream pane, and where it stands in them.
    pub stream: Stream,
    /// What was typed into the forms of queries: by workspace, view and kind.
    pub query_forms: BTreeMap<(String, String, query_form::Kind), QueryForm>,
    /// Notes on the screen, and all of them for the log.
    pub notes: Notes,
    /// What is known of the deployment's audit log.
    pub audit: AuditLog,
}

/// What the program was started with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Index of the theme in `theme::built_in()`.
    pub theme: usize,
    /// Nothing of the deployment may be changed.
    pub read_only: bool,
    /// Name of the workspace that is open.
    pub workspace: Option<String>,
    /// Name of the feature view that is open.
    pub view: Option<String>,
    /// How to call the deployment.
    pub endpoint: String,
    /// The profile that names it.
    pub profile: Option<Profile>,
    /// What the user should know, in whole sentences.
    pub warnings: Vec<String>,
    /// The home directory of the user, for paths that begin with `~`.
    pub home: Option<String>,
    /// Columns and rows of the terminal.
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
            coverage: ViewCoverage::default(),
            audit: AuditLog::default(),
            focus: Pane::Jobs,
            zoomed: false,
            typing: None,
            windows: Windows::default(),
            summary_scroll: 0,
            summary_rows: Vec::new(),
            freshness: None,
            jobs: Jobs::default(),
            lookup: Lookup::default(),
            stream: Stream::default(),
            query_forms: BTreeMap::new(),
            notes: Notes::default(),
        };
        for warning in start.warnings {
            app.notes.add(now, Level::Warning, warning);
        }
        let open = Command::OpenWorkspace { generation: 1, workspace: start.workspace };
        (app, vec![Effect::Client(open)])
    }

    /// The definition of the open view, once the views came.
    pub fn feature_view(&self) -> Option<&FeatureView> {
        let name = self.view.as_ref()?;
        self.views.as_ref()?.iter().find(|view| view.name == *name)
    }

    /// The layers in which keys are looked up now, the first one winning: those of the topmost window, else of the
    /// pane.
    pub fn layers(&self) -> &'static [Layer] {
        match (self.windows.top(), self.typing, self.focus) {
            (Some(window), ..) => window.layers(),
            (None, Some(_), _) => stacks::FORM,
            (None, None, Pane::Summary) => stacks::SUMMARY,
            (None, None, Pane::Jobs) => stacks::JOBS,
            (None, None, Pane::Lookup) => stacks::LOOKUP,
            (None, None, Pane::Stream) => stacks::STREAM,
        }
    }

    /// Whether a line is typed into, on a pane or over what a window shows.
    fn is_typing(&self) -> bool {
        self.typing.is_some() || self.windows.iter().any(|window| window.is_typing())
    }

    /// Whether the data on the screen comes from a deployment that answers.
    pub fn is_live(&self) -> bool {
        matches!(self.connection, Connection::Live | Connection::Slow { .. })
    }

    /// What is known of that part's being served.
    pub fn offer(&self, part: Part) -> &Offer {
        self.deployment.as_ref().map_or(&Offer::Unknown, |deployment| deployment.serves.offer(part))
    }

    /// The number of a new request.
    fn request(&mut self) -> RequestId {
        self.last_request += 1;
        self.last_request
    }

    /// The screen is behind the state from now on.
    fn mark_dirty(&mut self, dirty: Dirty) {
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
            app.layout.table.widths.clear();
            app.mark_dirty(Dirty::Input);
        }
        Message::Focus(focused) => effects.push(Effect::Client(Command::Focus(focused))),
        Message::Update(update) => receive::receive(app, update, &mut effects),
        Message::Worked(done) => windows::worked(app, done, &mut effects),
        Message::Copied { what, delivery } => {
            let level = if delivery == Delivery::TooLong { Level::Warning } else { Level::Info };
            app.notes.add(now, level, delivery.note(&what));
            app.mark_dirty(Dirty::Input);
        }
        Message::Tick => {
            app.notes.expire(now);
            app.stream.settle(now);
            app.mark_dirty(Dirty::Data);
        }
    }
    windows::table::begin_work(app, &mut effects);
    effects
}
