#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The judge of the tick stream against made-up streams: each verdict fires, and only then."""
import os
import random
import sys
import tempfile

tests = os.path.join(os.environ.get("srcdir", "."), "tests")
sys.path[:0] = [tests, os.path.join(tests, "rig")]
sys.dont_write_bytecode = True
import judge  # noqa: E402
from tap import done, ok  # noqa: E402

MS = 1_000_000
DELAY = MS // 10


class Guest:
    """A guest that is 5 ms behind, and whose clocks stand while nobody runs it."""

    def __init__(self):
        self.now, self.n, self.guest, self.set_ahead, self.text = 1000 * MS, 0, 1000 * MS, -5 * MS, []

    def say(self, host, n=None, boot="00aa", now=None):
        raw = (self.now if now is None else now) + DELAY
        self.text.append((raw, f"{raw} {raw} {host} {boot} {self.n if n is None else n:08x} "
                               f"{self.guest + self.set_ahead:016x} {self.guest:016x} {self.guest * 2:016x}\n"))

    def run(self, host, ticks):
        for _ in range(ticks):
            self.now += 2 * MS
            self.guest += 2 * MS
            self.n += 1
            self.say(host)
        return self

    def stand(self, ms):
        self.now += ms * MS
        return self

    def verdict(self):
        with tempfile.NamedTemporaryFile("w", suffix=".tick") as log:
            log.write("".join(text for _, text in sorted(self.text, key=lambda line: line[0])))
            log.flush()
            return judge.judge(*judge.read(log.name))


def moved():
    return Guest().run("A", 500).stand(70).run("B", 500)


def test_calm():
    verdict = Guest().run("A", 100).verdict()
    ok(verdict["hosts"] == ["A"] and not verdict["changes"], "a guest that stays changes no host")
    ok(not verdict["two_copies"] and not verdict["rollbacks"], "a guest that stays is accused of nothing")
    ok(verdict["tick_ns"] == 2 * MS and verdict["lost_lines"] == 0, "the tick is measured")
    ok(verdict["clock"]["first_ns"] == -5 * MS - DELAY, "the guest's clock error is measured")


def test_moved():
    verdict = moved().verdict()
    change = verdict["changes"][0]
    blackout = change["blackout_ns"]
    ok(verdict["hosts"] == ["A", "B"], "a migration is one change of host")
    ok(change["gap_ns"] == 72 * MS, "the gap is from last to first line")
    ok(blackout["low_ns"] == 68 * MS and blackout["high_ns"] == 72 * MS, "the blackout is the gap less two ticks")
    ok(blackout["low_ns"] <= 70 * MS <= blackout["high_ns"], "the true blackout lies inside")
    ok(change["clock_before_ns"] - change["clock_after_ns"] == 70 * MS, "the lag of an uncorrected clock is seen")
    ok(not verdict["two_copies"] and not verdict["rollbacks"], "a clean migration is accused of nothing")


def test_late_first_line():
    guest = Guest().run("A", 500).stand(70)
    guest.now += 30 * MS
    guest.guest += 30 * MS
    blackout = guest.run("B", 500).verdict()["changes"][0]["blackout_ns"]
    ok(blackout["low_ns"] <= 70 * MS <= blackout["high_ns"], "a guest slow to speak again widens the interval")


def test_delayed_lines():
    guest = Guest().run("A", 500).stand(70)
    guest.run("B", 500)
    for i in range(500, 530):
        raw, text = guest.text[i]
        came = max(raw, guest.text[530][0] - MS)
        guest.text[i] = (came, text.replace(str(raw), str(came)))
    blackout = guest.verdict()["changes"][0]["blackout_ns"]
    ok(blackout["low_ns"] <= 70 * MS <= blackout["high_ns"], "a first line that came late widens the interval")

    guest = Guest().run("A", 500)
    raw, text = guest.text[-1]
    guest.text[-1] = (raw + 40 * MS, text.replace(str(raw), str(raw + 40 * MS)))
    blackout = guest.stand(70).run("B", 500).verdict()["changes"][0]["blackout_ns"]
    ok(blackout["low_ns"] <= 70 * MS <= blackout["high_ns"], "a last line that came late widens the interval")


def test_there_and_back():
    verdict = moved().stand(30).run("A", 500).verdict()
    ok(verdict["hosts"] == ["A", "B", "A"] and len(verdict["changes"]) == 2, "there and back are two changes")
    ok(not verdict["two_copies"], "there and back is not two copies")


def test_two_copies():
    guest = moved()
    for i in range(50):
        guest.say("A", n=501 + i, now=guest.now - (50 - i) * 2 * MS + MS)
    verdict = guest.verdict()
    ok({found["counter"] for found in verdict["two_copies"]} >= {501, 550}, "counters from both hosts are two copies")

    guest = moved()
    guest.say("A", n=5000, now=guest.now - 100 * MS + MS)
    ok(guest.verdict()["two_copies"], "one line from the host it left is two copies")


def test_rollback():
    guest = moved()
    guest.n = 400
    verdict = guest.stand(500).run("A", 50).verdict()
    ok(verdict["rollbacks"] and verdict["rollbacks"][0]["counter"] == 401, "a counter that comes again is a rollback")

    guest = moved()
    guest.n = 0
    guest.say("B", n=1, boot="00bb", now=guest.now + MS)
    verdict = guest.verdict()
    ok(verdict["boots"] == 2 and not verdict["rollbacks"], "a guest that rebooted did not go back")


def test_forgotten():
    guest = Guest().run("A", 500).stand(70)
    guest.n -= 2
    verdict = guest.run("B", 500).verdict()
    ok([each["counter"] for each in verdict["forgotten"]] == [499, 500], "two ticks that came again on one clock were forgotten")
    ok(not verdict["two_copies"] and not verdict["rollbacks"], "which is no second copy, nor one that went back")

    guest = Guest().run("A", 498)
    stopped = guest.guest
    guest.stand(40).run("A", 2).stand(30)
    guest.n, guest.guest = 498, stopped
    verdict = guest.run("B", 500).verdict()
    ok(len(verdict["two_copies"]) >= 2 and not verdict["forgotten"], "two ticks after the stop on either host are two copies")

    guest.text = []
    guest.run("A", 498).stand(40).run("A", 2).stand(30)
    guest.n -= 2
    verdict = guest.run("B", 500).verdict()
    ok(len(verdict["two_copies"]) >= 2 and not verdict["forgotten"], "so they are where the first had stood still before, whatever the clock says")

    guest = Guest().run("A", 500).stand(70)
    guest.n -= 200
    ok(len(guest.run("B", 500).verdict()["rollbacks"]) == 200, "nobody forgets as much as that")


def test_damage():
    guest = Guest().run("A", 100)
    guest.text[50] = (guest.text[50][0], "1 2 A nonsense\n")
    verdict = guest.verdict()
    ok(verdict["bad_lines"] == 1 and verdict["lost_lines"] == 1, "damaged and lost lines are counted")
    ok(Guest().verdict() == {"lines": 0, "bad_lines": 0}, "an empty stream has no verdict")


class Noisy(Guest):
    """The same on a busy machine: lines come late or never, and the guest's clocks run fast."""

    def __init__(self, seed, fast_ppm=80):
        super().__init__()
        self.random, self.fast, self.true, self.load = random.Random(seed), fast_ppm / 1e6, self.now, 1
        self.heard = self.least = 0

    def run(self, host, ticks, speaks=True):
        for _ in range(ticks):
            passed = 2 * MS + round(self.random.expovariate(4 / MS))
            self.true += passed
            self.guest += round(passed * (1 + self.fast))
            self.n += 1
            if speaks and self.random.random() > 0.02:
                # A stream keeps its order: what comes after a late line is no earlier.
                self.heard = max(self.heard, self.true + self.least + round(self.load * self.random.expovariate(5 / MS)))
                self.say(host, now=self.heard)
        return self

    def stand(self, ms):
        self.true += round(ms * MS)
        return self


def inside(interval, ms):
    return interval is not None and interval["low_ns"] <= ms * MS <= interval["high_ns"]


def test_stood():
    missed, widths = [], []
    for seed in range(20):
        truth = 1 + 7 * seed
        verdict = Noisy(seed, fast_ppm=20 * seed - 200).run("A", 4000).stand(truth).run("B", 4000).verdict()
        stood = verdict["changes"][0]["stood_ns"]
        missed += [] if inside(stood, truth) else [(truth, stood)]
        widths.append(stood["high_ns"] - stood["low_ns"])
    ok(not missed, f"how long the clock stood is found, whatever its rate: {missed}")
    ok(max(widths) < MS / 4, "to a fraction of a tick")


def test_stood_around_a_bad_switchover():
    guest = Noisy(3).run("A", 4000)
    guest.load = 100
    guest.run("A", 40).run("A", 30, speaks=False).stand(90).run("B", 50, speaks=False).run("B", 60)
    guest.load = 1
    change = guest.run("B", 4000).verdict()["changes"][0]
    ok(change["gap_ns"] > 200 * MS, "lines late and lost make the gap much too long")
    ok(inside(change["stood_ns"], 90), "what the clock says stays true")


def test_clock_moved():
    guest = Noisy(8, fast_ppm=0).run("A", 4000).stand(90).run("B", 500)
    guest.set_ahead += 87 * MS
    moved = guest.run("B", 4000).verdict()["changes"][0]["clock_moved_ns"]
    ok(inside(moved, -3), "what a correction left of the lag is seen")


def test_stood_is_not_guessed():
    ok(moved().verdict()["changes"][0]["stood_ns"] is None, "a second either side says nothing of how long")
    verdict = Noisy(4).run("A", 4000).stand(50).run("B", 600).verdict()
    ok(verdict["jitter_ns"] and verdict["changes"][0]["stood_ns"] is None, "nor does a second after a long time")


def test_pauses():
    verdict = Noisy(5).run("A", 3000).stand(20).run("A", 3000).stand(60).run("B", 3000).verdict()
    ok([pause["host"] for pause in verdict["pauses"]] == ["A"], "a pause without change of host is one pause")
    ok(inside(verdict["pauses"][0]["stood_ns"], 20), "and how long it was is known")
    ok(inside(verdict["changes"][0]["stood_ns"], 60), "the migration after it is measured all the same")

    guest = Noisy(6).run("A", 3000)
    guest.load = 100
    guest.run("A", 40).run("A", 30, speaks=False)
    guest.load = 1
    ok(not guest.run("A", 3000).verdict()["pauses"], "lines late and lost are no pause")

    guest.least = 20 * MS
    guest.run("A", 1200)
    guest.least = 0
    ok(not guest.run("A", 3000).verdict()["pauses"], "nor are seconds of lines of which none comes in time")
    pauses = guest.stand(20).run("A", 3000).verdict()["pauses"]
    ok(len(pauses) == 1 and inside(pauses[0]["stood_ns"], 20), "a pause after them is one")


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
done()
