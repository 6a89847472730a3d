#!/usr/bin/env python3
"""A gate before a Kafka broker: TLS and logins, as a broker has them, for `scripts/kafka-story`.

    gate.py LISTEN_PORT BROKER_PORT [--tls CERT KEY] [--login USER PASSWORD]

It ends TLS, answers the requests of the protocol that ask for a login (SaslHandshake, SaslAuthenticate with PLAIN or
SCRAM), and from then on hands bytes on both ways. The addresses in the broker's metadata are made the gate's: the broker
must listen on 127.0.0.1 with a port of five digits.
"""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import sys
import threading

API_VERSIONS, METADATA, SASL_HANDSHAKE, SASL_AUTHENTICATE = 18, 3, 17, 36
ILLEGAL_STATE, UNSUPPORTED, FAILED = 34, 33, 58
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def receive(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def frame(connection):
    return receive(connection, struct.unpack(">i", receive(connection, 4))[0])


def send(connection, data):
    connection.sendall(struct.pack(">i", len(data)) + data)


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def blob(value):
    return struct.pack(">i", len(value)) + value


class Scram:
    """The server's side of RFC 5802."""

    def __init__(self, algorithm, user, password):
        self.algorithm, self.user, self.password = algorithm, user, password
        self.salt, self.rounds = os.urandom(16), 4096

    def first(self, message):
        self.bare = message.decode().split(",", 2)[2]
        fields = dict(field.split("=", 1) for field in self.bare.split(","))
        if fields["n"] != self.user:
            return None
        self.nonce = fields["r"] + base64.b64encode(os.urandom(12)).decode()
        salt = base64.b64encode(self.salt).decode()
        self.challenge = f"r={self.nonce},s={salt},i={self.rounds}"
        return self.challenge.encode()

    def last(self, message):
        without, proof = message.decode().rsplit(",p=", 1)
        if f"r={self.nonce}" not in without:
            return None
        digest = lambda key, data: hmac.new(key, data.encode(), self.algorithm).digest()
        salted = hashlib.pbkdf2_hmac(self.algorithm, self.password.encode(), self.salt, self.rounds)
        client = digest(salted, "Client Key")
        said = ",".join([self.bare, self.challenge, without])
        stored = hashlib.new(self.algorithm, client).digest()
        signature = digest(stored, said)
        if bytes(a ^ b for a, b in zip(client, signature)) != base64.b64decode(proof):
            return None
        return b"v=" + base64.b64encode(digest(digest(salted, "Server Key"), said))


class Gate:
    def __init__(self, client, broker, login, listen, behind):
        self.client, self.broker, self.login = client, broker, login
        self.ours, self.theirs = struct.pack(">i", listen), struct.pack(">i", behind)
        self.mechanism, self.scram, self.let_in = None, None, login is None

    def answer(self, request):
        """The gate's own answer to a request, or none where the broker answers."""
        key, version, correlation = struct.unpack(">hhi", request[:8])
        client_id = struct.unpack(">h", request[8:10])[0]
        body = request[10 + max(client_id, 0):]
        head = struct.pack(">i", correlation)
        if key == SASL_HANDSHAKE:
            length = struct.unpack(">h", body[:2])[0]
            self.mechanism = body[2:2 + length].decode()
            error = 0 if self.mechanism in MECHANISMS else UNSUPPORTED
            known = struct.pack(">i", len(MECHANISMS)) + b"".join(map(text, MECHANISMS))
            return head + struct.pack(">h", error) + known
        if key == SASL_AUTHENTICATE:
            flexible = version >= 2
            if flexible:
                # Tagged fields of the header, then a compact length: one more than the bytes, in seven bits each.
                at, length, shift = 1, 0, 0
                while True:
                    byte = body[at]
                    length |= (byte & 0x7F) << shift
                    at, shift = at + 1, shift + 7
                    if byte < 0x80:
                        break
                said = body[at:at + length - 1]
            else:
                said = body[4:4 + struct.unpack(">i", body[:4])[0]]
            reply = self.authenticate(said)
            error, words = (0, None) if reply is not None else (FAILED, "the user or the password is not the right one")
            reply = reply or b""
            if flexible:
                words = b"\0" if words is None else bytes([len(words) + 1]) + words.encode()
                assert len(reply) < 126, "a reply that needs a longer length"
                return head + b"\0" + struct.pack(">h", error) + words + bytes([len(reply) + 1]) + reply + bytes(8) + b"\0"
            words = struct.pack(">h", -1) if words is None else text(words)
            return head + struct.pack(">h", error) + words + blob(reply) + (bytes(8) if version >= 1 else b"")
        return None

    def authenticate(self, said):
        user, password = self.login
        if self.mechanism == "PLAIN":
            self.let_in = said.split(b"\0")[1:] == [user.encode(), password.encode()]
            return b"" if self.let_in else None
        if self.scram is None:
            algorithm = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}[self.mechanism]
            self.scram = Scram(algorithm, user, password)
            return self.scram.first(said)
        reply = self.scram.last(said)
        self.let_in = reply is not None
        return reply

    def run(self):
        threading.Thread(target=self.back, daemon=True).start()
        while True:
            request = frame(self.client)
            key = struct.unpack(">h", request[:2])[0]
            own = self.answer(request) if self.login else None
            if own is not None:
                send(self.client, own)
            elif self.let_in or key == API_VERSIONS:
                send(self.broker, request)
            else:
                raise EOFError("nobody was let in")

    def back(self):
        address = b"127.0.0.1"
        try:
            while True:
                answer = frame(self.broker)
                # Where the broker names itself in metadata, it is the gate that clients are to come to.
                send(self.client, answer.replace(address + self.theirs, address + self.ours))
        except (EOFError, OSError):
            self.client.close()


def serve(client, context, login, listen, behind):
    broker = None
    try:
        if context:
            client = context.wrap_socket(client, server_side=True)
        broker = socket.create_connection(("127.0.0.1", behind))
        Gate(client, broker, login, listen, behind).run()
    except (EOFError, OSError, ssl.SSLError):
        pass
    finally:
        client.close()
        if broker:
            broker.close()


def main(arguments):
    listen, behind, context, login = int(arguments[0]), int(arguments[1]), None, None
    rest = arguments[2:]
    while rest:
        option, first, second = rest[:3]
        rest = rest[3:]
        if option == "--tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(first, second)
        elif option == "--login":
            login = (first, second)
    listener = socket.create_server(("127.0.0.1", listen))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, context, login, listen, behind), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
