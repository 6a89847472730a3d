#!/usr/bin/env python3
"""Feeds a topic while `fvtop serve` is killed and started again, and compares the values with what was fed.

    serve.py BROKER SCRATCH FVTOP
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

USERS, SECONDS, RATE, KILLS, PATIENCE = 7, 40, 500, 5, 120

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
    done = threading.Event()

    def feed():
        producer = Producer({"bootstrap.servers": broker, "enable.idempotence": False, "linger.ms": 0})
        began, count = time.monotonic(), 0
        while time.monotonic() - began < SECONDS:
            user, amount = f"u{random.randrange(USERS)}", random.randrange(100)
            at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            producer.produce(topic, json.dumps({"at": at, "amount": amount}), key=user, partition=int(user[1:]) % 3)
            fed[user][0] += 1
            fed[user][1] += amount
            count += 1
            if count % 50 == 0:
                producer.flush(30)
            time.sleep(max(0.0, began + count / RATE - time.monotonic()))
        producer.flush(30)
        done.set()

    def values():
        found = {}
        for user in fed:
            command = [program, "lookup", "clicks_by_user", f"user_id={user}", "--url", server.url]
            command += ["--workspace", "prod", "--api-key-file", key, "--json"]
            answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            found[user] = answer.stdout
        return found

    with open(scratch / "serve.log", "w") as log:
        server = Server(program, repository, data, log)
        server.start()
        feeder = threading.Thread(target=feed)
        feeder.start()
        for number in range(KILLS):
            time.sleep(random.uniform(0.3, SECONDS / KILLS))
            server.kill()
            print(f"killed for the {number + 1}. time, after {sum(count for count, _ in fed.values())} events", flush=True)
            server.start()
        feeder.join()
        began = time.monotonic()
        while True:
            found = values()
            numbers = {user: [int(n) for n in numbers_of(text)] for user, text in found.items()}
            if all(sorted(numbers[user]) == sorted(fed[user]) for user in fed):
                break
            over = [user for user in fed if numbers[user] and max(numbers[user]) > max(fed[user])]
            if over or time.monotonic() - began > PATIENCE:
                print("fed:", fed, "found:", found, sep="\n")
                sys.exit("the values are not those of the events")
            time.sleep(1)
        server.stop()
    total = sum(count for count, _ in fed.values())
    print(f"{total} events, {KILLS} kills: counts and sums of all {USERS} users are exact")


def numbers_of(text):
    """The numbers among the feature values of an answer."""
    try:
        answer = json.loads(text)
    except ValueError:
        return []
    found = []

    def walk(value, name):
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, key)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, name)
        elif "amount" in str(name) and isinstance(value, (int, float, str)) and str(value).lstrip("-").isdigit():
            found.append(value)

    walk(answer, "")
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
