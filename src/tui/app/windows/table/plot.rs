//! A column of a table over time: the mean of each piece of time as a line, least to greatest as a shade behind it.
//!
//! ```text
//!  arr_delay_max_1d_1h over timestamp   1 240 rows · — mean · ░ least to greatest
//!  278 ┤⡀    ⢀⡠⠤⠒
//!      │⠈⠢⡀⡠⠊
//!  -12 ┤  ⠈
//!      └────────────────
//!       11-22 00:00      11-22 12:00
//! ```
//!
//! The plot comes in bins of fixed number, so that any table draws in the same time.

use ratatui::layout::Rect;

use super::TableWindow;
use crate::model::Span;
use crate::model::time::from_micros;
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::sheet::{Axis, Plot};
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::values::{float, grouped};

/// Draws the plot, or why there is none.
pub(super) fn draw(canvas: &mut Canvas, table: &TableWindow, inside: Rect) {
    let Some(head) = table.heads.get(table.column) else { return };
    let plot = match &table.plot {
        Some(Ok(plot)) => plot,
        Some(Err(why)) => return canvas.empty(inside, &format!("{why} ← and → go to other columns.")),
        None => return canvas.empty(inside, "Looking at every row…"),
    };
    if inside.height < 5 || inside.width < 24 {
        return canvas.empty(inside, "There is no room for a plot here.");
    }
    let axis = match &plot.axis {
        Axis::Time(name) => crate::tui::text::clean(name).into_owned(),
        Axis::Row => "row number".to_owned(),
    };
    canvas.line(inside.x, inside.y, inside.width, &legend(canvas.is_plain(), plot, &head.short, &axis, inside.width));
    let area = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
    let (low, high) = padded(plot.range());
    let labels = [(0, high), (1, (low + high) / 2.0), (2, low)].map(|(at, value)| (at, label(value, high - low)));
    let left = labels.iter().map(|(_, text)| width(text)).max().unwrap_or(0) as u16;
    let field = Rect {
        x: area.x + left + 2,
        y: area.y,
        width: area.width.saturating_sub(left + 2),
        height: area.height.saturating_sub(2),
    };
    sides(canvas, &labels, left, field);
    let dots = Dots::new(plot, field, low, high);
    for y in 0..field.height {
        for x in 0..field.width {
            let (glyph, meaning) = dots.cell(x, y, canvas.is_plain());
            canvas.text(field.x + x, field.y + y, 1, glyph.encode_utf8(&mut [0; 4]), meaning);
        }
    }
    ends(canvas, plot, field);
}

/// What is drawn: all that fits.
fn legend(plain: bool, plot: &Plot, name: &str, axis: &str, wide: u16) -> Line {
    let signs = if plain { " · * mean, : min to max" } else { " · mean, min to max shaded" };
    let rows = format!("  {} rows", grouped(plot.points));
    let left_out = match plot.left_out {
        0 => String::new(),
        count => format!(", {} null", grouped(count)),
    };
    let title = format!("{name} over {axis}");
    let abouts = [format!("{rows}{left_out}{signs}"), format!("{rows}{signs}"), rows];
    let fits = abouts.into_iter().find(|about| width(&title) + width(about) <= usize::from(wide));
    vec![piece(title, Meaning::Strong), piece(fits.unwrap_or_default(), Meaning::Dim)]
}

/// The range with room, where there is none.
fn padded((low, high): (f64, f64)) -> (f64, f64) {
    if low < high { (low, high) } else { (low - 1.0, high + 1.0) }
}

/// A number of the scale, as fine as the scale.
fn label(value: f64, range: f64) -> String {
    let digits = (2.0 - range.log10().floor()).clamp(0.0, 6.0);
    if value.abs() >= 1e9 { float(value) } else { format!("{value:.*}", digits as usize) }
}

/// Scale at the left and frame below.
fn sides(canvas: &mut Canvas, labels: &[(u16, String)], left: u16, field: Rect) {
    let last = field.height.saturating_sub(1);
    for y in 0..field.height {
        canvas.text(field.x - 1, field.y + y, 1, "│", Meaning::Border);
    }
    for (at, text) in labels {
        let y = field.y + last * at / 2;
        let text = fit(text, usize::from(left), true);
        canvas.text(field.x - 2 - left, y, left, &text, Meaning::Dim);
        canvas.text(field.x - 1, y, 1, "┤", Meaning::Border);
    }
    canvas.text(field.x - 1, field.bottom(), 1, "└", Meaning::Border);
    canvas.text(field.x, field.bottom(), field.width, &"─".repeat(usize::from(field.width)), Meaning::Border);
}

/// Where the axis begins and ends, and its middle where there is room.
fn ends(canvas: &mut Canvas, plot: &Plot, field: Rect) {
    let day = i128::from(Span::days(1).num_microseconds().unwrap_or_default());
    let long = i128::from(plot.to) - i128::from(plot.from) > 300 * day;
    let text = |at: i64| match plot.axis {
        Axis::Row => grouped(at.unsigned_abs()),
        Axis::Time(_) => from_micros(at).format(if long { "%Y-%m-%d" } else { "%m-%d %H:%M" }).to_string(),
    };
    let y = field.bottom() + 1;
    let (from, to) = (text(plot.from), text(plot.to));
    canvas.text(field.x, y, field.width, &from, Meaning::Dim);
    if plot.from == plot.to {
        return;
    }
    let (first, last) = (width(&from) as u16, width(&to) as u16);
    if first + last + 2 <= field.width {
        canvas.line_right(field.right(), y, last, &[piece(to, Meaning::Dim)]);
    }
    let middle = text(plot.from / 2 + plot.to / 2);
    let wide = width(&middle) as u16;
    if first + last + wide + 8 <= field.width {
        canvas.text(field.x + (field.width - wide) / 2, y, wide, &middle, Meaning::Dim);
    }
}

/// Dots of a cell, across and down: those of a braille sign.
const ACROSS: usize = 2;
const DOWN: usize = 4;
/// The bit of each dot of a braille sign, by column and row.
const BITS: [[u8; DOWN]; ACROSS] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Which dots are set, by the mean and by the shade.
struct Dots {
    across: usize,
    mean: Vec<u8>,
    shade: Vec<u8>,
}

impl Dots {
    fn new(plot: &Plot, field: Rect, low: f64, high: f64) -> Self {
        let (across, down) = (usize::from(field.width), usize::from(field.height));
        let mut dots = Self { across, mean: vec![0; across * down], shade: vec![0; across * down] };
        let rows = down * DOWN;
        let row = |value: f64| {
            let share = ((high - value) / (high - low)).clamp(0.0, 1.0);
            ((share * (rows - 1) as f64).round() as usize).min(rows - 1)
        };
        let bins = plot.joined(across * ACROSS);
        let mut before: Option<(usize, usize)> = None;
        for (x, bin) in bins.iter().enumerate() {
            let Some(bin) = bin else { continue };
            for y in row(bin.max)..=row(bin.min) {
                dots.set(x, y, true);
            }
            let here = (x, row(bin.mean()));
            dots.connect(before.unwrap_or(here), here);
            before = Some(here);
        }
        dots
    }

    /// Sets the dots of the mean from one point to the next, so that a gap reads as a straight line.
    fn connect(&mut self, from: (usize, usize), to: (usize, usize)) {
        let steps = (to.0 - from.0).max(to.1.abs_diff(from.1)).max(1);
        for step in 0..=steps {
            let between = |from: usize, to: usize| {
                let share = step as f64 / steps as f64;
                (from as f64 + (to as f64 - from as f64) * share).round() as usize
            };
            self.set(between(from.0, to.0), between(from.1, to.1), false);
        }
    }

    fn set(&mut self, x: usize, y: usize, shade: bool) {
        let place = (y / DOWN) * self.across + x / ACROSS;
        let cells = if shade { &mut self.shade } else { &mut self.mean };
        if let Some(cell) = cells.get_mut(place) {
            *cell |= BITS[x % ACROSS][y % DOWN];
        }
    }

    /// What a cell shows: the line where there is one, else the shade. Without colours, signs that any terminal has.
    fn cell(&self, x: u16, y: u16, plain: bool) -> (char, Meaning) {
        let place = usize::from(y) * self.across + usize::from(x);
        let of = |cells: &[u8]| cells.get(place).copied().unwrap_or(0);
        let (mean, shade) = (of(&self.mean), of(&self.shade));
        let braille = |bits: u8| char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ');
        match (mean, shade) {
            (0, 0) => (' ', Meaning::Text),
            (0, _) if plain => (':', Meaning::Dim),
            (_, _) if plain => ('*', Meaning::Accent),
            (0, shade) => (braille(shade), Meaning::Dim),
            (mean, _) => (braille(mean), Meaning::Accent),
        }
    }
}
