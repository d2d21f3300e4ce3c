#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""clocks.py [--stood FROM:TO:NS]... LOG [LABEL BOUND]...: what each clock of a guest under KVM lost at each change
of host, by the outside tick stream of `tick --each`, as JSON; as a table with a label for each change, and the bound
(ns, or None) within which the receipt or the hosts' offset has it.

--stood: the guest is known to have stood still where it stayed, between two instants of this machine's
CLOCK_MONOTONIC_RAW, and for so long at least: the longest silence there is that standstill.

Lines come late and never early, so a clock's distance from the machine's is that of the quickest line of
judge.WINDOW (see judge.py, whose estimator this is, for each clock of each vCPU).  What a clock lost is by how
much that distance shrank over the change.  The jitter is the control: the 99.9th percentile of what the same
estimator says of all instants of the same guest while it stays, with judge.WINDOW between them and any change or
pause; it is the bound of every figure.

  boots        of the guest
  changes      of host; pauses: where the guest stayed and said nothing for SILENT_NS, or is known to have stood still
               (told), with the same figures
  lost_ns      by clock and vCPU.  REALTIME is told at the end of the guest's stay, after all that corrects it;
               soon_ns is what it had lost by then that nothing had yet corrected: MONOTONIC is not corrected
  back         a clock that went backwards on one vCPU
  behind_ns    the worst that one vCPU's TSC was ever seen behind another's by the guest; of a change, until then and until
               the end of the stay after it
  apart_ns     by how much the vCPUs' TSCs moved against each other at a change, by the stream
  sleeps       by how much those that slept through the change, and were due after it, woke too late: late_ns by the
               guest's own clock, outside_ns by the machine's, for which what MONOTONIC lost is late, too; the controls
               are the 99.9th percentiles of those that slept through none
"""
import argparse
import bisect
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "rig"))
import judge

SLEEPER = 0xf0
SLEEP_NS = 4_000_000_000       # as tick has it
SETTLED = 100                  # lines whose median is a distance between two clocks of the guest
SOON = 20
SILENT_NS = 1_000_000_000
CLOCKS = ("MONOTONIC", "TSC")


def standstill(lines, since, until, least_ns):
    """The longest silence of all vCPUs in that time, as the instants of the lines around it; None if it is too short."""
    said = [line for line in lines if line.who < SLEEPER and since <= line.raw <= until]
    silences = [(a.raw, b.raw) for a, b in zip(said, said[1:]) if a.host == b.host]
    silence = max(silences, key=lambda silence: silence[1] - silence[0], default=(0, 0))
    return silence if silence[1] - silence[0] >= least_ns else None


def numbered(lines, told):
    """The host of each line gets a number, one more after each pause."""
    found, pauses, last, ends = [], 0, None, {end for _, end in told}
    for line in lines:
        if line.who < SLEEPER:
            pauses += last is not None and last.host == line.host and last.raw < line.raw and \
                (line.raw - last.raw > SILENT_NS or line.raw in ends)
            last = line
        found.append(line._replace(host=f"{line.host}{pauses}"))
    return found


def rate_of(lines):
    """Machine's ns and the TSC's ticks of the longest stay."""
    stays, start = [], 0
    for i in range(1, len(lines) + 1):
        if i == len(lines) or lines[i].host != lines[start].host:
            stays.append((lines[start], lines[i - 1]))
            start = i
    first, last = max(stays, key=lambda stay: stay[1].raw - stay[0].raw)
    return last.raw - first.raw, last.guest_counter - first.guest_counter


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


class Clock:
    """One clock of one vCPU, as judge.Standstill sees it."""

    def __init__(self, lines, reading):
        self.standstill = judge.Standstill([line._replace(guest_mono=reading(line)) for line in lines], 0)
        if self.standstill.rate is None:
            raise SystemExit("no stay is long enough to tell a rate")
        inside = [abs(estimate) for stretch in self.standstill.inside for _, estimate in stretch]
        if len(inside) < judge.CONTROL:
            raise SystemExit(f"only {len(inside)} instants without a change: no control")
        self.jitter = percentile(inside, 0.999)

    def lost(self, i):
        return self.standstill.after[i][0] - self.standstill.before[i - 1][-1]


def distance(lines):
    """Of REALTIME from MONOTONIC."""
    return statistics.median(line.guest_real - line.guest_mono for line in lines)


def interval(middle, bound):
    return {"low_ns": round(middle - bound), "high_ns": round(middle + bound)}


def backwards(lines):
    return [{"clock": name, "vcpu": a.who, "by_ns": getattr(b, field) - getattr(a, field), "at_ns": b.raw}
            for a, b in zip(lines, lines[1:]) if a.boot == b.boot and a.n < b.n
            for name, field in (("REALTIME", "guest_real"), ("MONOTONIC", "guest_mono"), ("TSC", "guest_counter"))
            if getattr(b, field) < getattr(a, field)]


def due(line):
    return line.guest_mono - line.late


def asleep(sleeps, before, after):
    """Those asleep at the last line there; and of them those that were due after the first line here."""
    at = [line for line in sleeps if line.boot == before.boot and due(line) - SLEEP_NS < before.guest_mono < due(line)]
    return at, [line for line in at if due(line) > after.guest_mono]


class Guest:
    def __init__(self, lines, stood=()):
        found = [standstill(lines, *each) for each in stood]
        self.told = [each for each in found if each]
        lines = numbered(lines, self.told)
        self.boots = len({line.boot for line in lines})
        self.vcpus = {who: [l for l in lines if l.who == who] for who in sorted({l.who for l in lines}) if who < SLEEPER}
        self.sleeps = [l for l in lines if l.who >= SLEEPER]
        real, ticks = rate_of(self.vcpus[0])
        readings = {"MONOTONIC": lambda line: line.guest_mono, "TSC": lambda line: line.guest_counter * real // ticks}
        self.clocks = {who: {name: Clock(of, readings[name]) for name in CLOCKS} for who, of in self.vcpus.items()}
        self.standstill = self.clocks[0]["MONOTONIC"].standstill
        self.stretches = self.standstill.stretches
        moved = {line for last, first in zip(self.stretches, self.stretches[1:])
                 for line in asleep(self.sleeps, last[-1], first[0])[0]}
        usual = [line for line in self.sleeps if line not in moved]
        self.usual_ns = percentile([line.late for line in usual], 0.999)
        self.usual_outside_ns = percentile([late for late in map(self.usually_late, usual) if late is not None], 0.999)
        self.tick_hz = ticks * 1e9 / real

    def late(self, sleep, quickest):
        """How long after it was due it was heard of, by the machine's clock and by what was quickest before it."""
        return round(self.standstill.late(sleep._replace(guest_mono=due(sleep))) - quickest)

    def usually_late(self, sleep):
        for i, stretch in enumerate(self.stretches):
            if stretch[0].raw <= sleep.raw <= stretch[-1].raw:
                at = bisect.bisect_right(stretch, sleep.raw, key=lambda line: line.raw) - 1
                return self.late(sleep, self.standstill.before[i][at])
        return None

    def behind(self, until=None):
        seen = [line.behind for of in self.vcpus.values() for line in of if until is None or line.raw <= until]
        return round(max(seen, default=0) * 1e9 / self.tick_hz)

    def change(self, i):
        """From stay i - 1 to stay i."""
        last, first = self.stretches[i - 1], self.stretches[i]
        lost = {who: {name: interval(clock.lost(i), clock.jitter) for name, clock in clocks.items()}
                for who, clocks in self.clocks.items()}
        mono = self.clocks[0]["MONOTONIC"]
        corrected = distance(first[-SETTLED:]) - distance(last[-SETTLED:])
        lost[0]["REALTIME"] = interval(mono.lost(i) - corrected, mono.jitter)
        tsc = [clocks["TSC"].lost(i) for clocks in self.clocks.values()]
        _, through = asleep(self.sleeps, last[-1], first[0])
        quickest = self.standstill.before[i - 1][-1]
        return {
            "from": last[-1].host[0], "to": first[0].host[0], "at_ns": last[-1].raw, "gap_ns": first[0].raw - last[-1].raw,
            "lost_ns": lost, "corrected_ns": round(corrected), "apart_ns": round(max(tsc) - min(tsc)),
            "behind_ns": [self.behind(last[-1].raw), self.behind(first[-1].raw)],
            "told": any(last[-1].raw <= start and end <= first[0].raw for start, end in self.told),
            "soon_ns": interval(mono.lost(i) - distance(first[:SOON]) + distance(last[-SETTLED:]), mono.jitter),
            "sleeps": {"late_ns": [line.late for line in through], "control_ns": self.usual_ns,
                       "outside_ns": [self.late(line, quickest) for line in through],
                       "outside_control_ns": self.usual_outside_ns},
        }

    def verdict(self):
        found = [self.change(i) for i in range(1, len(self.stretches))]
        return {
            "boots": self.boots, "vcpus": len(self.vcpus), "tsc_hz": round(self.tick_hz),
            "jitter_ns": {name: round(max(c[name].jitter for c in self.clocks.values())) for name in CLOCKS},
            "changes": [each for each in found if each["from"] != each["to"]],
            "pauses": [each for each in found if each["from"] == each["to"]],
            "back": [each for of in self.vcpus.values() for each in backwards(of)],
            "behind_ns": self.behind(),
            "two_copies": [each for of in self.vcpus.values() for each in judge.doubles(of)],
            "rollbacks": [each for of in self.vcpus.values() for each in judge.rollbacks(of)],
        }


def milli(interval_ns):
    middle = (interval_ns["low_ns"] + interval_ns["high_ns"]) / 2e6
    return f"{middle:9.2f} ms +- {(interval_ns['high_ns'] - interval_ns['low_ns']) / 2e6:.2f}"


def table(verdict, labels, bounds):
    rows = [("lost by the guest's", "REALTIME", "MONOTONIC", "TSC", "bound", "silent for")]
    for label, bound, change in zip(labels, bounds, verdict["changes"]):
        lost = change["lost_ns"][0]
        rows.append((label, *(milli(lost[name]) for name in ("REALTIME", "MONOTONIC", "TSC")),
                     "none" if bound == "None" else f"+- {int(bound) / 1e6:.2f} ms", f"{change['gap_ns'] / 1e6:.0f} ms"))
    jitter = verdict["jitter_ns"]
    rows.append(("control: the same guest while it stays",
                 *(f"+- {jitter[name] / 1e6:.2f} ms" for name in ("MONOTONIC", "MONOTONIC", "TSC")), "", ""))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def read(path):
    lines, _ = judge.read(path)
    if not lines:
        raise SystemExit("no ticks")
    return lines


def span(text):
    since, until, least_ns = text.split(":")
    return int(since), int(until), int(least_ns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.split(": what")[0])
    parser.add_argument("--stood", type=span, action="append", default=[])
    parser.add_argument("log")
    parser.add_argument("rows", nargs="*")
    given = parser.parse_args()
    found = Guest(read(given.log), given.stood).verdict()
    if given.rows:
        print(table(found, given.rows[::2], given.rows[1::2]))
    else:
        json.dump(found, sys.stdout, indent=2)
        print()
