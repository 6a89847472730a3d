//! The mark that a retry leaves in the online store: which records of which file the rows of its write were made of.

use super::store::Fate;
use super::{Quarantine, QuarantineError};
use crate::model::Id;

/// The mark of these records.
pub(super) fn encode(file: [u8; 16], ids: &[i64]) -> Vec<u8> {
    file.into_iter().chain(ids.iter().flat_map(|id| id.to_be_bytes())).collect()
}

/// The records that a mark names of this file; none where it is of another one.
fn decode(file: [u8; 16], mark: &[u8]) -> Vec<i64> {
    let Some(ids) = mark.strip_prefix(&file) else { return Vec::new() };
    ids.as_chunks::<8>().0.iter().map(|id| i64::from_be_bytes(*id)).collect()
}

impl Quarantine {
    /// Lets go of the records that were written and are still here.
    ///
    /// # Errors
    /// When the file fails, or the online store cannot tell for now what was written.
    pub(super) fn settle(&self, view: Id) -> Result<(), QuarantineError> {
        let written = self.online.released(view)?.map(|mark| decode(self.store.id(), &mark)).unwrap_or_default();
        if !written.is_empty() {
            self.store.leave(view, &written, Fate::Released)?;
        }
        self.unsettled().remove(&view);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_records_of_its_own_file_alone() {
        let mark = encode([7; 16], &[1, 3, i64::MAX]);
        assert_eq!(decode([7; 16], &mark), [1, 3, i64::MAX]);
        assert!(decode([8; 16], &mark).is_empty(), "another file has other records under these numbers");
        assert_eq!(decode([7; 16], &mark[..25]), [1], "what is cut is left out");
        assert!(decode([7; 16], &[]).is_empty());
    }
}
