#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""move.py ARM START GONE: one move as a line of JSON, from the lines of "virsh qemu-monitor-event" at its destination.

START and GONE are seconds of the source's clock: the command's start, and when libvirt said that the guest left.
"""
import json
import re
import sys

EVENT = re.compile(r"event (\w+) at (\d+\.\d+) for domain '[^']*'(?:: )?(.*)$")


def stamps(lines):
    """QEMU's own, in seconds: the last "completed" and the RESUME after it."""
    completed = resumed = None
    for line in lines:
        found = EVENT.search(line.strip())
        if not found:
            continue
        name, at, data = found[1], float(found[2]), json.loads(found[3] if found[3].startswith("{") else "{}")
        if name == "MIGRATION" and data.get("status") == "completed":
            completed = at
        if name == "RESUME" and completed is not None:
            resumed = at
    return completed, resumed


def main(arm, start, gone):
    completed, resumed = stamps(sys.stdin)
    figures = {"total": (float(gone) - float(start)) * 1e3}
    if completed is not None and resumed is not None:
        figures["completed"] = (resumed - completed) * 1e3
    print(json.dumps({"arm": arm, "figures": figures}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
