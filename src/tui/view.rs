//! The picture of a state: header, banner, panes or tabs, footer, windows and notes over them.
//!
//! ```text
//!  fvtop  prod › carrier_delays_hourly                                       read-only  ● live     header
//!  Cannot reach http://localhost:7070: connection refused. Is it running?                          banner, when not live
//! ╭ Summary ────────────╮╭ Jobs  42 · ✗ 1 · ● 2 ──────────────────────────────────────────────╮
//! │                     ││                                                                    │    or, below 100x30,
//! ╰─────────────────────╯╰────────────────────────────────────────────────────────────────────╯    tabs and one pane
//! ╭ Lookup ─────────────╮╭ Stream ────────────────────────────────────────────────────────────╮
//! │                     ││                                                                    │
//! ╰─────────────────────╯╰────────────────────────────────────────────────────────────────────╯
//!  enter open  c cancel  t trigger  / filter  v views  ? help  q quit                              footer
//! ```
//!
//! Drawing only reads. What it learns comes back as a [`Layout`].

mod ask;
pub(super) mod chrome;
mod deletion;
mod detail;
#[cfg(test)]
mod job_tests;
mod jobs;
mod lists;
mod lookup;
mod questions;
mod running;
mod stream;
mod strip;
mod summary;
#[cfg(test)]
mod tests;
mod trigger;
mod trouble;
#[cfg(test)]
mod trouble_tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::windows::{help, journal, table};
use super::app::{App, Layout, Overlay, Pane};
use super::canvas::Canvas;
use super::theme::{Meaning, Theme};

/// Below these, nothing useful can be shown.
pub const LEAST: (u16, u16) = (40, 10);
/// Below these, tabs instead of panes.
pub const PANES: (u16, u16) = (100, 30);

/// Draws the state over the whole buffer.
pub fn draw(buffer: &mut Buffer, app: &App, theme: &Theme) -> Layout {
    let mut canvas = Canvas::new(buffer, theme, app.now);
    let area = canvas.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small(&mut canvas, area);
        return canvas.layout;
    }
    let tabs = area.width < PANES.0 || area.height < PANES.1;
    canvas.layout.tabs = tabs;
    chrome::header(&mut canvas, app, row(area, 0));
    let mut top = 1;
    let most = if tabs { 2 } else { 3 };
    top += chrome::banner(&mut canvas, app, Rect::new(area.x, top, area.width, most));
    if tabs {
        chrome::tabs(&mut canvas, app, row(area, top));
        top += 1;
    }
    let body = Rect::new(area.x, top, area.width, area.height - top - 1);
    if tabs || app.zoomed {
        pane(&mut canvas, app, app.focus, body);
    } else {
        panes(&mut canvas, app, body);
    }
    chrome::footer(&mut canvas, app, row(area, area.height - 1));
    overlays(&mut canvas, app, body);
    chrome::toasts(&mut canvas, app, body);
    canvas.layout
}

fn row(area: Rect, y: u16) -> Rect {
    Rect::new(area.x, y, area.width, 1)
}

fn too_small(canvas: &mut Canvas, area: Rect) {
    let text = format!("fvtop needs {}x{}; this is {}x{}.", LEAST.0, LEAST.1, area.width, area.height);
    for (y, line) in (area.y..area.bottom()).zip(super::text::wrap(&text, usize::from(area.width))) {
        canvas.text(area.x, y, area.width, &line, Meaning::Text);
    }
}

/// All four: above, jobs need more room than the summary; below, both need the same.
fn panes(canvas: &mut Canvas, app: &App, body: Rect) {
    let left = (body.width * 2 / 5).clamp(44, 84);
    let upper = (body.height * 11 / 20).max(8);
    let right = body.width - left;
    let half = body.width / 2;
    let lower = body.height - upper;
    let places = [
        Rect::new(body.x, body.y, left, upper),
        Rect::new(body.x + left, body.y, right, upper),
        Rect::new(body.x, body.y + upper, half, lower),
        Rect::new(body.x + half, body.y + upper, body.width - half, lower),
    ];
    for (pane_, place) in Pane::ALL.into_iter().zip(places) {
        pane(canvas, app, pane_, place);
    }
}

fn pane(canvas: &mut Canvas, app: &App, pane: Pane, area: Rect) {
    match pane {
        Pane::Summary => summary::draw(canvas, app, area),
        Pane::Jobs => jobs::draw(canvas, app, area),
        Pane::Lookup => lookup::draw(canvas, app, area),
        Pane::Stream => stream::draw(canvas, app, area),
    }
}

fn overlays(canvas: &mut Canvas, app: &App, body: Rect) {
    for overlay in &app.overlays {
        match overlay {
            Overlay::Help(scroll) => help::draw(canvas, *scroll, body),
            Overlay::Journal(scroll) => journal::journal(canvas, app, *scroll, body),
            Overlay::Detail(detail) => detail::draw(canvas, app, detail, body),
            Overlay::Chooser(chooser) => lists::chooser(canvas, app, chooser, body),
            Overlay::Trigger(form) => trigger::form(canvas, app, form, body),
            Overlay::Delete(form) => deletion::form(canvas, form, body),
            Overlay::Confirm(confirm) => deletion::confirm(canvas, confirm, body),
            Overlay::Ask(form) => ask::form(canvas, form, body),
            Overlay::Running(running) => running::draw(canvas, running, body),
            Overlay::Sheet(sheet) => table::rows::draw(canvas, app, sheet, body),
            Overlay::Save(save) => ask::save(canvas, save, body),
            Overlay::Question(question) => questions::question(canvas, app, question, body),
        }
    }
}
