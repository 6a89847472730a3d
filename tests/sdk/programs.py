"""The other programs beside the SDK's library: `fvtop`, the SDK's own command, another Python, and a bare HTTP client."""

import base64
import http.client
import json
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

LIMIT = 300


class Scene:
    """What the test that starts us says: where the server is, and what it was started on."""

    def __init__(self, path):
        with open(path) as file:
            scene = json.load(file)
        self.fvtop_path = scene["fvtop"]
        self.url = scene["url"]
        self.key = scene["key"]
        self.key_file = scene["key_file"]
        self.repository = scene["repository"]
        self.definitions = scene["definitions"]

    def fvtop_said(self, *arguments):
        """What a command of `fvtop` writes."""
        command = [self.fvtop_path, *arguments, "--url", self.url, "--api-key-file", self.key_file]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT)
        if done.returncode != 0:
            raise RuntimeError("fvtop %s: %s" % (" ".join(arguments), done.stderr.decode()))
        return done.stdout

    def fvtop(self, *arguments):
        """What a command of `fvtop` answers as JSON."""
        return json.loads(self.fvtop_said(*arguments, *(() if "--format" in arguments else ("--json",))))

    def proxy(self, method, request=b"", path="/api/proxy", key=None, content_type=None):
        """An envelope as the SDK writes it: MIME base64. Gives the HTTP status and the answer."""
        envelope = {
            "method": "/tecton_proto.metadataservice.MetadataService/" + method,
            "metadata": {"authorization": "Tecton-key " + (key or self.key)},
            "request": base64.encodebytes(request).decode(),
        }
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LIMIT)
        headers = {"content-type": content_type} if content_type else {}
        connection.request("POST", path, json.dumps(envelope).encode(), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def tecton(*arguments):
    """Exit code and text of the SDK's own command. Wide, so that its tables are not cut."""
    command = os.path.join(os.path.dirname(sys.executable), "tecton")
    environment = dict(os.environ, COLUMNS="240", NO_COLOR="1")
    done = subprocess.run(
        [command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, timeout=LIMIT
    )
    return done.returncode, done.stdout.decode()


def python(text, **changes):
    """Last line of what a Python of its own says, the SDK imported there anew. A variable that is None is left out."""
    environment = {name: value for name, value in {**os.environ, **changes}.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        timeout=LIMIT,
    )
    lines = [line for line in done.stdout.decode().splitlines() if line.strip()]
    return lines[-1] if lines else ""


def until(what, seconds, done):
    """The first true answer of `done`."""
    end = time.monotonic() + seconds
    while True:
        found = done()
        if found:
            return found
        if time.monotonic() > end:
            raise RuntimeError("waited %d s for %s" % (seconds, what))
        time.sleep(0.2)
