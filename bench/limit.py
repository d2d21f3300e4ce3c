#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""limit.py LIMIT VERDICT RUNS LATE: what moves by bench/limit came to, one "ARM WHAT FIGURE" a line.

LIMIT is in ms, VERDICT judge.py's, LATE what tests/rig/late wrote, RUNS one JSON object a line: the arm, when it was
begun and ended, whether the guest went, and the receipt ({} for virsh).

went, stayed   how long the guest stood still, seen from outside, minus the limit; where it stayed, at the longest,
               and not there when it never stood
over           the same, where even the shortest that the stream allows for is over the limit
receipt        the upper end of what the receipt says of it, minus the limit
spare          how much longer the commit was valid when it was obeyed
outcome        in a word
realtime, ordinary  the largest delay of either thread meanwhile
"""
import json
import sys

MS = 1e6


def outcome(run):
    receipt = run["receipt"]
    if not receipt:
        return "clean"
    if run["went"]:
        return receipt["migration"]["outcome"]
    reason = receipt["migration"].get("reason", "")
    for words, word in (("refused", "refused"), ("rolled back at the gate", "rolled-back"), ("its connection was cut", "cut"),
                        ("did not let it run", "not-obeyed")):
        if words in reason:
            return word
    return "ended-otherwise"


def during(run, standstills):
    return [each["stood_ns"] for each in standstills
            if run["begun"] <= each["at_ns"] <= run["ended"] and each["stood_ns"]]


def figures(run, limit, verdict, late):
    stood = during(run, verdict["changes"] if run["went"] else verdict["pauses"])
    if stood:
        longest = max(stood, key=lambda each: each["high_ns"])
        yield "went" if run["went"] else "stayed", (longest["low_ns"] + longest["high_ns"]) / 2 / MS - limit
        if longest["low_ns"] / MS > limit:
            yield "over", longest["low_ns"] / MS - limit
    receipt = run["receipt"]
    said = receipt.get("blackout" if run["went"] else "source_lost")
    if said:
        yield "receipt", said["high_ns"] / MS - limit
    gated = receipt.get("gated", {})
    if gated.get("word") == "ran" and "spare_ns" in gated:
        yield "spare", gated["spare_ns"] / MS
    yield "outcome", outcome(run)
    seen = [line for line in late if run["begun"] <= line[0] <= run["ended"]]
    if seen:
        yield "realtime", max(line[1] for line in seen) / MS
        yield "ordinary", max(line[2] for line in seen) / MS


def main(limit, verdict, runs, late):
    with open(verdict) as verdict, open(runs) as runs, open(late) as late:
        verdict, runs = json.load(verdict), [json.loads(line) for line in runs]
        late = [[int(field) for field in line.split()] for line in late if line.count(" ") == 2 and line.endswith("\n")]
    for run in runs:
        for what, figure in figures(run, float(limit), verdict, late):
            print(run["arm"], what, figure)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
