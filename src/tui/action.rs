//! Everything a user can do, as data: name, sentence, keys, layer, danger.
//!
//! Key handling, footer, help, palette and the README's key table are made from [`TABLE`]. What an action does is
//! `app/perform.rs`'s and the windows'; this file must not know.

/// Where a binding is valid. Which layers are active at once, and in which order, is one of [`stacks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// In every state, also while text is typed.
    Always,
    /// Wherever no text is typed and no question is open.
    Program,
    /// Valid on all four panes, while no window is open.
    Panes,
    /// Anything that scrolls or has a selected row: panes, and windows that are longer than the screen.
    Move,
    /// A job: the selected row, or the open detail.
    Job,
    /// The Jobs pane: its rows, their marks and their order.
    Jobs,
    /// The Lookup pane, while nothing is typed.
    Lookup,
    /// The Stream pane, while nothing is typed.
    Stream,
    /// The quarantine of a view: its records, one of them selected.
    Quarantine,
    /// What has a filter: Jobs, Stream, and the table of an answer.
    Filter,
    /// The table of an answer.
    Table,
    /// A query that has no answer yet.
    Running,
    /// What came of a query: its table, or why it failed.
    Answer,
    /// Any window over the panes that shows something.
    Window,
    /// The form of a new job, together with its typing.
    Times,
    /// Typing into a line or a form.
    Form,
    /// Picking from a list: palette, views, workspaces.
    Choose,
    /// A question before something is changed.
    Question,
}

impl Layer {
    /// All layers, in the order of help and documentation.
    pub const ALL: [Self; 18] = [
        Self::Panes,
        Self::Jobs,
        Self::Job,
        Self::Filter,
        Self::Lookup,
        Self::Stream,
        Self::Quarantine,
        Self::Running,
        Self::Table,
        Self::Answer,
        Self::Move,
        Self::Program,
        Self::Always,
        Self::Window,
        Self::Times,
        Self::Form,
        Self::Choose,
        Self::Question,
    ];

    /// Its name in help and documentation.
    pub fn title(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::Program => "Everywhere but in text",
            Self::Panes => "Panes",
            Self::Move => "Moving",
            Self::Job => "The selected job",
            Self::Jobs => "Jobs pane",
            Self::Lookup => "Lookup pane",
            Self::Stream => "Stream pane",
            Self::Quarantine => "The quarantine of a stream",
            Self::Filter => "Jobs, Stream and tables",
            Self::Table => "The table of a query",
            Self::Running => "A query under way",
            Self::Answer => "Table or error of a query",
            Self::Window => "Windows",
            Self::Times => "The form of a new job",
            Self::Form => "Typing",
            Self::Choose => "Lists to pick from",
            Self::Question => "Questions",
        }
    }
}

/// Sets of layers that are active together, the first one winning: what a pane or a window takes keys by.
pub(crate) mod stacks {
    use super::Layer;

    /// The Summary pane has no keys of its own.
    pub(crate) const SUMMARY: &[Layer] = &[Layer::Panes, Layer::Move, Layer::Program, Layer::Always];
    /// The Jobs pane: its rows, the selected job, its filter.
    pub(crate) const JOBS: &[Layer] =
        &[Layer::Jobs, Layer::Job, Layer::Filter, Layer::Panes, Layer::Move, Layer::Program, Layer::Always];
    /// The Lookup pane, while no key is typed.
    pub(crate) const LOOKUP: &[Layer] = &[Layer::Lookup, Layer::Panes, Layer::Move, Layer::Program, Layer::Always];
    /// The Stream pane, while its filter is not typed.
    pub(crate) const STREAM: &[Layer] =
        &[Layer::Stream, Layer::Filter, Layer::Panes, Layer::Move, Layer::Program, Layer::Always];
    /// The quarantine of a view.
    pub(crate) const QUARANTINE: &[Layer] =
        &[Layer::Quarantine, Layer::Window, Layer::Move, Layer::Program, Layer::Always];
    /// The window of one job: what can be done to it, and scrolling.
    pub(crate) const JOB: &[Layer] = &[Layer::Job, Layer::Window, Layer::Move, Layer::Program, Layer::Always];
    /// A window that only shows something: help, log.
    pub(crate) const WINDOW: &[Layer] = &[Layer::Window, Layer::Move, Layer::Program, Layer::Always];
    /// A query that is under way.
    pub(crate) const RUNNING: &[Layer] = &[Layer::Running, Layer::Move, Layer::Program, Layer::Always];
    /// A query that failed: its form is a key away.
    pub(crate) const FAILED: &[Layer] = &[Layer::Answer, Layer::Window, Layer::Move, Layer::Program, Layer::Always];
    /// The table of an answer.
    pub(crate) const TABLE: &[Layer] =
        &[Layer::Table, Layer::Answer, Layer::Filter, Layer::Window, Layer::Move, Layer::Program, Layer::Always];
    /// The form of a new job.
    pub(crate) const TRIGGER: &[Layer] = &[Layer::Times, Layer::Form, Layer::Always];
    /// Text is typed into a line or a form.
    pub(crate) const FORM: &[Layer] = &[Layer::Form, Layer::Always];
    /// A list to pick from.
    pub(crate) const CHOOSE: &[Layer] = &[Layer::Choose, Layer::Always];
    /// A question that wants yes or no.
    pub(crate) const QUESTION: &[Layer] = &[Layer::Question, Layer::Move, Layer::Always];

    /// Every set there is: within one of them, no key may mean two things.
    #[cfg(test)]
    pub(crate) const ALL: &[&[Layer]] = &[
        SUMMARY, JOBS, LOOKUP, STREAM, QUARANTINE, JOB, WINDOW, RUNNING, FAILED, TABLE, TRIGGER, FORM, CHOOSE, QUESTION,
    ];
}

/// What can go wrong when an action is done by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// Nothing outside this screen changes.
    None,
    /// Changes the deployment; asks first, and is not there in read-only mode.
    Mutates,
}

macro_rules! actions {
    ($(
        $action:ident, $name:literal, $layer:ident, [$($key:literal),*], $label:literal, $danger:ident,
        $sentence:literal;
    )*) => {
        /// Something a user can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $(#[doc = $sentence] $action,)* }

        /// All actions; the footer shows the first ones that fit.
        pub(crate) const TABLE: &[Info] = &[$(Info {
            action: Action::$action, name: $name, layer: Layer::$layer, keys: &[$($key),*], label: $label,
            danger: Danger::$danger, sentence: $sentence,
        },)*];
    };
}

/// One row of the action table.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    pub action: Action,
    /// Its name in the palette, in kebab case.
    pub name: &'static str,
    /// Where its keys are valid.
    pub layer: Layer,
    /// Default keys, the first one shown in the footer.
    pub keys: &'static [&'static str],
    /// Word for the footer; empty for what is left to the help.
    pub label: &'static str,
    /// Whether it changes the deployment.
    pub danger: Danger,
    /// What it does, in a sentence.
    pub sentence: &'static str,
}

actions! {
    StopQuery, "cancel-query", Running, ["esc", "c"], "cancel", None, "Cancel the query and go back to its form.";
    OpenRow, "open-row", Table, ["enter"], "row", None, "Show the selected row in full, or the table again.";
    Column, "describe-column", Table, ["i"], "column", None,
        "Say what the selected column holds: missing, distinct, quantiles, frequent values.";
    Plot, "plot-column", Table, ["p"], "plot", None, "Draw the selected column over time.";
    TableSort, "sort-table", Table, ["s"], "sort", None, "Sort by the selected column; once more, as the rows came.";
    SaveTable, "save-table", Table, ["w", "ctrl-s"], "save", None,
        "Write the table to a file: Parquet, CSV or JSON lines.";
    EditQuery, "edit-query", Answer, ["e"], "edit", None, "Go back to the form of the query.";
    CopyCell, "copy-cell", Table, ["y"], "", None, "Copy the selected cell to the clipboard.";
    Open, "open-job", Jobs, ["enter"], "open", None, "Open the selected job: attempts, times, the whole error.";
    Edit, "edit-key", Lookup, ["enter", "e"], "edit key", None, "Type the join keys to look up.";
    LookAgain, "look-up", Lookup, ["space"], "look up again", None, "Look up the same key again.";
    Pause, "pause-stream", Stream, ["p", "space"], "pause", None,
        "Hold the stream still, or let it go on; records keep arriving.";
    Quarantine, "quarantine", Stream, ["Q"], "quarantine", None,
        "Show the records of the stream that no row could be made of, to retry or drop them.";
    OpenRecord, "open-record", Quarantine, ["enter"], "record", None,
        "Show the selected record in full, or the list again.";
    RetryRecord, "retry-record", Quarantine, ["r"], "retry", Mutates,
        "Say what a retry of the selected record would bring, and do it after a question.";
    RetryRecords, "retry-records", Quarantine, ["a"], "retry all", Mutates,
        "Say what a retry of all records of the shown reason would bring, and do it after a question.";
    DropRecord, "drop-record", Quarantine, ["d"], "drop", Mutates, "Drop the selected record, after a question.";
    DropRecords, "drop-records", Quarantine, ["D"], "", Mutates,
        "Drop all records of the shown reason, after a question.";
    NextReason, "next-reason", Quarantine, ["f"], "reason", None,
        "Show the records of the next reason alone; all of them after the last.";
    Filter, "filter", Filter, ["/"], "filter", None, "Filter the rows: text, !not, ~fuzzy, state=failure, attempts>1.";
    Cancel, "cancel-job", Job, ["c"], "cancel", Mutates,
        "Cancel the selected job, or all marked ones, after a question.";
    Rerun, "run-again", Job, ["r"], "rerun", Mutates,
        "Start a new job for the selected job's window, or a stopped stream again.";
    ForceRetry, "force-retry", Job, ["f"], "retry", Mutates,
        "Retry a job that failed for good, or a stopped stream, after a question.";
    RestartStream, "restart-stream", Job, ["F"], "", Mutates,
        "Read a stopped stream from another place, after a question that tells what it does to the values.";
    Mark, "mark-job", Jobs, ["space"], "mark", None, "Mark the selected job, or take its mark away.";
    MarkShown, "mark-all", Jobs, ["m"], "", None,
        "Mark all shown jobs but the stream's; where they are, take all marks away.";
    Wait, "wait-for-job", Job, ["W"], "wait", None,
        "Wait for the selected job: bell and note when it ends. Again to stop waiting.";
    Trigger, "trigger-job", Panes, ["t"], "trigger", Mutates,
        "Start a materialization job for a window of your choice.";
    DeleteKeys, "delete-keys", Panes, ["D"], "", Mutates,
        "Delete keys from the stores: those of a file, or one that is typed.";
    MaterializationStatus, "materialization_status", Panes, ["a"], "", None,
        "Show the attempts of all materialization jobs as a table.";
    DeletionStatus, "deletion_status", Panes, ["d"], "", None, "Show the attempts of all deletion jobs as a table.";
    Run, "run", Program, ["x"], "run", None,
        "Run the view over a range of time, with its sources or files in their place; see the result as a table.";
    History, "history", Program, ["H"], "history", None,
        "Get historical features: for the keys and times of a file, or over a range of time.";
    Views, "views", Panes, ["v"], "views", None, "Pick a feature view.";
    Workspaces, "workspaces", Panes, ["w"], "workspaces", None, "Pick a workspace.";
    Zoom, "zoom", Panes, ["z"], "zoom", None, "Show this pane on the whole screen, or all four again.";
    SortNext, "sort-next", Jobs, ["s"], "sort", None, "Sort by the next column.";
    TableTurn, "sort-table-reverse", Table, ["S"], "", None, "Turn the direction of sorting.";
    SortReverse, "sort-reverse", Jobs, ["S"], "", None, "Turn the direction of sorting.";
    Copy, "copy-id", Job, ["y"], "copy id", None, "Copy the id of the selected job to the clipboard.";
    NextPane, "next-pane", Panes, ["tab"], "", None, "Go to the next pane.";
    PreviousPane, "previous-pane", Panes, ["shift-tab"], "", None, "Go to the previous pane.";
    Summary, "summary", Panes, ["1"], "", None, "Go to the Summary pane.";
    Jobs, "jobs", Panes, ["2"], "", None, "Go to the Jobs pane.";
    Lookup, "lookup", Panes, ["3"], "", None, "Go to the Lookup pane.";
    Stream, "stream", Panes, ["4"], "", None, "Go to the Stream pane.";
    Back, "back", Panes, ["esc"], "", None,
        "Dismiss the note, leave the zoom, drop the filter, or drop the marks, in this order.";
    Palette, "palette", Program, [":"], "commands", None,
        "Type a command: any action by name, view NAME, ws NAME, theme NAME.";
    Help, "help", Program, ["?"], "help", None, "Show what every key does.";
    Refresh, "refresh", Program, ["R"], "", None, "Ask the deployment for everything now.";
    Journal, "log", Program, ["L"], "", None, "Show requests, notes, the deployment's notices and its audit log.";
    Theme, "theme-next", Program, ["T"], "", None, "Take the next theme.";
    Quit, "quit", Program, ["q"], "quit", None, "Leave the program.";
    QuitNow, "quit-now", Always, ["ctrl-c", "ctrl-q"], "", None, "Leave the program from any state.";
    Repaint, "repaint", Always, ["ctrl-l"], "", None, "Draw the whole screen again.";
    Suspend, "suspend", Always, ["ctrl-z"], "", None, "Put the program to sleep; `fg` wakes it.";
    Up, "up", Move, ["up", "k"], "", None, "One row up.";
    Down, "down", Move, ["down", "j"], "", None, "One row down.";
    PageUp, "page-up", Move, ["pageup", "ctrl-b", "ctrl-u"], "", None, "One page up.";
    PageDown, "page-down", Move, ["pagedown", "ctrl-f", "ctrl-d"], "", None, "One page down.";
    Top, "top", Move, ["home", "g"], "", None, "To the first row.";
    Bottom, "bottom", Move, ["end", "G"], "", None, "To the last row; the stream moves on from there.";
    Left, "left", Move, ["left", "h"], "", None,
        "Columns to the left; another column of a table; the attempt before, of a job.";
    Right, "right", Move, ["right", "l"], "", None,
        "Columns to the right; another column of a table; the attempt after, of a job.";
    Close, "close", Window, ["esc"], "close", None, "Close this window.";
    Earlier, "earlier", Times, ["["], "earlier", None,
        "One batch schedule earlier: the boundary under the cursor, else both.";
    Later, "later", Times, ["]"], "later", None, "One batch schedule later: the boundary under the cursor, else both.";
    Submit, "submit", Form, ["enter"], "go", None, "Take what was typed.";
    Leave, "leave", Form, ["esc"], "leave", None, "Leave without taking it.";
    NextField, "next-field", Form, ["tab", "down"], "next field", None, "Go to the next field.";
    PreviousField, "previous-field", Form, ["shift-tab", "up"], "", None, "Go to the previous field.";
    Toggle, "toggle", Form, ["space"], "", None, "Switch the box under the cursor; in text, a blank.";
    Choose, "choose", Choose, ["enter"], "choose", None, "Take the marked line.";
    Dismiss, "dismiss", Choose, ["esc"], "close", None, "Close the list.";
    ChooseUp, "choose-up", Choose, ["up", "ctrl-p"], "", None, "One line up.";
    ChooseDown, "choose-down", Choose, ["down", "ctrl-n"], "", None, "One line down.";
    ChoosePageUp, "choose-page-up", Choose, ["pageup"], "", None, "One page up.";
    ChoosePageDown, "choose-page-down", Choose, ["pagedown"], "", None, "One page down.";
    Complete, "complete", Choose, ["tab"], "complete", None, "Write the marked line into the text.";
    Yes, "yes", Question, ["y"], "yes", Mutates, "Yes, do it.";
    No, "no", Question, ["n", "enter", "esc", "q"], "no", None, "No, change nothing.";
}

impl Action {
    /// Its row of the table.
    pub fn info(self) -> &'static Info {
        // TABLE is made by the same list as the enum, in the same order.
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_describes_its_own_action() {
        for info in TABLE {
            assert_eq!(info.action.info().name, info.name);
            assert!(info.sentence.ends_with('.'), "{}", info.name);
            assert!(!info.keys.is_empty(), "{} cannot be reached", info.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = TABLE.iter().map(|info| info.name).collect();
        assert_eq!(names.len(), TABLE.len());
    }
}
