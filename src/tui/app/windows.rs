//! The windows over the panes: what each of them is, which ones are open, and how an action finds its window.
//!
//! One file a window: what it holds, which keys it takes, what is typed into it, how it is drawn. A new one is such a
//! file, its line here, its line in [`open`], and the action that opens it in `action.rs`. A window holds plain data;
//! `update` has it act, `view` has it drawn. Nothing outside of its file may depend on which window it is but through
//! [`Windows::find`] and the like.

pub(in crate::tui) mod chooser;
pub(in crate::tui) mod delete_confirm;
pub(in crate::tui) mod delete_keys;
pub(in crate::tui) mod help;
pub(in crate::tui) mod job;
pub(in crate::tui) mod journal;
pub(in crate::tui) mod quarantine;
pub(in crate::tui) mod query;
pub(in crate::tui) mod query_form;
pub(in crate::tui) mod question;
pub(in crate::tui) mod restart;
pub(in crate::tui) mod save;
pub(in crate::tui) mod table;
pub(in crate::tui) mod trigger;

use std::any::Any;
use std::fmt::Debug;

use ratatui::layout::Rect;

use super::{App, Dirty, status};
use crate::tui::action::{Action, Danger, Layer};
use crate::tui::canvas::Canvas;
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::sheet::{Done, Outcome};

/// A window over the panes.
pub trait Window: Any + BoxedClone + Debug + Send + Sync {
    /// The layers in which keys are looked up while it is on top, the first one winning: one of
    /// [`stacks`](crate::tui::action::stacks).
    fn layers(&self) -> &'static [Layer];

    /// Does the action if it is one of its own, and says what becomes of it. While it acts, it is not among the open
    /// windows: the one below is on top.
    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next;

    /// Draws it over the part of the screen that the panes have.
    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect);

    /// The text that is typed into, if there is one now.
    fn field(&mut self) -> Option<&mut Field> {
        None
    }

    /// What follows from a change of that text.
    fn edited(&mut self) {}

    /// An arrow key where no text is typed into: takes the next or the previous value of the choice that has the keys.
    /// False where arrows mean nothing.
    fn switch(&mut self, _forward: bool) -> bool {
        false
    }

    /// A line of its own is typed into, over what it shows otherwise.
    fn is_typing(&self) -> bool {
        false
    }

    /// Whether an action that depends on this window can be done: true where it can, false where the window has no say.
    ///
    /// Fails with a sentence for the user where it cannot be done now.
    fn offers(&self, _action: Action) -> Result<bool, &'static str> {
        Ok(false)
    }

    /// Whether the action, done here, changes the deployment.
    fn mutates(&self, action: Action) -> bool {
        action.info().danger == Danger::Mutates
    }

    /// It shows what is materialized: that is asked for anew when a job ends under it.
    fn shows_coverage(&self) -> bool {
        false
    }

    /// Another view is opened: gives up what it waits for, and says whether it closes because it is about the old one.
    fn closes_with_view(&mut self, _app: &mut App, _effects: &mut Vec<Effect>) -> bool {
        true
    }
}

/// Copies a window whose kind is not known: the state of the console is plain data and can be copied as a whole.
pub trait BoxedClone {
    /// A copy of the window.
    fn boxed_clone(&self) -> Box<dyn Window>;
}

impl<W: Window + Clone> BoxedClone for W {
    fn boxed_clone(&self) -> Box<dyn Window> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Window> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// What becomes of a window that acted.
#[derive(Debug)]
pub enum Next {
    /// It stays as it is now.
    Stay,
    /// The action is none of its own: the program does it.
    Pass,
    /// It closes: the one below it is on top.
    Close,
    /// It stays, and this one opens over it.
    Open(Box<dyn Window>),
    /// This one opens in its place.
    Replace(Box<dyn Window>),
}

impl Next {
    /// It stays, and `window` opens over it.
    pub fn open(window: impl Window) -> Self {
        Self::Open(Box::new(window))
    }

    /// Stays where it took the action, else passes it on.
    pub fn stay_if(taken: bool) -> Self {
        if taken { Self::Stay } else { Self::Pass }
    }
}

/// The open windows; the topmost one has the keys.
#[derive(Clone, Debug, Default)]
pub struct Windows(Vec<Box<dyn Window>>);

impl Windows {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, the lowest first: the order in which they are drawn.
    pub fn iter(&self) -> impl Iterator<Item = &(dyn Window + 'static)> {
        self.0.iter().map(|window| &**window)
    }

    pub fn top(&self) -> Option<&(dyn Window + 'static)> {
        self.0.last().map(|window| &**window)
    }

    /// The topmost window of another kind: the one below the topmost where that is of the kind `W`.
    pub fn below<W: Window>(&self) -> Option<&(dyn Window + 'static)> {
        self.0.iter().rev().map(|window| &**window).find(|window| as_kind::<W>(*window).is_none())
    }

    pub fn top_mut(&mut self) -> Option<&mut (dyn Window + 'static)> {
        self.0.last_mut().map(|window| &mut **window)
    }

    /// The topmost window, if it is of that kind.
    pub fn on_top<W: Window>(&self) -> Option<&W> {
        self.0.last().and_then(|window| as_kind(&**window))
    }

    /// The topmost window, if it is of that kind.
    pub fn on_top_mut<W: Window>(&mut self) -> Option<&mut W> {
        self.0.last_mut().and_then(|window| as_kind_mut(&mut **window))
    }

    /// All windows of that kind, the topmost first.
    pub fn all<W: Window>(&self) -> impl Iterator<Item = &W> {
        self.0.iter().rev().filter_map(|window| as_kind(&**window))
    }

    /// All windows of that kind, the topmost first.
    pub fn all_mut<W: Window>(&mut self) -> impl Iterator<Item = &mut W> {
        self.0.iter_mut().rev().filter_map(|window| as_kind_mut(&mut **window))
    }

    /// The topmost of the windows of that kind.
    pub fn find<W: Window>(&self) -> Option<&W> {
        self.all().next()
    }

    /// The topmost of the windows of that kind.
    pub fn find_mut<W: Window>(&mut self) -> Option<&mut W> {
        self.all_mut().next()
    }

    /// Opens a window over all others.
    pub fn open(&mut self, window: impl Window) {
        self.0.push(Box::new(window));
    }

    /// Closes the topmost window if it is of that kind, and gives it.
    pub fn take_top<W: Window + Clone>(&mut self) -> Option<W> {
        let window = self.on_top::<W>()?.clone();
        self.0.pop();
        Some(window)
    }

    /// Closes the windows of that kind that meet the condition.
    pub fn close<W: Window>(&mut self, condition: impl Fn(&W) -> bool) {
        self.0.retain(|window| !as_kind(&**window).is_some_and(&condition));
    }

    /// Puts `window` where the topmost one of the kind `W` is.
    pub fn replace<W: Window>(&mut self, window: impl Window) {
        if let Some(place) = self.0.iter_mut().rev().find(|open| as_kind::<W>(&***open).is_some()) {
            *place = Box::new(window);
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn as_kind<'a, W: Window>(window: &'a (dyn Window + 'static)) -> Option<&'a W> {
    (window as &dyn Any).downcast_ref()
}

fn as_kind_mut<'a, W: Window>(window: &'a mut (dyn Window + 'static)) -> Option<&'a mut W> {
    (window as &mut dyn Any).downcast_mut()
}

/// Has the topmost window do the action; closes it where the action closes windows. False where neither is so.
pub(crate) fn act(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    let Some(mut top) = app.windows.0.pop() else { return false };
    match top.act(app, action, effects) {
        Next::Close => {}
        Next::Pass if matches!(action, Action::Close | Action::Dismiss | Action::No | Action::Leave) => {}
        Next::Pass => {
            app.windows.0.push(top);
            return false;
        }
        Next::Stay => app.windows.0.push(top),
        Next::Open(over) => app.windows.0.extend([top, over]),
        Next::Replace(other) => app.windows.0.push(other),
    }
    true
}

/// Opens the window that the action asks for. False where it asks for none.
pub(crate) fn open(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::Help => app.windows.open(help::Help::default()),
        Action::Journal => journal::open(app, effects),
        Action::Palette | Action::Views | Action::Workspaces => chooser::open(app, action),
        Action::Quarantine => quarantine::open(app, effects),
        Action::Open => job::open(app, effects),
        Action::Cancel | Action::ForceRetry => question::open(app, action),
        Action::RestartStream => restart::open(app),
        Action::Rerun if question::is_about_stream(app) => question::open(app, action),
        Action::Trigger | Action::Rerun => trigger::open(app, action, effects),
        Action::DeleteKeys => delete_keys::open(app),
        Action::Run | Action::History => query_form::open(app, action),
        Action::MaterializationStatus | Action::DeletionStatus => status::ask(app, action, effects),
        _ => return false,
    }
    true
}

/// Another view is opened: closes the windows that are about the old one.
pub(crate) fn leave_view(app: &mut App, effects: &mut Vec<Effect>) {
    for mut window in std::mem::take(&mut app.windows.0) {
        if !window.closes_with_view(app, effects) {
            app.windows.0.push(window);
        }
    }
}

/// A task of the loop came to its end: gives the outcome to the window that waits for it.
pub(crate) fn worked(app: &mut App, done: Done, effects: &mut Vec<Effect>) {
    let taken = match done.outcome {
        Outcome::Found(there) => save::found(app, done.ticket, there, effects),
        outcome => table::worked(app, done.ticket, outcome),
    };
    if taken {
        app.mark_dirty(Dirty::Input);
    }
}
