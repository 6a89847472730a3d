//! The words of the field as plain types: feature view, join key, job, attempt, feature vector, freshness.
//!
//! Everything here is plain data that any other room may hold. This room must not do I/O, must not know the wire
//! format, and imports nothing else of ours.

pub(crate) mod access;
pub(crate) mod attempt;
pub(crate) mod clean;
pub(crate) mod coverage;
pub(crate) mod deletion;
pub(crate) mod feature_view;
pub(crate) mod foreign;
pub(crate) mod freshness;
pub(crate) mod id;
pub(crate) mod job;
pub(crate) mod query;
pub(crate) mod size;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod suggest;
pub mod time;
pub(crate) mod value;
pub(crate) mod vector;
pub(crate) mod workspace;

pub use access::{AuditEntry, Right, Role};
pub use attempt::{AttemptDetail, Stage, StageKind, StageState};
pub use clean::{clean, clean_lines, cut};
pub use coverage::Coverage;
pub use deletion::{DeletionStarted, Stores};
pub use feature_view::{BatchTrigger, Feature, FeatureView, JoinKey, ViewKind};
pub use freshness::Freshness;
pub use id::Id;
pub use job::{Allowed, Attempt, AttemptState, Job, JobState, JobType, TriggerRequest};
pub use query::QueryProgress;
pub use status::{StatusOptions, StatusOrder, StatusTable, UnknownColumn};
pub(crate) use stream::STREAM_COUNTS;
pub use stream::{StreamCounts, StreamFigures, StreamPartition};
pub use time::{Span, Time, Window};
pub use value::{DataType, Value, float_order};
pub use vector::{FeatureStatus, FeatureValue, FeatureVector, FeatureVectors};
pub use workspace::Workspace;
