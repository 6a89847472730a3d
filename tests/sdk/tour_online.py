"""Online features through the SDK, held to what `fvtop lookup` answers; join keys that are wrong or not there."""

import tecton

from programs import until

# Keys that flights are rare of: a stream changes them every few minutes, not between two looks.
LOOKUPS = (
    ("flight_record", {"origin": "JFK", "flight": 51}),
    ("carrier_delays", {"carrier": "AS"}),
    ("carrier_pulse", {"carrier": "AS"}),
    ("aircraft_state", {"tailnum": "N328AA"}),
    ("airport_weather", {"origin": "EWR"}),
    ("origin_carriers", {"origin": "EWR", "carrier": "AS"}),
)


def view_of(name):
    return tecton.get_workspace("prod").get_feature_view(name)


def lookups(check, scene, release):
    for name, keys in LOOKUPS:
        view = view_of(name)
        found = until("values of %s, the same from both" % name, 120, lambda: same_answer(scene, view, name, keys))
        check.holds("online: %s has the values that fvtop shows" % name, found)
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
    measured = 0 < slo.get("storeTimeSeconds", 0) <= slo.get("serverTimeSeconds", 0) < 60
    check.holds("online: the server's time is measured", measured, slo)


def same_answer(scene, view, name, keys):
    """The SDK's answer, once it has values and `fvtop` gives the same: a stream may write between the two. Half an hour may
    be without a flight."""
    pairs = ["%s=%s" % pair for pair in keys.items()]
    known = {feature["name"]: feature["value"] for feature in scene.fvtop("lookup", name, *pairs)["features"]}
    found = view.get_online_features(keys).to_dict()
    return found if found == known and (any(found.values()) or name == "carrier_pulse") else None


def services(check, scene, release):
    """Features of several views at once."""
    workspace = tecton.get_workspace("prod")
    names = sorted(service["name"] for service in scene.definitions["feature_service"])
    check.same("services: all are listed", sorted(workspace.list_feature_services()), names)
    service = workspace.get_feature_service("flight_check")
    wanted = ("flight_check", "A flight number with the weather where it leaves.", {"team": "operations"})
    check.same("services: name, description, tags", (service.name, service.description, service.tags), wanted)
    keys = {"origin": "JFK", "flight": 51}
    weather = lambda: view_of("airport_weather").get_online_features({"origin": "JFK"}).to_dict()
    until("weather of JFK", 120, lambda: weather()["airport_weather.temp"] is not None)
    found = service.get_online_features(join_keys=keys).to_dict()
    record = view_of("flight_record").get_online_features(keys).to_dict()
    check.same("services: the values of each view", {name: found.get(name) for name in record}, record)
    check.same("services: the one feature that is picked", set(found) - set(record), {"airport_weather.temp"})
    check.holds("services: has a value", found["airport_weather.temp"] is not None, found)
    every = workspace.get_feature_service("origin_board").query_features(join_keys={"origin": "JFK"}).to_pandas()
    one = view_of("origin_carriers").get_online_features({"origin": "JFK", "carrier": "HA"}).to_dict()
    rows = {row["carrier"]: row["origin_carriers.flights_6h"] for row in every.to_dict("records")}
    check.holds("services: a wildcard answers for every airline", len(rows) > 3 and set(rows) > {"AA", "B6", "HA"}, rows)
    check.same("services: with the values of each", rows.get("HA"), one["origin_carriers.flights_6h"])


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
