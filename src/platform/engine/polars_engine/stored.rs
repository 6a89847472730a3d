//! Stored rows as a plan, and sinks for rows that are kept by key: stored tiles, the rows of some keys, and the keys
//! themselves.

use polars::io::HiveOptions;
use polars::prelude::*;

use super::keys::{Keys, UNKNOWN, normal_keys_of};
use super::sink::{Collector, Sink};
use super::tiles::{TileBuilder, Tiles, Wanted};
use super::windows::layout_columns;
use crate::model::DataType as Word;
use crate::platform::definition::View;
use crate::platform::frame::StoredRows;
use crate::platform::tiles::names::ANCHOR;

/// A plan over the rows; it reads nothing yet.
pub(crate) fn scan(stored: &StoredRows) -> PolarsResult<LazyFrame> {
    if stored.files.is_empty() {
        return Ok(stored.frame.clone().lazy());
    }
    let paths = stored.files.iter().map(|path| PlRefPath::try_from_path(path)).collect::<PolarsResult<Vec<_>>>()?;
    let args = ScanArgsParquet {
        // The partition column is in the paths alone, and no part of the layout.
        hive_options: HiveOptions::new_disabled(),
        schema: Some(stored.frame.schema().clone()),
        // Files of earlier versions lack columns that are not shown.
        allow_missing_columns: true,
        glob: false,
        cache: false,
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet_files(paths.into_iter().collect(), args)
}

/// Tiles out of an offline table's rows.
pub(crate) struct StoredTiles {
    view: View,
    wanted: Wanted,
    keys: Keys,
    key: Vec<u32>,
    start: Vec<i64>,
    values: Option<DataFrame>,
}

impl StoredTiles {
    /// Tiles of that view; `keys` says which ids there are already.
    pub(crate) fn new(view: &View, keys: Keys, wanted: Wanted) -> Self {
        Self { view: view.clone(), wanted, keys, key: Vec::new(), start: Vec::new(), values: None }
    }

    pub(crate) fn finish(self) -> PolarsResult<Tiles> {
        let values = match self.values {
            Some(values) => layout_columns(&self.view, &values)?,
            None => TileBuilder::empty(&self.view)?,
        };
        Ok(Tiles { keys: self.keys, key: self.key, start: self.start, values, times: Vec::new() })
    }
}

impl Sink for StoredTiles {
    fn push(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        let ids = self.wanted.ids(&mut self.keys, rows)?;
        let anchors = rows.column(ANCHOR)?.i64()?;
        let kept: BooleanChunked =
            ids.iter().zip(anchors.iter()).map(|(id, at)| *id != UNKNOWN && at.is_some()).collect();
        for (id, at) in ids.iter().zip(anchors.iter()) {
            if let Some(at) = at.filter(|_| *id != UNKNOWN) {
                self.key.push(*id);
                self.start.push(at.div_euclid(1_000));
            }
        }
        let rows = rows.filter(&kept)?;
        match &mut self.values {
            Some(values) => drop(values.vstack_mut_owned(rows)?),
            None => self.values = Some(rows),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let values = self.values.as_ref().map_or(0, DataFrame::estimated_size);
        self.keys.bytes() + self.key.capacity() * 12 + values
    }
}

/// The rows whose keys are among some, by any subset of the join keys.
pub(crate) struct Subset {
    keys: Keys,
    names: Vec<String>,
    rows: Collector,
}

impl Subset {
    /// The rows of these entities.
    pub(crate) fn new(view: &View, entities: &DataFrame) -> PolarsResult<Self> {
        let given = |(name, _): &&(String, Word)| entities.column(name).is_ok();
        let given: Vec<(String, Word)> = view.join_keys.iter().filter(given).cloned().collect();
        let mut keys = Keys::new(&given);
        keys.learn(&normal_keys_of(&given, entities)?)?;
        Ok(Self { keys, names: given.into_iter().map(|(name, _)| name).collect(), rows: Collector::default() })
    }

    pub(crate) fn mask(&mut self, rows: &DataFrame) -> PolarsResult<BooleanChunked> {
        let ids = self.keys.find(&rows.select(&self.names)?)?;
        Ok(ids.iter().map(|id| *id != UNKNOWN).collect())
    }

    /// The rows; without any, a frame of these columns.
    pub(crate) fn rows(self, columns: &[(String, Word)]) -> PolarsResult<DataFrame> {
        self.rows.rows(columns)
    }
}

impl Sink for Subset {
    fn push(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        let kept = rows.filter(&self.mask(rows)?)?;
        self.rows.push(&kept)
    }

    fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

/// All full keys that are seen with some of the keys.
pub(crate) struct KeyCollector {
    given: Keys,
    full: Keys,
}

impl KeyCollector {
    /// The full keys of that view which begin with what `given` knows.
    pub(crate) fn new(view: &View, given: Keys) -> Self {
        Self { given, full: Keys::new(&view.join_keys) }
    }

    pub(crate) fn keys(self) -> PolarsResult<DataFrame> {
        let ids: Vec<u32> = (0..self.full.len() as u32).collect();
        DataFrame::new(ids.len(), self.full.columns(&ids))
    }
}

impl Sink for KeyCollector {
    fn push(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        let known: BooleanChunked = self.given.find(rows)?.iter().map(|id| *id != UNKNOWN).collect();
        self.full.learn(&rows.filter(&known)?).map(drop)
    }

    fn bytes(&self) -> usize {
        self.given.bytes() + self.full.bytes()
    }
}
