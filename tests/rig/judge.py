#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judge.py LOG: what the outside tick stream of one guest says, as JSON.

LOG is what tests/rig/collect wrote.  The judge knows nothing of libvirt, QEMU
or the agents.  The verdicts:

  changes      each change of host.  gap_ns is from the last line of the one to
               the first of the other.  The guest stopped within a tick after
               the former and ran within a tick before the latter, so blackout_ns
               is [gap - a tick of either side, gap]; as tick counts the longest
               that the stream showed close by, not the one it was asked for, and
               as both ticks at least what the guest's own monotonic clock passed
               meanwhile (emulated guests run a while before they speak again).
               stood_ns is the better word for an emulated guest; null where the
               log has too little around it, or outside, to say so.
               clock_moved_ns: what the guest's CLOCK_REALTIME against the
               machine's moved from right before the change to the end of its
               stay; its rate over that time is in the bounds
  pauses       where the guest's clock stood for more than a tick and it changed
               no host: at_ns, gap_ns and stood_ns as for a change.  What it lost
               then it has not got back SETTLED later, as lines that were all late
               for a while have
  two_copies   a counter value from both hosts, or lines from a host that the
               guest had left, closer to the other's than any migration is
  rollbacks    a counter that came again on one boot: the guest went back
  forgotten    the first counters after a change of host that came again while the
               guest's own clocks went on from where they were, and the host it left
               had spoken without a break: neither a second copy nor one that went
               back, whose clocks would say so, but a page of its memory that arrived
               some ticks old, as an emulated guest's may (policy/ramp.h)
  clock        guest CLOCK_REALTIME minus the machine's, at the median of the
               lines before, after and at the end

stood_ns: for how long the guest's CLOCK_MONOTONIC did not move.  All clocks of
an emulated guest stand from its vCPUs' stop to their start, so a line's arrival
minus its CLOCK_MONOTONIC moves by exactly that much.  Lines come late, by the
machine's load, and never early: the smallest such difference of WINDOW either
side is the one that says most, however many lines around the switchover were
lost or late.  The guest's rate against the machine's is fitted to the stretches
without migration (rate_ppm) and taken out.  The bound is a control from the same
log: what the same estimator says of all the instants at which nothing stood,
its 99.9th percentile (jitter_ns); stood_ns is the estimate plus or minus that.
Standstills closer to each other than WINDOW are not told apart.  A guest under
KVM, whose clocks go on, says nothing this way.
"""
import itertools
import json
import statistics
import sys
from collections import deque, namedtuple

# who, late, behind: of `tick --each` alone.
Line = namedtuple("Line", "raw real host boot n guest_real guest_mono guest_counter who late behind", defaults=(0, 0, 0))

NEAR = 250                     # lines each side of a change that stand for "close by"
CLOCK = 25                     # lines whose median is a clock reading
MOVE_NS = 100_000_000          # a host that speaks again sooner than this was never left
FORGOT_NS = 300_000_000        # how old that page may be: QEMU ends with a pass that is no longer
WINDOW = 1_500_000_000         # whose best line stands for the time before or after an instant
SETTLED = 5_000_000_000        # within which the busiest machine brings one line in time
RATE_BINS = 200                # of a stretch, at most; each is a WINDOW long or more
CONTROL = 1000                 # instants that a percentile needs at least


def parse(text):
    fields = text.split()
    if [len(f) for f in fields[3:]] not in ([4, 8, 16, 16, 16], [4, 8, 16, 16, 16, 2, 16, 16]):
        return None
    try:
        return Line(int(fields[0]), int(fields[1]), fields[2], fields[3], *(int(f, 16) for f in fields[4:]))
    except ValueError:
        return None


def read(path):
    with open(path, errors="replace") as log:
        parsed = [parse(text) for text in log if text.endswith("\n")]
    return [line for line in parsed if line], sum(line is None for line in parsed)


def longest(lines):
    return max((b.raw - a.raw for a, b in zip(lines, lines[1:])), default=0)


def clock_error(lines):
    """Each line is stamped a little late; the median keeps the few that were very late out of it."""
    return round(statistics.median(line.guest_real - line.real for line in lines))


def least_late(lines, span):
    """The guest's CLOCK_REALTIME minus the machine's at that line of those within span of the first that says most."""
    return max(line.guest_real - line.real for line in lines if abs(line.raw - lines[0].raw) < span)


def late(line, around):
    """How much later the line came than the quickest of those around it; each of which took a moment, too."""
    return max(l.guest_mono - l.raw for l in around) - (line.guest_mono - line.raw)


def change(lines, at):
    before = [line for line in lines[max(0, at - NEAR):at] if line.host == lines[at - 1].host]
    after = [line for line in lines[at:at + NEAR] if line.host == lines[at].host]
    gap = after[0].raw - before[-1].raw
    guest_gap = after[0].guest_mono - before[-1].guest_mono
    slack = max(longest(before) + longest(after), guest_gap)
    return {
        "from": before[-1].host,
        "to": after[0].host,
        "at_ns": before[-1].raw,
        "gap_ns": gap,
        "blackout_ns": {"low_ns": max(0, gap - slack - late(after[0], after)),
                        "high_ns": gap + late(before[-1], before)},
        "guest_mono_gap_ns": guest_gap,
        "clock_before_ns": clock_error(before[-CLOCK:]),
        "clock_after_ns": clock_error(after[:CLOCK]),
    }


class Standstill:
    """How long the guest's clock stood, at changes of host and elsewhere; see stood_ns above."""

    def __init__(self, lines, tick):
        self.tick = tick
        groups = itertools.groupby(lines, lambda line: (line.host, line.boot))
        self.stretches = [list(group) for _, group in groups]
        self.rate = self.fit_rate()
        self.jitter = None
        if self.rate is None:
            return
        self.origin = lines[0].raw
        self.before = [self.best(stretch) for stretch in self.stretches]
        self.after = [self.best(stretch[::-1])[::-1] for stretch in self.stretches]
        self.inside = [list(self.instants(i)) for i in range(len(self.stretches))]
        control = sorted(abs(estimate) for instants in self.inside for _, estimate in instants
                         if estimate <= tick)
        if len(control) >= CONTROL:
            self.jitter = control[len(control) * 999 // 1000]

    def fit_rate(self):
        """By how much the machine's clock gains on the guest's: the median of many slopes (Theil and Sen)."""
        slopes = []
        for stretch in self.stretches:
            width = max(WINDOW, (stretch[-1].raw - stretch[0].raw) // RATE_BINS)
            bins = {}
            for line in stretch:
                if stretch[0].raw + WINDOW < line.raw < stretch[-1].raw - WINDOW:
                    best = bins.setdefault(line.raw // width, line)
                    if line.raw - line.guest_mono < best.raw - best.guest_mono:
                        bins[line.raw // width] = line
            slopes += [((b.raw - b.guest_mono) - (a.raw - a.guest_mono)) / (b.raw - a.raw)
                       for a, b in itertools.combinations(bins.values(), 2)]
        return statistics.median(slopes) if slopes else None

    def late(self, line):
        return line.raw - line.guest_mono - self.rate * (line.raw - self.origin)

    def best(self, lines):
        """For each line the least lateness, rate taken out, within WINDOW behind it in the order given."""
        found, kept = [], deque()
        for line in lines:
            late = self.late(line)
            while kept and kept[-1][1] >= late:
                kept.pop()
            kept.append((line.raw, late))
            while abs(line.raw - kept[0][0]) > WINDOW:
                kept.popleft()
            found.append(kept[0][1])
        return found

    def instants(self, i):
        """Inside stretch i, with a WINDOW either side: index of the line before, and the estimate."""
        stretch, before, after = self.stretches[i], self.before[i], self.after[i]
        for at in range(len(stretch) - 1):
            if stretch[at].raw - stretch[0].raw > WINDOW and stretch[-1].raw - stretch[at].raw > WINDOW:
                yield at, after[at + 1] - before[at]

    def around(self, estimate):
        stood = estimate / (1 - self.rate)      # a clock that stands does not run fast either
        return {"low_ns": max(0, round(stood - self.jitter)), "high_ns": max(0, round(stood + self.jitter))}

    def at_change(self, i):
        """Between stretch i - 1 and stretch i."""
        last, first = self.stretches[i - 1], self.stretches[i]
        if self.jitter is None or last[0].boot != first[0].boot or \
                min(stretch[-1].raw - stretch[0].raw for stretch in (last, first)) < WINDOW:
            return None
        return self.around(self.after[i][0] - self.before[i - 1][-1])

    def clock_moved(self, i):
        """From before stretch i to its end.  As for standstills, the line that was least late says most."""
        last, first = self.stretches[i - 1], self.stretches[i]
        if self.at_change(i) is None:
            return None
        before, after = (least_late(stretch[::-1], WINDOW) for stretch in (last, first))
        bound = self.jitter + abs(self.rate) * (first[-1].raw - last[-1].raw)
        return {"low_ns": round(after - before - bound), "high_ns": round(after - before + bound)}

    def lasting(self, stretch, at):
        """How much later the quickest of the lines after that one are than the quickest up to it."""
        before = itertools.takewhile(lambda line: stretch[at].raw - line.raw <= SETTLED, reversed(stretch[:at + 1]))
        after = itertools.takewhile(lambda line: line.raw - stretch[at + 1].raw <= SETTLED, stretch[at + 1:])
        return min(map(self.late, after)) - min(map(self.late, before))

    def pauses(self):
        """Elsewhere.  The best line before a pause stays best for a WINDOW: one pause is many instants."""
        found = []
        for stretch, instants in zip(self.stretches, self.inside if self.jitter is not None else []):
            stood = [(at, estimate) for at, estimate in instants if estimate > self.tick]
            while stood:
                end = stretch[stood[0][0]].raw + WINDOW
                here = [each for each in stood if stretch[each[0]].raw <= end]
                most = max(estimate for _, estimate in here)
                at = next(at for at, estimate in here if estimate > most / 2)
                if self.lasting(stretch, at) > self.tick:
                    found.append({"host": stretch[at].host, "at_ns": stretch[at].raw,
                                  "gap_ns": stretch[at + 1].raw - stretch[at].raw, "stood_ns": self.around(most)})
                stood = stood[len(here):]
        return found


def changes(lines, standstill):
    found = [change(lines, i) for i in range(1, len(lines)) if lines[i - 1].host != lines[i].host]
    pairs = enumerate(zip(standstill.stretches, standstill.stretches[1:]), 1)
    at = [i for i, (before, after) in pairs if before[0].host != after[0].host]
    return [{**each, "stood_ns": standstill.at_change(i), "clock_moved_ns": standstill.clock_moved(i)}
            for each, i in zip(found, at)]


def doubles(lines):
    """Counter values that both hosts sent, and lines of a host between two close lines of the other."""
    seen, found = {}, []
    for line in lines:
        first = seen.setdefault((line.boot, line.n), line)
        if first.host != line.host:
            found.append({"counter": line.n, "hosts": [first.host, line.host], "at_ns": line.raw})
    left = {}
    for previous, line in zip(lines, lines[1:]):
        if previous.host == line.host:
            continue
        left[previous.host] = previous
        back = left.get(line.host)
        if back and line.boot == back.boot and line.raw - back.raw < MOVE_NS:
            found.append({"counter": line.n, "hosts": [previous.host, line.host], "at_ns": line.raw})
    return found


def forgotten(lines):
    found = []
    for at in range(1, len(lines)):
        last, first = lines[at - 1], lines[at]
        if last.host == first.host or last.boot != first.boot or first.guest_mono <= last.guest_mono:
            continue
        again = list(itertools.takewhile(lambda line: line.host == first.host and line.n <= last.n, lines[at:]))
        since = [line for line in lines[max(0, at - NEAR):at] if line.host == last.host and line.n >= first.n - 1]
        if again and last.raw - since[0].raw < FORGOT_NS and longest(since) < (first.raw - last.raw) / 2:
            found += again
    return found


def remembered(lines, gone=None):
    gone = set(forgotten(lines) if gone is None else gone)
    return [line for line in lines if line not in gone]


def rollbacks(lines):
    highest, found = {}, []
    for line in lines:
        if line.n <= highest.get(line.boot, -1):
            found.append({"counter": line.n, "highest": highest[line.boot], "host": line.host, "at_ns": line.raw})
        highest[line.boot] = max(line.n, highest.get(line.boot, -1))
    return found


def judge(lines, bad=0):
    if not lines:
        return {"lines": 0, "bad_lines": bad}
    intervals = [b.raw - a.raw for a, b in zip(lines, lines[1:]) if a.host == b.host]
    tick = round(statistics.median(intervals)) if intervals else None
    standstill = Standstill(lines, tick)
    boots = {line.boot for line in lines}
    gone = forgotten(lines)
    told = remembered(lines, gone)
    return {
        "lines": len(lines),
        "bad_lines": bad,
        "lost_lines": sum(max(l.n for l in lines if l.boot == b) - min(l.n for l in lines if l.boot == b) + 1
                          - len({l.n for l in lines if l.boot == b}) for b in boots),
        "boots": len(boots),
        "tick_ns": tick,
        "rate_ppm": None if standstill.rate is None else round(standstill.rate * 1e6, 3),
        "jitter_ns": None if standstill.jitter is None else round(standstill.jitter),
        "hosts": [lines[0].host] + [b.host for a, b in zip(lines, lines[1:]) if a.host != b.host],
        "changes": changes(lines, standstill),
        "pauses": standstill.pauses(),
        "two_copies": doubles(told),
        "rollbacks": rollbacks(told),
        "forgotten": [{"counter": line.n, "host": line.host, "at_ns": line.raw} for line in gone],
        "clock": {"first_ns": clock_error(lines[:CLOCK]), "last_ns": clock_error(lines[-CLOCK:])},
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    json.dump(judge(*read(sys.argv[1])), sys.stdout, indent=2)
    print()
