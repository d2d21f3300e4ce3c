#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""truth.py LOG RECEIPT: what the outside tick stream has for the guest clock figures of a receipt, as JSON.

The guest's CLOCK_REALTIME minus its CLOCK_MONOTONIC changes by steps alone,
and no line can be late in it.  What the guest lost while it stood still is
CLOCK_MONOTONIC against the machine's RAW, before and after: of two seconds
the line that is least late tells.  How well it does is the spread of the same
look at CONTROLS such spans before STOP, in which nothing was lost (jitter_ns).

  lag          how far the guest's clock fell behind, before any correction
  residuals    the guest's clock minus where it should be, at each moment of the receipt
  steps        by how much its clock was really stepped since STOP
  back         where it went backwards: nobody's clock should

Each figure has the truth, the receipt's interval, and whether it is inside,
give or take the jitter.
"""
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import judge

SPAN = 2_000_000_000
CONTROLS = 3
AFTER = 20 * SPAN
STEP = 50_000                  # what reading two clocks one after the other may differ by, in the median of a few


def between(lines, low, high):
    return [line for line in lines if low <= line.raw <= high]


def gone(lines):
    """Guest CLOCK_MONOTONIC minus RAW, by the line that came soonest."""
    if not lines:
        raise SystemExit("no ticks where the truth is looked for")
    return max(line.guest_mono - line.raw for line in lines)


def levels(lines):
    """CLOCK_REALTIME minus CLOCK_MONOTONIC at each line; the median keeps out who was interrupted between the two."""
    each = [line.guest_real - line.guest_mono for line in lines]
    return [round(statistics.median(each[max(0, i - 2):i + 3])) for i in range(len(each))]


def figure(truths, interval, jitter):
    """Between two lines the guest's clock may have been either's."""
    return {"truth_ns": truths[0], "low_ns": interval["low_ns"], "high_ns": interval["high_ns"],
            "inside": any(interval["low_ns"] - jitter <= truth <= interval["high_ns"] + jitter for truth in truths)}


def steps(lines):
    """Each change of REALTIME - MONOTONIC that lasts."""
    found, at, level = [], 0, levels(lines)
    for i in range(1, len(lines)):
        if abs(level[i] - level[at]) > STEP:
            settled = level[min(i + 5, len(lines) - 1)]
            found.append({"by_ns": settled - level[at], "at_ns": lines[i].raw})
            at = min(i + 5, len(lines) - 1)
        elif i > at:
            at = i
    return found


def back(lines):
    return [{"by_ns": b.guest_real - a.guest_real, "at_ns": b.raw} for a, b in zip(lines, lines[1:])
            if a.boot == b.boot and a.n < b.n and b.guest_real < a.guest_real]


class Guest:
    """Its clock from before STOP until well after RESUME."""

    def __init__(self, lines, stop, resume):
        spans = [between(lines, stop - (i + 1) * SPAN, stop - i * SPAN) for i in range(CONTROLS)]
        control = [gone(span) for span in spans]
        self.jitter = max(control) - min(control)
        self.before, self.standard = control[0], levels(spans[0])[-1]
        self.resume = resume
        self.since = between(lines, resume, stop + AFTER)
        self.level = levels(self.since)
        # When each line was written: it may have come late.
        start = gone(between(lines, resume, resume + SPAN))
        self.written = [line.guest_mono - start for line in self.since]

    def shown(self, at):
        """What the lines right before and right after that moment have."""
        after = next((i for i, written in enumerate(self.written) if written > at), len(self.level) - 1)
        return [self.level[after - 1] if after else self.standard, self.level[after]]

    def errors(self, at):
        lost = self.before - gone(between(self.since, max(self.resume, at - SPAN), max(self.resume + SPAN, at)))
        return [level - self.standard - lost for level in self.shown(at)]


def truth(lines, receipt):
    landing = receipt["landing"] if "landing" in receipt else receipt["kept"]
    stop, resume = receipt["stop"]["raw_raw_ns"], landing["resume"]["raw_raw_ns"]
    guest = Guest(lines, stop, resume)
    since = between(lines, stop, stop + AFTER)
    answer = {"jitter_ns": guest.jitter, "back": back(since), "steps": steps(since),
              "residuals": [figure(guest.errors(resume + r["after_ns"]), r["residual"], guest.jitter)
                            for r in landing["residuals"]]}
    if "lag" in landing:
        answer["lag"] = figure([-error for error in guest.errors(resume)[:1]], landing["lag"], guest.jitter)
    return answer


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    with open(sys.argv[2]) as file:
        json.dump(truth(judge.read(sys.argv[1])[0], json.load(file)), sys.stdout, indent=2)
    print()
