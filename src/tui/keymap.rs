//! From a key press to an action, by layer. Tests hold that no two bindings are in conflict, and that the README shows
//! these.
//!
//! Resolving is a pure function of the active layers and the chord. It must not know what an action does.

use std::sync::LazyLock;

use super::action::{Action, Info, Layer, TABLE};
use super::chord::Chord;

/// Which chord means which action, in which layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Keymap {
    bindings: Vec<(Layer, Chord, Action)>,
}

static STANDARD: LazyLock<Keymap> = LazyLock::new(|| Keymap::from_table(TABLE));

impl Keymap {
    /// The bindings of the action table, read once.
    pub(super) fn standard() -> &'static Self {
        &STANDARD
    }

    /// The bindings of a table; keys that cannot be read are left out (a test sees to it that there are none).
    pub(super) fn from_table(table: &[Info]) -> Self {
        let rows = table.iter().flat_map(|info| {
            let chords = info.keys.iter().filter_map(|key| key.parse().ok());
            chords.map(|chord| (info.layer, chord, info.action))
        });
        Self { bindings: rows.collect() }
    }

    /// What the chord does in these layers, the first layer winning.
    pub(super) fn resolve(&self, layers: &[Layer], chord: Chord) -> Option<Action> {
        let in_layer = |layer: &Layer| self.bindings.iter().find(|(l, c, _)| l == layer && *c == chord);
        layers.iter().find_map(in_layer).map(|(_, _, action)| *action)
    }

    /// The chords of an action, the main one first.
    pub(super) fn chords(&self, action: Action) -> Vec<Chord> {
        self.bindings.iter().filter(|(_, _, a)| *a == action).map(|(_, chord, _)| *chord).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::{Danger, stacks};
    use super::super::field;
    use super::*;

    /// Chords that mean two things where both are active, one sentence each; empty when all is well.
    fn conflicts(keymap: &Keymap) -> Vec<String> {
        let mut found = Vec::new();
        for stack in stacks::ALL {
            let active: Vec<_> = keymap.bindings.iter().filter(|(layer, _, _)| stack.contains(layer)).collect();
            for (at, (_, chord, action)) in active.iter().enumerate() {
                for (_, _, other) in active[at + 1..].iter().filter(|(_, c, a)| c == chord && a != action) {
                    found.push(format!("`{chord}` is both {} and {}", action.info().name, other.info().name));
                }
            }
        }
        found
    }

    /// The table of keys for the README, in Markdown, made from the action table.
    fn keys_markdown() -> String {
        let mut text = String::from("| where | key | what it does |\n|---|---|---|\n");
        let rows = Layer::ALL.iter().flat_map(|layer| TABLE.iter().filter(move |info| info.layer == *layer));
        for info in rows {
            let keys: Vec<String> = info.keys.iter().map(|key| format!("`{key}`")).collect();
            text.push_str(&format!("| {} | {} | {} |\n", info.layer.title(), keys.join(" "), info.sentence));
        }
        for (keys, sentence) in field::KEYS {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            text.push_str(&format!("| {} | {} | {sentence} |\n", field::TITLE, keys.join(" ")));
        }
        text
    }

    #[test]
    fn every_key_of_the_table_is_read_and_every_action_reachable() {
        for info in TABLE {
            assert_eq!(Keymap::standard().chords(info.action).len(), info.keys.len(), "{}", info.name);
            let stack = stacks::ALL.iter().find(|stack| stack.contains(&info.layer)).unwrap();
            let chord = info.keys[0].parse().unwrap();
            assert!(Keymap::standard().resolve(stack, chord).is_some(), "{}", info.name);
        }
    }

    #[test]
    fn no_chord_means_two_things() {
        assert_eq!(conflicts(Keymap::standard()), Vec::<String>::new());
    }

    #[test]
    fn a_conflict_is_named() {
        let mut rows = TABLE.to_vec();
        rows[1].keys = &["q"];
        assert!(conflicts(&Keymap::from_table(&rows))[0].contains("`q` is both"));
    }

    #[test]
    fn nothing_that_mutates_sits_on_a_reflex_key() {
        for info in TABLE.iter().filter(|info| info.danger == Danger::Mutates) {
            for key in ["ctrl-d", "ctrl-k", "ctrl-x", "delete", "backspace", "enter"] {
                assert!(!info.keys.contains(&key), "{} on {key}", info.name);
            }
        }
    }

    #[test]
    fn the_key_that_asks_never_answers_yes() {
        let yes = Keymap::standard().chords(Action::Yes);
        for info in TABLE.iter().filter(|info| info.danger == Danger::Mutates && info.action != Action::Yes) {
            assert!(Keymap::standard().chords(info.action).iter().all(|chord| !yes.contains(chord)), "{}", info.name);
        }
    }

    /// The README's key table is the one the program would print; `FVTOP_BLESS=1` writes it.
    #[test]
    fn readme_shows_these_keys() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        let readme = std::fs::read_to_string(path).unwrap_or_default();
        let (begin, end) = ("<!-- keys:begin -->", "<!-- keys:end -->");
        let Some((before, rest)) = readme.split_once(begin) else { return };
        let (table, after) = rest.split_once(end).expect("the markers come in pairs");
        if table.trim() == keys_markdown().trim() {
            return;
        }
        assert!(std::env::var_os("FVTOP_BLESS").is_some(), "README.md shows other keys; FVTOP_BLESS=1 writes them");
        std::fs::write(path, format!("{before}{begin}\n{}\n{end}{after}", keys_markdown().trim())).unwrap();
    }
}
