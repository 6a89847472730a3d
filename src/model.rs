//! The words of the field as plain types: feature view, join key, job, attempt, feature vector, freshness.
//!
//! Everything here is plain data that any other room may hold. This room must not do I/O, must not know the wire
//! format, and imports nothing else of ours.

pub mod access;
pub mod attempt;
pub mod clean;
pub mod coverage;
pub mod deletion;
pub mod feature_view;
pub mod foreign;
pub mod freshness;
pub mod id;
pub mod job;
pub mod query;
pub mod status;
pub mod suggest;
pub mod time;
pub mod value;
pub mod vector;
pub mod workspace;

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
pub use time::{Span, Time, Window};
pub use value::{DataType, Value, float_order};
pub use vector::{FeatureStatus, FeatureValue, FeatureVector, FeatureVectors};
pub use workspace::Workspace;
