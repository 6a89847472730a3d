//! Frames with join keys beside features: what both sides of a join are called and typed by.
//!
//! Pure functions over frames; no I/O.

use polars::prelude::*;

use crate::model::DataType as Word;
use crate::platform::definition::View;
use crate::platform::frame;

/// The names of feature columns beside a spine: `view.feature`, with the separator of the settings.
pub fn feature_names(view: &View, separator: &str) -> Vec<String> {
    view.feature_names().into_iter().map(|feature| format!("{}{separator}{feature}", view.name)).collect()
}

/// Those keys of a frame in their declared types.
pub fn normal_keys_of(keys: &[(String, Word)], rows: &DataFrame) -> PolarsResult<DataFrame> {
    let column = |(name, word): &(String, Word)| {
        let column = rows.column(name)?;
        let wanted = frame::polars_type(word).unwrap_or(DataType::String);
        if *column.dtype() == wanted { Ok(column.clone()) } else { column.strict_cast(&wanted) }
    };
    DataFrame::new(rows.height(), keys.iter().map(column).collect::<PolarsResult<Vec<_>>>()?)
}
