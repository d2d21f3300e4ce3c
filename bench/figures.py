#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The arithmetic of bench/: distributions, and differences with what chance alone could make of them.

  figures.py row LABEL              numbers on stdin -> n, median, p90, p99, maximum
  figures.py differ LABEL A B       files of numbers -> median(A) - median(B), bootstrap 95 % interval
  figures.py ratio LABEL A B        the same of median(A) / median(B)
  figures.py judged VERDICT RUNS    what runs of bench/migrate and bench/clock came to, one "ARM WHAT FIGURE" a line:
                                    RUNS is one JSON object a line in the order of the moves, VERDICT judge.py's
"""
import json
import random
import statistics
import sys

RESAMPLES = 10_000


def at(figures, q):
    return figures[round((len(figures) - 1) * q)]


def row(label, figures):
    if not figures:
        return f"{label:<52} {0:5d}  not measured"
    f = sorted(figures)
    return f"{label:<52} {len(f):5d} {statistics.median(f):9.2f} {at(f, .9):9.2f} {at(f, .99):9.2f} {f[-1]:9.2f}"


def heading(unit):
    return f"{'in ' + unit:<52} {'n':>5} {'median':>9} {'p90':>9} {'p99':>9} {'max':>9}"


def differ(label, a, b):
    """Of two medians.  A fixed seed: the same runs always come to the same interval."""
    if not a or not b:
        return f"{label:<52}        not measured"
    chance = random.Random(1)
    found = sorted(statistics.median(chance.choices(a, k=len(a))) - statistics.median(chance.choices(b, k=len(b)))
                   for _ in range(RESAMPLES))
    low, high = at(found, .025), at(found, .975)
    difference = statistics.median(a) - statistics.median(b)
    share = f", {low / statistics.median(b):+.1%} to {high / statistics.median(b):+.1%}" if statistics.median(b) > 0 else ""
    return f"{label:<52} {min(len(a), len(b)):5d} {difference:+9.2f} {low:+9.2f} to {high:+.2f}{share}"


def ratio(label, a, b):
    """Of two medians, resampled as in differ()."""
    if not a or not b:
        return f"{label:<52}        not measured"
    chance = random.Random(1)
    found = sorted(statistics.median(chance.choices(a, k=len(a))) / statistics.median(chance.choices(b, k=len(b)))
                   for _ in range(RESAMPLES))
    return (f"{label:<52} {min(len(a), len(b)):5d} {statistics.median(a) / statistics.median(b):9.2f} "
            f"{at(found, .025):9.2f} to {at(found, .975):.2f}")


def middle(interval):
    return (interval["low_ns"] + interval["high_ns"]) / 2e6


def judged(verdict, runs):
    """In ms.  A move whose standstill the stream could not tell is left out, and counts in n."""
    if len(verdict["changes"]) != len(runs):
        sys.exit(f"the stream saw {len(verdict['changes'])} moves, {len(runs)} were made")
    for change, run in zip(verdict["changes"], runs):
        figures = dict(run["figures"])
        if change["stood_ns"]:
            figures["blackout"] = middle(change["stood_ns"])
        if change["clock_moved_ns"]:
            figures["left-wrong"] = abs(middle(change["clock_moved_ns"]))
        for name, interval in run.get("blackouts", {}).items():
            if change["stood_ns"] and interval:
                figures[name + "-error"] = middle(interval) - middle(change["stood_ns"])
        for what, figure in figures.items():
            if figure is not None:
                print(run["arm"], what, figure)


def numbers(path):
    with open(path) as file:
        return [float(line) for line in file if line.strip()]


def main(argv):
    if argv[:1] == ["row"] and len(argv) == 2:
        print(row(argv[1], [float(line) for line in sys.stdin if line.strip()]))
    elif argv[:1] == ["heading"] and len(argv) == 2:
        print(heading(argv[1]))
    elif argv[:1] == ["differ"] and len(argv) == 4:
        print(differ(argv[1], numbers(argv[2]), numbers(argv[3])))
    elif argv[:1] == ["ratio"] and len(argv) == 4:
        print(ratio(argv[1], numbers(argv[2]), numbers(argv[3])))
    elif argv[:1] == ["judged"] and len(argv) == 3:
        with open(argv[1]) as verdict, open(argv[2]) as runs:
            judged(json.load(verdict), [json.loads(line) for line in runs])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
