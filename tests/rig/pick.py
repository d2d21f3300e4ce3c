#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pick.py: what rig/ask.sh's pick asks, one after the other: to start Python takes longer than most of what it is asked.

On stdin expression and JSON, each ended by a 0; on stdout, ended likewise, the exit status and what is to be printed.
"""
import contextlib
import io
import json
import sys
import traceback


def texts(stream):
    rest = b""
    while more := stream.read1(1 << 16):
        *whole, rest = (rest + more).split(b"\0")
        yield from whole


def answer(expression, text):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec("print(%s)" % expression, {"json": json, "sys": sys, "v": json.loads(text)})
    except Exception:
        return 1, traceback.format_exc()
    return 0, said.getvalue()


def main():
    asked = (text.decode(errors="replace") for text in texts(sys.stdin.buffer))
    for expression, text in zip(asked, asked):
        sys.stdout.buffer.write(("%d\0%s\0" % answer(expression, text)).encode(errors="replace"))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
