"""What the SDK must show of a view, worked out from its definition in TOML."""

import re
from datetime import timedelta

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
# How the functions of definitions stand in names of features.
NAMES = {"last_distinct": "lastn%d", "last_n": "last_non_distinct_n%d"}


def span(text):
    """`1h30m` as a duration."""
    return timedelta(seconds=sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)([dhms])", text)))


def floor(at, step):
    """The last boundary of the grid at or before an instant."""
    seconds = int(at.timestamp() // step.total_seconds() * step.total_seconds())
    return at.replace(microsecond=0) + timedelta(seconds=seconds - int(at.timestamp()))


class View:
    """One view of the repository."""

    def __init__(self, definitions, name):
        self.toml = definitions["views"][name]
        listed = lambda kind: {entry["name"]: entry for entry in definitions[kind]}
        entities, sources = listed("entity"), listed("source")
        self.name = name
        self.entity_names = self.toml["entities"]
        names = self.toml["source"]
        self.data_source_names = [names] if isinstance(names, str) else names
        self.join_keys = [key["name"] for entity in self.entity_names for key in entities[entity]["join_keys"]]
        self.online_serving_index = self.toml.get("online_serving_index", self.join_keys)
        rest = [key for key in self.join_keys if key not in self.online_serving_index]
        self.wildcard_join_key = rest[0] if rest else None
        self.is_stream = "stream" in sources[self.data_source_names[0]]
        self.is_aggregate = "aggregations" in self.toml
        self.batch_schedule = span(self.toml["batch_schedule"])
        self.is_manual = self.toml.get("batch_trigger") == "manual"
        delays = [span(sources[source].get("data_delay", "0s")) for source in self.data_source_names]
        self.max_data_delay = max(delays) or None
        self.features = [self._feature(a) for a in self.toml["aggregations"]] if self.is_aggregate else self._columns()

    def _feature(self, aggregation):
        if "name" in aggregation:
            return aggregation["name"]
        function = aggregation["function"]
        function = NAMES[function] % aggregation["n"] if function in NAMES else function
        interval = self.toml.get("aggregation_interval", "continuous")
        return "_".join([aggregation["column"], function, aggregation["time_window"], interval])

    def _columns(self):
        chosen = re.search(r"SELECT\s+(.*?)\s+FROM", self.toml["sql"], re.S).group(1).split(",")
        names = [re.split(r"\s+AS\s+|\.", column.strip())[-1] for column in chosen]
        return [name for name in names if name not in self.join_keys and name != "timestamp"]

    def start(self, created_at):
        """`apply - SPAN`, on the view's schedule."""
        return floor(created_at - span(self.toml["feature_start_time"].split("-")[1]), self.batch_schedule)
