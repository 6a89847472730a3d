//! Cleans what a deployment sent, once, at the client's boundary: no control character reaches anybody behind it.

use crate::model::{
    AttemptDetail, AttemptState, DataType, FeatureStatus, FeatureVector, FeatureVectors, FeatureView, Freshness, Job,
    JobState, JobType, StageKind, StatusTable, StreamFigures, Value, Workspace, clean, clean_lines,
};
use crate::wire::access::{AuditRow, KeyInfo};
use crate::wire::quarantine::{QuarantineList, QuarantineRecord, QuarantineRow, RetryAnswer};
use crate::wire::queries::{DamagedDataset, Dataset, DatasetList, QueryStatus};

/// Something made of texts from outside.
pub(super) trait Scrub: Sized {
    /// Cleans every text in it.
    fn scrub(&mut self);

    /// The same, cleaned.
    fn scrubbed(mut self) -> Self {
        self.scrub();
        self
    }
}

impl Scrub for String {
    fn scrub(&mut self) {
        if let std::borrow::Cow::Owned(cleaned) = clean(self) {
            *self = cleaned;
        }
    }
}

impl<T: Scrub> Scrub for Option<T> {
    fn scrub(&mut self) {
        if let Some(inner) = self {
            inner.scrub();
        }
    }
}

impl<T: Scrub> Scrub for Vec<T> {
    fn scrub(&mut self) {
        self.iter_mut().for_each(T::scrub);
    }
}

impl<A: Scrub, B: Scrub> Scrub for (A, B) {
    fn scrub(&mut self) {
        self.0.scrub();
        self.1.scrub();
    }
}

/// A text that may have several lines.
fn lines(text: &mut String) {
    if let std::borrow::Cow::Owned(cleaned) = clean_lines(text) {
        *text = cleaned;
    }
}

impl Scrub for StreamFigures {
    fn scrub(&mut self) {
        for text in [&mut self.workspace, &mut self.feature_view, &mut self.source, &mut self.kind] {
            text.scrub();
        }
        if let Some((reason, sentence)) = &mut self.error {
            reason.scrub();
            lines(sentence);
        }
        if let Some(JobState::Other(word)) = &mut self.state {
            word.scrub();
        }
        self.partitions.iter_mut().for_each(|partition| partition.offset.scrub());
    }
}

impl Scrub for Workspace {
    fn scrub(&mut self) {
        self.name.scrub();
    }
}

impl Scrub for DataType {
    fn scrub(&mut self) {
        match self {
            Self::Array(element) => element.scrub(),
            Self::Other(word) => word.scrub(),
            _ => {}
        }
    }
}

impl Scrub for FeatureView {
    fn scrub(&mut self) {
        lines(&mut self.description);
        for text in [
            &mut self.name,
            &mut self.workspace,
            &mut self.owner,
            &mut self.family,
            &mut self.defined_in,
            &mut self.url,
        ] {
            text.scrub();
        }
        self.tags = std::mem::take(&mut self.tags).into_iter().map(Scrub::scrubbed).collect();
        self.entities.scrub();
        self.data_sources.scrub();
        self.online_serving_index.scrub();
        self.timestamp_field.scrub();
        for key in &mut self.join_keys {
            key.name.scrub();
            key.data_type.scrub();
        }
        for feature in &mut self.features {
            feature.name.scrub();
            feature.data_type.scrub();
            feature.definition.scrub();
        }
    }
}

impl Scrub for Job {
    fn scrub(&mut self) {
        self.workspace.scrub();
        self.feature_view.scrub();
        if let JobType::Other(word) = &mut self.job_type {
            word.scrub();
        }
        if let JobState::Other(word) = &mut self.state {
            word.scrub();
        }
        for attempt in &mut self.attempts {
            if let AttemptState::Other(word) = &mut attempt.state {
                word.scrub();
            }
            attempt.reason.scrub();
            if let Some(message) = &mut attempt.message {
                lines(message);
            }
        }
    }
}

impl Scrub for AttemptDetail {
    fn scrub(&mut self) {
        for stage in &mut self.stages {
            if let StageKind::Other(word) = &mut stage.kind {
                word.scrub();
            }
            stage.description.scrub();
            if let Some(error) = &mut stage.error {
                lines(error);
            }
        }
        self.log.scrub();
    }
}

impl Scrub for StatusTable {
    fn scrub(&mut self) {
        self.rows.iter_mut().flatten().for_each(lines);
    }
}

impl Scrub for Freshness {
    fn scrub(&mut self) {
        self.feature_view.scrub();
    }
}

impl Scrub for FeatureVector {
    fn scrub(&mut self) {
        for feature in &mut self.features {
            feature.name.scrub();
            feature.data_type.scrub();
            feature.value.scrub();
            if let Some(FeatureStatus::Other(word)) = &mut feature.status {
                word.scrub();
            }
        }
        self.join_keys.scrub();
    }
}

impl Scrub for FeatureVectors {
    fn scrub(&mut self) {
        for key in &mut self.wildcard_keys {
            key.name.scrub();
            key.data_type.scrub();
        }
        self.features.scrub();
        self.vectors.scrub();
    }
}

impl Scrub for Value {
    fn scrub(&mut self) {
        match self {
            Self::Text(text) => text.scrub(),
            Self::List(values) => values.scrub(),
            _ => {}
        }
    }
}

/// The error's message stays as it is: an [`super::Error`] cleans it.
impl Scrub for QueryStatus {
    fn scrub(&mut self) {
        self.warnings.scrub();
        self.saved_as.scrub();
    }
}

impl Scrub for DatasetList {
    fn scrub(&mut self) {
        self.datasets.scrub();
        self.damaged.scrub();
    }
}

impl Scrub for Dataset {
    fn scrub(&mut self) {
        for text in [&mut self.name, &mut self.workspace, &mut self.feature_view] {
            text.scrub();
        }
        self.feature_service.scrub();
        self.key_columns.scrub();
        self.timestamp_key.scrub();
        for column in &mut self.schema {
            column.name.scrub();
            column.data_type.scrub();
        }
    }
}

impl Scrub for DamagedDataset {
    fn scrub(&mut self) {
        self.name.scrub();
        self.problem.scrub();
    }
}

impl Scrub for KeyInfo {
    fn scrub(&mut self) {
        let texts = [&mut self.id, &mut self.name, &mut self.description, &mut self.role, &mut self.obscured];
        texts.into_iter().chain([&mut self.created_by]).for_each(Scrub::scrub);
    }
}

impl Scrub for QuarantineRow {
    fn scrub(&mut self) {
        let texts = [&mut self.reason, &mut self.place, &mut self.sentence, &mut self.error];
        texts.into_iter().for_each(Scrub::scrub);
    }
}

impl Scrub for QuarantineList {
    fn scrub(&mut self) {
        self.records.scrub();
        for total in &mut self.totals {
            total.reason.scrub();
            total.means.scrub();
        }
    }
}

/// Its bytes stay as they are: whoever shows them makes text of them.
impl Scrub for QuarantineRecord {
    fn scrub(&mut self) {
        self.record.scrub();
    }
}

impl Scrub for RetryAnswer {
    fn scrub(&mut self) {
        for stays in &mut self.stays {
            [&mut stays.reason, &mut stays.place, &mut stays.sentence].into_iter().for_each(Scrub::scrub);
        }
    }
}

impl Scrub for AuditRow {
    fn scrub(&mut self) {
        let who = [&mut self.request_id, &mut self.key_id, &mut self.key_name, &mut self.call];
        let what = [&mut self.workspace, &mut self.feature_view, &mut self.words, &mut self.sentence];
        who.into_iter().chain(what).for_each(Scrub::scrub);
    }
}
