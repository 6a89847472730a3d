//! The question before keys are deleted: the view's name must be typed.

use ratatui::layout::Rect;

use super::{Next, Window};
use crate::tui::action::{Action, Danger, Layer, stacks};
use crate::tui::app::{App, mutations};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::theme::Meaning;
use crate::tui::view::form::{fact, wrapped};

const NAMES: usize = 12;
/// What will happen, in a sentence.
const EFFECT: &str = "Deletes the materialized rows of these keys by one job for each store. Deleted rows do not come \
                      back, but later jobs and stream events may write the keys again.";

/// The question, about what was read when it was opened.
#[derive(Clone, Debug)]
pub(crate) struct DeleteConfirm {
    /// The view, whose name must be typed.
    feature_view: String,
    workspace: String,
    /// How many keys, and where they are from.
    keys: String,
    /// The stores they are deleted from, in words.
    stores: &'static str,
    /// The name as it is typed.
    field: Field,
    /// What is wrong with what was typed, in a sentence.
    error: Option<String>,
}

impl DeleteConfirm {
    pub(crate) fn new(feature_view: String, workspace: String, keys: String, stores: &'static str) -> Self {
        Self { feature_view, workspace, keys, stores, field: Field::default(), error: None }
    }

    /// Enter: with another text nothing is done, and it says so.
    fn submit(&mut self, app: &mut App, effects: &mut Vec<Effect>) -> Next {
        if self.field.text() != self.feature_view {
            let name = &self.feature_view;
            self.error = Some(format!("Nothing was deleted: type `{name}` to delete, or leave with esc."));
            return Next::Stay;
        }
        mutations::delete_keys(app, effects);
        Next::Close
    }
}

impl Window for DeleteConfirm {
    fn layers(&self) -> &'static [Layer] {
        stacks::FORM
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::Submit => self.submit(app, effects),
            // There is but one field.
            Action::NextField | Action::PreviousField => Next::Stay,
            _ => Next::Pass,
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field)
    }

    fn edited(&mut self) {
        self.error = None;
    }

    /// Enter deletes, as yes does elsewhere.
    fn mutates(&self, action: Action) -> bool {
        action == Action::Submit || action.info().danger == Danger::Mutates
    }

    /// What will be deleted, and the field for the view's name.
    fn draw(&self, canvas: &mut Canvas, _app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(72);
        let inside = usize::from(wide.saturating_sub(6));
        let mut lines: Vec<Line> = vec![Vec::new()];
        let facts = [
            ("view", self.feature_view.as_str()),
            ("workspace", &self.workspace),
            ("keys", &self.keys),
            ("stores", self.stores),
        ];
        lines.extend(facts.into_iter().flat_map(|(name, value)| fact(name, value, NAMES, inside)));
        lines.push(Vec::new());
        lines.extend(wrapped(EFFECT, inside, Meaning::Text));
        lines.push(Vec::new());
        lines.extend(match &self.error {
            Some(error) => wrapped(error, inside, Meaning::Bad),
            None => wrapped("To delete, type the view's name and press enter; esc leaves.", inside, Meaning::Text),
        });
        // Below stand the field and a blank line.
        let area = centred(body, wide, lines.len() as u16 + 4);
        let inner = canvas.window(area, 2, &[piece("Delete these keys?", Meaning::TitleFocus)], &[]);
        let below = inner.height.min(2);
        canvas.lines(Rect { height: inner.height - below, ..inner }, &lines, usize::MAX);
        if below > 0 {
            canvas.field(inner.x, inner.bottom() - below, inner.width, &self.field, true);
        }
    }
}
