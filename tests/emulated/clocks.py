#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""clocks.py LOG [LABEL...]: what each clock of a guest under KVM lost at each change of host, by the outside
tick stream of `tick --each`, as JSON; with labels, one for each change, as a table.

Lines come late and never early, so a clock's distance from the machine's is that of the quickest line of
judge.WINDOW (see judge.py, whose estimator this is, for each clock of each vCPU).  What a clock lost is by how
much that distance shrank over the change.  The jitter is the control: the 99.9th percentile of what the same
estimator says of all instants without a change; it is the bound of every figure.

  changes      of host; pauses: where the guest said nothing for SILENT_NS and stayed, with the same figures
  lost_ns      by clock and vCPU.  REALTIME is told at the end of the guest's stay, after all that corrects it;
               soon_ns is what it had lost by then that nothing had yet corrected: MONOTONIC is not corrected
  back         a clock that went backwards on one vCPU
  behind_ns    the worst that one vCPU's TSC was ever seen behind another's
  apart_ns     by how much the vCPUs' TSCs moved against each other at a change, by the stream
  sleeps       by how much those that slept through the change, and were due after it, woke too late; the
               control is the 99.9th percentile of those that slept through none
"""
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


def numbered(lines):
    """The host of each line gets a number, one more after each pause."""
    found, pauses, last = [], 0, None
    for line in lines:
        if line.who < SLEEPER:
            pauses += last is not None and last.host == line.host and line.raw - last.raw > SILENT_NS
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
    def __init__(self, lines):
        lines = numbered(lines)
        self.vcpus = {who: [l for l in lines if l.who == who] for who in sorted({l.who for l in lines}) if who < SLEEPER}
        self.sleeps = [l for l in lines if l.who >= SLEEPER]
        real, ticks = rate_of(self.vcpus[0])
        readings = {"MONOTONIC": lambda line: line.guest_mono, "TSC": lambda line: line.guest_counter * real // ticks}
        self.clocks = {who: {name: Clock(of, readings[name]) for name in CLOCKS} for who, of in self.vcpus.items()}
        self.stretches = self.clocks[0]["MONOTONIC"].standstill.stretches
        moved = [line for last, first in zip(self.stretches, self.stretches[1:])
                 for line in asleep(self.sleeps, last[-1], first[0])[0]]
        self.usual_ns = percentile([line.late for line in self.sleeps if line not in moved], 0.999)
        self.tick_hz = ticks * 1e9 / real

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
        return {
            "from": last[-1].host[0], "to": first[0].host[0], "at_ns": last[-1].raw, "gap_ns": first[0].raw - last[-1].raw,
            "lost_ns": lost, "corrected_ns": round(corrected), "apart_ns": round(max(tsc) - min(tsc)),
            "soon_ns": interval(mono.lost(i) - distance(first[:SOON]) + distance(last[-SETTLED:]), mono.jitter),
            "sleeps": {"late_ns": [line.late for line in through],
                       "control_ns": self.usual_ns},
        }

    def verdict(self):
        found = [self.change(i) for i in range(1, len(self.stretches))]
        return {
            "vcpus": len(self.vcpus), "tsc_hz": round(self.tick_hz),
            "jitter_ns": {name: round(max(c[name].jitter for c in self.clocks.values())) for name in CLOCKS},
            "changes": [each for each in found if each["from"] != each["to"]],
            "pauses": [each for each in found if each["from"] == each["to"]],
            "back": [each for of in self.vcpus.values() for each in backwards(of)],
            "behind_ns": round(max(l.behind for of in self.vcpus.values() for l in of) * 1e9 / self.tick_hz),
            "two_copies": [each for of in self.vcpus.values() for each in judge.doubles(of)],
            "rollbacks": [each for of in self.vcpus.values() for each in judge.rollbacks(of)],
        }


def milli(interval_ns):
    middle = (interval_ns["low_ns"] + interval_ns["high_ns"]) / 2e6
    return f"{middle:9.2f} ms +- {(interval_ns['high_ns'] - interval_ns['low_ns']) / 2e6:.2f}"


def table(verdict, labels):
    rows = [("lost by the guest's", "REALTIME", "MONOTONIC", "TSC", "silent for")]
    for label, change in zip(labels, verdict["changes"]):
        lost = change["lost_ns"][0]
        rows.append((label, *(milli(lost[name]) for name in ("REALTIME", "MONOTONIC", "TSC")), f"{change['gap_ns'] / 1e6:.0f} ms"))
    jitter = verdict["jitter_ns"]
    rows.append(("control: no migration", *(f"+- {jitter[name] / 1e6:.2f} ms" for name in ("MONOTONIC", "MONOTONIC", "TSC")), ""))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def read(path):
    lines, _ = judge.read(path)
    if not lines:
        raise SystemExit("no ticks")
    return lines


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    found = Guest(read(sys.argv[1])).verdict()
    if len(sys.argv) > 2:
        print(table(found, sys.argv[2:]))
    else:
        json.dump(found, sys.stdout, indent=2)
        print()
