/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/domain-xml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/virt/blockers.h"
#include "daemon/virt/passthrough.h"
#include "daemon/virt/xml.h"

#define AGENT_CHANNEL "org.qemu.guest_agent.0"

/* Namespaces of <metadata>, by what they begin with: most end in a version. */
static const struct {
	const char *prefix;
	const char *manager;
} managers[] = {
	{ "http://openstack.org/xmlns/libvirt/nova/", "nova" },
	{ "http://ovirt.org/vm/",                     "ovirt" },
	{ "http://ovirt.org/vdsm/",                   "ovirt" },
	{ "http://kubevirt.io",                       "kubevirt" },
	{ "http://www.kubevirt.io",                   "kubevirt" },
	{ "http://opennebula.org/xmlns/libvirt/",     "opennebula" },
};

/* CloudStack writes no metadata, but "CloudStack KVM Hypervisor" into the SMBIOS tables. */
#define CLOUDSTACK_PRODUCT "CloudStack "

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void read_manager(struct xml domain, struct domain_xml *ret)
{
	struct xml child = xml_child(xml_child(domain, "metadata"), NULL);

	for (; child.node; child = xml_next(child, NULL))
		for (size_t i = 0; i < CF_COUNT(managers) && !ret->manager[0]; i++)
			if (begins(xml_namespace(child), managers[i].prefix))
				snprintf(ret->manager, sizeof(ret->manager), "%s", managers[i].manager);
}

static void read_policy(struct xml domain, struct domain_xml *ret)
{
	struct xml child = xml_child_in(xml_child(domain, "metadata"), DOMAIN_POLICY, "policy");

	ret->has_policy = child.node;
	xml_attribute(child, "name", ret->policy, sizeof(ret->policy));
}

static void read_product(struct xml domain, struct domain_xml *ret)
{
	struct xml entry = xml_child(xml_child(xml_child(domain, "sysinfo"), "system"), "entry");
	char product[64];

	for (; entry.node; entry = xml_next(entry, "entry"))
		if (xml_attribute_is(entry, "name", "product") && xml_text(entry, product, sizeof(product)) &&
		    begins(product, CLOUDSTACK_PRODUCT) && !ret->manager[0])
			snprintf(ret->manager, sizeof(ret->manager), "cloudstack");
}

static void read_timer(struct xml timer, struct cf_timer *ret)
{
	*ret = (struct cf_timer){ 0 };
	xml_attribute(timer, "name", ret->name, sizeof(ret->name));
	ret->has_present = xml_has_attribute(timer, "present");
	ret->present = xml_attribute_is(timer, "present", "yes");
	ret->has_frequency = xml_attribute_int(timer, "frequency", &ret->frequency);
	xml_attribute(timer, "tickpolicy", ret->tickpolicy, sizeof(ret->tickpolicy));
	xml_attribute(timer, "mode", ret->mode, sizeof(ret->mode));
	xml_attribute(timer, "track", ret->track, sizeof(ret->track));
}

static void read_clock(struct xml domain, struct cf_guest_clock *guest)
{
	struct xml clock = xml_child(domain, "clock");
	struct xml timer = xml_child(clock, "timer");

	xml_attribute(clock, "offset", guest->clock_offset, sizeof(guest->clock_offset));
	for (; timer.node && guest->n_timers < CF_TIMERS_MAX; timer = xml_next(timer, "timer"))
		read_timer(timer, &guest->timers[guest->n_timers++]);
}

static const struct cf_timer *find_timer(const struct cf_guest_clock *guest, const char *name)
{
	for (size_t i = 0; i < guest->n_timers; i++)
		if (strcmp(guest->timers[i].name, name) == 0)
			return &guest->timers[i];
	return NULL;
}

/* The policy of a CPU feature; "" when it is not named. */
static void feature_policy(struct xml cpu, const char *name, char *ret, size_t size)
{
	struct xml feature = xml_child(cpu, "feature");

	while (feature.node && !xml_attribute_is(feature, "name", name))
		feature = xml_next(feature, "feature");
	/* libvirt: a feature of a host model has no policy and is required. */
	if (!xml_attribute(feature, "policy", ret, size))
		snprintf(ret, size, "%s", feature.node ? "require" : "");
}

static bool is_x86(const char *arch)
{
	return strcmp(arch, "x86_64") == 0 || strcmp(arch, "i686") == 0;
}

/* QEMU gives every x86 KVM guest a kvmclock, unless it is taken away by timer or by feature. */
static bool has_kvmclock(struct xml cpu, const struct cf_guest_clock *guest)
{
	const struct cf_timer *timer = find_timer(guest, "kvmclock");
	char policy[16];

	feature_policy(cpu, "kvmclock", policy, sizeof(policy));
	return strcmp(guest->type, "kvm") == 0 && is_x86(guest->arch) &&
	       !(timer && timer->has_present && !timer->present) && strcmp(policy, "disable") != 0 &&
	       strcmp(policy, "forbid") != 0;
}

/* A guest that was given a frequency, or told that its TSC is invariant, may count on it. */
static void read_counter(struct xml cpu, struct domain_xml *ret)
{
	struct cf_guest_clock *guest = &ret->guest;
	const struct cf_timer *tsc = find_timer(guest, "tsc");
	char policy[16];
	bool invariant;

	feature_policy(cpu, "invtsc", policy, sizeof(policy));
	invariant = strcmp(policy, "require") == 0 || strcmp(policy, "force") == 0;
	if (tsc && tsc->has_frequency && tsc->frequency > 0) {
		guest->has_counter_hz = true;
		guest->counter_hz = tsc->frequency;
	}
	guest->counter_promised = invariant || (tsc && !(tsc->has_present && !tsc->present));
	if (invariant && !guest->has_counter_hz)
		blocker_add(ret, "it has the CPU feature invtsc, but no <timer name='tsc' frequency=...>");
}

static void read_agent(struct xml devices, struct cf_guest_clock *guest)
{
	struct xml channel = xml_child(devices, "channel");

	for (; channel.node; channel = xml_next(channel, "channel")) {
		struct xml target = xml_child(channel, "target");

		if (!xml_attribute_is(target, "name", AGENT_CHANNEL))
			continue;
		guest->agent_configured = true;
		guest->agent_connected = xml_attribute_is(target, "state", "connected");
	}
}

/*
 * What libvirt calls unsafe (qemuMigrationSrcIsSafe, 9.0 to 11), as far as the XML alone tells:
 * of a file it depends on the file system, and asking that can take for ever.
 */
static void read_disk(struct xml disk, struct cf_disk *ret)
{
	struct xml source = xml_child(disk, "source"), driver = xml_child(disk, "driver");
	bool alone = source.node && !xml_child(disk, "readonly").node && !xml_child(disk, "shareable").node;
	bool direct = xml_attribute_is(driver, "cache", "none") || xml_attribute_is(driver, "cache", "directsync");

	xml_attribute(xml_child(disk, "target"), "dev", ret->target, sizeof(ret->target));
	ret->unsafe = alone && !direct && xml_attribute_is(disk, "type", "block");
}

static void read_disks(struct xml devices, struct domain_xml *ret)
{
	struct xml disk = xml_child(devices, "disk");

	for (; disk.node && ret->n_disks < CF_DISKS_MAX; disk = xml_next(disk, "disk"))
		read_disk(disk, &ret->disks[ret->n_disks++]);
	ret->has_disks = !disk.node;
}

static int read_names(struct xml domain, struct domain_xml *ret, struct cf_error *err)
{
	struct xml type = xml_child(xml_child(domain, "os"), "type");
	struct cf_guest_clock *guest = &ret->guest;

	if (!xml_text(xml_child(domain, "name"), ret->name, sizeof(ret->name)) ||
	    !xml_text(xml_child(domain, "uuid"), ret->uuid, sizeof(ret->uuid)))
		return cf_fail(err, EBADMSG, CF_HOST, "domain XML: no name or uuid, or one that is too long");

	xml_attribute(domain, "type", guest->type, sizeof(guest->type));
	xml_attribute(type, "arch", guest->arch, sizeof(guest->arch));
	xml_attribute(type, "machine", guest->machine, sizeof(guest->machine));
	memcpy(guest->domain, ret->name, sizeof(guest->domain));
	memcpy(guest->uuid, ret->uuid, sizeof(guest->uuid));
	return 0;
}

int domain_xml_read(const char *text, unsigned long libvirt_version, unsigned long emulator_version,
		    struct domain_xml *ret, struct cf_error *err)
{
	CF_AUTO(xml_free) struct xml_document *document = NULL;
	CF_AUTO(cf_free) struct domain_xml *read = calloc(1, sizeof(*read));
	struct xml domain, devices, cpu;
	int r;

	if (!read)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = xml_parse(text, "domain XML", &document, err);
	if (r < 0)
		return r;
	domain = xml_root(document, "domain");
	devices = xml_child(domain, "devices");
	cpu = xml_child(domain, "cpu");
	r = read_names(domain, read, err);
	if (r < 0)
		return r;

	read_manager(domain, read);
	read_policy(domain, read);
	read_product(domain, read);
	read_clock(domain, &read->guest);
	read->guest.kvmclock = has_kvmclock(cpu, &read->guest);
	read->guest.has_vmclock = true;
	read->guest.vmclock = passthrough_has_device(domain, "vmclock");
	read_counter(cpu, read);
	read_agent(devices, &read->guest);
	xml_text(xml_child(devices, "emulator"), read->binary, sizeof(read->binary));
	read_disks(devices, read);
	passthrough_read(domain, &read->passthrough);
	blockers_read(domain, libvirt_version, emulator_version, read);

	*ret = *read;
	return 0;
}

int domain_xml_is(const char *text, const char *name, const char *uuid, struct cf_passthrough *passthrough,
		  struct cf_error *err)
{
	CF_AUTO(cf_free) struct domain_xml *read = calloc(1, sizeof(*read));
	int r;

	if (!read)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = domain_xml_read(text, 0, 0, read, err);
	if (r < 0)
		return r;
	if (strcmp(read->name, name) != 0 || strcasecmp(read->uuid, uuid) != 0)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "domain XML: it is that of another domain");
	*passthrough = read->passthrough;
	return 0;
}
