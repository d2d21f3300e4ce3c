#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""utc.py A B: the CLOCK_REALTIME of the machine at address B minus that at A, in ns: low and high.

What a machine answers (see utc.c) it read after it was asked and before the answer came.  Emulated machines count
by this one's CLOCK_MONOTONIC, so that all rounds of a moment bound one figure.
"""
import socket
import sys
import time

ROUNDS = 300


def distance(address):
    """Of its clock from this machine's CLOCK_MONOTONIC."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.connect((address, 123))
        low, high, told = -1 << 63, 1 << 63, 0
        for _ in range(ROUNDS):
            sent = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            s.send(b"?")
            try:
                says = int(s.recv(64))
            except TimeoutError:
                continue
            came = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            low, high, told = max(low, says - came), min(high, says - sent), told + 1
    if not told or low > high:
        sys.exit(f"{address}: {told} answers, from {low} to {high} ns")
    return low, high


if __name__ == "__main__":
    (a_low, a_high), (b_low, b_high) = (distance(address) for address in sys.argv[1:3])
    print(b_low - a_high, b_high - a_low)
