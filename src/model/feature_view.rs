//! A stream feature view as its users see it: its attributes (docs/reference.md, Attributes), and what its pages need.

use std::collections::BTreeMap;

use super::{DataType, Id, Span, Time};

/// How a view makes its features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewKind {
    /// Features over time windows, built of tiles (or of single events where the interval is absent: continuous).
    Aggregate {
        /// Size of a tile; absent in continuous mode.
        interval: Option<Span>,
    },
    /// The latest row of each key.
    Temporal {
        /// How long a row counts; absent for ever.
        ttl: Option<Span>,
    },
    /// Computed when it is asked for; nothing is stored.
    OnDemand,
    /// Something this program shows but does not know.
    Other,
}

/// Who starts batch materialization jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchTrigger {
    /// The platform starts one each `batch_schedule`, when its window is complete.
    Scheduled,
    /// The user, job by job.
    Manual,
    /// Nobody: the view is never materialized from its batch source.
    NoBatch,
}

/// One join key column; a lookup gives a value for it, unless it is the wildcard key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinKey {
    /// The column's name, which requests and results use.
    pub name: String,
    /// Declared type; int64 or string.
    pub data_type: DataType,
}

/// One feature of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Public name, such as `arr_delay_mean_1d_1h`.
    pub name: String,
    /// Type of its values, where known.
    pub data_type: Option<DataType>,
    /// What it computes, such as `mean(arr_delay) over 1d`; empty for plain columns.
    pub definition: String,
}

/// One feature view of one workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureView {
    /// Identity, shown as 32 hexadecimal digits.
    pub id: Id,
    /// Name, unique in its workspace.
    pub name: String,
    /// Name of the workspace that it was applied in.
    pub workspace: String,
    /// What it is for, in its author's words; empty where none were given. Text from outside.
    pub description: String,
    /// Who keeps it, mostly an address; empty where nobody is named.
    pub owner: String,
    /// Free text that groups views; deprecated (docs/reference.md, Attributes).
    pub family: String,
    /// Labels by their names, as the definition gives them.
    pub tags: BTreeMap<String, String>,
    /// Names of its entities, in definition order.
    pub entities: Vec<String>,
    /// Names of its data sources.
    pub data_sources: Vec<String>,
    /// Join keys, in the order that counts everywhere.
    pub join_keys: Vec<JoinKey>,
    /// Join keys that a lookup must give; a join key missing here is the wildcard key.
    pub online_serving_index: Vec<String>,
    /// Name of the timestamp column.
    pub timestamp_field: Option<String>,
    /// Features in the order in which the definition has them, which is that of results.
    pub features: Vec<Feature>,
    /// How features are made: over windows, from the latest row, or when asked for.
    pub kind: ViewKind,
    /// Whether it reads a stream.
    pub is_stream: bool,
    /// Whether it is written to the online store.
    pub online: bool,
    /// Whether it is written to the offline store.
    pub offline: bool,
    /// Whether it is materialized at all (a view of a workspace that is not live is not).
    pub materialization_enabled: bool,
    /// How often batch jobs are scheduled.
    pub batch_schedule: Option<Span>,
    /// When its features begin; absent where the deployment does not say.
    pub feature_start_time: Option<Time>,
    /// The longest of its time windows; absent without aggregations. Materialization begins that much before the
    /// features do (docs/semantics.md section 10).
    pub longest_window: Option<Span>,
    /// The greatest data delay over its sources.
    pub max_data_delay: Option<Span>,
    /// Who starts its batch jobs; with a manual trigger that is the user alone.
    pub batch_trigger: BatchTrigger,
    /// When it was first applied.
    pub created_at: Option<Time>,
    /// File that declares it, relative to the repository; empty where the deployment does not say.
    pub defined_in: String,
    /// Its page in the web console; empty where there is none.
    pub url: String,
}

impl FeatureView {
    /// The join key that a lookup may leave out, if there is one (docs/wire.md section 2.1).
    pub fn wildcard_join_key(&self) -> Option<&str> {
        self.join_keys
            .iter()
            .map(|key| key.name.as_str())
            .find(|key| !self.online_serving_index.iter().any(|i| i == key))
    }

    /// Whether batch jobs must be started by the user.
    pub fn is_batch_trigger_manual(&self) -> bool {
        self.batch_trigger == BatchTrigger::Manual
    }
}
