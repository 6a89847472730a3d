//! How far a computation is that somebody waits for.

/// How far a computation is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryProgress {
    /// What is being done, in the progressive form, such as `reading the spine` or `computing`.
    pub step: String,
    /// Share of the step that is done, 0 to 1; absent where nobody knows.
    pub share: Option<f32>,
    /// Rows of the source read so far.
    pub rows_read: Option<u64>,
}
