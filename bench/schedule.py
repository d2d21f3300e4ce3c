#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""schedule.py WHO FACTOR DOMAIN URI: migrate DOMAIN to URI as WHO would have QEMU's max-downtime, on this host.

  nova   50 ms, and then 45 ms more ten times, up to 500 ms; 150 s apart (75 s for each GiB, and at least two of those)
  vdsm   100 ms, then 150, 200, 300, 400 and 500 ms after 1, 2, 3, 4 and 6 passes through the memory, looked at every 10 s

By their defaults (OpenStack Nova's live_migration_downtime and oVirt's policy "Minimal downtime"); their times are
divided by FACTOR, or few guests would see a second step.
"""
import re
import subprocess
import sys
import time

VIRSH = ["virsh", "-q", "-c", "qemu:///system"]
NOVA = [(150 * i, 50 + 45 * i) for i in range(11)]  # after so many seconds, ms
VDSM = [(1, 150), (2, 200), (3, 300), (4, 400), (6, 500)]  # after so many passes, ms
VDSM_LOOKS = 10


def set_downtime(domain, ms):
    subprocess.run(VIRSH + ["migrate-setmaxdowntime", domain, str(ms)], stderr=subprocess.DEVNULL, check=False)


def passes(domain):
    said = subprocess.run(VIRSH + ["domjobinfo", domain, "--rawstats"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout
    found = re.search(r"^memory_iteration: (\d+)$", said, re.M)
    return int(found[1]) if found else 0


def nova(domain, job, factor):
    began, steps = time.monotonic(), list(NOVA)
    while job.poll() is None:
        if steps and time.monotonic() - began >= steps[0][0] / factor:
            set_downtime(domain, steps.pop(0)[1])
        time.sleep(0.02)


def vdsm(domain, job, factor):
    looked, steps = time.monotonic(), list(VDSM)
    set_downtime(domain, 100)
    while job.poll() is None:
        if time.monotonic() - looked >= VDSM_LOOKS / factor:
            looked, done = time.monotonic(), passes(domain)
            while steps and done > steps[0][0]:
                set_downtime(domain, steps.pop(0)[1])
        time.sleep(0.02)


def main(who, factor, domain, uri):
    set_downtime(domain, {"nova": 50, "vdsm": 100}[who])
    job = subprocess.Popen(VIRSH + ["migrate", "--live", "--p2p", "--persistent", "--undefinesource", domain, uri])
    {"nova": nova, "vdsm": vdsm}[who](domain, job, float(factor))
    sys.exit(job.returncode)


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in ("nova", "vdsm"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
