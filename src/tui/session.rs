//! The loop: waits for signals, keys, updates and the clock; folds them into the state; draws when the pacer says so.
//!
//! All I/O of the console happens here. What a key or an update means is `app`'s, what it looks like `view`'s.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

use chrono::Utc;
use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::app::{self, App, Dirty, Start};
use super::chord::Chord;
use super::clipboard::{self, Delivery, Multiplexer};
use super::effect::{Effect, Message};
use super::pace::{self, Pacer};
use super::screen::Screen;
use super::sheet::{self, Done, Outcome, Work};
use super::signals::{self, Asked, Signals};
use super::writer::Writer;
use super::{TuiError, term, theme, view};
use crate::client::Handle;
use crate::client::message::{Command, Update};
use crate::model::Time;

/// Messages are taken in for at most this long before a frame is drawn.
const DRAIN: Duration = Duration::from_millis(5);
/// The clock is not looked at more often than this, whatever the picture says.
const LEAST_TICK: Duration = Duration::from_millis(100);

/// What the loop woke up for.
enum Woken {
    Asked(Asked),
    Event(Option<io::Result<Event>>),
    Update(Option<Update>),
    Wrote(io::Result<Duration>),
    Reported(Option<Report>),
    Room,
    Clock,
}

/// What the threads of the loop report.
enum Report {
    Message(Message),
    /// tmux did not take this text.
    Refused {
        text: String,
        what: String,
    },
}

/// Why the loop comes to its end.
enum End {
    Quit,
    Signal(i32),
}

/// The console while it has the terminal.
pub(super) struct Session {
    app: App,
    handle: Handle,
    /// Commands that found no room in the channel.
    outbox: VecDeque<Command>,
    /// The client task ended: there is nothing more to receive.
    client_gone: bool,
    events: EventStream,
    signals: Signals,
    pacer: Pacer,
    screen: Screen,
    writer: Writer,
    /// Bytes that go out before the next frame: clipboard, bell.
    extra: Vec<u8>,
    multiplexer: Multiplexer,
    end: Option<End>,
    ticked: Instant,
    /// What came of tasks, from the threads that did them.
    reports: (mpsc::UnboundedSender<Report>, mpsc::UnboundedReceiver<Report>),
    /// The program put itself to sleep; the signal that woke it is still to come.
    slept: bool,
}

fn now() -> Time {
    Utc::now()
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

impl Session {
    /// Takes the terminal and draws the first frame.
    pub(super) fn open(handle: Handle, start: Start) -> Result<Self, TuiError> {
        let signals = Signals::new()?;
        let writer = Writer::stdout()?;
        term::restore_on_panic();
        term::enter()?;
        let (app, effects) = App::new(start, now());
        let gap = if is_set("SSH_CONNECTION") { pace::REMOTE } else { pace::LOCAL };
        let mut session = Self {
            app,
            handle,
            outbox: VecDeque::new(),
            client_gone: false,
            events: EventStream::new(),
            signals,
            pacer: Pacer::new(gap),
            screen: Screen::default(),
            writer,
            extra: term::ENTER.to_vec(),
            multiplexer: Multiplexer::from_environment(is_set("TMUX"), is_set("STY")),
            end: None,
            ticked: Instant::now(),
            reports: mpsc::unbounded_channel(),
            slept: false,
        };
        session.act(effects)?;
        session.draw();
        Ok(session)
    }

    /// Runs until the user or a signal ends it; the terminal is as it was when this returns.
    pub(super) async fn run(mut self) -> Result<(), TuiError> {
        let ended = self.follow().await;
        self.close();
        match ended? {
            End::Quit => Ok(()),
            End::Signal(number) => Err(TuiError::Signal(number)),
        }
    }

    fn close(&mut self) {
        drop(self.handle.commands.try_send(Command::Shutdown));
        self.leave();
    }

    /// Gives the terminal back, if it is taken. What it was sent and has not shown yet is dropped first: over a slow
    /// link the bytes that undo the modes would find no room behind it.
    fn leave(&self) {
        if term::leave() {
            self.writer.last(term::LEAVE, term::LEAVE_LIMIT, term::drop_unsent);
        }
    }

    async fn follow(&mut self) -> Result<End, TuiError> {
        loop {
            let woken = self.wait().await;
            self.take(woken)?;
            self.drain().await?;
            if let Some(end) = self.end.take() {
                return Ok(end);
            }
            let now = Instant::now();
            if self.pacer.due(self.app.dirty, now).is_some_and(|due| due <= now) {
                self.draw();
            }
            self.send_extra();
        }
    }

    /// When to wake up although nothing happens.
    fn alarm(&self) -> Option<Instant> {
        if self.pacer.is_writing() {
            return None;
        }
        let at = Instant::now();
        if self.app.dirty > Dirty::Clean {
            return self.pacer.due(self.app.dirty, at);
        }
        let left = (self.app.layout.next_change? - now()).to_std().unwrap_or_default();
        Some((at + left).max(self.ticked + LEAST_TICK))
    }

    async fn wait(&mut self) -> Woken {
        let alarm = self.alarm();
        let at = alarm.unwrap_or_else(Instant::now).into();
        tokio::select! {
            biased;
            asked = self.signals.next() => Woken::Asked(asked),
            event = self.events.next() => Woken::Event(event),
            wrote = self.writer.wrote() => Woken::Wrote(wrote),
            report = self.reports.1.recv() => Woken::Reported(report),
            update = self.handle.updates.recv(), if !self.client_gone => Woken::Update(update),
            _ = self.handle.commands.reserve(), if !self.outbox.is_empty() => Woken::Room,
            () = sleep_until(at), if alarm.is_some() => Woken::Clock,
        }
    }

    fn take(&mut self, woken: Woken) -> Result<(), TuiError> {
        match woken {
            Woken::Asked(Asked::End(number)) => self.end = Some(End::Signal(number)),
            Woken::Asked(Asked::Stop) => self.sleep()?,
            // The waking from our own sleep is reported as well.
            Woken::Asked(Asked::Continue) if std::mem::take(&mut self.slept) => {}
            Woken::Asked(Asked::Continue) => self.wake()?,
            Woken::Event(Some(event)) => self.event(event?)?,
            // The keyboard is gone, as after a hang-up.
            Woken::Event(None) => self.end = Some(End::Signal(signal_hook::consts::SIGHUP)),
            Woken::Update(Some(update)) => self.tell(Message::Update(update))?,
            Woken::Update(None) => self.client_gone = true,
            Woken::Reported(Some(Report::Message(message))) => self.tell(message)?,
            Woken::Reported(Some(Report::Refused { text, what })) => self.copy_through_terminal(&text, what)?,
            // This side holds a sender: there is always more to come.
            Woken::Reported(None) => {}
            Woken::Wrote(cost) => self.pacer.wrote(cost?),
            Woken::Room => self.submit(),
            Woken::Clock if self.app.dirty == Dirty::Clean => {
                self.ticked = Instant::now();
                self.tell(Message::Tick)?;
            }
            Woken::Clock => {}
        }
        Ok(())
    }

    /// Takes in everything that is there already, so that a burst makes one frame.
    async fn drain(&mut self) -> Result<(), TuiError> {
        let begun = Instant::now();
        while self.end.is_none() && begun.elapsed() < DRAIN {
            // Polled with the task's own waker: the event stream keeps the first waker it is given, and one that wakes
            // nobody would let the next key wait for something else to happen.
            let event = poll_fn(|context| Poll::Ready(self.events.poll_next_unpin(context))).await;
            if let Poll::Ready(Some(event)) = event {
                self.event(event?)?;
            } else if let Ok(update) = self.handle.updates.try_recv() {
                self.tell(Message::Update(update))?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<(), TuiError> {
        match event {
            Event::Key(key) => match Chord::from_event(&key) {
                Some(chord) => self.tell(Message::Key(chord)),
                None => Ok(()),
            },
            Event::Paste(text) => self.tell(Message::Paste(text)),
            Event::Resize(columns, rows) => self.tell(Message::Resize(columns, rows)),
            Event::FocusGained | Event::FocusLost => {
                let focused = event == Event::FocusGained;
                self.pacer.focus(focused);
                self.tell(Message::Focus(focused))
            }
            Event::Mouse(_) => Ok(()),
        }
    }

    fn tell(&mut self, message: Message) -> Result<(), TuiError> {
        let effects = app::update(&mut self.app, message, now());
        self.act(effects)
    }

    fn act(&mut self, effects: Vec<Effect>) -> Result<(), TuiError> {
        for effect in effects {
            match effect {
                Effect::Client(command) => self.outbox.push_back(command),
                Effect::Work(work) => self.work(work),
                Effect::Copy { text, what } => self.copy(text, what)?,
                Effect::Notify(text) => self.extra.extend(clipboard::notify(&text, self.multiplexer).bytes()),
                Effect::Suspend => self.sleep()?,
                Effect::Repaint => self.screen.forget(),
                Effect::Quit => self.end = Some(End::Quit),
            }
        }
        self.submit();
        Ok(())
    }

    /// Does a task on a thread of its own. One that breaks off is reported as well, so that nobody waits for it for
    /// ever.
    fn work(&self, work: Work) {
        let (tell, ticket) = (self.reports.0.clone(), work.ticket);
        tokio::spawn(async move {
            let done = tokio::task::spawn_blocking(|| sheet::work(work)).await;
            let done = done.unwrap_or(Done { ticket, outcome: Outcome::Failed });
            drop(tell.send(Report::Message(Message::Worked(done))));
        });
    }

    /// Copies a text: by tmux's own command where this runs in tmux, else through the terminal.
    fn copy(&mut self, text: String, what: String) -> Result<(), TuiError> {
        if self.multiplexer != Multiplexer::Tmux {
            return self.copy_through_terminal(&text, what);
        }
        let tell = self.reports.0.clone();
        tokio::task::spawn_blocking(move || {
            let report = if clipboard::to_tmux(&text) {
                Report::Message(Message::Copied { what, delivery: Delivery::Tmux })
            } else {
                Report::Refused { text, what }
            };
            drop(tell.send(report));
        });
        Ok(())
    }

    fn copy_through_terminal(&mut self, text: &str, what: String) -> Result<(), TuiError> {
        let sequence = clipboard::copy(text, self.multiplexer);
        let delivery = if sequence.is_some() { Delivery::Sent } else { Delivery::TooLong };
        self.extra.extend(sequence.unwrap_or_default().bytes());
        self.tell(Message::Copied { what, delivery })
    }

    /// Hands commands to the client task; what finds no room waits here, in order.
    fn submit(&mut self) {
        while let Some(command) = self.outbox.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(command)) = self.handle.commands.try_send(command) {
                self.outbox.push_front(command);
                break;
            }
        }
    }

    fn draw(&mut self) {
        let (columns, rows) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        if let Some(theme) = theme::built_in().get(self.app.theme) {
            self.app.layout = view::draw(&mut buffer, &self.app, theme);
        }
        self.app.dirty = Dirty::Clean;
        let mut bytes = std::mem::take(&mut self.extra);
        bytes.extend(self.screen.change(buffer));
        self.pacer.drew(Instant::now(), !bytes.is_empty());
        if !bytes.is_empty() {
            self.writer.frame(bytes);
        }
    }

    /// What belongs to no frame goes out as soon as the terminal is free.
    fn send_extra(&mut self) {
        if !self.extra.is_empty() && !self.pacer.is_writing() {
            let bytes = std::mem::take(&mut self.extra);
            self.pacer.drew(Instant::now(), true);
            self.writer.frame(bytes);
        }
    }

    /// Gives the terminal back, sleeps, and takes it again.
    fn sleep(&mut self) -> Result<(), TuiError> {
        self.leave();
        signals::sleep()?;
        self.slept = true;
        self.wake()
    }

    /// Takes the terminal (again) and draws everything.
    fn wake(&mut self) -> Result<(), TuiError> {
        term::enter()?;
        self.extra.extend_from_slice(term::ENTER);
        self.screen.forget();
        if let Ok((columns, rows)) = crossterm::terminal::size() {
            self.tell(Message::Resize(columns, rows))?;
        }
        Ok(())
    }
}
