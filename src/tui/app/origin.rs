//! What a table answers: a query, a lookup of many keys, or a status table; in words, and with the form to go back to.

use std::path::PathBuf;

use super::windows::query_form::QueryForm;
use crate::model::Time;
use crate::model::time::print_time;
use crate::wire::queries::Query;

/// Why the query of a table cannot be edited.
pub(super) const NO_FORM: &str = "This table came from no form.";

/// What was asked for, with what it takes to ask again.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A query, and the form it came from.
    Query { form: Box<QueryForm>, query: Box<Query<PathBuf>> },
    /// A lookup of all values of the wildcard key.
    Lookup {
        feature_view: String,
        /// The other keys as typed, in one line.
        keys: String,
    },
    /// The attempts of all jobs of a view.
    Status {
        feature_view: String,
        /// Of deletion jobs, else of materialization jobs.
        deletions: bool,
    },
}

impl Origin {
    /// Its name on the screen and in file names.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Query { form, .. } => form.kind.name(),
            Self::Lookup { .. } => "lookup",
            Self::Status { deletions: false, .. } => "materialization_status",
            Self::Status { deletions: true, .. } => "deletion_status",
        }
    }

    /// The view it is about.
    pub(crate) fn feature_view(&self) -> &str {
        match self {
            Self::Query { query, .. } => query.feature_view(),
            Self::Lookup { feature_view, .. } | Self::Status { feature_view, .. } => feature_view,
        }
    }

    /// The form to go back to, if it came from one.
    pub(crate) fn form(&self) -> Option<&QueryForm> {
        match self {
            Self::Query { form, .. } => Some(form),
            Self::Lookup { .. } | Self::Status { .. } => None,
        }
    }

    /// What was asked for, in one line.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Query { query, .. } => sentence(query),
            Self::Lookup { keys, .. } => format!("{keys}, one row a value of the wildcard key, now"),
            Self::Status { .. } => "one row an attempt, of every job; times are UTC".to_owned(),
        }
    }
}

/// What is asked for, in one line.
pub(super) fn sentence(query: &Query<PathBuf>) -> String {
    let range = |start: Option<Time>, end: Option<Time>| match (start, end) {
        (Some(start), Some(end)) => format!("{} – {}", print_time(start), print_time(end)),
        (Some(start), None) => format!("from {}", print_time(start)),
        (None, Some(end)) => format!("until {}", print_time(end)),
        (None, None) => String::new(),
    };
    let mut parts = Vec::new();
    match query {
        Query::Run(run) => {
            parts.push(range(run.start_time, run.end_time));
            parts.extend(run.aggregation_level.as_ref().map(|level| format!("level {level}")));
            parts.extend(run.mock_sources.iter().map(|(name, file)| format!("{name} from {}", file.display())));
        }
        Query::History(history) => {
            parts.extend(history.spine.as_ref().map(|file| format!("spine {}", file.display())));
            parts.extend(history.timestamp_key.as_ref().map(|key| format!("at {key}")));
            parts.push(range(history.start_time, history.end_time));
            parts.extend(history.entities.as_ref().map(|file| format!("keys of {}", file.display())));
            parts.push(if history.from_source { "from the source" } else { "from the offline store" }.to_owned());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}
