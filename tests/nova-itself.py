#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""nova-itself.py UUID DESTINATION ADDRESS: has OpenStack Nova move that domain: LibvirtDriver.live_migration() of Debian's
python3-nova as it is, with its own thread that calls libvirt and its own loop that watches it.

What a control plane would bring (the instance's record, the destination's answer, somebody to save progress for) is made
up here; every call that libvirt gets is Nova's.  Exits 77 where Nova is not installed.
"""
import json
import sys
import time

try:
    import eventlet
    eventlet.monkey_patch()     # as nova-compute does first
    import nova.conf
    from nova import context, objects
    from nova.compute import vm_states
    from nova.virt import virtapi
    from nova.virt.libvirt import driver
except ImportError as missing:
    print(missing)
    sys.exit(77)


def made_up(uuid, destination, address):
    """An instance that is being moved, and what the destination has said before."""
    flavor = objects.Flavor(memory_mb=1024, vcpus=1, root_gb=1, ephemeral_gb=0, swap=0, extra_specs={})
    instance = objects.Instance(uuid=uuid, flavor=flavor, vm_state=vm_states.ACTIVE, task_state="migrating", host="here",
                                numa_topology=None, resources=None, pci_requests=None, system_metadata={},
                                migration_context=None, id=1)
    migration = objects.Migration(id=1, uuid=uuid, status="running", source_compute="here", dest_compute=destination)
    data = objects.LibvirtLiveMigrateData(migration=migration, block_migration=False, is_shared_block_storage=True,
                                          target_connect_addr=address, bdms=[], serial_listen_ports=[],
                                          serial_listen_addr=None, graphics_listen_addr_vnc=None,
                                          graphics_listen_addr_spice=None, supported_perf_events=[])
    return instance, data


def main():
    uuid, destination, address = sys.argv[1:]
    objects.register_all()
    objects.Instance.save = objects.Migration.save = lambda *_, **__: None
    conf = nova.conf.CONF
    conf([], project="nova", default_config_files=[])
    conf.set_override("virt_type", "qemu", group="libvirt")
    conf.set_override("enabled", False, group="vnc")
    conf.set_override("enabled", False, group="spice")
    said = {"manager": "nova"}
    nova_driver = driver.LibvirtDriver(virtapi.VirtAPI())
    nova_driver._parse_migration_flags()    # init_host() does it, and much that is about other things
    instance, data = made_up(uuid, destination, address)

    start = time.monotonic()
    nova_driver.live_migration(context.get_admin_context(), instance, destination,
                               lambda *_: said.update(end="post_live_migration"),
                               lambda *_, **__: said.update(end="rollback_live_migration"), False, data)
    said["took_ms"] = round(1000 * (time.monotonic() - start))
    print(json.dumps(said))
    return said.get("end") != "post_live_migration"


sys.exit(main())
