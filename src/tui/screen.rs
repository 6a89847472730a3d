//! From one picture to the next: the bytes that change the terminal's cells, and nothing else.
//!
//! Pure: buffers in, bytes out. It asks the terminal nothing, writes no colour where the theme has none, and no byte at
//! all where nothing differs. (ratatui's own `Terminal` writes 25 bytes for an unchanged frame and asks for the cursor
//! when it clears: it is not used.)

use std::io::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::text::width;

/// Begins and ends a frame that the terminal shows at once, where it can.
const SYNC_BEGIN: &[u8] = b"\x1b[?2026h";
const SYNC_END: &[u8] = b"\x1b[?2026l";
const CLEAR: &[u8] = b"\x1b[0m\x1b[2J";

/// What the terminal shows now.
#[derive(Debug, Default)]
pub(super) struct Screen {
    front: Option<Buffer>,
}

impl Screen {
    /// Forgets what the terminal shows: the next frame writes everything.
    pub(super) fn forget(&mut self) {
        self.front = None;
    }

    /// The bytes that turn what is shown into `next`; empty when that is what is shown.
    pub(super) fn change(&mut self, next: Buffer) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 << 10);
        let whole = self.front.as_ref().is_none_or(|front| front.area != next.area);
        let front = self.front.take().filter(|_| !whole).unwrap_or_else(|| Buffer::empty(next.area));
        let changed = front.diff(&next);
        if whole || !changed.is_empty() {
            bytes.extend_from_slice(SYNC_BEGIN);
            if whole {
                bytes.extend_from_slice(CLEAR);
            }
            encode(&mut bytes, &changed);
            bytes.extend_from_slice(SYNC_END);
        }
        self.front = Some(next);
        bytes
    }
}

/// How a cell looks: foreground, background, modifiers.
type Look = (Color, Color, Modifier);
const BARE: Look = (Color::Reset, Color::Reset, Modifier::empty());

fn encode(bytes: &mut Vec<u8>, changed: &[(u16, u16, &Cell)]) {
    let mut look = BARE;
    let mut at = None;
    for (x, y, cell) in changed {
        move_to(bytes, at, (*x, *y));
        let wanted = (cell.fg, cell.bg, cell.modifier);
        set_look(bytes, look, wanted);
        look = wanted;
        bytes.extend_from_slice(cell.symbol().as_bytes());
        // A symbol of other than one cell may be drawn in its own way: the next one is placed anew.
        at = (width(cell.symbol()) == 1).then_some((*x + 1, *y));
    }
    if look != BARE {
        bytes.extend_from_slice(b"\x1b[0m");
    }
}

fn move_to(bytes: &mut Vec<u8>, from: Option<(u16, u16)>, (x, y): (u16, u16)) {
    let written = match from {
        Some((at, row)) if row == y && at == x => Ok(()),
        Some((at, row)) if row == y && x > at => match x - at {
            1 => bytes.write_all(b"\x1b[C"),
            columns => write!(bytes, "\x1b[{columns}C"),
        },
        Some((_, row)) if y == row + 1 && x == 0 => bytes.write_all(b"\r\n"),
        _ => write!(bytes, "\x1b[{};{}H", y + 1, x + 1),
    };
    // Writing into memory does not fail.
    debug_assert!(written.is_ok());
}

/// From one look to another: by adding to it where that is enough, else by starting anew.
fn set_look(bytes: &mut Vec<u8>, from: Look, to: Look) {
    if from == to {
        return;
    }
    let mut codes: Vec<String> = Vec::new();
    let drops =
        !to.2.contains(from.2) || (from.0 != to.0 && to.0 == Color::Reset) || (from.1 != to.1 && to.1 == Color::Reset);
    let from = if drops { BARE } else { from };
    if drops {
        codes.push("0".to_owned());
    }
    let modifiers = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
    ];
    for (modifier, code) in modifiers {
        if to.2.contains(modifier) && !from.2.contains(modifier) {
            codes.push(code.to_owned());
        }
    }
    codes.extend((from.0 != to.0).then(|| colour_code(to.0, false)).flatten());
    codes.extend((from.1 != to.1).then(|| colour_code(to.1, true)).flatten());
    let text = if codes == ["0"] { "\x1b[m".to_owned() } else { format!("\x1b[{}m", codes.join(";")) };
    bytes.extend_from_slice(text.as_bytes());
}

fn colour_code(colour: Color, back: bool) -> Option<String> {
    let base = if back { 40 } else { 30 };
    let named = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    if let Some(place) = named.iter().position(|named| *named == colour) {
        let bright = if place >= 8 { 52 } else { 0 };
        return Some((base + place + bright).to_string());
    }
    match colour {
        Color::Indexed(index) => Some(format!("{};5;{index}", base + 8)),
        Color::Rgb(r, g, b) => Some(format!("{};2;{r};{g};{b}", base + 8)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn shown(text: &str, style: Style) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_string(2, 1, text, style);
        buffer
    }

    #[test]
    fn an_unchanged_picture_is_no_byte() {
        let mut screen = Screen::default();
        assert!(!screen.change(shown("one", Style::new())).is_empty());
        assert!(screen.change(shown("one", Style::new())).is_empty());
    }

    #[test]
    fn a_change_writes_its_cells_only() {
        let mut screen = Screen::default();
        screen.change(shown("one two", Style::new()));
        let bytes = screen.change(shown("one tow", Style::new()));
        assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[?2026h\x1b[2;8How\x1b[?2026l");
    }

    #[test]
    fn styles_are_set_and_taken_back() {
        let mut screen = Screen::default();
        screen.change(shown("abc", Style::new()));
        let bytes = screen.change(shown("abc", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)));
        assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[?2026h\x1b[2;3H\x1b[1;31mabc\x1b[0m\x1b[?2026l");
        let bytes = screen.change(shown("abc", Style::new().bg(Color::LightBlue)));
        assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[?2026h\x1b[2;3H\x1b[104mabc\x1b[0m\x1b[?2026l");
    }

    /// What was written, played back into a terminal emulator, is what was drawn.
    #[test]
    fn a_terminal_shows_what_was_drawn() {
        let mut terminal = vt100::Parser::new(2.try_into().unwrap(), 20.try_into().unwrap(), 0);
        let mut screen = Screen::default();
        for (text, style) in [
            ("日本 x", Style::new().fg(Color::Green)),
            ("日a本", Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)),
            ("plain", Style::new()),
        ] {
            terminal.process(&screen.change(shown(text, style)));
            assert_eq!(terminal.screen().contents().trim(), text);
            let cell = terminal.screen().cell(1, 2).unwrap();
            assert_eq!(cell.bold(), style.add_modifier.contains(Modifier::BOLD));
            assert_eq!(cell.fgcolor() != vt100::Color::Default, style.fg.is_some());
        }
    }
}
