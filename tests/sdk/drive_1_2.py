"""Drives the platform with Tecton's SDK 1.2.13, as a notebook would. Argument: the scene, a JSON file.

Prints a line a check; ends with 1 when one failed.
"""

import faulthandler
import logging
import sys
import warnings
from datetime import timedelta

warnings.simplefilter("ignore")

import pandas  # noqa: E402
import tecton  # noqa: E402

import tour_jobs  # noqa: E402
import tour_keys  # noqa: E402
import tour_online  # noqa: E402
import tour_rest  # noqa: E402
import tour_views  # noqa: E402
from checks import Checks  # noqa: E402
from programs import Scene, python, tecton as command  # noqa: E402


class Release:
    """What is particular to 1.2."""

    ABSENT = object()
    classes = tecton
    INVALID = "TectonValidationError"
    SPARK = "Exception"
    ONLINE = "TectonValidationError"
    TIMEOUT = "JobTimeoutException"
    FAILED = "JobFailedException"
    NO_RETRY = ("FAILURE", "PERMANENT_FAILURE", "MANUAL_RETRY")
    VERBOSE = ("MATERIALIZATION_TASK", "ENV_VERSION", "TERMINATION_REASON", "STATE_MESSAGE", "TASK_SCHEDULED_AT")
    FRESHNESS = ("materialization", "freshness")
    STATUS = ("materialization", "status")
    # The classes of refusals: of a window, and of a lookup.
    BAD_WINDOW = "TectonValidationError"
    NO_LOOKUP = "TectonValidationError"
    # What 0.5 calls otherwise, what it dropped, and one whose reading fails in this release when there is a wildcard.
    RENAMED = {"features": "get_feature_columns", "max_data_delay": "max_source_data_delay"}
    DROPPED = ("family", "is_on_demand", "is_temporal", "is_temporal_aggregate")

    def attribute(self, view, name):
        if name in self.DROPPED:
            return self.ABSENT
        if name == "wildcard_join_key":
            return None if view.join_keys == view.online_serving_index else self.ABSENT
        if name == "data_source_names":
            return sorted(source.name for source in view.sources)
        if name == "entity_names":
            return sorted(entity.name for entity in view.entities)
        value = getattr(view, self.RENAMED.get(name, name))
        value = value() if callable(value) else value
        if name == "created_at":
            return value.replace(microsecond=0)
        if name == "max_data_delay":
            return value or None
        return (value or "") if name in ("description", "owner", "url") else value

    @staticmethod
    def refused(check, what, call, kind, *words):
        check.refused(what, call, kind, *words)


def newer_jobs(check, scene, release):
    """Jobs are objects with verbs of their own."""
    view = tour_jobs.view_of("flight_record")
    start, end = tour_jobs.window(2)
    job = view.get_job(view.trigger_materialization_job(start, end, online=True, offline=True))
    done = tour_jobs.ended(view, job.id)
    check.same("jobs: get_job and cancel() of one that has ended", (job.cancel(), done.state)[1], "SUCCESS")
    listed = {job.id for job in view.list_jobs()}
    check.holds("jobs: list_jobs has it", job.id in listed, listed)
    table = done.get_status_for_display().to_dict()["data"]
    check.holds("jobs: its attempts for display", len(table) == 1 and "SUCCESS" in str(table), table)
    check.same(
        "attributes: wildcard of origin_carriers by its index",
        tour_jobs.view_of("origin_carriers").online_serving_index,
        ["origin"],
    )


def deletions(check, scene, release):
    """`delete_keys` sends the keys by signed addresses, and gives the ids of its jobs."""
    view = tour_jobs.view_of("flight_record")
    gone, kept = {"origin": "JFK", "flight": 51}, {"origin": "EWR", "flight": 15}
    count = lambda keys: view.get_online_features(keys).to_dict()["flight_record.arr_delay_count_1d_3h"]
    before = count(kept)
    check.holds("delete_keys: both keys are there", count(gone) and before, (count(gone), before))
    keys = pandas.DataFrame({"origin": ["JFK", "LGA"], "flight": [51, 9999]})
    ids = view.delete_keys(keys)
    check.same("delete_keys: a job a store", len(ids), 2)
    states = [(view.wait_for_materialization_job(tour_jobs.ended(view, job).id).state) for job in ids]
    check.same("delete_keys: its jobs are waited for", states, ["SUCCESS", "SUCCESS"])
    kinds = [view.get_materialization_job(job).job_type for job in ids]
    check.same("delete_keys: their type", kinds, ["DELETION", "DELETION"])
    check.same("delete_keys: the key is gone online, another is not", (count(gone), count(kept)), (0, before))
    start, end = tour_jobs.window(0)
    at = lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = scene.fvtop("history", "flight_record", "--start", at(start), "--end", at(end), "--format", "json")
    left = {(row["origin"], row["flight"]) for row in rows}
    check.holds("delete_keys: and offline", left and ("JFK", 51) not in left, len(left))
    table = view.materialization_status(verbose=True).to_dict()["data"]
    check.same("status: the deletions", sum(row["TYPE"] == "DELETION" for row in table), 2)
    check.same("delete_keys: one store", len(view.delete_keys(keys, online=True, offline=False)), 1)
    refused = lambda what, call, *words: check.refused("delete_keys: " + what, call, release.INVALID, *words)
    refused("wrong columns", lambda: view.delete_keys(pandas.DataFrame({"origin": ["JFK"]})), "join keys")
    many = pandas.DataFrame({"origin": ["JFK"] * 10_001, "flight": range(10_001)})
    refused("more keys than a request may have", lambda: view.delete_keys(many), "more than the 10,000")
    dev = tecton.get_workspace("dev").get_feature_view("flight_record")
    refused("a workspace that is not live", lambda: dev.delete_keys(keys), "development workspace")
    wildcard = tour_jobs.view_of("origin_carriers")
    pair = pandas.DataFrame({"origin": ["JFK"], "carrier": ["AA"]})
    refused("a view with a wildcard", lambda: wildcard.delete_keys(pair), "wildcard")


def login(check, scene, release):
    text = "import tecton; tecton.login('%s', tecton_api_key='%s'); print(sorted(tecton.list_workspaces()))"
    for url in (scene.url, scene.url[: -len("/api")]):
        said = python(text % (url, scene.key), TECTON_API_KEY=None, API_SERVICE=None)
        check.same("login: by %s and key" % url.replace(scene.url[: -len("/api")], "URL"), said, "['dev', 'prod']")


def identity(check, scene, release):
    code, text = command("get-caller-identity")
    known = [key for key in scene.fvtop("keys", "list") if key["id"] in text or key["name"] in text]
    check.holds("keys: the command tells who calls", code == 0 and len(known) == 1, text)
    check.holds("keys: it does not print the key", scene.key not in text, text)
    said = str(tecton.get_caller_identity())
    check.holds(
        "keys: get_caller_identity is the same", known and (known[0]["id"] in said or known[0]["name"] in said), said
    )


def main():
    faulthandler.dump_traceback_later(900, exit=True)
    logging.disable(logging.WARNING)
    check, scene, release = Checks(), Scene(sys.argv[1]), Release()
    waiting = tour_jobs.waiting()
    check.part(tour_views.workspaces, scene)
    check.part(tour_views.views, scene, release)
    check.part(tour_views.summaries, scene)
    for tour in (
        tour_jobs.success,
        tour_jobs.refusals,
        tour_jobs.running,
        tour_jobs.retrying,
        tour_jobs.failing,
        tour_jobs.scheduled,
        tour_jobs.status,
        newer_jobs,
        tour_online.lookups,
        tour_online.services,
        tour_online.absent,
        tour_keys.strangers,
        tour_keys.roles,
        tour_keys.introspection,
        identity,
        login,
        tour_rest.objects,
        tour_rest.commands,
        tour_rest.side_calls,
        deletions,
        tour_rest.spark,
    ):
        check.part(tour, scene, release)
    check.part(tour_jobs.waited, waiting)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
