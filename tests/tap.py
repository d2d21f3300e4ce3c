# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test Anything Protocol, as tests/tap.h has it."""
import sys

ran = failed = 0


def ok(good, sentence):
    global ran, failed
    ran += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {ran} - {sentence}")


def done():
    print(f"1..{ran}")
    sys.exit(failed != 0)
