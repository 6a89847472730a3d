//! The real program without a terminal: runs until its panes are filled, and gives one frame.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::Utc;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::time::{Instant, timeout_at};

use super::app::windows::query;
use super::app::{self, App};
use super::chord::Chord;
use super::effect::{Effect, Message};
use super::{Options, TuiError, picture, sheet, start, theme, view};
use crate::client::Handle;
use crate::client::message::{Command, Connection, Part, TailState};

/// What a frame is given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of text, without colours.
    Text,
    /// An SVG document, in the colours of the theme.
    Svg,
}

/// How long the picture must not change before it is taken, once the panes are filled.
const STILL: Duration = Duration::from_millis(300);

/// Runs the console headless until every pane has something to show, presses [`Options::keys`], and gives the frame;
/// after `limit` it gives the frame as it is then.
pub async fn snapshot(
    mut handle: Handle,
    options: Options,
    size: (u16, u16),
    format: Format,
    limit: Duration,
) -> Result<String, TuiError> {
    let mut keys = options.keys.iter().map(|key| key.parse()).collect::<Result<VecDeque<Chord>, _>>()?;
    let (mut app, effects) = App::new(start(options, size)?, Utc::now());
    submit(&mut app, &handle, effects).await;
    let end = Instant::now() + limit;
    loop {
        let until = if is_filled(&app) { end.min(Instant::now() + STILL) } else { end };
        match timeout_at(until, handle.updates.recv()).await {
            Ok(Some(update)) => tell(&mut app, &handle, Message::Update(update)).await,
            Ok(None) => break,
            Err(_) => match keys.pop_front().filter(|_| Instant::now() < end) {
                Some(chord) => tell(&mut app, &handle, Message::Key(chord)).await,
                None => break,
            },
        }
    }
    drop(handle.commands.try_send(Command::Shutdown));
    app.notes.expire(Utc::now());
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let theme = &theme::built_in()[app.theme];
    app.layout = view::draw(&mut buffer, &app, theme);
    Ok(match format {
        Format::Text => picture::text(&buffer),
        Format::Svg => picture::svg(&buffer, theme.light),
    })
}

async fn tell(app: &mut App, handle: &Handle, message: Message) {
    let effects = app::update(app, message, Utc::now());
    submit(app, handle, effects).await;
    // Keys move by what the last drawing learned.
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.size.0, app.size.1));
    app.layout = view::draw(&mut buffer, app, &theme::built_in()[app.theme]);
}

async fn submit(app: &mut App, handle: &Handle, effects: Vec<Effect>) {
    let mut effects = VecDeque::from(effects);
    while let Some(effect) = effects.pop_front() {
        match effect {
            Effect::Client(command) => drop(handle.commands.send(command).await),
            Effect::Work(work) => effects.extend(app::update(app, Message::Worked(sheet::work(work)), Utc::now())),
            _ => {}
        }
    }
}

/// Whether every pane shows what it ever will, or says why not.
fn is_filled(app: &App) -> bool {
    let Some(view) = app.feature_view() else {
        let refused = matches!(app.connection, Connection::Refused { .. } | Connection::Offline { .. });
        return refused || app.views.as_ref().is_some_and(|views| views.is_empty());
    };
    let comes =
        |is_there: bool, part| is_there || app.failing.contains_key(&part) || app.offer(part).problem().is_some();
    let no_tail = app.offer(Part::StreamTail).problem().is_some();
    let closed = matches!(app.stream.state, Some(TailState::Closed { .. }));
    let streams = no_tail || closed || !view.is_stream || app.stream.total() > 0;
    let looked = no_tail || closed || !view.online || !view.is_stream || app.lookup.answer.is_some();
    let answered = app.pending.is_empty() && !query::is_under_way(app);
    comes(app.jobs.loaded, Part::Jobs)
        && comes(app.freshness.is_some(), Part::Freshness)
        && streams
        && looked
        && answered
}
