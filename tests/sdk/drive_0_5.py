"""Drives the platform with Tecton's SDK 0.5.10, as a notebook would. Argument: the scene, a JSON file.

Prints a line a check; ends with 1 when one failed.
"""

import faulthandler
import logging
import re
import sys
import warnings
from datetime import datetime, timezone

warnings.simplefilter("ignore")

import tecton  # noqa: E402
from tecton import interactive  # noqa: E402

import tour_jobs  # noqa: E402
import tour_keys  # noqa: E402
import tour_online  # noqa: E402
import tour_rest  # noqa: E402
import tour_views  # noqa: E402
from checks import Checks  # noqa: E402
from programs import Scene, python, tecton as command  # noqa: E402


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
    # The classes behind refusals: of a window, and of a lookup.
    BAD_WINDOW = "TectonAPIValidationError"
    NO_LOOKUP = "TectonInternalError"

    @staticmethod
    def attribute(view, name):
        value = getattr(view, name)
        if name == "created_at":
            return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        if name in ("data_source_names", "entity_names"):
            return sorted(value)
        if name == "online_serving_index":
            return list(value.join_keys)
        return list(value) if name in ("features", "join_keys") else value

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


def login(check, scene, release):
    text = (
        "import tecton; tecton.set_credentials(tecton_api_key='%s'); print(sorted(tecton.list_workspaces()))"
        % scene.key
    )
    check.same("login: set_credentials", python(text, TECTON_API_KEY=None), "['dev', 'prod']")


def key_command(check, scene, release):
    """Keys are made, listed and taken away by the SDK's command."""
    code, text = command("api-key", "create", "--description", "made by the SDK")
    made = re.search(r"fvtop_\w+", text)
    if not check.holds("keys: api-key create gives a key", code == 0 and made, text):
        return
    listed = {key["description"]: key for key in scene.fvtop("keys", "list")}
    check.holds("keys: fvtop lists it", "made by the SDK" in listed, listed)
    identity = listed["made by the SDK"]["id"]
    code, text = command("api-key", "list")
    check.holds("keys: api-key list has it, without the key", identity in text and made.group() not in text, text)
    check.same("keys: it is let in", tour_keys.tried(made.group())[0], "yes")
    code, text = command("api-key", "delete", identity)
    check.same("keys: api-key delete", code, 0)
    check.same("keys: it is let in no longer", tour_keys.tried(made.group())[0], "PermissionError")


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
        tour_online.lookups,
        tour_online.services,
        tour_online.absent,
        tour_keys.strangers,
        tour_keys.roles,
        tour_keys.introspection,
        key_command,
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
