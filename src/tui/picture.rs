//! A drawn frame as text or as SVG, cell by cell: for pipes, bug reports, tests and the README.
//!
//! Pure. The picture has the colours of a fixed palette, for the 16 names of a terminal have none of their own.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::text::width;

/// Width and height of a cell in pixels.
const CELL: (f64, f64) = (8.4, 17.0);
const PAD: f64 = 12.0;

/// The frame as lines of text without trailing blanks.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut skip = 0;
        for x in buffer.area.left()..buffer.area.right() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            skip = width(symbol).saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[derive(Clone, Copy, PartialEq)]
struct Look {
    fg: &'static str,
    bg: Option<&'static str>,
    modifier: Modifier,
}

/// The frame as an SVG document on a dark or light ground.
pub fn svg(buffer: &Buffer, light: bool) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (wide, high) = (columns * CELL.0 + 2.0 * PAD, rows * CELL.1 + 2.0 * PAD);
    let ground = if light { "#fbfbfa" } else { "#14171c" };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         viewBox=\"0 0 {wide:.1} {high:.1}\" \
         font-family=\"'DejaVu Sans Mono','Cascadia Mono','SF Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{ground}\"/>\n"
    );
    for y in buffer.area.top()..buffer.area.bottom() {
        row(&mut svg, buffer, y, light);
    }
    svg.push_str("</svg>\n");
    svg
}

/// One row: first the grounds, then the texts, each in runs of one look.
fn row(svg: &mut String, buffer: &Buffer, y: u16, light: bool) {
    let mut runs: Vec<(u16, u16, Look, String)> = Vec::new();
    let mut skip = 0;
    for x in buffer.area.left()..buffer.area.right() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let cell = &buffer[(x, y)];
        let (look, wide) = (look(cell, light), width(cell.symbol()).max(1) as u16);
        skip = wide - 1;
        match runs.last_mut() {
            Some((_, cells, last, text)) if *last == look => {
                *cells += wide;
                text.push_str(cell.symbol());
            }
            _ => runs.push((x, wide, look, cell.symbol().to_owned())),
        }
    }
    let top = f64::from(y) * CELL.1 + PAD;
    let mut grounds = String::new();
    let mut texts = String::new();
    for (x, cells, look, text) in runs {
        let (left, wide) = (f64::from(x) * CELL.0 + PAD, f64::from(cells) * CELL.0);
        if let Some(bg) = look.bg {
            grounds += &format!(
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" fill=\"{bg}\"/>\n",
                CELL.1
            );
        }
        let bare = text.trim_end();
        if bare.trim().is_empty() && !look.modifier.contains(Modifier::UNDERLINED) {
            continue;
        }
        let shown = if look.modifier.contains(Modifier::UNDERLINED) { text.as_str() } else { bare };
        let lead = shown.chars().take_while(|c| *c == ' ').count();
        let (left, shown) = match look.modifier.contains(Modifier::UNDERLINED) {
            true => (left, shown),
            false => (left + lead as f64 * CELL.0, &shown[lead..]),
        };
        let long = width(shown) as f64 * CELL.0;
        // `textLength` holds each run to its cells, whatever font the viewer has.
        texts += &format!(
            "<text x=\"{left:.1}\" y=\"{:.1}\" fill=\"{}\"{} textLength=\"{long:.1}\" \
             lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>\n",
            top + 13.0,
            look.fg,
            attributes(look.modifier),
            escape(shown)
        );
    }
    svg.push_str(&grounds);
    svg.push_str(&texts);
}

fn attributes(modifier: Modifier) -> String {
    let all = [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.65\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ];
    all.iter().filter(|(flag, _)| modifier.contains(*flag)).map(|(_, text)| *text).collect()
}

fn look(cell: &Cell, light: bool) -> Look {
    let (text, ground) = if light { ("#24292f", "#fbfbfa") } else { ("#d5d8de", "#14171c") };
    let fg = colour(cell.fg, light).unwrap_or(text);
    let bg = colour(cell.bg, light);
    let (fg, bg) = match cell.modifier.contains(Modifier::REVERSED) {
        true => (bg.unwrap_or(ground), Some(fg)),
        false => (fg, bg),
    };
    Look { fg, bg, modifier: cell.modifier.difference(Modifier::REVERSED) }
}

fn colour(colour: Color, light: bool) -> Option<&'static str> {
    let (dark, bright) = match colour {
        Color::Black => ("#14171c", "#24292f"),
        Color::Red | Color::LightRed => ("#f2777a", "#c0262d"),
        Color::Green | Color::LightGreen => ("#8fc77a", "#227a2c"),
        Color::Yellow | Color::LightYellow => ("#e6b450", "#8a6100"),
        Color::Blue | Color::LightBlue => ("#7aa6f0", "#1f5fbf"),
        Color::Magenta | Color::LightMagenta => ("#c99ae6", "#8a3fa8"),
        Color::Cyan | Color::LightCyan => ("#5ec4d0", "#0b7285"),
        Color::Gray => ("#b4b9c2", "#c3c7cd"),
        Color::DarkGray => ("#7d8590", "#656d76"),
        Color::White => ("#ffffff", "#ffffff"),
        _ => return None,
    };
    Some(if light { bright } else { dark })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn markup_is_escaped_and_runs_keep_their_place() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "a <b>", Style::new());
        buffer.set_string(6, 0, "日x", Style::new().fg(Color::Red));
        let svg = svg(&buffer, false);
        assert!(svg.contains(">a &lt;b&gt;</text>"), "{svg}");
        assert!(svg.contains("x=\"62.4\"") && svg.contains("textLength=\"25.2\""), "{svg}");
        assert_eq!(text(&buffer), "a <b> 日x\n");
    }
}
