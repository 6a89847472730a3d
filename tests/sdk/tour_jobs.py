"""Jobs: trigger, wait, cancel, lists; the tables of status, held to what `fvtop` shows of the same."""

import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import tecton

from programs import python, until

SCHEDULE = timedelta(hours=6)
# States a job does not leave.
ENDED = ("SUCCESS", "FAILURE", "PERMANENT_FAILURE", "DRAINED", "MANUALLY_CANCELLED", "MANUAL_RETRY")
WAITING = """
import datetime, tecton
view = tecton.get_workspace("prod").get_feature_view("flight_record")
job = view.trigger_materialization_job(
    datetime.datetime.fromisoformat("%s"), datetime.datetime.fromisoformat("%s"), online=True, offline=True)
done = view.wait_for_materialization_job(job, timeout=datetime.timedelta(minutes=9))
print("waited for", done.id == job, done.state)
"""


def window(back):
    """The whole period of six hours so many before the last one that has ended."""
    step = int(SCHEDULE.total_seconds())
    end = datetime.utcfromtimestamp(int(time.time()) // step * step) - back * SCHEDULE
    return end - SCHEDULE, end


def view_of(name):
    return tecton.get_workspace("prod").get_feature_view(name)


def waiting():
    """Starts a program that triggers a job and waits for it as a notebook does: the SDK looks again after a minute."""
    text = WAITING % tuple(at.isoformat() for at in window(3))
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def waited(check, process):
    said = process.communicate(timeout=300)[0].decode().strip().splitlines()
    check.same("wait: the SDK's own wait, a minute a look, ends", said[-1] if said else "", "waited for True SUCCESS")


def ended(view, job):
    look = lambda: view.get_materialization_job(job)
    return until("job %s" % job, 90, lambda: (lambda found: found if found.state in ENDED else None)(look()))


def success(check, scene, release):
    view, (start, end) = view_of("flight_record"), window(0)
    job = view.trigger_materialization_job(start, end, online=True, offline=True)
    check.holds("trigger: the answer is the id of a job", len(job) == 32 and int(job, 16), job)
    found = view.get_materialization_job(job)
    wanted = (job, "prod", "flight_record", True, True, start, end, "BATCH")
    fields = lambda j: (j.id, j.workspace, j.feature_view, j.online, j.offline, j.start_time, j.end_time, j.job_type)
    check.same("job: window, stores and type are those asked for", fields(found), wanted)
    check.holds("job: it runs or has ended well", found.state in ("RUNNING", "SUCCESS"), found.state)
    done = ended(view, job)
    check.same("job: it succeeds", done.state, "SUCCESS")
    check.same("job: its attempts", [attempt.state for attempt in done.attempts], ["SUCCESS"])
    check.same("wait: a job that has ended is given at once", view.wait_for_materialization_job(job).state, "SUCCESS")
    check.same("cancel: a job that has ended is left as it is", view.cancel_materialization_job(job).state, "SUCCESS")
    listed = [job.id for job in view.list_materialization_jobs()]
    check.holds("jobs: the list has it", job in listed, listed)
    again = lambda **more: view.trigger_materialization_job(start, end, online=True, offline=True, **more)
    check.refused("trigger: a materialized window is refused", again, release.INVALID, "materialized already", job)
    over = again(overwrite=True, use_tecton_managed_retries=False)
    check.same("trigger: overwrite replaces it", ended(view, over).state, "SUCCESS")
    return job


def refusals(check, scene, release):
    view, (start, end) = view_of("flight_record"), window(1)
    hour = timedelta(hours=1)
    both = {"online": True, "offline": True}
    trigger = view.trigger_materialization_job
    refused = lambda what, call, *words: check.refused("trigger: " + what, call, release.INVALID, *words)
    refused("off the schedule", lambda: trigger(start + hour, end, **both), "not a multiple of the batch schedule 6h")
    refused("no store", lambda: trigger(start, end, online=False, offline=False), "Choose at least one store")
    refused("an empty window", lambda: trigger(end, end, **both), "")
    pairs = view_of("weather_pairs").trigger_materialization_job
    refused("a store the view has not", lambda: pairs(start, end, **both), "online")
    unknown = "0123456789abcdef" * 2
    for name, call in (("get", view.get_materialization_job), ("cancel", view.cancel_materialization_job)):
        check.refused("%s: an unknown job" % name, lambda: call(unknown), release.INVALID, "has no job " + unknown)
        check.refused("%s: what is no id" % name, lambda: call("job 7"), release.INVALID, "32 hexadecimal digits")
    other = view_of("carrier_delays").list_materialization_jobs()[0].id
    check.refused(
        "get: a job of another view", lambda: view.get_materialization_job(other), release.INVALID, "has no job"
    )
    dev = tecton.get_workspace("dev").get_feature_view("flight_record")
    check.same("jobs: none where nothing is materialized", dev.list_materialization_jobs(), [])
    refused(
        "in a workspace that is not live", lambda: dev.trigger_materialization_job(start, end, **both), "is not live"
    )


def running(check, scene, release):
    """A job that takes a minute is cancelled in the midst of it."""
    view, (start, end) = view_of("weather_pairs"), window(0)
    trigger = lambda: view.trigger_materialization_job(start, end, online=False, offline=True)
    job = trigger()
    started = lambda: [attempt.state for attempt in view.get_materialization_job(job).attempts] == ["RUNNING"]
    until("an attempt of %s" % job, 60, started)
    check.same("job: it runs", view.get_materialization_job(job).state, "RUNNING")
    check.refused("trigger: a window under way is refused", trigger, release.INVALID, "have not ended", job)
    release.refused(
        check,
        "wait: its time is over before the job's",
        lambda: view.wait_for_materialization_job(job, timeout=timedelta(microseconds=1)),
        release.TIMEOUT,
        job,
    )
    state = view.cancel_materialization_job(job).state
    check.same("cancel: it is asked to end at once", state, "MANUAL_CANCELLATION_REQUESTED")
    check.holds("cancel: twice does no harm", view.cancel_materialization_job(job).state.startswith("MANUAL"))
    check.same("cancel: it ends", ended(view, job).state, "MANUALLY_CANCELLED")
    release.refused(
        check,
        "wait: a cancelled job fails",
        lambda: view.wait_for_materialization_job(job),
        release.FAILED,
        job,
        "MANUALLY_CANCELLED",
    )


def retrying(check, scene, release):
    """A job whose file cannot be read waits for its next attempt, as RUNNING, and is cancelled there."""
    late = Path(scene.repository, "late.parquet")
    whole = late.read_bytes()
    late.write_bytes(b"not a table")
    view = view_of("late_weather")
    trigger = lambda back, **more: view.trigger_materialization_job(*window(back), online=True, offline=True, **more)
    state = ended(view, trigger(1, use_tecton_managed_retries=False)).state
    check.holds("job: without managed retries the first error is the last", state in release.NO_RETRY, state)
    job = trigger(0)
    look = lambda: view.get_materialization_job(job)
    found = until("a failed attempt", 60, lambda: (lambda j: j if j.next_attempt_at else None)(look()))
    check.same("job: RUNNING while it waits for a retry", found.state, "RUNNING")
    check.same("job: the attempt before", [attempt.state for attempt in found.attempts], ["ERROR"])
    check.holds("job: the retry is in the future", found.next_attempt_at > datetime.utcnow(), found.next_attempt_at)
    asked = view.cancel_materialization_job(job).state
    check.same("cancel: a job that waits is asked to end first", asked, "MANUAL_CANCELLATION_REQUESTED")
    check.same("cancel: a job that waits ends", ended(view, job).state, "MANUALLY_CANCELLED")
    late.write_bytes(whole)
    check.same("job: once the file is whole it succeeds", ended(view, trigger(0)).state, "SUCCESS")


def failing(check, scene, release):
    view = view_of("gate_numbers")
    trigger = lambda back: view.trigger_materialization_job(*window(back), online=True, offline=True)
    job = trigger(0)
    state = ended(view, job).state
    check.holds("job: a query that cannot run fails for good", state.endswith("FAILURE"), state)
    release.refused(
        check, "wait: a failed job fails", lambda: view.wait_for_materialization_job(job), release.FAILED, job, state
    )
    ended(view, trigger(1))


def scheduled(check, scene, release):
    """Views whose jobs are scheduled have the same lists, filled by the scheduler."""
    for name in ("carrier_delays", "aircraft_state", "airport_weather", "origin_carriers", "carrier_pulse"):
        view = view_of(name)
        jobs = view.list_materialization_jobs()
        known = {job["id"]: job for job in scene.fvtop("jobs", "--view", name)}
        check.same("jobs: all of %s" % name, {job.id for job in jobs}, set(known))
        kinds = {job.job_type for job in jobs}
        check.same("jobs: kinds of %s" % name, kinds, {job["type"] for job in known.values()})
        done = [job for job in jobs if job.state == "SUCCESS"]
        held = all(job.start_time < job.end_time <= datetime.utcnow() for job in done)
        check.holds("jobs: windows of %s" % name, held, done)


def table_of(view):
    """Reads the rows of a view's table with these options."""
    return lambda **options: view.materialization_status(**options).to_dict()["data"]


def status(check, scene, release):
    for name in ("gate_numbers", "flight_record", "late_weather", "weather_pairs", "airport_weather", "carrier_delays"):
        check.holds("status: the table of %s is fvtop's" % name, settled(scene, name))
    options(check, scene, release)
    table, full = table_of(view_of("late_weather")), settled(scene, "late_weather")
    states = [row["STATUS"] for row in full]
    check.holds("status: the newest job succeeded, those before failed", states[0] != "ERROR" in states, states)
    check.same("status: limit counts before errors_only", table(limit=1, errors_only=True), [])
    failed = [row for row in full if row["STATUS"] == "ERROR"]
    check.same("status: errors_only leaves the errors", table(verbose=True, errors_only=True), failed)
    table, full = table_of(view_of("carrier_delays")), settled(scene, "carrier_delays")
    check.same("status: no errors there", table(errors_only=True), [])
    check.same("status: a stream is a row", [row["STATUS"] for row in full if row["TYPE"] == "STREAM"], ["RUNNING"])
    dev = tecton.get_workspace("dev").get_feature_view("carrier_delays")
    check.same("status: empty where nothing is materialized", table_of(dev)(), [])


def options(check, scene, release):
    """Each option by itself, on a table of two rows that failed."""
    table, full = table_of(view_of("gate_numbers")), settled(scene, "gate_numbers")
    short = [column for column in full[0] if column not in release.VERBOSE]
    check.same("status: columns without verbose", list(table()[0]), short)
    check.same("status: columns that verbose adds", len(full[0]) - len(short), len(release.VERBOSE))
    check.same("status: the two that failed", [row["STATUS"] for row in full], ["ERROR", "ERROR"])
    check.words("status: a failure has its message", full[0]["STATE_MESSAGE"], ["gate_numbers", "BIGINT"])
    check.same("status: errors_only", table(errors_only=True, verbose=True), full)
    check.same("status: limit", table(limit=1, verbose=True), full[:1])
    check.same("status: limit 0", table(limit=0), [])
    for column in ("window_start_time", "MATERIALIZATION_TASK"):
        wanted = sorted(full, key=lambda row: row[column.upper()])
        check.same("status: sorted by %s" % column, table(verbose=True, sort_columns=column), wanted)
    wanted = sorted(full, key=lambda row: row["WINDOW_END_TIME"])
    check.same("status: sorted by two", table(verbose=True, sort_columns="status,window_end_time"), wanted)
    release.refused(check, "status: an unknown column", lambda: table(sort_columns="colour"), "ValueError", "COLOUR")


def settled(scene, name):
    """All rows and columns, once those of the SDK and of `fvtop` are the same."""
    table = table_of(view_of(name))

    def same():
        rows = table(verbose=True)
        plain = [{column: str(value).replace(" UTC", "") for column, value in row.items()} for row in rows]
        return rows if plain == scene.fvtop("status", name, "--verbose") else None

    return until("the same table of %s from both" % name, 60, same)
