#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""poll.py FILE: on a host, until FILE.stop exists: asks the agent's own socket for its clock and its health, 20 times
a second.  FILE then has, as JSON, how long the slowest answer took and how many calls into libvirt hung at most.

What the machine did to the agent is no fault of its: for how long it waited for a processor meanwhile does not count,
nor by how much a thread that only sleeps was late here (a machine may halt as a whole)."""
import http.client
import json
import os
import select
import socket
import sys
import threading
import time

SOCKET = "/run/clockferry/api.sock"
NAP = 0.005


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(SOCKET)


def rest(seconds):
    select.select([], [], [], seconds)      # libfaketime has ideas of its own about sleeping


class Control(threading.Thread):
    """The thread that only sleeps."""

    def __init__(self):
        super().__init__(daemon=True)
        self.late_ns = 0            # in all
        self.start()

    def run(self):
        while True:
            before = time.monotonic_ns()
            rest(NAP)
            self.late_ns += max(0, time.monotonic_ns() - before - round(NAP * 1e9) - 1_000_000)


def agent():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as comm:
                if comm.read() == "clockferryd\n":
                    return pid
        except FileNotFoundError:
            pass            # ended meanwhile
    raise SystemExit("no agent")


def starved_ns(pid):
    with open(f"/proc/{pid}/schedstat") as stat:
        return int(stat.read().split()[1])


def ask(path, pid, control):
    begun, late, starved = time.monotonic_ns(), control.late_ns, starved_ns(pid)
    connection = Connection("localhost")
    connection.request("GET", path)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body}")
    return body, time.monotonic_ns() - begun - max(control.late_ns - late, starved_ns(pid) - starved)


def main(path):
    found = {"asked": 0, "slowest_ns": 0, "hung_calls": 0}
    pid, control = agent(), Control()
    while not os.path.exists(path + ".stop"):
        _, took = ask("/v1/clock", pid, control)
        health, _ = ask("/v1/health", pid, control)
        found["asked"] += 1
        found["slowest_ns"] = max(found["slowest_ns"], took)
        found["hung_calls"] = max(found["hung_calls"], health["hung_calls"])
        rest(0.05)
    with open(path + ".part", "w") as file:
        json.dump(found, file)
    os.rename(path + ".part", path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    main(sys.argv[1])
