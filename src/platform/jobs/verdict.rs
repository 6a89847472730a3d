//! What jobs know of a view's offline table, and what is wrong with the table that is there.
//!
//! It compares; what is known is kept by `ledger.rs`.

use crate::model::time::{joined, print_windows, rfc3339};
use crate::model::{Span, Window};
use crate::platform::offline::{Damage, Manifest, OfflineError, OfflineTable};

/// What jobs know of a view's offline table.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its files; absent where none were kept yet.
    pub manifest: Option<Manifest>,
    /// Windows that were found damaged and are not written again yet.
    pub lost: Vec<Window>,
    /// Windows that jobs have written.
    pub written: Vec<Window>,
    /// What windows are multiples of.
    pub schedule: Span,
}

impl Known {
    /// What is wrong with the table that is open (absent: there is none), as far as `window` of it is needed, or all of
    /// it without one. `deep` reads the files that are needed as well.
    ///
    /// # Errors
    /// When the log of the table fails.
    pub fn judge(
        &self,
        table: Option<&OfflineTable>,
        window: Option<Window>,
        deep: bool,
    ) -> Result<Verdict, OfflineError> {
        let Some(table) = table else { return Ok(self.judge_absent()) };
        let mut windows = within(&self.lost, window);
        let Some(manifest) = &self.manifest else { return Ok(Verdict { windows, ..Verdict::default() }) };
        let mut damage = if deep { table.inspect(manifest, window)? } else { table.damage(manifest, window)? };
        keep_touching(&mut damage, window);
        windows.extend(damage.windows(self.schedule, &self.written));
        Ok(Verdict { problems: damage.sentence(), replaced: damage.replaced, windows: joined(windows) })
    }

    /// What is wrong where there is no table at all: nothing, unless a job wrote one.
    fn judge_absent(&self) -> Verdict {
        if self.written.is_empty() && self.manifest.as_ref().is_none_or(|known| known.files.is_empty()) {
            return Verdict::default();
        }
        Verdict { problems: "it is gone".to_owned(), replaced: true, windows: self.written.clone() }
    }

    /// Whether jobs have written part of the window already, so that a job over it writes it again.
    pub fn has(&self, window: Window) -> bool {
        self.written.iter().any(|held| held.overlaps(&window))
    }
}

fn within(windows: &[Window], window: Option<Window>) -> Vec<Window> {
    windows.iter().filter(|lost| window.is_none_or(|window| lost.overlaps(&window))).copied().collect()
}

/// Leaves out damage of other times than those that are needed. What may be of any time stays.
fn keep_touching(damage: &mut Damage, window: Option<Window>) {
    let times = std::mem::take(&mut damage.times);
    // What concerns the table as a whole has no times of its own and comes first.
    let whole = damage.problems.len() - times.len();
    let problems = std::mem::take(&mut damage.problems).into_iter().enumerate();
    let touches = |times: &Option<Window>| times.zip(window).is_none_or(|(times, window)| times.overlaps(&window));
    damage.problems =
        problems.filter(|(at, _)| *at < whole || touches(&times[at - whole])).map(|(_, text)| text).collect();
    damage.times = times.into_iter().filter(touches).collect();
    if damage.times.is_empty() {
        damage.problems.clear();
    }
}

/// What is wrong with a view's offline table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was found now; empty where only windows are left over that were found damaged before.
    pub problems: String,
    /// Whether the table as a whole is not the one that jobs wrote.
    pub replaced: bool,
    /// The windows that must be written again.
    pub windows: Vec<Window>,
}

impl Verdict {
    /// Whether a problem was found, or a window must be written again.
    pub fn is_bad(&self) -> bool {
        !self.problems.is_empty() || !self.windows.is_empty()
    }

    /// What is wrong and what to do, in a sentence.
    pub fn sentence(&self, view: &str) -> String {
        let problems = match self.problems.as_str() {
            "" => "it was damaged from outside".to_owned(),
            problems => format!("it is not as jobs left it: {problems}"),
        };
        let Some((first, last)) = self.windows.first().zip(self.windows.last()) else {
            return format!("{problems}. Put its folder back from a copy");
        };
        let (windows, start, end) = (print_windows(&self.windows), rfc3339(first.start), rfc3339(last.end));
        let copy = if self.problems.is_empty() { "M" } else { "Put its folder back from a copy, or m" };
        format!(
            "{problems}. No values are given of {windows}. {copy}aterialize these windows again with overwrite (`fvtop jobs \
             trigger {view} --start {start} --end {end} --offline --overwrite`)"
        )
    }
}
