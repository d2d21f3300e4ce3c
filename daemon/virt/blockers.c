/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/blockers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * The rules are those of libvirt's qemuMigrationSrcIsAllowed() (9.0 to 11) and
 * of QEMU's migration blockers.  From QEMU 6.0 on libvirt leaves host devices
 * to QEMU, and from 8.1 on QEMU can migrate some: then it is not for us to say.
 */

#define QEMU_MIGRATES_VFIO        8001000ul
#define LIBVIRT_MIGRATES_VIRTIOFS 10005000ul	/* with a new virtiofsd, which cannot be seen from here */

void blocker_add(struct domain_xml *xml, const char *fmt, ...)
{
	va_list ap;

	if (xml->n_blockers == DOMAIN_BLOCKERS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(xml->blockers[xml->n_blockers++], CF_DETAIL_ROOM, fmt, ap);
	va_end(ap);
}

/* Unplugged by QEMU for the time of a migration: no obstacle. */
static bool is_teaming(struct xml device)
{
	return xml_attribute_is(xml_child(device, "teaming"), "type", "transient");
}

static void read_hostdevs(struct xml devices, unsigned long emulator, struct domain_xml *ret)
{
	struct xml device = xml_child(devices, "hostdev");
	bool vfio_stays = emulator && emulator < QEMU_MIGRATES_VFIO;

	for (; device.node; device = xml_next(device, "hostdev")) {
		char type[16];
		bool vfio;

		xml_attribute(device, "type", type, sizeof(type));
		vfio = strcmp(type, "pci") == 0 || strcmp(type, "mdev") == 0;
		if (strcmp(type, "scsi_host") == 0 || (vfio && vfio_stays && !is_teaming(device)))
			blocker_add(ret, "a host device of type %s is passed through to it", type);
	}

	for (device = xml_child(devices, "interface"); device.node; device = xml_next(device, "interface"))
		if (xml_attribute_is(device, "type", "hostdev") && vfio_stays && !is_teaming(device))
			blocker_add(ret, "a host network device is passed through to it");
}

static void read_filesystems(struct xml devices, unsigned long libvirt, struct domain_xml *ret)
{
	struct xml device = xml_child(devices, "filesystem");

	for (; device.node; device = xml_next(device, "filesystem"))
		if (xml_attribute_is(xml_child(device, "driver"), "type", "virtiofs") && libvirt &&
		    libvirt < LIBVIRT_MIGRATES_VIRTIOFS)
			blocker_add(ret, "it has a virtiofs file system");
}

/* role is "peer" unless it is given (libvirt, qemuDomainShmemDefPostParse). */
static void read_shared_memory(struct xml devices, struct domain_xml *ret)
{
	struct xml device = xml_child(devices, "shmem");

	for (; device.node; device = xml_next(device, "shmem")) {
		if (xml_attribute_is(xml_child(device, "model"), "type", "ivshmem"))
			blocker_add(ret, "it has a shared memory device of the legacy model");
		else if (!xml_attribute_is(device, "role", "master"))
			blocker_add(ret, "it has a shared memory device that is not the master");
	}
}

static void read_disks(struct xml devices, struct domain_xml *ret)
{
	struct xml disk = xml_child(devices, "disk");

	for (; disk.node; disk = xml_next(disk, "disk")) {
		if (xml_child(disk, "transient").node)
			blocker_add(ret, "it has a transient disk");
		if (xml_child(disk, "mirror").node)
			blocker_add(ret, "a block job is active on one of its disks");
	}
}

void blockers_read(struct xml domain, unsigned long libvirt_version, unsigned long emulator_version,
		   struct domain_xml *ret)
{
	struct xml devices = xml_child(domain, "devices");
	struct xml security = xml_child(domain, "launchSecurity");

	read_hostdevs(devices, emulator_version, ret);
	read_filesystems(devices, libvirt_version, ret);
	read_shared_memory(devices, ret);
	read_disks(devices, ret);
	if (xml_attribute_is(security, "type", "sev") || xml_attribute_is(security, "type", "sev-snp") ||
	    xml_attribute_is(security, "type", "tdx"))
		blocker_add(ret, "its memory is encrypted by the processor");
}
