//! What a deployment serves, as far as it is known. Plain data.
//!
//! Deployments differ: Tecton's protocol has no call for some of what the console shows, and older releases lack calls
//! that newer ones have. What a deployment never had is asked for now and then, not on each poll.

use std::collections::BTreeMap;

use super::message::Problem;

macro_rules! parts {
    ($($part:ident = $name:literal: $sentence:literal, $hint:ident;)+) => {
        /// A part of what a deployment may serve.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Part { $(#[doc = $sentence] $part,)+ }

        /// All parts: their names, what each tells, and what to do where it is not served.
        pub(crate) const PARTS: &[(Part, &str, &str, &str)] = &[$((Part::$part, $name, $sentence, $hint),)+];
    };
}

/// Hint for what only this project's platform computes.
const OWN: &str = "Tecton's protocol has no call for it; a deployment made by `fvtop serve` has it.";
/// Hint for calls that newer releases have.
const NEWER: &str = "Newer releases of a deployment may have it; the rest works without.";

parts! {
    Workspaces = "workspaces": "The workspaces there are.", NEWER;
    Views = "feature views": "The feature views of a workspace.", NEWER;
    Jobs = "jobs": "The materialization and deletion jobs of a view.", NEWER;
    Reasons = "the status table": "Why attempts ended, when the next one comes, and what may be done with a job.", NEWER;
    Freshness = "freshness": "How old the newest features of a view are.", NEWER;
    Summary = "the summary": "The deployment's own words about a view.", NEWER;
    Coverage = "coverage": "Which windows of a view are materialized where.", NEWER;
    Stages = "attempt stages": "The stages of one attempt of a job.", NEWER;
    Logs = "attempt logs": "The log of one attempt of a job.", NEWER;
    Fleet = "jobs of all views": "The jobs of all views and workspaces in one list.", NEWER;
    Online = "online lookups": "Feature values from the online store.", NEWER;
    Wildcard = "wildcard lookups": "All values of a wildcard key from the online store.", NEWER;
    Queries = "run and history": "What a view gives over a range of time, or for a spine.", OWN;
    Datasets = "datasets": "Results that were kept.", OWN;
    StreamTail = "run_stream": "The records of a view's stream as they come.", OWN;
    Quarantine = "the quarantine": "Records of a stream that no row could be made of.", OWN;
    Streams = "figures of streams": "How far a stream was read, and where its events went.", OWN;
    Audit = "the audit log": "Who changed what, and when.", OWN;
}

/// How a part stands with a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// Not asked for yet on this connection.
    #[default]
    Unknown,
    /// It was answered.
    Served,
    /// The deployment does not have it and never had on this connection; it is asked for again slowly, and when the
    /// user refreshes or opens another view.
    Missing(Problem),
    /// The API key lacks the right; it is asked for again slowly, and when the user refreshes.
    Forbidden(Problem),
}

/// What a deployment serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Serves {
    /// What is known; a part that is not in it is [`Offer::Unknown`].
    offers: BTreeMap<Part, Offer>,
}

impl Part {
    fn row(self) -> (&'static str, &'static str, &'static str) {
        let row = PARTS.iter().find(|(part, ..)| *part == self);
        row.map_or(("", "", ""), |(_, name, sentence, hint)| (*name, *sentence, *hint))
    }

    /// How it is called in a sentence.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What it tells.
    pub fn sentence(self) -> &'static str {
        self.row().1
    }

    /// That a deployment does not have it, and what to do.
    pub fn not_served(self) -> Problem {
        let (name, _, hint) = self.row();
        Problem { what: format!("This deployment does not serve {name}."), hint: hint.to_owned() }
    }

    /// That a deployment does not know what it answered before.
    pub fn no_longer_served(self) -> Problem {
        Problem {
            what: format!("This deployment says that it does not serve {}, and it did before.", self.name()),
            hint: "Another release may be coming up: it is asked again by itself.".to_owned(),
        }
    }
}

impl Offer {
    /// Why nothing is to be expected of it now; absent where it may answer.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Missing(problem) | Self::Forbidden(problem) => Some(problem),
            Self::Unknown | Self::Served => None,
        }
    }
}

impl Serves {
    /// How that part stands.
    pub fn offer(&self, part: Part) -> &Offer {
        self.offers.get(&part).unwrap_or(&Offer::Unknown)
    }

    /// Why that part is not to be expected now, for the pane that would show it.
    pub fn problem(&self, part: Part) -> Option<&Problem> {
        self.offer(part).problem()
    }

    /// Whether the deployment is known not to have it.
    pub fn lacks(&self, part: Part) -> bool {
        matches!(self.offer(part), Offer::Missing(_))
    }

    /// Notes how a part stands; true when that is new.
    pub fn note(&mut self, part: Part, offer: Offer) -> bool {
        let new = *self.offer(part) != offer;
        self.offers.insert(part, offer);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_name_a_sentence_and_words_for_its_absence() {
        for (part, name, sentence, hint) in PARTS {
            assert_eq!((part.name(), part.sentence()), (*name, *sentence));
            assert!(sentence.ends_with('.') && hint.ends_with('.'), "{part:?}");
            assert_eq!(part.not_served().what, format!("This deployment does not serve {name}."));
        }
        let names: std::collections::BTreeSet<_> = PARTS.iter().map(|(_, name, ..)| name).collect();
        assert_eq!(names.len(), PARTS.len());
    }

    #[test]
    fn what_is_known_of_a_part_is_told_and_what_is_new_is_noticed() {
        let mut serves = Serves::default();
        assert_eq!(serves.offer(Part::Audit), &Offer::Unknown);
        assert!(serves.note(Part::Audit, Offer::Missing(Part::Audit.not_served())));
        assert!(!serves.note(Part::Audit, Offer::Missing(Part::Audit.not_served())));
        assert!(serves.lacks(Part::Audit) && !serves.lacks(Part::Jobs));
        assert!(serves.problem(Part::Audit).unwrap().what.contains("audit log"));
        assert!(serves.note(Part::Audit, Offer::Served));
        assert_eq!(serves.problem(Part::Audit), None);
    }
}
