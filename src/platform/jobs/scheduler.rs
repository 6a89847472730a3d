//! Brings the job table up to the plan: what is applied, what is to be made, what is due.
//!
//! Small steps inside a transaction; what the windows are is decided in `plan.rs`.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::time::floor;
use crate::model::{Id, JobState, Time};
use crate::platform::clock::{Jumps, STEP};
use crate::platform::compute::panic_text;
use crate::platform::definition::{FeatureStart, View};

use super::error::TableError;
use super::record::JobRecord;
use super::rows::{Applied, Rows};
use super::upkeep::Upkeep;
use super::{Jobs, kept, plan};

/// How often the schedule is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Applies a view: a start of features "so long before apply" is resolved at the first application, aligned down to the
/// batch schedule, and then kept; a fixed one is taken from the definition each time.
pub(crate) fn apply(rows: &Rows, view: &View, now: Time) -> Result<Applied, TableError> {
    let first = match view.feature_start_time {
        Some(FeatureStart::At(at)) => Some(at),
        Some(FeatureStart::BeforeApply(span)) => Some(floor(now - span, view.batch_schedule)),
        None => None,
    };
    let kept = rows.register(view, now, first)?;
    let feature_start = match view.feature_start_time {
        Some(FeatureStart::At(at)) => Some(at),
        Some(FeatureStart::BeforeApply(_)) => kept.feature_start.or(first),
        None => None,
    };
    Ok(Applied { feature_start, ..kept })
}

/// Makes the jobs that the plan wants by `now`: batch jobs, and the stream job of a view that is written online from a
/// stream and never had one: a stream that somebody stopped stays stopped until somebody starts it. A view without a
/// start of features begins when it was first applied. Returns how many were made.
pub(crate) fn extend(rows: &Rows, view: &View, applied: Applied, now: Time) -> Result<usize, TableError> {
    let mut made = 0;
    if view.is_stream() && view.online && rows.stream_job(view.id)?.is_none() {
        rows.save(&mut JobRecord::stream(view, now))?;
        made += 1;
    }
    if !plan::is_scheduled(view) {
        return Ok(made);
    }
    let begins = match applied.feature_start {
        Some(start) => plan::begins(view, start),
        None => floor(applied.created_at, view.batch_schedule),
    };
    // A stream of which nobody can tell what is kept is planned once somebody can.
    let Ok(kept) = kept::begins(view) else { return Ok(made) };
    let from_there_on = |at: Time| kept.map_or(at, |kept| at.max(kept));
    let planned_until = rows.planned_until(view.id)?.map(from_there_on);
    for planned in plan::plan(view, from_there_on(begins), planned_until, now) {
        rows.save(&mut JobRecord::batch(view, planned.window, planned.starts_at, now))?;
        rows.plan_until(view.id, planned.window.end)?;
        made += 1;
    }
    Ok(made)
}

/// Queues an attempt for each of these jobs whose time has come.
pub(crate) fn queue_due(rows: &Rows, due: &[Id], now: Time) -> Result<(), TableError> {
    for id in due {
        let Some(mut record) = rows.job(*id)? else { continue };
        let waits = matches!(record.job.state, JobState::Scheduled | JobState::Running);
        if waits && record.job.next_attempt_at.is_some_and(|at| at <= now) {
            record.queue(now);
            rows.save(&mut record)?;
        }
    }
    Ok(())
}

/// Takes back what was done of a window that is not over by `now`, for the clock was ahead when it was: the job waits
/// for the end of its window again, as if it had never begun. Returns how many there are.
pub(crate) fn take_back(rows: &Rows, view: &View, now: Time) -> Result<usize, TableError> {
    let delay = view.max_data_delay();
    let mut taken = 0;
    for id in rows.ahead_of(view.id, now - delay + STEP)? {
        let Some(mut record) = rows.job(id)? else { continue };
        let ends = record.job.window.map(|window| window.end + delay);
        if let Some(ends) = ends
            && record.take_back(ends, now)
        {
            rows.save(&mut record)?;
            taken += 1;
        }
    }
    Ok(taken)
}

/// Keeps the schedule, and does the upkeep, until `stop`, on the calling thread.
pub(crate) fn run(jobs: &Jobs, mut upkeep: Upkeep, stop: &CancellationToken) {
    let mut jumps = Jumps::default();
    while !stop.is_cancelled() {
        if let Some(jump) = jumps.look(jobs.clock())
            && let Err(error) = jobs.clock_jumped(jump)
        {
            tracing::error!(
                error = &error as &dyn Error,
                "the retries could not be moved with the clock; they come at their old times"
            );
        }
        // A panic ends this turn alone: without the schedule nothing would be materialized any more.
        let turn = catch_unwind(AssertUnwindSafe(|| {
            if let Err(error) = jobs.schedule() {
                tracing::error!(error = &error as &dyn Error, "the schedule could not be kept; trying again");
            }
            upkeep.turn(jobs, &|| !stop.is_cancelled());
        }));
        if let Err(panic) = turn {
            tracing::error!(problem = panic_text(panic.as_ref()), "the schedule stopped unexpectedly; trying again");
        }
        crate::platform::clock::pause(TICK, stop);
    }
}
