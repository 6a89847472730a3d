//! Who may do what: rights, and the roles that bundle them (docs/wire.md section 1.8); and an entry of the log of who
//! did what.

use super::Time;

/// The right that a call or a path of the API needs; docs/keys.md says which needs which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Nothing at all, not even a key.
    Public,
    /// Any key that is not revoked.
    AnyKey,
    /// Ask for the deployment's configuration, send it logs.
    ReadOrganization,
    /// Look at workspaces, feature views and what they refer to.
    ReadConfig,
    /// Look at jobs, status tables, summaries, freshness, serving status.
    ReadMaterializationState,
    /// Read feature values: online, historical, of a run, of a stream, of a dataset.
    ReadFeatures,
    /// Start, cancel, retry and restart jobs.
    UpdateMaterializationState,
    /// Delete keys from the stores.
    DeleteFeatures,
    /// Send records to the streams of sources.
    IngestRecords,
    /// Make datasets of results, and archive those that are there.
    WriteDatasets,
    /// Make and delete workspaces and definitions.
    WriteConfig,
    /// Look at API keys other than one's own, and at the audit log.
    ListServiceAccounts,
    /// Make and revoke API keys.
    ManageServiceAccounts,
}

impl Right {
    /// Whether a call with this right changes something, and so stands in the audit log.
    pub const fn changes(self) -> bool {
        match self {
            Self::UpdateMaterializationState
            | Self::DeleteFeatures
            | Self::WriteDatasets
            | Self::WriteConfig
            | Self::ManageServiceAccounts => true,
            Self::Public
            | Self::AnyKey
            | Self::ReadOrganization
            | Self::ReadConfig
            | Self::ReadMaterializationState
            | Self::ReadFeatures
            // What was sent stands in the log of its source.
            | Self::IngestRecords
            | Self::ListServiceAccounts => false,
        }
    }
}

/// A bundle of rights that an API key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Looks at everything but feature values.
    Viewer,
    /// Reads feature values as well.
    Consumer,
    /// Looks, and runs, cancels and retries jobs; no feature values.
    Operator,
    /// Consumer and operator; deletes keys, makes datasets and workspaces.
    Editor,
    /// May do everything, which includes making and revoking API keys.
    Owner,
}

impl Role {
    /// All of them, the weakest first.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Consumer, Self::Operator, Self::Editor, Self::Owner];

    /// The role in the one word that options, key files and the API write it with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Consumer => "consumer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }

    /// The role of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == word)
    }

    /// Whether a key with this role may do what needs that right.
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Public
            | Right::AnyKey
            | Right::ReadOrganization
            | Right::ReadConfig
            | Right::ReadMaterializationState => true,
            Right::ReadFeatures => matches!(self, Self::Consumer | Self::Editor | Self::Owner),
            Right::UpdateMaterializationState => matches!(self, Self::Operator | Self::Editor | Self::Owner),
            Right::DeleteFeatures | Right::IngestRecords | Right::WriteDatasets | Right::WriteConfig => {
                matches!(self, Self::Editor | Self::Owner)
            }
            Right::ListServiceAccounts | Right::ManageServiceAccounts => self == Self::Owner,
        }
    }
}

/// One entry of a deployment's audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When the change was asked for.
    pub at: Time,
    /// The name of the key that asked.
    pub key: String,
    /// The name of the protocol's call, or an HTTP method and path.
    pub call: String,
    /// The workspace that was meant; empty where none was.
    pub workspace: String,
    /// The feature view that was meant; empty where none was.
    pub feature_view: String,
    /// What was asked for, in a few words.
    pub words: String,
    /// Whether it was done; absent while it runs, and when nobody saw its end.
    pub done: Option<bool>,
    /// What came of it, in a word or two.
    pub outcome: String,
    /// What was made, or why it was not done.
    pub sentence: String,
    /// The caller's name for its request.
    pub request: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_runs_jobs_but_reads_no_features_and_only_owners_make_keys() {
        assert!(Role::Operator.may(Right::UpdateMaterializationState) && !Role::Operator.may(Right::ReadFeatures));
        assert!(Role::Consumer.may(Right::ReadFeatures) && !Role::Consumer.may(Right::UpdateMaterializationState));
        let may = |right| Role::ALL.into_iter().filter(|role| role.may(right)).count();
        assert_eq!((may(Right::ReadConfig), may(Right::DeleteFeatures), may(Right::ManageServiceAccounts)), (5, 2, 1));
        assert!(Role::ALL.into_iter().all(|role| Role::named(role.name()) == Some(role)));
    }
}
