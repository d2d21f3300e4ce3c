#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""poll.py FILE: on a host, until FILE.stop exists: asks the agent's own socket for its clock and its health, 20 times
a second.  FILE then has, as JSON, how long the slowest answer took and how many calls into libvirt hung at most."""
import http.client
import json
import os
import select
import socket
import sys
import time

SOCKET = "/run/clockferry/api.sock"


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(SOCKET)


def ask(path):
    begun = time.monotonic_ns()
    connection = Connection("localhost")
    connection.request("GET", path)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body}")
    return body, time.monotonic_ns() - begun


def main(path):
    found = {"asked": 0, "slowest_ns": 0, "hung_calls": 0}
    while not os.path.exists(path + ".stop"):
        _, took = ask("/v1/clock")
        health, _ = ask("/v1/health")
        found["asked"] += 1
        found["slowest_ns"] = max(found["slowest_ns"], took)
        found["hung_calls"] = max(found["hung_calls"], health["hung_calls"])
        select.select([], [], [], 0.05)
    with open(path + ".part", "w") as file:
        json.dump(found, file)
    os.rename(path + ".part", path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    main(sys.argv[1])
