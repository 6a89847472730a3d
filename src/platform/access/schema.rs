//! The layouts of the two files: each a list of steps, from an empty file on.

/// `access.sqlite`. A name belongs to one key that is not revoked; a hash to one key for good, so that a revoked key
/// stays revoked. `source` is the key file that a key was taken from.
pub(super) const API_KEYS: &[&str] = &["
CREATE TABLE keys (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'consumer', 'operator', 'editor', 'owner')),
    obscured TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at INTEGER,
    source TEXT
) STRICT;
CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked_at IS NULL;
"];

/// `audit.sqlite`. What was asked for is one row, what came of it another, so that neither is ever touched again.
pub(super) const AUDIT: &[&str] = &["
CREATE TABLE deeds (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    request TEXT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    call TEXT NOT NULL,
    workspace TEXT NOT NULL,
    feature_view TEXT NOT NULL,
    words TEXT NOT NULL
) STRICT;
CREATE TABLE outcomes (
    deed INTEGER PRIMARY KEY REFERENCES deeds (seq),
    at INTEGER NOT NULL,
    code INTEGER NOT NULL,
    sentence TEXT NOT NULL
) STRICT;
CREATE TRIGGER deeds_stay BEFORE UPDATE ON deeds BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER deeds_last BEFORE DELETE ON deeds BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER outcomes_stay BEFORE UPDATE ON outcomes BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER outcomes_last BEFORE DELETE ON outcomes BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"];
