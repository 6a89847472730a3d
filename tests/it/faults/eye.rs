//! The console without a terminal: the real client task, the real state and its drawing, driven by a test.

use std::time::{Duration, Instant};

use chrono::Utc;
use fvtop::client::{Endpoint, Handle, spawn};
use fvtop::tui::app::{self, App, Dirty, Start};
use fvtop::tui::effect::{Effect, Message};
use fvtop::tui::{picture, sheet, theme, view};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::runtime::Runtime;

use crate::deployment::Deployment;
use crate::support::GUARD;

/// A console that somebody looks at.
pub(super) struct Eye {
    runtime: Option<Runtime>,
    handle: Handle,
    pub app: App,
    /// Frames that differed from the one before.
    pub drawn: usize,
    last: String,
}

impl Eye {
    /// Opens the console of that deployment.
    pub(super) fn open(endpoint: Endpoint, size: (u16, u16)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let guard = runtime.enter();
        let label = endpoint.label();
        let handle = spawn(endpoint);
        drop(guard);
        let start = Start { size, endpoint: label, theme: theme::find("dark").unwrap(), ..Start::default() };
        let (app, effects) = App::new(start, Utc::now());
        let mut eye = Self { runtime: Some(runtime), handle, app, drawn: 0, last: String::new() };
        eye.act(effects);
        eye
    }

    fn act(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Client(command) => self.handle.commands.blocking_send(command).unwrap(),
                Effect::Work(work) => self.tell(Message::Worked(sheet::work(work))),
                _ => {}
            }
        }
    }

    fn tell(&mut self, message: Message) {
        let effects = app::update(&mut self.app, message, Utc::now());
        self.act(effects);
    }

    /// Takes in what has come and gives what the screen says now.
    pub(super) fn look(&mut self) -> String {
        while let Ok(update) = self.handle.updates.try_recv() {
            self.tell(Message::Update(update));
        }
        if self.app.layout.next_change.is_some_and(|at| at <= Utc::now()) {
            self.tell(Message::Tick);
        }
        if self.app.dirty == Dirty::Clean {
            return self.last.clone();
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.app.size.0, self.app.size.1));
        self.app.layout = view::draw(&mut buffer, &self.app, &theme::built_in()[self.app.theme]);
        let text = picture::text(&buffer);
        self.app.dirty = Dirty::Clean;
        self.drawn += usize::from(text != self.last);
        self.last.clone_from(&text);
        text
    }

    /// Looks until the screen says all of these, and gives it. Texts that begin with `!` must not stand there.
    pub(super) fn until(&mut self, texts: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.look();
            let holds = |text: &&str| match text.strip_prefix('!') {
                Some(text) => !says(&screen, text),
                None => says(&screen, text),
            };
            if texts.iter().all(&holds) {
                return screen;
            }
            let missing: Vec<_> = texts.iter().filter(|text| !holds(text)).collect();
            assert!(begun.elapsed() < GUARD, "{missing:?} after {GUARD:?}:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Looks until that call has come so many times more, and a moment longer.
    pub(super) fn while_asked(&mut self, deployment: &Deployment, call: &str, times: usize) -> String {
        let (begun, wanted) = (Instant::now(), deployment.count(call) + times);
        while deployment.count(call) < wanted {
            assert!(begun.elapsed() < GUARD, "{call} is not asked for any more:\n{}", self.look());
            self.watch(Duration::from_millis(50));
        }
        self.watch(Duration::from_millis(500))
    }

    /// Looks for that long.
    pub(super) fn watch(&mut self, time: Duration) -> String {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.look();
            std::thread::sleep(Duration::from_millis(50));
        }
        self.look()
    }

    /// Presses keys: names of chords, such as `enter` or `ctrl-p`, parted by blanks.
    pub(super) fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.look();
            self.tell(Message::Key(key.parse().unwrap()));
        }
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether the screen says so, however it is broken into lines.
fn says(screen: &str, text: &str) -> bool {
    if screen.contains(text) {
        return true;
    }
    let words = |text: &str| {
        let plain = |c: char| !"│╭╮╰╯─┃".contains(c);
        text.split_whitespace().filter(|word| word.chars().all(plain)).collect::<Vec<_>>().join(" ")
    };
    words(screen).contains(&words(text))
}
