//! The form of what the embedded store keeps, and its number in it.
//!
//! Form 4 is the present one. In form 3 the position of a view in its stream was an instant, for all streams were
//! replays; it becomes the replay's offset when the store is opened, in the batch that gives the new number. In form 2
//! tiles held of variances the sums of squares alone; each tile tells which of the two it is of, so that they stay as
//! they are. Form 1 had no number, kept a row's time among its values, and all join keys in the view's order; rows are
//! rewritten when the store is opened, the order of keys when a view is first met.

use std::ops::ControlFlow;
use std::path::Path;

use fjall::OwnedWriteBatch;

use super::super::chunks::PART_BYTES;
use super::super::contract::{ENTRY, ID_BYTES, TIME_BYTES};
use super::super::meta::Meta;
use super::super::{OnlineError, codec};
use super::open::{Kept, Open};
use super::store_error;
use crate::model::Value;
use crate::model::time::{from_micros, micros};
use crate::platform::source::replay;

/// The form that is written.
const FORM: u8 = 4;
/// The form with instants as positions.
const INSTANTS: u8 = 3;
/// The form that has other tiles as well.
const OLDER_TILES: u8 = 2;
/// Where its number stands. Other keys of the keyspace begin with the id of a view and are longer.
const KEY: &[u8] = b"form";

/// Refuses a store of another form, takes one of an earlier form into the present one, and gives a new one its number.
pub(super) fn check(open: &Open, dir: &Path) -> Result<(), OnlineError> {
    check_by(open, dir, &OwnedWriteBatch::commit)
}

/// As [`check`], with what puts batches on disk.
fn check_by(open: &Open, dir: &Path, commit: &dyn Fn(OwnedWriteBatch) -> fjall::Result<()>) -> Result<(), OnlineError> {
    let failed = |error: fjall::Error| store_error(dir, error);
    match open.keyspace(Kept::Views).get(KEY).map_err(failed)?.as_deref() {
        Some([FORM]) => return Ok(()),
        Some([INSTANTS]) => {}
        Some([OLDER_TILES]) => tracing::warn!(
            "the online store was written by an earlier version. Variances over its tiles are exact only while the mean is \
             less than some 1000 times the deviation: materialize the windows of views with variances again with overwrite"
        ),
        Some(other) => {
            return Err(OnlineError::Store {
                path: dir.display().to_string(),
                problem: format!(
                    "it is of form {}, and this version reads forms 1 to {FORM}: use the version that wrote it, or choose \
                     another data directory",
                    match other {
                        [number] => number.to_string(),
                        _ => "unknown".to_owned(),
                    }
                ),
                source: None,
            });
        }
        None => rewrite_rows(open, commit).map_err(failed)?,
    }
    // The positions change together with the number: a position tells nothing of its form.
    let mut batch = open.batch();
    positions(open, &mut batch).map_err(failed)?;
    batch.insert(open.keyspace(Kept::Views), KEY, [FORM]);
    commit(batch).map_err(failed)
}

/// Makes offsets of the instants up to which streams were read.
fn positions(open: &Open, batch: &mut OwnedWriteBatch) -> fjall::Result<()> {
    let views = open.keyspace(Kept::Views);
    open.scan(Kept::Views, &[], &[0xff; ID_BYTES + 1], &mut |key, value| {
        if Meta::Position.is_of(key) {
            match codec::unordered(value) {
                Some(at) => batch.insert(views, key, replay::position(from_micros(at)).encode()),
                None => {
                    tracing::warn!("how far a stream was read is damaged: its view begins anew");
                    batch.remove(views, key);
                }
            }
        }
        ControlFlow::Continue(())
    })
}

/// Moves the time of form 1's rows to the front of their values. Both forms tell themselves apart: the present one
/// begins with an instant, the first with a version byte that no instant of the calendar begins with. So it may be done
/// in parts.
fn rewrite_rows(open: &Open, commit: &dyn Fn(OwnedWriteBatch) -> fjall::Result<()>) -> fjall::Result<()> {
    let mut from = Vec::new();
    loop {
        let (mut batch, mut size, mut next) = (open.batch(), 0, None);
        open.scan(Kept::Rows, &from, &[0xff; ID_BYTES + 1], &mut |key, value| {
            if size >= PART_BYTES {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            if let Some(value) = codec::decode(value).and_then(with_time_in_front) {
                size += key.len() + value.len() + ENTRY;
                batch.insert(open.keyspace(Kept::Rows), key, value);
            }
            ControlFlow::Continue(())
        })?;
        if !batch.is_empty() {
            open.wait_for_flushes()?;
            commit(batch)?;
        }
        match next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}

fn with_time_in_front(mut values: Vec<Value>) -> Option<Vec<u8>> {
    let Some(Value::Time(time)) = values.first().cloned() else { return None };
    let features = codec::encode(&values.split_off(1));
    let mut bytes = Vec::with_capacity(TIME_BYTES + features.len());
    bytes.extend(codec::ordered(micros(time)));
    bytes.extend(features);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;
    use crate::model::{Id, Span};

    /// Form 3 had tiles and rows as they are, form 2 other tiles, form 1 no number.
    #[test]
    fn instants_of_earlier_forms_become_offsets_in_one_write() {
        let base = parse_time("2026-11-22").unwrap();
        let views = [Id(0xa), Id(0xb)];
        let until = [base, base + Span::microseconds(7)];
        for form in [None, Some(2), Some(3)] {
            let folder = tempfile::tempdir().unwrap();
            let open = Open::at(folder.path()).unwrap();
            let kept = open.keyspace(Kept::Views);
            form.into_iter().for_each(|form: u8| kept.insert(KEY, [form]).unwrap());
            for (view, until) in views.iter().zip(until) {
                kept.insert(Meta::Position.key(*view).joined(), codec::instant(until)).unwrap();
                kept.insert(Meta::LatestEvent.key(*view).joined(), codec::instant(base)).unwrap();
            }
            let all = |open: &Open| {
                let mut all = Vec::new();
                let mut visit = |key: &[u8], value: &[u8]| {
                    all.push((key.to_vec(), value.to_vec()));
                    ControlFlow::Continue(())
                };
                open.scan(Kept::Views, &[], &[0xff; 32], &mut visit).unwrap();
                all
            };
            let before = all(&open);
            let full = |_| Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
            assert!(check_by(&open, folder.path(), &full).is_err());
            assert_eq!(all(&open), before, "what was not written at once is not written at all");
            // Twice, the first time in one batch: what was taken over is not taken over again.
            let batches = std::cell::Cell::new(0);
            let counted = |batch: OwnedWriteBatch| {
                batches.set(batches.get() + 1);
                batch.commit()
            };
            for _ in 0..2 {
                check_by(&open, folder.path(), &counted).unwrap();
                for (view, until) in views.iter().zip(until) {
                    let value = |meta: Meta| kept.get(meta.key(*view).joined()).unwrap().unwrap().to_vec();
                    assert_eq!(value(Meta::Position), replay::position(until).encode());
                    assert_eq!(value(Meta::LatestEvent), codec::instant(base));
                }
            }
            assert_eq!((batches.get(), kept.get(KEY).unwrap().as_deref()), (1, Some([4].as_slice())));
        }
    }
}
