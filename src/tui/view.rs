//! The picture of a state: header, banner, panes or tabs, footer, windows and notes over them.
//!
//! ```text
//!  fvtop  prod › carrier_delays_hourly                                       read-only  ● live     header
//!  Cannot reach http://localhost:7070: connection refused. Is it running?                       banner, when not live
//! ╭ Summary ────────────╮╭ Jobs  42 · ✗ 1 · ● 2 ──────────────────────────────────────────────╮
//! │                     ││                                                                    │    or, below 100x30,
//! ╰─────────────────────╯╰────────────────────────────────────────────────────────────────────╯    tabs and one pane
//! ╭ Lookup ─────────────╮╭ Stream ────────────────────────────────────────────────────────────╮
//! │                     ││                                                                    │
//! ╰─────────────────────╯╰────────────────────────────────────────────────────────────────────╯
//!  enter open  c cancel  t trigger  / filter  v views  ? help  q quit                              footer
//! ```
//!
//! Drawing only reads. What it learns comes back as a `Layout`.

mod chrome;
pub(super) mod form;
mod jobs;
mod lookup;
pub(super) mod notes;
mod pane;
pub(super) mod progress;
mod stream;
pub(super) mod strip;
mod summary;
mod tabs;
#[cfg(test)]
mod tests;
mod trouble;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, Pane};
use super::canvas::Canvas;
use super::layout::Layout;
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
        tabs::draw(&mut canvas, app, row(area, top));
        top += 1;
    }
    let body = Rect::new(area.x, top, area.width, area.height - top - 1);
    if tabs || app.zoomed {
        draw_pane(&mut canvas, app, app.focus, body);
    } else {
        panes(&mut canvas, app, body);
    }
    chrome::footer(&mut canvas, app, row(area, area.height - 1));
    for window in app.windows.iter() {
        window.draw(&mut canvas, app, body);
    }
    notes::draw(&mut canvas, app, body);
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
    for (pane, place) in Pane::ALL.into_iter().zip(places) {
        draw_pane(canvas, app, pane, place);
    }
}

fn draw_pane(canvas: &mut Canvas, app: &App, pane: Pane, area: Rect) {
    match pane {
        Pane::Summary => summary::draw(canvas, app, area),
        Pane::Jobs => jobs::draw(canvas, app, area),
        Pane::Lookup => lookup::draw(canvas, app, area),
        Pane::Stream => stream::draw(canvas, app, area),
    }
}
