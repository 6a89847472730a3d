"""Workspaces, feature views, their attributes and summaries, for any release.

`release` tells what differs: `attribute(view, name)` reads one of the 24 attributes, ABSENT where the release has no such
attribute; `classes` holds its classes.
"""

from datetime import datetime, timezone

import tecton

from definitions import View

ATTRIBUTES = (
    "batch_schedule created_at data_source_names defined_in description entity_names family feature_start_time "
    "features id is_batch_trigger_manual is_on_demand is_temporal is_temporal_aggregate join_keys max_data_delay name "
    "online_serving_index owner tags timestamp_field url wildcard_join_key workspace"
).split()


def workspaces(check, scene):
    names = sorted(workspace["name"] for workspace in scene.definitions["workspace"])
    check.same("workspaces: all are listed", sorted(tecton.list_workspaces()), names)
    for workspace in scene.definitions["workspace"]:
        found = tecton.get_workspace(workspace["name"])
        check.same("workspaces: name of %(name)s" % workspace, found.workspace, workspace["name"])
        check.same("workspaces: is %(name)s live" % workspace, found.is_live, workspace["live"])
        kind = found.summary().to_dict().get("Workspace Type")
        check.same("workspaces: summary of %(name)s" % workspace, kind, "Live" if workspace["live"] else "Development")
    check.refused(
        "workspaces: an unknown one is refused with the known ones",
        lambda: tecton.get_workspace("nowhere"),
        "TectonValidationError",
        '"nowhere" not found',
        *names,
    )


def views(check, scene, release):
    names = sorted(scene.definitions["views"])
    for workspace in scene.definitions["workspace"]:
        workspace = tecton.get_workspace(workspace["name"])
        what = "views: all of %s are listed" % workspace.workspace
        check.same(what, sorted(workspace.list_feature_views()), names)
        check.refused(
            "views: an unknown one in %s is refused" % workspace.workspace,
            lambda: workspace.get_feature_view("nothing"),
            "TectonValidationError",
            "'nothing' not found",
        )
        known = {view["name"]: view for view in scene.fvtop("views", "--workspace", workspace.workspace)}
        for name in names:
            wanted = View(scene.definitions, name)
            attributes(check, release, workspace.get_feature_view(name), wanted, workspace.workspace, known[name])


def attributes(check, release, view, wanted, workspace, known):
    created = datetime.strptime(known["created_at"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    toml = wanted.toml
    values = {
        "batch_schedule": wanted.batch_schedule,
        "created_at": created,
        "data_source_names": sorted(wanted.data_source_names),
        "defined_in": "views/%s.toml" % wanted.name,
        "description": toml["description"],
        "entity_names": sorted(wanted.entity_names),
        "family": toml.get("family", ""),
        "feature_start_time": wanted.start(created),
        "features": wanted.features,
        "id": known["id"],
        "is_batch_trigger_manual": wanted.is_manual,
        "is_on_demand": False,
        "is_temporal": not wanted.is_aggregate,
        "is_temporal_aggregate": wanted.is_aggregate,
        "join_keys": wanted.join_keys,
        "max_data_delay": wanted.max_data_delay,
        "name": wanted.name,
        "online_serving_index": wanted.online_serving_index,
        "owner": toml["owner"],
        "tags": toml.get("tags", {}),
        "timestamp_field": "timestamp",
        "url": known.get("url") or "",
        "wildcard_join_key": wanted.wildcard_join_key,
        "workspace": workspace,
    }
    wrong, read = {}, 0
    for name in ATTRIBUTES:
        found = release.attribute(view, name)
        if found is not release.ABSENT:
            read += 1
            if found != values[name]:
                wrong[name] = "%r instead of %r" % (found, values[name])
    what = "attributes: %d of %s in %s are as its definition says" % (read, wanted.name, workspace)
    check.holds(what, not wrong, wrong)
    stream = isinstance(view, release.classes.StreamFeatureView)
    check.same("attributes: %s in %s is a stream view" % (wanted.name, workspace), stream, wanted.is_stream)


def summaries(check, scene):
    for name in sorted(scene.definitions["views"]):
        wanted = View(scene.definitions, name)
        rows = tecton.get_workspace("prod").get_feature_view(name).summary().to_dict()
        fixed = {
            "Name": name,
            "Workspace": "prod",
            "Description": wanted.toml["description"],
            "Owner": wanted.toml["owner"],
            "Source Filename": "views/%s.toml" % name,
            "Entities": wanted.entity_names,
            "Data sources": wanted.data_source_names,
            "Timestamp field": "timestamp",
            "Batch trigger": "manual" if wanted.is_manual else "scheduled",
        }
        found = {
            key: [rows[key]] if isinstance(value, list) and isinstance(rows.get(key), str) else rows.get(key)
            for key, value in fixed.items()
        }
        check.same("summary: rows of %s" % name, found, fixed)
        check.same("summary: tags of %s" % name, rows.get("Tags"), wanted.toml.get("tags", {}))
        features = rows.get("Features", [])
        features = [features] if isinstance(features, str) else features
        named = [row.split(" ")[0] for row in features]
        check.same("summary: features of %s" % name, named, wanted.features)
        start = wanted.start(
            datetime.strptime(rows["Created At"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=timezone.utc)
        )
        check.same(
            "summary: first time of %s" % name, rows.get("Feature start time"), start.strftime("%Y-%m-%d %H:%M:%S UTC")
        )
    text = str(tecton.get_workspace("dev").get_feature_view("carrier_delays").summary())
    check.words("summary: a view that is not live says so", " ".join(text.split()), ["not live"])
