//! Datasets: results that somebody wants to keep (docs/semantics.md section 8.4), below `{root}/{workspace}/{name}`.
//!
//! A dataset is one folder with a Parquet file and a description of it, or with a description alone and a place for the
//! rows that a client writes. It is made under another name and renamed once it is whole and on disk, so that a crash
//! leaves none or a whole one; and never written again here. Calls block on the disk.

use std::io;
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, ParquetReader, SerReader};
use thiserror::Error;
use uuid::Uuid;

use crate::model::Time;
use crate::platform::compute::Cause;
use crate::platform::frame;
use crate::wire::queries::{DamagedDataset, Dataset, DatasetColumn, DatasetList, LONGEST_NAME, is_plain_name};

mod disk;
mod outside;

use disk::Description;

/// Why something about datasets was not done.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The name cannot be one.
    #[error(
        "`{}` cannot be the name of a dataset: use letters, digits, `_`, `-` and `.`, at most {LONGEST_NAME}, not \
         beginning with `.` or `-`.",
        crate::model::clean(.0)
    )]
    Name(String),
    #[error(
        "Workspace `{workspace}` has a dataset `{name}` already, and datasets are never overwritten. Choose another name."
    )]
    Taken { workspace: String, name: String },
    #[error("There is no dataset `{name}` in workspace `{workspace}`. `fvtop datasets list` shows those there are.")]
    Missing { workspace: String, name: String },
    #[error("Dataset `{name}` is damaged: {problem}")]
    Damaged {
        name: String,
        /// What is wrong, and what to do next.
        problem: String,
        source: Cause,
    },
    /// Its client has written no rows yet.
    #[error("Dataset `{name}` has no rows yet: the client that made it writes them to {}.", folder.display())]
    Unwritten {
        name: String,
        /// Where they are to be.
        folder: PathBuf,
    },
    #[error("Dataset `{name}` cannot be written: {problem}. Check the disk of the data directory.")]
    Disk {
        name: String,
        #[source]
        problem: Cause,
    },
}

/// What is known of a dataset before it is kept.
#[derive(Clone, Debug)]
pub struct NewDataset {
    pub name: String,
    pub workspace: String,
    /// The view that it holds features of; empty for one of a feature service.
    pub feature_view: String,
    /// The feature service that it holds features of.
    pub feature_service: Option<String>,
    /// The spine's columns that are no times; absent without a spine.
    pub key_columns: Option<Vec<String>>,
    /// The spine's time column; absent without a spine.
    pub timestamp_key: Option<String>,
}

/// The datasets of a deployment.
#[derive(Debug)]
pub struct Datasets {
    root: PathBuf,
}

impl Datasets {
    /// The datasets below `root`. Clears away what a crash left half made; must not run beside another process.
    ///
    /// # Errors
    /// When the folder is there but cannot be read.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        disk::clear(&root)?;
        Ok(Self { root })
    }

    /// The datasets below `root`, to be looked at: nothing is cleared away.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The name to keep a result under: the one that is wanted when it can be one and is free in that workspace, else
    /// one made of the view's name, the time and some random digits.
    ///
    /// # Errors
    /// When the wanted name cannot be one, or is used.
    pub fn name(&self, workspace: &str, wanted: Option<&str>, view: &str, now: Time) -> Result<String, DatasetError> {
        let Some(name) = wanted else { return Ok(generated(view, now)) };
        if !is_plain_name(name) {
            return Err(DatasetError::Name(name.to_owned()));
        }
        match self.folder(workspace, name).symlink_metadata() {
            Ok(_) => Err(taken(workspace, name)),
            Err(_) => Ok(name.to_owned()),
        }
    }

    /// Keeps a table; on disk when this returns.
    ///
    /// # Errors
    /// When the name cannot be one or is used, or the disk fails; then nothing is left behind.
    pub fn save(&self, new: NewDataset, rows: &DataFrame, now: Time) -> Result<Dataset, DatasetError> {
        let (schema, height) = (columns(rows), rows.height() as u64);
        self.make(new, schema, height, Some(rows), now)
    }

    /// Makes a dataset whose rows a client will write to its [`Datasets::location`]; on disk when this returns.
    ///
    /// # Errors
    /// As [`Datasets::save`].
    pub fn reserve(&self, new: NewDataset, schema: Vec<DatasetColumn>, now: Time) -> Result<Dataset, DatasetError> {
        self.make(new, schema, 0, None, now)
    }

    fn make(
        &self,
        new: NewDataset,
        schema: Vec<DatasetColumn>,
        height: u64,
        rows: Option<&DataFrame>,
        now: Time,
    ) -> Result<Dataset, DatasetError> {
        let name = self.name(&new.workspace, Some(&new.name), &new.feature_view, now)?;
        let folder = self.folder(&new.workspace, &name);
        let dataset = Dataset {
            name: name.clone(),
            workspace: new.workspace.clone(),
            feature_view: new.feature_view,
            feature_service: new.feature_service,
            created_at: now,
            key_columns: new.key_columns,
            timestamp_key: new.timestamp_key,
            schema,
            rows: height,
            bytes: 0,
        };
        match disk::make(&folder, rows, dataset) {
            Ok(dataset) => Ok(dataset),
            Err(disk::Problem::Taken) => Err(taken(&new.workspace, &name)),
            Err(disk::Problem::Other(problem)) => Err(DatasetError::Disk { name, problem }),
        }
    }

    /// Takes a dataset out of every list and frees its name; its rows stay on the disk. On disk when this returns.
    ///
    /// # Errors
    /// When it is not there, or the disk fails.
    pub fn archive(&self, workspace: &str, name: &str) -> Result<(), DatasetError> {
        if !self.is_there(workspace, name) {
            return Err(missing(workspace, name));
        }
        let failed = |error: io::Error| DatasetError::Disk { name: name.to_owned(), problem: error.into() };
        disk::archive(&self.folder(workspace, name), name).map_err(failed)
    }

    /// Where the rows of a dataset are: a Parquet file, or a folder that a client writes, which may not be there yet.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub fn location(&self, workspace: &str, name: &str) -> Result<PathBuf, DatasetError> {
        let description = self.description(workspace, name)?;
        let path = self.folder(workspace, name).join(description.file);
        Ok(std::path::absolute(&path).unwrap_or(path))
    }

    /// The datasets of a workspace by name, and those that are damaged.
    ///
    /// # Errors
    /// When the folder is there but cannot be read.
    pub fn list(&self, workspace: &str) -> io::Result<DatasetList> {
        let mut list = DatasetList::default();
        for name in disk::names(&self.root.join(workspace))? {
            match self.describe(workspace, &name) {
                Ok(dataset) => list.datasets.push(dataset),
                Err(DatasetError::Damaged { name, problem, .. }) => list.damaged.push(DamagedDataset { name, problem }),
                // It went meanwhile, or is no dataset.
                Err(_) => {}
            }
        }
        Ok(list)
    }

    /// What is known of a dataset.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub fn describe(&self, workspace: &str, name: &str) -> Result<Dataset, DatasetError> {
        self.description(workspace, name).map(|description| description.dataset)
    }

    /// The rows of a dataset.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub fn read(&self, workspace: &str, name: &str) -> Result<DataFrame, DatasetError> {
        let description = self.description(workspace, name)?;
        let path = self.folder(workspace, name).join(&description.file);
        if description.by_client {
            let rows = outside::read(&path).map_err(|problem| damaged(name, &path, problem.into()))?;
            return rows.ok_or_else(|| DatasetError::Unwritten { name: name.to_owned(), folder: path });
        }
        let open = std::fs::File::open(&path).map_err(Cause::from);
        let rows = open.and_then(|file| ParquetReader::new(file).finish().map_err(Cause::from));
        rows.map_err(|cause| damaged(name, &path, cause))
    }

    fn folder(&self, workspace: &str, name: &str) -> PathBuf {
        self.root.join(workspace).join(name)
    }

    fn is_there(&self, workspace: &str, name: &str) -> bool {
        is_plain_name(name) && self.folder(workspace, name).is_dir()
    }

    fn description(&self, workspace: &str, name: &str) -> Result<Description, DatasetError> {
        if !self.is_there(workspace, name) {
            return Err(missing(workspace, name));
        }
        let folder = self.folder(workspace, name);
        let mut description = disk::read(&folder).map_err(|(path, cause)| damaged(name, &path, cause))?;
        // The folder's name is the one that it is found by.
        name.clone_into(&mut description.dataset.name);
        Ok(description)
    }
}

fn taken(workspace: &str, name: &str) -> DatasetError {
    DatasetError::Taken { workspace: workspace.to_owned(), name: name.to_owned() }
}

fn missing(workspace: &str, name: &str) -> DatasetError {
    DatasetError::Missing { workspace: workspace.to_owned(), name: name.to_owned() }
}

fn damaged(name: &str, path: &Path, source: Cause) -> DatasetError {
    let problem = format!("{} cannot be read: {source}. Restore it, or remove the dataset's folder.", path.display());
    DatasetError::Damaged { name: name.to_owned(), problem, source }
}

fn generated(view: &str, now: Time) -> String {
    let random = Uuid::new_v4().simple().to_string();
    let view: String = view.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(80).collect();
    let view = if view.is_empty() { "dataset" } else { &view };
    format!("{view}-{}-{}", now.format("%Y%m%d-%H%M%S"), random.get(..8).unwrap_or_default())
}

fn columns(rows: &DataFrame) -> Vec<DatasetColumn> {
    let word = |polars| frame::data_type(polars).map_or_else(|| polars.to_string(), |known| known.to_string());
    let schema = rows.schema();
    schema.iter().map(|(name, polars)| DatasetColumn { name: name.to_string(), data_type: word(polars) }).collect()
}

#[cfg(test)]
mod tests;
