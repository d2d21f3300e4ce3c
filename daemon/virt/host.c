/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <stdio.h>

#include "daemon/virt/private.h"
#include "daemon/virt/xml.h"

/* libvirt's own numbering: major * 1000000 + minor * 1000 + release. */
static void version_text(char *ret, size_t size, const char *product, unsigned long version)
{
	snprintf(ret, size, "%s%s%lu.%lu.%lu", product, *product ? " " : "", version / 1000000,
		 version / 1000 % 1000, version % 1000);
}

#if defined(__aarch64__)
/* CNTFRQ_EL0 can be read by anybody; a guest under KVM sees the same, unscaled. */
static void own_counter(struct virt_host *host)
{
	uint64_t hz;

	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	host->counter = CF_COUNTER_CNTVCT;
	host->has_counter_hz = true;
	host->counter_hz = (int64_t)hz;
	host->has_counter_scaling = true;
	host->counter_scaling = false;
}
#else
static void own_counter(struct virt_host *host)
{
	(void)host;
}
#endif

/* <counter name='tsc' frequency='2500000000' scaling='yes'/>: there where KVM can be used. */
static void read_counter(struct xml cpu, struct virt_host *host)
{
	struct xml counter;

	for (counter = xml_child(cpu, "counter"); counter.node; counter = xml_next(counter, "counter")) {
		if (!xml_attribute_is(counter, "name", "tsc"))
			continue;
		host->counter = CF_COUNTER_TSC;
		host->has_counter_hz = xml_attribute_int(counter, "frequency", &host->counter_hz);
		host->has_counter_scaling = xml_has_attribute(counter, "scaling");
		host->counter_scaling = xml_attribute_is(counter, "scaling", "yes");
	}
}

int virt_host_capabilities(const char *text, struct virt_host *host, struct cf_error *err)
{
	CF_AUTO(xml_free) struct xml_document *document = NULL;
	struct xml cpu;
	int r;

	r = xml_parse(text, "capabilities", &document, err);
	if (r < 0)
		return r;

	cpu = xml_child(xml_child(xml_root(document, "capabilities"), "host"), "cpu");
	xml_text(xml_child(cpu, "arch"), host->arch, sizeof(host->arch));
	read_counter(cpu, host);
	own_counter(host);
	return 0;
}

static int read_capabilities(virConnectPtr connection, struct virt_host *host, struct cf_error *err)
{
	CF_AUTO(cf_free) char *text = virConnectGetCapabilities(connection);

	return text ? virt_host_capabilities(text, host, err) : virt_fail(err, "capabilities");
}

int virt_host_read(virConnectPtr connection, struct virt_host *ret, struct cf_error *err)
{
	struct virt_host host = { 0 };
	const char *product = virConnectGetType(connection);
	int r;

	if (virConnectGetLibVersion(connection, &host.libvirt_version) < 0)
		return virt_fail(err, "version of libvirt");
	version_text(host.libvirt, sizeof(host.libvirt), "", host.libvirt_version);

	if (virConnectGetVersion(connection, &host.emulator_version) < 0)
		return virt_fail(err, "version of the hypervisor");
	if (product && host.emulator_version)
		version_text(host.emulator, sizeof(host.emulator), product, host.emulator_version);

	r = read_capabilities(connection, &host, err);
	if (r < 0)
		return r;

	*ret = host;
	return 0;
}
