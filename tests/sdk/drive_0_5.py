"""Drives the platform with Tecton's SDK 0.5.10, as a notebook would. Argument: the scene, a JSON file.

Prints a line a check; ends with 1 when one failed.
"""

import faulthandler
import logging
import sys
import warnings
from datetime import datetime, timezone

warnings.simplefilter("ignore")

import tecton  # noqa: E402
from tecton import interactive  # noqa: E402

import tour_jobs  # noqa: E402
import tour_online  # noqa: E402
import tour_rest  # noqa: E402
import tour_views  # noqa: E402
from checks import Checks  # noqa: E402
from programs import Scene, tecton as command  # noqa: E402


class Release:
    """What is particular to 0.5."""

    ABSENT = object()
    classes = interactive
    INVALID = "TectonValidationError"
    SPARK = "TectonInternalError"
    ONLINE = "TectonInternalError"
    TIMEOUT = "MaterializationTimeoutException"
    FAILED = "MaterializationJobFailedException"
    NO_RETRY = ("FAILURE", "PERMANENT_FAILURE", "MANUAL_RETRY")
    VERBOSE = ("MATERIALIZATION_TASK", "ENV_VERSION", "TERMINATION_REASON", "STATE_MESSAGE", "TASK_SCHEDULED_AT")
    FRESHNESS = ("freshness",)
    STATUS = ("materialization-status",)
    STRANGER = {"a call": ["PermissionError"], "a lookup": ["PermissionError"]}
    VIEWER_ONLINE = ["Error calling Feature Service API"]

    @staticmethod
    def attribute(view, name):
        value = getattr(view, name)
        if name == "created_at":
            return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        if name in ("data_source_names", "entity_names"):
            return sorted(value)
        return list(value) if name in ("features", "join_keys", "online_serving_index") else value

    @staticmethod
    def refused(check, what, call, kind, *words):
        """Errors that are not its own stand behind one of its own."""

        def unwrapped():
            try:
                return call()
            except Exception as error:
                raise error.__cause__ or error from None

        check.refused(what, unwrapped, kind, *words)


def deletions(check, scene, release):
    """`delete_keys` needs Spark here; what another program deletes is shown."""
    scene.fvtop("delete-keys", "flight_record", "--key", "origin=JFK,flight=51", "--yes", "flight_record", "--wait")
    view = tecton.get_workspace("prod").get_feature_view("flight_record")
    table = lambda **more: view.deletion_status(**more).to_dict()["data"]
    rows = table(verbose=True)
    found = [(row["TYPE"], row["STATUS"]) for row in rows]
    check.same("deletion_status: a job a store", found, [("DELETION", "SUCCESS")] * 2)
    check.same("deletion_status: limit", table(limit=1, verbose=True), rows[:1])
    check.same("deletion_status: errors_only", table(errors_only=True), [])
    first = [column for column in rows[0] if column not in release.VERBOSE]
    check.same("deletion_status: columns without verbose", list(table()[0]), first)
    gone = view.get_online_features({"origin": "JFK", "flight": 51}).to_dict()
    check.same("deletion: the key counts nothing", gone["flight_record.arr_delay_count_1d_3h"], 0)
    check.refused("spark: delete_keys needs it", lambda: view.delete_keys(frame()), release.SPARK, "Spark")


def frame():
    import pandas

    return pandas.DataFrame({"origin": ["JFK"], "flight": [51]})


def introspection(check, scene, release):
    code, text = command("api-key", "introspect", scene.key)
    check.holds("keys: introspection", code == 0 and "True" in text, text.splitlines()[-1:])
    code, text = command("api-key", "introspect", "not-a-key-of-this-deployment")
    check.holds("keys: introspection of an unknown one", scene.key not in text, text.splitlines()[-1:])


def main():
    faulthandler.dump_traceback_later(280, exit=True)
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
        tour_online.lookups,
        tour_online.absent,
        tour_online.keys,
        introspection,
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
