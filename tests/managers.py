#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""managers.py nova|kubevirt DOMAIN DESTINATION MIGRATE-ADDRESS: moves a domain through libvirt's Python bindings,
with the calls, flags and parameters of that manager, and prints what came of it as JSON.

nova      nova/virt/libvirt: guest.migrate(), _live_migration_monitor(), migration.downtime_steps() of 2023.1 (26.2)
kubevirt  pkg/virt-launcher/virtwrap/live-migration-source.go of 1.x

Both look at the job as often as the manager does, since that is what an agent beside them has to get along with.
"""
import json
import sys
import threading
import time

import libvirt


def nova_steps(data_gb, downtime=500, steps=10, delay=75):
    """libvirt.live_migration_downtime, _steps and _delay, as they are by default."""
    delay = max(int(delay * data_gb), 10)
    base = downtime / steps
    offset = (downtime - base) / steps
    for i in range(steps + 1):
        yield int(delay * i), int(base + offset * i)


class Nova:
    flags = (libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE |
             libvirt.VIR_MIGRATE_PERSIST_DEST)
    every = 0.5

    def __init__(self, domain, address):
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
        self.params = {"bandwidth": 0, "destination_xml": xml, "persistent_xml": xml, "migrate_uri": "tcp://" + address}
        self.steps = list(nova_steps(1))
        self.current = None

    def look(self, domain, since):
        while self.steps and since >= self.steps[0][0]:
            _, downtime = self.steps.pop(0)
            if downtime != self.current:
                domain.migrateSetMaxDowntime(downtime)
                self.current = downtime


class KubeVirt:
    flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_PERSIST_DEST
    every = 0.4

    def __init__(self, domain, address):
        self.params = {"bandwidth": 0, "destination_xml": domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE),
                       "persistent_xml": domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_INACTIVE),
                       "migrate_uri": "tcp://" + address}

    def look(self, domain, since):
        pass


def move(manager, domain, uri, said):
    try:
        domain.migrateToURI3(uri, manager.params, manager.flags)
    except libvirt.libvirtError as error:
        said["error"] = error.get_error_message()


def main():
    name, guest, destination, address = sys.argv[1:]
    libvirt.registerErrorHandler(lambda *_: None, None)
    domain = libvirt.open("qemu:///system").lookupByName(guest)
    manager = {"nova": Nova, "kubevirt": KubeVirt}[name](domain, address)
    said = {"manager": name, "looks": 0, "slowest_look_ms": 0}
    start = time.monotonic()
    mover = threading.Thread(target=move, args=(manager, domain, "qemu+tcp://%s/system" % destination, said))
    mover.start()
    while mover.is_alive():
        before = time.monotonic()
        try:
            if domain.jobStats().get("type") == libvirt.VIR_DOMAIN_JOB_UNBOUNDED:
                manager.look(domain, time.monotonic() - start)
            said["looks"] += 1
        except libvirt.libvirtError:
            pass    # it has gone
        said["slowest_look_ms"] = max(said["slowest_look_ms"], round(1000 * (time.monotonic() - before)))
        mover.join(manager.every)
    said["took_ms"] = round(1000 * (time.monotonic() - start))
    print(json.dumps(said))
    return "error" in said


sys.exit(main())
