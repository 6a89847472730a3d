"""The SDK's command, other objects, side calls, and what the SDK computes in Spark."""

import base64
import time
from datetime import datetime, timedelta

import tecton

from programs import tecton as command


def objects(check, scene, release):
    workspace = tecton.get_workspace("prod")
    names = lambda kind: sorted(entry["name"] for entry in scene.definitions[kind])
    check.same("objects: entities", sorted(workspace.list_entities()), names("entity"))
    check.same("objects: data sources", sorted(workspace.list_data_sources()), names("source"))
    check.same("objects: transformations", sorted(workspace.list_transformations()), sorted(scene.definitions["views"]))
    check.same("objects: feature tables", workspace.list_feature_tables(), [])
    check.same("objects: data sets", workspace.list_datasets(), [])
    entity = workspace.get_entity("carrier")
    check.same(
        "objects: an entity", (entity.name, entity.description), ("carrier", "One airline, by its two-letter code.")
    )
    source = workspace.get_data_source("flights")
    check.same("objects: a data source", (source.name, source.tags), ("flights", {"origin": "bts"}))
    check.same("objects: a transformation", workspace.get_transformation("flight_record").name, "flight_record")
    for kind, get in (
        ("entity", workspace.get_entity),
        ("data source", workspace.get_data_source),
        ("transformation", workspace.get_transformation),
        ("feature service", workspace.get_feature_service),
        ("data set", workspace.get_dataset),
    ):
        check.refused("objects: an unknown %s" % kind, lambda: get("nothing"), "TectonValidationError", "nothing")


def commands(check, scene, release):
    code, text = command("workspace", "list")
    check.same("command: workspace list", (code, [w for w in ("prod", "dev") if w in text]), (0, ["prod", "dev"]))
    code, text = command("workspace", "show")
    check.same("command: workspace show", (code, text.strip().splitlines()[-1]), (0, "prod (Live)"))
    code, text = command(*release.FRESHNESS)
    rows = [line for line in text.splitlines() if any(name in line for name in scene.definitions["views"])]
    check.same("command: freshness has every view", (code, len(rows)), (0, len(scene.definitions["views"])))
    row = next((line for line in rows if "carrier_delays" in line), "")
    check.words("command: freshness of carrier_delays", row, ["True", "False", "1h 30m"])
    for more in ((), ("--limit", "1"), ("--errors-only",)):
        code, text = command(*release.STATUS, "gate_numbers", *more)
        rows = [line for line in text.splitlines() if "BATCH" in line]
        check.same(" ".join(("command: status",) + more), (code, len(rows)), (0, 1 if "1" in more else 2))
    code, text = command(*release.STATUS, "nothing")
    check.holds("command: status of an unknown view", code != 0 and "nothing" in text.splitlines()[-1], text)


def side_calls(check, scene, release):
    """What the SDK sends beside the point is taken quickly, however it is written."""
    for path in ("/api/proxy", "/proxy"):
        for content_type in (None, "application/json", "text/plain"):
            status, answer = scene.proxy("GetConfigs", path=path, content_type=content_type)
            check.same(
                "side: GetConfigs at %s as %s" % (path, content_type), (status, answer["status"]["code"]), (200, 0)
            )
    for method in ("IngestClientLogs", "IngestAnalytics", "Nop"):
        status, answer = scene.proxy(method, b"\x0a\x80" + b"log" * 200)
        check.same("side: %s is taken" % method, (status, answer["status"]["code"], answer["response"]), (200, 0, ""))
    status, answer = scene.proxy("GetConfigs", key="not-a-key-of-this-deployment")
    check.same("side: an unknown key is code 16", (status, answer["status"]["code"]), (200, 16))
    name, workspace = b"carrier_delays", b"prod"
    long = b"".join((b"\x0a", bytes([len(name)]), name, b"\x1a", bytes([len(workspace)]), workspace)) * 4
    status, answer = scene.proxy("GetFeatureView", long)
    held = answer["status"]["code"] == 0 and len(base64.b64decode(answer["response"])) > 500
    check.holds("side: base64 with line feeds is read", status == 200 and held, answer["status"])


def spark(check, scene, release):
    """Computed in the caller's Spark session, and there is none: the SDK says so, and the server is none the wiser."""
    view, now = tecton.get_workspace("prod").get_feature_view("carrier_delays"), datetime.utcnow()
    window = {"start_time": now - timedelta(hours=6), "end_time": now}
    check.refused(
        "spark: history needs it", lambda: view.get_historical_features(**window).to_pandas(), release.SPARK, "Spark"
    )
    check.refused(
        "spark: run_stream needs it", lambda: view.run_stream(output_temp_table="rows"), release.SPARK, "Spark"
    )
