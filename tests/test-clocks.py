#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/emulated/clocks.py makes of made-up streams of a guest under KVM: it finds what was lost, and only that."""
import os
import random
import sys
import tempfile

tests = os.path.join(os.environ.get("srcdir", "."), "tests")
sys.path[:0] = [tests, os.path.join(tests, "emulated")]
sys.dont_write_bytecode = True
import clocks  # noqa: E402
from tap import done, ok  # noqa: E402

MS = 1_000_000


class Stream:
    """A guest of two vCPUs and four sleepers, whose lines come late by chance."""

    def __init__(self):
        self.random = random.Random(7)
        self.raw, self.mono, self.tsc, self.ahead, self.text, self.n = 10**12, 10**10, 10**11, 10**15, [], {}
        self.due = {0xf0 + i: self.mono + (i + 4) * 1000 * MS for i in range(4)}
        self.apart = self.behind = self.last = 0
        self.boot = "00aa"

    def say(self, host, who, late=0):
        raw = self.last = max(self.last, self.raw + MS + int(self.random.expovariate(1 / (2 * MS))))
        n = self.n[who] = self.n.get(who, 0) + 1
        tsc = (self.tsc + (self.apart if who == 1 else 0)) * 12 // 10
        self.text.append((raw, f"{raw} {raw} {host} {self.boot} {n:08x} {self.mono + self.ahead:016x} {self.mono:016x} {tsc:016x} "
                               f"{who:02x} {late:016x} {self.behind:016x}\n"))

    def run(self, host, seconds):
        for _ in range(seconds * 200):
            self.raw += 5 * MS
            self.mono += 5 * MS
            self.tsc += 5 * MS
            for who in (0, 1):
                self.say(host, who)
            for who, due in self.due.items():
                if self.mono >= due:
                    self.say(host, who, self.mono - due)
                    self.due[who] += clocks.SLEEP_NS
        return self

    def away(self, ms, mono, tsc):
        self.raw += ms * MS
        self.mono += (ms - mono) * MS
        self.tsc += (ms - tsc) * MS
        return self

    def verdict(self, stood=()):
        with tempfile.NamedTemporaryFile("w", suffix=".tick") as log:
            log.write("".join(text for _, text in self.text))
            log.flush()
            return clocks.Guest(clocks.read(log.name), stood).verdict()


def holds(interval, ms):
    return interval["low_ns"] <= ms * MS <= interval["high_ns"]


def test_each_clock_has_its_own_loss():
    verdict = Stream().run("A", 12).away(700, 400, 150).run("B", 12).verdict()
    change = verdict["changes"][0]
    ok([change["from"], change["to"]] == ["A", "B"], "the change is found")
    ok(all(holds(change["lost_ns"][who]["MONOTONIC"], 400) for who in (0, 1)), "what MONOTONIC lost is found on each vCPU")
    ok(all(holds(change["lost_ns"][who]["TSC"], 150) for who in (0, 1)), "... and what the TSC lost")
    ok(holds(change["lost_ns"][0]["REALTIME"], 400) and change["corrected_ns"] == 0, "REALTIME lost as much, and nobody corrected it")
    ok(0 < verdict["jitter_ns"]["MONOTONIC"] < 3 * MS, "the control tells how far that can be believed")
    ok(not verdict["back"] and not verdict["rollbacks"] and not verdict["two_copies"], "nothing went back")
    ok(abs(change["apart_ns"]) < MS, "the vCPUs stayed together")


def test_nothing_lost():
    verdict = Stream().run("A", 12).away(700, 0, 0).run("B", 12).verdict()
    change = verdict["changes"][0]
    ok(all(holds(i, 0) for lost in change["lost_ns"].values() for i in lost.values()), "a guest that was only away lost nothing")
    late = change["sleeps"]["late_ns"]
    ok(late and max(late) <= change["sleeps"]["control_ns"], "... and its sleepers woke in time")
    outside = change["sleeps"]["outside_ns"]
    ok(len(outside) == len(late) and max(outside) < change["sleeps"]["outside_control_ns"] + 3 * MS, "... by the machine's clock, too")
    ok(verdict["boots"] == 1, "it booted once")


def test_sleepers_of_a_clock_that_stood():
    sleeps = Stream().run("A", 12).away(700, 400, 400).run("B", 12).verdict()["changes"][0]["sleeps"]
    ok(sleeps["late_ns"] and max(sleeps["late_ns"]) <= sleeps["control_ns"], "by a clock that lost something its sleepers are in time")
    ok(all(395 * MS < late < 430 * MS for late in sleeps["outside_ns"]), "... and late by the machine's, by as much as that lost")
    ok(sleeps["outside_control_ns"] < 40 * MS, "... which those that slept through nothing are not")


def test_set_afterwards():
    guest = Stream().run("A", 12).away(700, 400, 400).run("B", 1)
    guest.ahead += 390 * MS
    change = guest.run("B", 12).verdict()["changes"][0]
    ok(holds(change["lost_ns"][0]["REALTIME"], 10), "a step mends REALTIME, and what is left of the loss is told")
    ok(holds(change["lost_ns"][0]["MONOTONIC"], 400), "... and nothing else")
    ok(holds(change["soon_ns"], 400), "... and until then it was wrong")


def test_timer_that_comes_late():
    guest = Stream().run("A", 12).away(700, 0, 0)
    guest.run("B", 12)
    late = {(line.split()[8], line.split()[4]) for _, line in guest.text if line.split()[2] == "B"}
    first = {who: min(n for w, n in late if w == who) for who, _ in late if who >= "f0"}
    guest.text = [(raw, line.replace(f" {0:016x} {0:016x}\n", f" {300 * MS:016x} {0:016x}\n")
                   if first.get(line.split()[8]) == line.split()[4] else line) for raw, line in guest.text]
    sleeps = guest.verdict()["changes"][0]["sleeps"]
    ok(300 * MS in sleeps["late_ns"] and sleeps["control_ns"] < 300 * MS, "a sleeper that woke too late is found")


def test_apart():
    guest = Stream().run("A", 12).away(700, 0, 0)
    guest.apart -= 200 * MS
    guest.behind = 240 * MS
    verdict = guest.run("B", 12).verdict()
    ok(abs(verdict["changes"][0]["apart_ns"] - 200 * MS) < 3 * MS, "vCPUs whose TSCs come apart are found")
    ok(abs(verdict["behind_ns"] - 200 * MS) < MS, "... as the guest itself saw it")
    before, after = verdict["changes"][0]["behind_ns"]
    ok(before == 0 and abs(after - 200 * MS) < MS, "... from that change on")
    ok([each["clock"] for each in verdict["back"]] == [], "... though neither went back by itself")


def test_pause():
    verdict = Stream().run("A", 12).away(3000, 2000, 0).run("A", 12).verdict()
    pause = verdict["pauses"][0]
    ok(not verdict["changes"] and len(verdict["pauses"]) == 1, "a pause is no change of host")
    ok(holds(pause["lost_ns"][0]["MONOTONIC"], 2000) and holds(pause["lost_ns"][1]["TSC"], 0), "what clocks lost in it is found")


def test_standstill_that_is_told():
    guest = Stream().run("A", 12)
    start = guest.raw - 1000 * MS
    guest.away(250, 50, 0)
    end = guest.raw + 1000 * MS
    guest.run("A", 12).away(700, 0, 0).run("B", 12)
    blind = guest.verdict()
    ok(blind["pauses"] == [] and blind["jitter_ns"]["MONOTONIC"] > 45 * MS, "a short pause that nobody told of is in the control")
    told = guest.verdict([(start, end, 200 * MS)])
    pause = told["pauses"][0]
    ok(len(told["pauses"]) == 1 and pause["told"] and 240 * MS < pause["gap_ns"] < 270 * MS, "one that is told is found")
    ok(holds(pause["lost_ns"][0]["MONOTONIC"], 50) and not holds(pause["lost_ns"][1]["MONOTONIC"], 0), "... with what was lost in it")
    ok(pause["sleeps"]["late_ns"], "... and who slept through it")
    ok(told["jitter_ns"]["MONOTONIC"] < 3 * MS, "... and the control does not know it")
    ok(guest.verdict([(start, end, 300 * MS)])["pauses"] == [], "where it was silent for less than is told there is none")
    ok(guest.verdict([(end, end + 5000 * MS, 200 * MS)])["pauses"] == [], "... nor where it was not silent")
    long = Stream().run("A", 12).away(3000, 0, 0).run("A", 12).verdict()["pauses"]
    ok([each["told"] for each in long] == [False], "a long one is found by itself")


def test_boots():
    guest = Stream().run("A", 12).away(700, 0, 0)
    guest.boot = "00bb"
    ok(guest.run("B", 12).verdict()["boots"] == 2, "a guest that booted again is found")


def test_table():
    verdict = Stream().run("A", 12).away(700, 400, 400).run("B", 12).away(500, 0, 0).run("A", 12).verdict()
    head, alone, carried, control = clocks.table(verdict, ["virsh", "carried"], ["None", "1234567"]).splitlines()
    ok("bound" in head and " none " in alone and " +- 1.23 ms " in carried, "the table has each row's bound")
    ok(control.startswith("control: the same guest while it stays"), "... and says what its control is")


def test_back():
    guest = Stream().run("A", 12).away(50, 200, 0).run("B", 12)
    back = guest.verdict()["back"]
    ok({(each["clock"], each["vcpu"]) for each in back} == {(c, w) for c in ("MONOTONIC", "REALTIME") for w in (0, 1)},
       "clocks that go back are found, on each vCPU")


test_each_clock_has_its_own_loss()
test_nothing_lost()
test_set_afterwards()
test_sleepers_of_a_clock_that_stood()
test_timer_that_comes_late()
test_apart()
test_pause()
test_standstill_that_is_told()
test_boots()
test_table()
test_back()
done()
