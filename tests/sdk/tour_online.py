"""Online features through the SDK, held to what `fvtop lookup` answers; wrong keys, and keys that are not there."""

import tecton

from programs import python, until

LOOKUPS = (
    ("flight_record", {"origin": "JFK", "flight": 51}),
    ("carrier_delays", {"carrier": "UA"}),
    ("carrier_pulse", {"carrier": "UA"}),
    ("aircraft_state", {"tailnum": "N328AA"}),
    ("airport_weather", {"origin": "EWR"}),
    ("origin_carriers", {"origin": "JFK", "carrier": "AA"}),
)
READ = "import tecton; tecton.get_workspace('prod').get_feature_view('carrier_delays')"
ONLINE = READ + ".get_online_features({'carrier': 'UA'})"
TRIGGER = """
import datetime, tecton
at = datetime.datetime(2026, 1, 1)
view = tecton.get_workspace("prod").get_feature_view("flight_record")
view.trigger_materialization_job(at, at + datetime.timedelta(hours=6), online=True, offline=True)
"""


def view_of(name):
    return tecton.get_workspace("prod").get_feature_view(name)


def lookups(check, scene, release):
    for name, keys in LOOKUPS:
        view = view_of(name)
        found = until("the same answer twice of %s" % name, 60, lambda: same_answer(scene, view, name, keys))
        check.holds("online: %s gives fvtop's values" % name, found, found)
        check.holds("online: %s has values" % name, any(value is not None for value in found.values()), found)
        with_keys = view.get_online_features(keys, include_join_keys_in_response=True).to_dict()
        check.same("online: %s with its join keys" % name, list(with_keys), list(keys) + list(found))
        check.same("online: the keys of %s" % name, {key: with_keys[key] for key in keys}, keys)
    vector = view_of("flight_record").get_online_features({"origin": "JFK", "flight": 51})
    kinds = {name.split(".")[1]: type(value).__name__ for name, value in vector.to_dict().items()}
    wanted = {
        "arr_delay_count_1d_3h": "int",
        "arr_delay_mean_1d_3h": "float",
        "dest_last_non_distinct_n3_1d_3h": "list",
        "seats_sum_3d_3h": "int",
    }
    check.same("online: types of values", kinds, wanted)
    check.same("online: as a frame", vector.to_pandas().to_dict("records"), [vector.to_dict()])
    numbers = view_of("carrier_delays").get_online_features({"carrier": "UA"})
    check.same("online: as an array", list(numbers.to_numpy()), list(numbers.to_dict().values()))
    slo = vector.slo_info
    measured = slo.get("sloEligible") is True and 0 < slo.get("serverTimeSeconds", 0) < 60
    check.holds("online: the server's time is measured", measured, slo)


def same_answer(scene, view, name, keys):
    """The SDK's answer, when `fvtop` gives the same: a stream may write between the two."""
    pairs = ["%s=%s" % pair for pair in keys.items()]
    known = {feature["name"]: feature["value"] for feature in scene.fvtop("lookup", name, *pairs)["features"]}
    found = view.get_online_features(keys).to_dict()
    return found if found == known else None


def absent(check, scene, release):
    latest = view_of("aircraft_state").get_online_features({"tailnum": "N0"}).to_dict()
    check.same("online: a key that is not there has no values", set(latest.values()), {None})
    counted = view_of("carrier_delays").get_online_features({"carrier": "??"}).to_dict()
    wanted = {"carrier_delays.dep_delay_count_6h_1h": 0, "carrier_delays.dep_delay_mean_6h_1h": None}
    check.same("online: it counts nothing", counted, wanted)
    wrong = lambda what, view, keys, *words: release.refused(
        check, "online: " + what, lambda: view_of(view).get_online_features(keys), release.ONLINE, *words
    )
    wrong("an unknown join key", "carrier_delays", {"airline": "UA"}, "`airline` is not a join key")
    wrong("no join key", "carrier_delays", {}, "`carrier`", "is missing")
    wrong("a wildcard key left out", "origin_carriers", {"origin": "JFK"}, "`carrier`", "is missing")
    wrong("a text where a number belongs", "flight_record", {"origin": "JFK", "flight": "x"}, "flight")
    check.refused(
        "online: a view without an online store",
        lambda: view_of("weather_pairs").get_online_features({"origin": "JFK"}),
        "TectonValidationError",
        "online",
    )


def keys(check, scene, release):
    stranger = "not-a-key-of-this-deployment"
    for what, text in (("a call", READ), ("a lookup", ONLINE)):
        said = python(text, TECTON_API_KEY=stranger)
        check.words("keys: an unknown one is refused by %s" % what, said, release.STRANGER[what])
        check.holds("keys: that does not tell the key", stranger not in said, said)
    if scene.viewer_key is None:
        print("left out: keys with fewer rights; this server has none")
        return
    check.same("keys: a viewer reads", python(READ + "; print('read')", TECTON_API_KEY=scene.viewer_key), "read")
    said = python(TRIGGER, TECTON_API_KEY=scene.viewer_key)
    check.words("keys: a viewer may not trigger", said, ["PermissionError"])
    said = python(ONLINE, TECTON_API_KEY=scene.viewer_key)
    check.words("keys: a viewer may not read online", said, release.VIEWER_ONLINE)
