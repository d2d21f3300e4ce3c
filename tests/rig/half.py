#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""half.py NAME PORT: of every process of this host whose name begins like that, each TCP connection from or to that
port is closed for writing, from outside: its peer sees the end (FIN), and the process itself is not told.  Prints
how many there were."""
import ctypes
import os
import socket
import sys

SYS_pidfd_getfd = 438
ESTABLISHED = "01"

libc = ctypes.CDLL(None, use_errno=True)


def connections(port):
    """Inodes of the sockets."""
    found = set()
    for family in "tcp", "tcp6":
        with open(f"/proc/self/net/{family}") as table:
            for line in list(table)[1:]:
                fields = line.split()
                ports = {int(address.rpartition(":")[2], 16) for address in fields[1:3]}
                if port in ports and fields[3] == ESTABLISHED:
                    found.add(f"socket:[{fields[9]}]")
    return found


def sockets(pid, wanted):
    """Those of a process, as numbers it has for them."""
    folder = f"/proc/{pid}/fd"
    for fd in os.listdir(folder):
        try:
            if os.readlink(f"{folder}/{fd}") in wanted:
                yield int(fd)
        except FileNotFoundError:
            pass            # closed meanwhile


def close_half(pid, fd):
    pidfd = os.pidfd_open(pid)
    ours = libc.syscall(SYS_pidfd_getfd, pidfd, fd, 0)
    os.close(pidfd)
    if ours < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    with socket.socket(fileno=ours) as duplicate:
        duplicate.shutdown(socket.SHUT_WR)


def main(name, port):
    wanted, n = connections(port), 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as comm:
                if not comm.read().startswith(name):
                    continue
            for fd in sockets(pid, wanted):
                close_half(int(pid), fd)
                n += 1
        except (FileNotFoundError, ProcessLookupError):
            pass            # ended meanwhile
    print(n)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]))
