#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Clients that an agent has to stand.

    attack.py [OPTIONS] KIND...    those kinds at once, for a while; what came of it as JSON
    attack.py [OPTIONS] polite     one request after another; how long each took

    --unix PATH            the agent's socket, or
    --tcp HOST:PORT        its port, with TLS
    --from ADDRESS[/N]     on TCP: from this address and the N - 1 that follow
    --cert FILE --key FILE a client certificate
    --uid N                as this user, when begun as root
    --seconds S            5
    --each N               clients of each kind at once, 10
    --path PATH            for polite, /v1/clock

Kinds: slow (a byte now and then), oversized, nested, truncated, garbage, many (16
connections that say nothing), deaf (reads no answer); on the socket also knock
(thousands, without end), on TCP also stall (16 that begin a handshake).
"""

import argparse
import collections
import ipaddress
import json
import os
import random
import resource
import socket
import ssl
import struct
import sys
import threading
import time

chance = random.Random(1)


def options():
    o = argparse.ArgumentParser(usage=__doc__)
    o.add_argument("--unix")
    o.add_argument("--tcp")
    o.add_argument("--from", dest="source")
    o.add_argument("--uid", type=int)
    o.add_argument("--cert")
    o.add_argument("--key")
    o.add_argument("--seconds", type=float, default=5)
    o.add_argument("--each", type=int, default=10)
    o.add_argument("--path", default="/v1/clock")
    o.add_argument("kinds", nargs="+")
    return o.parse_args()


def sources():
    if not args.source:
        return [None]
    first, _, n = args.source.partition("/")
    return [str(ipaddress.ip_address(first) + i) for i in range(int(n or 1))]


def make_context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if args.cert:
        made.load_cert_chain(args.cert, args.key)
    return made


args = options()
context = make_context()
end = time.monotonic() + args.seconds


def plain(address, patience=2):
    if args.unix:
        s = socket.socket(socket.AF_UNIX)
        s.connect(args.unix)    # blocking: with a time-out it would fail at once where the backlog is full
        s.settimeout(patience)
        return s
    host, port = args.tcp.rsplit(":", 1)
    return socket.create_connection((host, int(port)), patience, (address, 0) if address else None)


def connect(address, patience=2):
    s = plain(address, patience)
    return s if args.unix else context.wrap_socket(s)


def status(s):
    """Of the next answer; 0: the connection ended without one."""
    line = s.recv(4096).split(b"\r\n")[0].split()
    return int(line[1]) if len(line) > 1 else 0


GET = b"GET /v1/version HTTP/1.1\r\nHost: a\r\n\r\n"


def post(length):
    return f"POST /v1/checks HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


def slow(address):
    with connect(address) as s:
        s.sendall(chance.choice([post(9000), GET[:11], GET[:-2] + b"X: "]))
        while time.monotonic() < end:
            s.sendall(b"x")
            time.sleep(0.1)


def oversized(address):
    big = b"a" * 65536
    kind = chance.randrange(4)
    with connect(address) as s:
        if kind == 0:
            s.sendall(b"GET /" + big + b" HTTP/1.1\r\n\r\n")
        elif kind == 1:
            s.sendall(GET[:-2] + b"".join(b"X-%d: y\r\n" % i for i in range(10000)))
        elif kind == 2:
            s.sendall(post(10 << 30))
        else:
            s.sendall(GET.replace(b"GET /v1/version", b"POST /v1/checks")[:-2] + b"Transfer-Encoding: chunked\r\n\r\n")
        while kind > 1 and time.monotonic() < end:
            s.sendall(big if kind == 2 else b"10000\r\n" + big + b"\r\n")
        return status(s)


def nested(address):
    body = chance.choice([b'{"a":' * 10000, b"[" * 60000, b'{"domain":"d","destinations":' + b"[" * 60000])
    with connect(address) as s:
        s.sendall(post(len(body)) + body)
        return status(s)


def truncated(address):
    whole = post(40) + b'{"domain":"web1","destinations":["hB"]}'
    with connect(address) as s:
        s.sendall(whole[: chance.randrange(1, len(whole))])
        if chance.random() < 0.5:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return 0


def garbage(address):
    start = chance.choice([b"", b"GET ", GET[:-2], post(600)])
    with connect(address) as s:
        s.sendall(start + chance.randbytes(600))
        return status(s)


def deaf(address):
    with connect(address) as s:
        while time.monotonic() < end:
            s.sendall(GET * 100)


def hold(address, first_words):
    held = []
    try:
        for _ in range(16):
            held.append(plain(address))
            held[-1].sendall(first_words())
        held[0].settimeout(max(0.1, end - time.monotonic()))
        return status(held[0])
    finally:
        for s in held:
            s.close()


def knock(address):
    """Nobody waits for an answer; closed again once there are many, or the backlog is full."""
    held = []
    try:
        while len(held) < 2000 and time.monotonic() < end:
            held.append(socket.socket(socket.AF_UNIX))
            held[-1].setblocking(False)
            held[-1].connect(args.unix)
        return len(held)
    except BlockingIOError:
        time.sleep(0.001)
        return "full"
    finally:
        for s in held:
            s.close()


def many(address):
    return hold(address, lambda: b"")


def stall(address):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(200)
    return hold(address, lambda: hello[: chance.randrange(1, len(hello))])


KINDS = {f.__name__: f for f in (slow, oversized, nested, truncated, garbage, many, deaf, knock, stall)}


def keep_at(kind, address, counts):
    """Again and again; what the agent does about it is counted, and no reason to stop."""
    while time.monotonic() < end:
        try:
            counts[str(kind(address))] += 1
        except TimeoutError:
            counts["waited"] += 1
        except OSError:
            counts["cut"] += 1
            time.sleep(0.01)


def attack():
    where = sources()
    counts = {kind: collections.Counter() for kind in args.kinds}
    for kind in args.kinds:
        for i in range(args.each):
            threading.Thread(target=keep_at, args=(KINDS[kind], where[i % len(where)], counts[kind]), daemon=True).start()
    time.sleep(max(0, end - time.monotonic()) + 0.5)
    return counts


def ask(s):
    s.sendall(f"GET {args.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    text = b""
    while b"\r\n\r\n" not in text:
        more = s.recv(65536)
        if not more:
            raise ConnectionError("no answer")
        text += more
    head, _, body = text.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += s.recv(65536)
    return head.startswith(b"HTTP/1.1 200 ")


def polite():
    """Twenty to a connection; how long until each answer, with the connecting where that came first."""
    took, failed, asked, s = [], 0, 0, None
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            s = s or connect(sources()[0], 20)
            failed += not ask(s)
        except OSError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            failed += 1
        took.append(time.monotonic() - began)
        asked += 1
        if asked % 20 == 0 and s:
            s.close()
            s = None
        time.sleep(0.01)
    took.sort()
    return {
        "asked": asked, "failed": failed,
        **{f"p{p}_ms": round(1000 * took[min(asked - 1, asked * p // 100)], 2) for p in (50, 90, 99)},
        "max_ms": round(1000 * took[-1], 2),
    }


resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)
if args.uid:
    os.setgroups([])
    os.setuid(args.uid)
print(json.dumps(polite() if args.kinds == ["polite"] else attack()), flush=True)
os._exit(0)    # the threads may be in the middle of something
