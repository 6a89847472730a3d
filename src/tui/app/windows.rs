//! The windows over the panes, one file each.

pub(in crate::tui) mod chooser;
pub(in crate::tui) mod delete_keys;
#[cfg(test)]
mod delete_keys_tests;
pub(in crate::tui) mod help;
pub(in crate::tui) mod job;
pub(in crate::tui) mod journal;
pub(in crate::tui) mod query;
pub(in crate::tui) mod query_form;
#[cfg(test)]
mod query_tests;
pub(in crate::tui) mod question;
pub(in crate::tui) mod table;
pub(in crate::tui) mod trigger;
