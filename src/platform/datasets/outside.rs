//! The rows of datasets that clients write themselves: Parquet files in a folder, or a Delta table in it.
//!
//! Nothing here is trusted. The Parquet is read by the transaction log's library, for Polars takes sizes that a file
//! states at their word and ends the process where they lie; no path leads out of the folder.

use std::fs::{self, File};
use std::io::{self, Cursor};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use deltalake_core::arrow::array::RecordBatch;
use deltalake_core::arrow::datatypes::{DataType, Field, Schema};
use deltalake_core::arrow::ipc::writer::StreamWriter;
use deltalake_core::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use polars::prelude::{DataFrame, Expr, IntoLazy, IpcStreamReader, SerReader, col};

use crate::model::foreign::short;
use crate::platform::frame;
use crate::wire::parquet::careful;

/// Most files of one dataset.
const MOST_FILES: usize = 10_000;
/// Most bytes that the rows of one dataset may take, unpacked.
const MOST_BYTES: u64 = 1 << 30;
/// Most bytes of a transaction log.
const LONGEST_LOG: u64 = 64 << 20;
/// The folder of a transaction log.
const LOG: &str = "_delta_log";
/// Most characters of a column's name that a refusal repeats.
const SHOWN: usize = 200;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// How much the files of the folder hold, by what they say of themselves; nothing where nothing was written yet.
pub(super) fn size(folder: &Path) -> Result<Size, String> {
    careful(|| {
        let mut size = Size::default();
        for path in files(folder)? {
            let parquet = Parquet::open(&path)?;
            size.rows = size.rows.saturating_add(parquet.rows());
            size.bytes = size.bytes.saturating_add(parquet.on_disk);
        }
        Ok(size)
    })
}

/// The rows of the folder's files; absent where nothing was written yet.
pub(super) fn read(folder: &Path) -> Result<Option<DataFrame>, String> {
    careful(|| {
        let files = files(folder)?;
        if files.is_empty() { Ok(None) } else { read_files(&files).map(Some) }
    })
}

/// The data files: those of the Delta table where there is one, else all Parquet files. Names that begin with `.` or
/// `_` are Spark's own.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(short(&error)),
        Ok(found) if !found.is_dir() => return Err("it is not a folder".to_owned()),
        Ok(_) => {}
    }
    let log = folder.join(LOG);
    if log.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return delta_files(folder, &log);
    }
    let mut files: Vec<_> = plain_files(folder)?.into_iter().map(|(path, _)| path).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".parquet") && !name.starts_with(['.', '_'])
    });
    files.sort();
    Ok(files)
}

/// The files in a folder with their bytes; links and folders are left out.
fn plain_files(folder: &Path) -> Result<Vec<(PathBuf, u64)>, String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| short(&error))? {
        let entry = entry.map_err(|error| short(&error))?;
        // Of the link itself where it is one: links are not followed out of the folder.
        let kind = entry.metadata().map_err(|error| short(&error))?;
        if !kind.is_file() {
            continue;
        }
        found.push((entry.path(), kind.len()));
        if found.len() > MOST_FILES {
            return Err(format!("it holds more than {MOST_FILES} files"));
        }
    }
    Ok(found)
}

fn delta_files(folder: &Path, log: &Path) -> Result<Vec<PathBuf>, String> {
    let length: u64 = plain_files(log)?.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
    if length > LONGEST_LOG {
        return Err(format!("its {LOG} is larger than {} MiB", LONGEST_LOG >> 20));
    }
    let table = load(folder)?;
    let state = table.snapshot().map_err(|error| short(&error))?;
    if !state.metadata().partition_columns().is_empty() {
        return Err("it is a partitioned Delta table, which is not read here. Write it without partitions".to_owned());
    }
    if state.metadata().configuration().get("delta.columnMapping.mode").is_some_and(|mode| mode != "none") {
        return Err("its Delta table maps column names, which is not read here. Write it without".to_owned());
    }
    let mut files = Vec::new();
    for file in state.log_data().iter() {
        if file.deletion_vector_descriptor().is_some() {
            return Err("its Delta table has deletion vectors, which are not read here. Write it without".to_owned());
        }
        files.push(below(folder, file.path().as_ref())?);
        if files.len() > MOST_FILES {
            return Err(format!("it holds more than {MOST_FILES} files"));
        }
    }
    files.sort();
    Ok(files)
}

fn load(folder: &Path) -> Result<DeltaTable, String> {
    let url = url::Url::from_directory_path(folder).map_err(|()| "its path is no address".to_owned())?;
    // A runtime of its own, for this may be called from any thread that may block.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| short(&error))?;
    let table = runtime.block_on(async { DeltaTableBuilder::from_url(url)?.load().await });
    runtime.shutdown_background();
    table.map_err(|error| short(&error))
}

/// A file that a log names, which must lie below the folder and be no link.
fn below(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let relative = Path::new(name);
    let path = folder.join(relative);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    match path.symlink_metadata() {
        Ok(found) if inside && found.is_file() => Ok(path),
        _ => Err(format!("its {LOG} names a file that is not below it")),
    }
}

/// One file, its footer read.
struct Parquet {
    builder: ParquetRecordBatchReaderBuilder<File>,
    on_disk: u64,
}

impl Parquet {
    fn open(path: &Path) -> Result<Self, String> {
        let name = || path.file_name().unwrap_or_default().to_string_lossy();
        let failed = |error: &dyn std::fmt::Display| format!("{}: {}", name(), short(error));
        let file = File::open(path).map_err(|error| failed(&error))?;
        let on_disk = file.metadata().map_err(|error| failed(&error))?.len();
        // What the file says of Arrow's types is not taken: the plain ones are enough.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options);
        let builder = builder.map_err(|error| failed(&error))?;
        Ok(Self { builder, on_disk })
    }

    fn rows(&self) -> u64 {
        u64::try_from(self.builder.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    fn bytes(&self) -> u64 {
        let groups = self.builder.metadata().row_groups().iter();
        let sizes = groups.map(|group| u64::try_from(group.total_byte_size()).unwrap_or(u64::MAX));
        sizes.fold(0, u64::saturating_add)
    }

    /// Its columns, when all can be read.
    fn schema(&self) -> Result<Arc<Schema>, String> {
        let field = |field: &Arc<Field>| {
            if !is_plain(field.data_type()) {
                let shown: String = field.name().chars().take(SHOWN).collect();
                return Err(format!("column `{shown}` has the type {}, which is not read here", field.data_type()));
            }
            Ok(Field::new(field.name(), field.data_type().clone(), true))
        };
        let fields = self.builder.schema().fields().iter().map(field).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Schema::new(fields)))
    }
}

/// Whether the type is one of those that features and keys have.
fn is_plain(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Boolean | T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64 => true,
        T::Utf8 | T::Date32 | T::Timestamp(..) => true,
        T::List(element) => is_plain(element.data_type()),
        _ => false,
    }
}

fn read_files(files: &[PathBuf]) -> Result<DataFrame, String> {
    let files = files.iter().map(|path| Parquet::open(path)).collect::<Result<Vec<_>, _>>()?;
    let stated = files.iter().map(Parquet::bytes).fold(0, u64::saturating_add);
    if stated > MOST_BYTES {
        return Err(too_large());
    }
    let schema = files.first().map_or_else(|| Ok(Arc::new(Schema::empty())), Parquet::schema)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(|error| short(&error))?;
    let mut held = 0_u64;
    for file in files {
        if file.schema()? != schema {
            return Err("its files do not have the same columns".to_owned());
        }
        for batch in file.builder.build().map_err(|error| short(&error))? {
            let batch = batch.map_err(|error| short(&error))?;
            held = held.saturating_add(batch.get_array_memory_size() as u64);
            if held > MOST_BYTES {
                return Err(too_large());
            }
            let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec());
            batch.and_then(|batch| writer.write(&batch)).map_err(|error| short(&error))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| short(&error))?;
    let frame = IpcStreamReader::new(Cursor::new(bytes)).finish().map_err(|error| short(&error))?;
    normal(frame).map_err(|error| short(&error))
}

/// The columns in the one form that the platform has for each type.
fn normal(frame: DataFrame) -> polars::prelude::PolarsResult<DataFrame> {
    let schema = Arc::clone(frame.schema());
    let column = |(name, data_type): (&_, &_)| -> Expr {
        let name: &polars::prelude::PlSmallStr = name;
        frame::normal(name, data_type).unwrap_or_else(|| col(name.clone()))
    };
    let columns: Vec<Expr> = schema.iter().map(column).collect();
    frame.lazy().select(columns).collect()
}

fn too_large() -> String {
    format!("its rows take more than {} MiB. Read the files themselves", MOST_BYTES >> 20)
}
