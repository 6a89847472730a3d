#!/usr/bin/env python3
"""Feeds a topic while `fvtop serve` is killed and started again, and compares the values with what was fed.

    serve.py BROKER SCRATCH FVTOP

KAFKA_STORY_EVENTS, KAFKA_STORY_RATE (events a second; 0 is as fast as the broker takes them) and KAFKA_STORY_KILLS say how
many, how fast and how often.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

USERS, PATIENCE = 7, 120
EVENTS, RATE, KILLS = (
    int(os.environ.get(f"KAFKA_STORY_{name}", default))
    for name, default in (("EVENTS", 20_000), ("RATE", 500), ("KILLS", 5))
)
# Between two kills, in seconds: from the midst of a start to well into the reading.
PAUSES = 0.3, 8.0

FILES = {
    "entities.toml": """
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "string" }]
""",
    "workspaces.toml": """
[[workspace]]
name = "prod"
live = true
""",
    "sources.toml": """
[[source]]
name = "clicks"
timestamp_column = "at"
columns = { user_id = "string", at = "timestamp", amount = "int64" }
stream = { kind = "kafka", brokers = "BROKER", topic = "TOPIC", watermark = "1h", take = { key = "user_id" } }
""",
    "views/clicks_by_user.toml": """
name = "clicks_by_user"
entities = ["user"]
source = "clicks"
mode = "spark_sql"
sql = "SELECT user_id, at, amount FROM clicks"
online = true
offline = false
aggregation_mode = "continuous"
aggregations = [
    { column = "amount", function = "count", time_window = "1d" },
    { column = "amount", function = "sum", time_window = "1d" },
]
batch_schedule = "1d"
feature_start_time = "apply - 1d"
""",
}


class Server:
    def __init__(self, program, repository, data, log):
        self.program, self.repository, self.data, self.log = program, repository, data, log
        self.process, self.url = None, None

    def start(self):
        command = [self.program, "serve", "--repo", self.repository, "--data-dir", self.data, "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("ready url="):
                self.url = line.split("=", 1)[1].strip()
                return
        sys.exit("fvtop serve did not start: see the log")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main(broker, scratch, program):
    scratch, topic = pathlib.Path(scratch) / "serve", f"clicks-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    repository, data, key = scratch / "repository", scratch / "data", scratch / "key"
    for name, text in FILES.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("BROKER", broker).replace("TOPIC", topic))
    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result(10)
    with open(key, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        subprocess.run([program, "keys", "create", "admin", "--role", "owner", "--data-dir", data], stdout=file, check=True)

    fed = {f"u{n}": [0, 0] for n in range(USERS)}

    def feed():
        producer = Producer({"bootstrap.servers": broker, "enable.idempotence": False, "linger.ms": 0})
        began = time.monotonic()
        for count in range(1, EVENTS + 1):
            user, amount = f"u{random.randrange(USERS)}", random.randrange(100)
            at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            while len(producer) > 50_000:
                producer.poll(0.1)
            producer.produce(topic, json.dumps({"at": at, "amount": amount}), key=user, partition=int(user[1:]) % 3)
            fed[user][0] += 1
            fed[user][1] += amount
            if RATE and count % 50 == 0:
                producer.flush(30)
                time.sleep(max(0.0, began + count / RATE - time.monotonic()))
        producer.flush(30)

    def values():
        found = {}
        for user in fed:
            command = [program, "lookup", "clicks_by_user", f"user_id={user}", "--url", server.url]
            command += ["--workspace", "prod", "--api-key-file", key, "--json"]
            answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            found[user] = numbers_of(answer.stdout)
        return found

    with open(scratch / "serve.log", "w") as log:
        server = Server(program, repository, data, log)
        server.start()
        feeder = threading.Thread(target=feed)
        feeder.start()
        for number in range(KILLS):
            time.sleep(random.uniform(*PAUSES))
            server.kill()
            print(f"killed for the {number + 1}. time, after {sum(count for count, _ in fed.values())} events", flush=True)
            server.start()
        feeder.join()
        began, before = time.monotonic(), None
        while (found := values()) != fed:
            if found != before:
                began, before = time.monotonic(), found
            over = [user for user in fed if found[user] > fed[user]]
            if over or time.monotonic() - began > PATIENCE:
                print("fed:", fed, "found:", found, sep="\n")
                sys.exit("the values are not those of the events")
            time.sleep(1)
        server.stop()
    total = sum(count for count, _ in fed.values())
    print(f"{total} events, {KILLS} kills: counts and sums of all {USERS} users are exact")


def numbers_of(text):
    """The count and the sum in an answer; zeros before the first event, and where nobody answers."""
    try:
        features = {feature["name"]: feature["value"] for feature in json.loads(text)["features"]}
    except (KeyError, ValueError):
        features = {}
    return [features.get(f"clicks_by_user.amount_{function}_1d_continuous") or 0 for function in ("count", "sum")]


if __name__ == "__main__":
    main(*sys.argv[1:])
