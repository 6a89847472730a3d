//! A query under way: what is being done, how far it is, since when; or why it failed, in full.

use ratatui::layout::Rect;

use crate::client::message::Problem;
use crate::model::Span;
use crate::model::time::print_took;
use crate::tui::ages;
use crate::tui::app::Running;
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::text::wrap;
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;

/// Cells of the bar.
const BAR: usize = 24;

/// Draws the window.
pub fn draw(canvas: &mut Canvas, running: &Running, body: Rect) {
    let wide = body.width.saturating_sub(2).min(if running.failed.is_some() { 110 } else { 84 });
    let inside = usize::from(wide.saturating_sub(6));
    let asked = wrap(&running.origin.sentence(), inside).into_iter().map(|line| vec![piece(line, Meaning::Dim)]);
    let mut lines: Vec<Line> = asked.collect();
    lines.push(Vec::new());
    let (title, clock) = match &running.failed {
        Some((problem, took)) => {
            lines.extend(failed(problem, inside));
            let took = print_took(Span::from_std(*took).unwrap_or_default());
            ("✗ failed  ", piece(format!("after {took}"), Meaning::Dim))
        }
        None => {
            lines.extend(progress(running));
            let clock = canvas.moving(ages::elapsed(running.since, canvas.now));
            ("", piece(clock, Meaning::Running))
        }
    };
    let padded = lines.len() + 4 <= usize::from(body.height);
    let area = centred(body, wide, lines.len() as u16 + if padded { 4 } else { 2 });
    canvas.clear(area);
    let name = format!("{} {}", running.origin.name(), running.origin.feature_view());
    let inner = canvas.frame(
        area,
        true,
        &[piece(title, Meaning::Bad), piece(name, Meaning::TitleFocus)],
        std::slice::from_ref(&clock),
    );
    let keys: [(&str, &str); 2] = match (&running.failed, running.origin.form()) {
        (None, _) => [("esc", " cancel"), ("", "")],
        (Some(_), Some(_)) => [("e", " edit  "), ("esc", " close")],
        (Some(_), None) => [("esc", " close"), ("", "")],
    };
    let foot: Line =
        keys.iter().flat_map(|(key, word)| [piece(*key, Meaning::Key), piece(*word, Meaning::Dim)]).collect();
    canvas.frame_foot(area, &foot);
    let inner = Rect {
        x: inner.x + 2,
        width: inner.width.saturating_sub(4),
        y: inner.y + u16::from(padded),
        height: inner.height.saturating_sub(if padded { 2 } else { 0 }),
    };
    canvas.layout.window = canvas.lines(inner, &lines, running.scroll);
    let (total, visible) = canvas.layout.window;
    canvas.thumb(area, running.scroll, visible, total);
}

fn progress(running: &Running) -> Vec<Line> {
    let progress = &running.progress;
    let step = if progress.step.is_empty() { "asking the deployment" } else { &progress.step };
    let mut lines = vec![vec![piece(step, Meaning::Text)]];
    let mut line: Line = Vec::new();
    if let Some(share) = progress.share {
        let share = share.clamp(0.0, 1.0);
        let done = ((share * BAR as f32).round() as usize).min(BAR);
        line.push(piece("━".repeat(done), Meaning::Running));
        line.push(piece("─".repeat(BAR - done), Meaning::Dim));
        line.push(piece(format!(" {:>3}%  ", (share * 100.0).floor()), Meaning::Text));
    }
    if let Some(rows) = progress.rows_read {
        line.push(piece(format!("{} rows read", grouped(rows)), Meaning::Dim));
    }
    lines.push(line);
    lines
}

fn failed(problem: &Problem, inside: usize) -> Vec<Line> {
    let wrapped = |text: &str, meaning| -> Vec<Line> {
        wrap(text, inside).into_iter().map(|line| vec![piece(line, meaning)]).collect()
    };
    let mut lines = wrapped(&problem.what, Meaning::Bad);
    lines.extend(wrapped(&problem.hint, Meaning::Text));
    lines
}
