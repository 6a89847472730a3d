//! Places in something longer than the part of it that shows: rows of a list or a table, lines of a text.
//!
//! Pure functions of numbers; what is scrolled, and how much of it shows, is the caller's.

use super::action::Action;

/// The place `at`, moved by one of the moving actions and kept between 0 and `last`; a page leaves one line of the old
/// one. Absent for actions that move nothing.
pub(super) fn moved(at: usize, action: Action, height: usize, last: usize) -> Option<usize> {
    let page = height.saturating_sub(1).max(1);
    let to = match action {
        Action::Up => at.min(last).saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.min(last).saturating_sub(page),
        Action::PageDown => at + page,
        Action::Top => 0,
        Action::Bottom => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// The next or the previous of `count` places; the first one follows the last.
pub(super) fn next_round(at: usize, forward: bool, count: usize) -> usize {
    let count = count.max(1);
    (at + if forward { 1 } else { count - 1 }) % count
}

/// Scrolls a text of so many lines, of which so many show. False where the action moves nothing.
pub(super) fn scroll(at: &mut usize, action: Action, (lines, height): (usize, usize)) -> bool {
    let to = moved(*at, action, height, lines.saturating_sub(height));
    *at = to.unwrap_or(*at);
    to.is_some()
}

/// The first of `height` visible rows over `len`, as near to `top` as it can be while `row` shows.
pub(super) fn first_visible(top: usize, row: usize, height: usize, len: usize) -> usize {
    let height = height.max(1);
    let lowest = len.saturating_sub(height);
    top.min(row).max((row + 1).saturating_sub(height)).min(lowest)
}
