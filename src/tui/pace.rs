//! When to draw: input at once, data at a bounded rate, nothing when nothing changed.
//!
//! Pure: instants come in, an instant comes out. It knows neither the terminal nor the state.

use std::time::{Duration, Instant};

use super::app::Dirty;

/// How fast data may be drawn on a terminal of this machine.
pub(super) const LOCAL: Duration = Duration::from_millis(100);
/// And over a remote login.
pub(super) const REMOTE: Duration = Duration::from_millis(250);
/// And while the terminal does not have the keyboard.
pub(super) const UNSEEN: Duration = Duration::from_secs(1);
/// After a frame, data waits this many times as long as the frame took to be written.
const COST_FACTOR: u32 = 4;

/// Decides when the next frame is due.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    gap: Duration,
    focused: bool,
    /// When the last frame was drawn.
    drawn: Option<Instant>,
    /// How long the last frame took to be written.
    cost: Duration,
    /// A frame is being written: the next one waits, and takes in what happens meanwhile.
    writing: bool,
}

impl Pacer {
    /// A pacer that leaves at least `gap` between frames of data.
    pub(super) fn new(gap: Duration) -> Self {
        Self { gap, focused: true, drawn: None, cost: Duration::ZERO, writing: false }
    }

    /// When the next frame may be drawn; absent when there is nothing to draw, or the last frame is still being
    /// written.
    pub(super) fn due(&self, dirty: Dirty, now: Instant) -> Option<Instant> {
        if self.writing {
            return None;
        }
        match (dirty, self.drawn) {
            (Dirty::Clean, _) => None,
            (Dirty::Input, _) | (_, None) => Some(now),
            (Dirty::Data, Some(drawn)) => {
                let gap = if self.focused { self.gap } else { self.gap.max(UNSEEN) };
                Some((drawn + gap.max(self.cost * COST_FACTOR)).max(now))
            }
        }
    }

    /// A frame was drawn, and handed to the terminal where it differs from the last one.
    pub(super) fn drew(&mut self, now: Instant, writing: bool) {
        self.drawn = Some(now);
        self.writing = writing;
    }

    /// The frame was written to the terminal, which took so long.
    pub(super) fn wrote(&mut self, cost: Duration) {
        self.cost = cost;
        self.writing = false;
    }

    /// Whether a frame is being written.
    pub(super) fn is_writing(&self) -> bool {
        self.writing
    }

    /// The terminal gained or lost the keyboard.
    pub(super) fn focus(&mut self, focused: bool) {
        self.focused = focused;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_a_frame(cost: u64) -> (Pacer, Instant) {
        let (mut pacer, now) = (Pacer::new(LOCAL), Instant::now());
        pacer.drew(now, true);
        pacer.wrote(Duration::from_millis(cost));
        (pacer, now)
    }

    #[test]
    fn nothing_is_due_when_nothing_changed() {
        let (pacer, now) = after_a_frame(0);
        assert_eq!(pacer.due(Dirty::Clean, now + Duration::from_secs(9)), None);
        assert_eq!(Pacer::new(LOCAL).due(Dirty::Clean, now), None);
    }

    #[test]
    fn input_is_due_at_once_and_data_after_its_gap() {
        let (pacer, now) = after_a_frame(1);
        assert_eq!(pacer.due(Dirty::Input, now), Some(now));
        assert_eq!(pacer.due(Dirty::Data, now), Some(now + LOCAL));
    }

    #[test]
    fn a_slow_link_slows_data_down_and_not_input() {
        let (pacer, now) = after_a_frame(200);
        assert_eq!(pacer.due(Dirty::Data, now), Some(now + Duration::from_millis(800)));
        assert_eq!(pacer.due(Dirty::Input, now), Some(now));
    }

    #[test]
    fn one_frame_at_a_time() {
        let (mut pacer, now) = after_a_frame(0);
        pacer.drew(now, true);
        assert_eq!(pacer.due(Dirty::Input, now), None);
    }

    #[test]
    fn unseen_data_is_slow() {
        let (mut pacer, now) = after_a_frame(0);
        pacer.focus(false);
        assert_eq!(pacer.due(Dirty::Data, now), Some(now + UNSEEN));
    }
}
