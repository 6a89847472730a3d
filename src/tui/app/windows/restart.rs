//! The form of a stream that is to be read anew from another place: asks the deployment what that does to the values of
//! the view, and has it told in the question that follows.

use ratatui::layout::Rect;

use super::question::Question;
use super::{Next, Window};
use crate::client::message::{Command, Problem, RequestId};
use crate::model::{Id, Job};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::{App, Pending, selected_job};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::theme::Meaning;
use crate::tui::view::form::{fact, wrapped};

const NAMES: usize = 12;
/// What may be typed.
const PLACES: &str = "From beginning, latest, an instant such as 2026-11-22 10:00, or offset PARTITION:OFFSET. What it \
                      does to the values of the view is told before it is done.";

/// The form, about the job that was selected when it was opened.
#[derive(Clone, Debug)]
pub(crate) struct RestartForm {
    job: Id,
    workspace: String,
    feature_view: String,
    /// The place as it is typed.
    pub field: Field,
    /// What is wrong with it, in a sentence or two.
    pub error: Option<String>,
    /// The request for what it would do.
    asking: Option<RequestId>,
}

/// Opens the form for the selected job.
pub(crate) fn open(app: &mut App) {
    let Some(form) = selected_job(app).map(RestartForm::of) else { return };
    app.windows.open(form);
}

/// What the restart would do is known: asks whether to do it. A refusal stands in the form.
pub(crate) fn told(app: &mut App, request: RequestId, answer: Result<String, Problem>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    let Some(form) = app.windows.on_top_mut::<RestartForm>().filter(|form| form.asking == Some(request)) else {
        return;
    };
    form.asking = None;
    match answer {
        Ok(effect) => {
            let (job, from) = (form.job, form.field.text().trim().to_owned());
            let place = (form.workspace.clone(), form.feature_view.clone());
            app.windows.open(Question::restart_stream(job, place, from, effect));
        }
        Err(problem) => form.error = Some(problem.to_string()),
    }
}

impl RestartForm {
    fn of(job: &Job) -> Self {
        Self {
            job: job.id,
            workspace: job.workspace.clone(),
            feature_view: job.feature_view.clone(),
            field: Field::default(),
            error: None,
            asking: None,
        }
    }

    fn submit(&mut self, app: &mut App, effects: &mut Vec<Effect>) {
        let from = self.field.text().trim().to_owned();
        if self.asking.is_some() {
            return;
        }
        if from.is_empty() {
            self.error = Some("Type from where the stream is to be read.".to_owned());
            return;
        }
        let request = app.request();
        app.pending.insert(request, Pending::StreamEffect);
        (self.asking, self.error) = (Some(request), None);
        let (workspace, feature_view) = (self.workspace.clone(), self.feature_view.clone());
        effects.push(Effect::Client(Command::StreamEffect { request, workspace, feature_view, from }));
    }
}

impl Window for RestartForm {
    fn layers(&self) -> &'static [Layer] {
        stacks::FORM
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::Submit => self.submit(app, effects),
            // There is but one field.
            Action::NextField | Action::PreviousField => {}
            _ => return Next::Pass,
        }
        Next::Stay
    }

    /// Nothing is typed while the deployment is asked.
    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field).filter(|_| self.asking.is_none())
    }

    fn edited(&mut self) {
        self.error = None;
    }

    fn draw(&self, canvas: &mut Canvas, _app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(76);
        let inside = usize::from(wide.saturating_sub(6));
        let mut above: Vec<Line> = vec![Vec::new()];
        let facts = [("view", &self.feature_view), ("workspace", &self.workspace)];
        above.extend(facts.into_iter().flat_map(|(name, value)| fact(name, value, NAMES, inside)));
        above.push(Vec::new());
        let below = match (&self.error, self.asking) {
            (Some(error), _) => wrapped(error, inside, Meaning::Bad),
            (None, Some(_)) => wrapped("Asking what it would do…", inside, Meaning::Running),
            (None, None) => wrapped(PLACES, inside, Meaning::Dim),
        };
        let area = centred(body, wide, (above.len() + below.len() + 4) as u16);
        let inner = canvas.window(area, 2, &[piece("Read the stream from another place", Meaning::TitleFocus)], &[]);
        let field = inner.y + (above.len() as u16).min(inner.height.saturating_sub(1));
        canvas.lines(Rect { height: field - inner.y, ..inner }, &above, usize::MAX);
        let used = canvas.text(inner.x, field, 6, "from  ", Meaning::Strong);
        let room = inner.width.saturating_sub(used);
        canvas.field(inner.x + used, field, room, &self.field, self.asking.is_none());
        let rest = Rect { y: field + 2, height: inner.bottom().saturating_sub(field + 2), ..inner };
        canvas.lines(rest, &below, 0);
    }
}
