//! The layouts of `quarantine.sqlite`: a list of steps, from an empty file on.

/// `about` is the file's own identity, by which the online store names records of this file and of no other. Of each
/// view and reason `totals` keeps what there is and what became of the rest, so that no row is counted by looking:
/// met = held + released + dropped + pushed_out.
///
/// `behind` stands for the position from which the record was read. While the view's stream is still there, the record
/// will be read again.
pub(super) const LAYOUTS: &[&str] = &["
CREATE TABLE about (file BLOB NOT NULL CHECK (length(file) = 16)) STRICT;
INSERT INTO about VALUES (randomblob(16));
CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    view TEXT NOT NULL,
    reason TEXT NOT NULL,
    place TEXT NOT NULL,
    sentence TEXT NOT NULL,
    met INTEGER NOT NULL,
    behind BLOB NOT NULL,
    bytes BLOB NOT NULL,
    length INTEGER NOT NULL,
    size INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    tried INTEGER,
    error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX records_once ON records (view, place, reason);
CREATE INDEX records_of_view ON records (view, id);
CREATE TABLE totals (
    view TEXT NOT NULL,
    reason TEXT NOT NULL,
    met INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    released INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,
    pushed_out INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (view, reason)
) STRICT;
"];
