#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cell.py TICKS LOOKS-A LOOKS-B MENDED: what was seen from outside of one guest, by its ticks and by both libvirtds.

twice   how often a look at one host saw it run between two looks at the other that did
copies  a counter value from both hosts, or lines from a host that the guest had left
back    a counter that came again: the guest went back
hosts   where its ticks came from, one after the other
boots   how often it booted
moved   by how much its clock moved against the machine's from the first lines to the last, each at the one
        that was least late, in ms; null when it booted meanwhile
ticks   whether there was a line in the last second
stood   how long after MENDED, in nanoseconds of CLOCK_MONOTONIC_RAW, the guest was silent yet, in seconds; null when
        the silence in which that lies was no longer than SILENT, or never ended
"""
import json
import sys
import time

sys.dont_write_bytecode = True
import judge

SILENT = 200_000_000    # a busy machine may keep a guest as quiet as that
ENDS = 500_000_000      # how much of either end of the log: nothing happens to the guest that soon, or that late


def looks(path):
    found = []
    with open(path, errors="replace") as log:
        for line in log:
            fields = line.split()
            if len(fields) == 3 and fields[0].isdigit() and fields[1].isdigit():
                found.append((int(fields[0]), int(fields[1]), fields[2] == "running"))
    return found


def twice(one, other):
    """Both lists are in order of time: for each pair of running looks at one, those at the other that lie between."""
    n, at = 0, 0
    for first, second in zip(one, one[1:]):
        while at < len(other) and other[at][0] < first[0]:
            at += 1
        i = at
        while first[2] and second[2] and i < len(other) and other[i][1] <= second[1]:
            n += other[i][2]
            i += 1
    return n


def stood(lines, mended):
    before, after = ([line.raw for line in lines if (line.raw > mended) == late] for late in (False, True))
    if not after or (before and after[0] - before[-1] <= SILENT):
        return None
    return (after[0] - mended) / 1e9


def main(ticks, one, other, mended):
    lines, _ = judge.read(ticks)
    one, other = map(looks, (one, other))
    told = judge.remembered(lines)
    boots = {line.boot for line in lines}
    verdict = {
        "twice": twice(one, other) + twice(other, one),
        "copies": len(judge.doubles(told)),
        "back": len(judge.rollbacks(told)),
        "hosts": [lines[0].host] + [b.host for a, b in zip(lines, lines[1:]) if a.host != b.host] if lines else [],
        "boots": len(boots),
        "moved": None,
        "stood": stood(lines, int(mended)),
        "ticks": bool(lines) and time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - lines[-1].raw < 10**9,
    }
    if len(boots) == 1 and lines[-1].raw - lines[0].raw > 2 * ENDS:
        verdict["moved"] = (judge.least_late(lines[::-1], ENDS) - judge.least_late(lines, ENDS)) / 1e6
    json.dump(verdict, sys.stdout)
    print()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__.splitlines()[0])
    main(*sys.argv[1:])
