/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/domain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/counters.h"
#include "daemon/virt/domain-xml.h"
#include "daemon/virt/emulator.h"
#include "daemon/virt/kvm-page.h"
#include "daemon/virt/private.h"

#define LINK_TIME  (cf_span){ 5 * CF_S }
#define JOB_TIME   (cf_span){ 2 * CF_S }
#define PROBE_TIME (cf_span){ 5 * CF_S }

static const enum cf_domain_state states[] = {
	[VIR_DOMAIN_NOSTATE] = CF_DOMAIN_STATE_UNKNOWN, [VIR_DOMAIN_RUNNING] = CF_DOMAIN_RUNNING,
	[VIR_DOMAIN_BLOCKED] = CF_DOMAIN_RUNNING, [VIR_DOMAIN_PAUSED] = CF_DOMAIN_PAUSED,
	[VIR_DOMAIN_SHUTDOWN] = CF_DOMAIN_SHUTDOWN, [VIR_DOMAIN_SHUTOFF] = CF_DOMAIN_SHUTOFF,
	[VIR_DOMAIN_CRASHED] = CF_DOMAIN_CRASHED, [VIR_DOMAIN_PMSUSPENDED] = CF_DOMAIN_SUSPENDED,
};

static enum cf_domain_state state_of(int state)
{
	return state >= 0 && state < (int)CF_COUNT(states) ? states[state] : CF_DOMAIN_STATE_UNKNOWN;
}

static int read_xml(struct virt *virt, virDomainPtr domain, struct domain_xml *ret, struct cf_error *err)
{
	/* Without VIR_DOMAIN_XML_SECURE libvirt leaves passwords out. */
	CF_AUTO(cf_free) char *text = virDomainGetXMLDesc(domain, 0);
	struct virt_host host = { 0 };

	if (!text)
		return virt_fail(err, "domain XML");
	virt_host(virt, &host);
	return domain_xml_read(text, host.libvirt_version, host.emulator_version, ret, err);
}

/* The list */

/* Of the QEMU of a domain that runs with KVM; absent where it cannot be looked at. */
static void look_for_library(struct cf_domain *one)
{
	pid_t pid;

	if (strcmp(one->type, "kvm") == 0 && counters_pid(&counter_roots, one->name, one->uuid, &pid, NULL) == 0)
		one->has_kvm_library = kvm_page_present(counter_roots.proc, pid, &one->kvm_library, NULL) == 0;
}

/* false when the domain has gone meanwhile. */
static bool list_one(struct virt *virt, virDomainPtr domain, struct domain_xml *xml, struct cf_domain *ret)
{
	struct cf_domain one = { 0 };
	int state;

	if (virDomainGetState(domain, &state, NULL, 0) < 0 || read_xml(virt, domain, xml, NULL) < 0)
		return false;

	memcpy(one.name, xml->name, sizeof(one.name));
	memcpy(one.uuid, xml->uuid, sizeof(one.uuid));
	memcpy(one.type, xml->guest.type, sizeof(one.type));
	memcpy(one.manager, xml->manager, sizeof(one.manager));
	one.state = state_of(state);
	one.agent_connected = xml->guest.agent_connected;
	look_for_library(&one);
	*ret = one;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(virDomainGetName(*(const virDomainPtr *)a), virDomainGetName(*(const virDomainPtr *)b));
}

/* Of the n domains in order, those behind `after`; one that has gone meanwhile leaves its page shorter. */
static void list_page(struct virt *virt, virDomainPtr *domains, size_t n, const char *after, size_t limit,
		      struct domain_xml *xml, struct cf_domains *ret)
{
	size_t first = 0, end;

	while (first < n && strcmp(virDomainGetName(domains[first]), after) <= 0)
		first++;
	end = n - first > limit ? first + limit : n;
	for (size_t i = first; i < end; i++)
		if (list_one(virt, domains[i], xml, &ret->list[ret->n_list]))
			ret->n_list++;
	ret->has_next = end < n;
	if (ret->has_next)
		snprintf(ret->next, sizeof(ret->next), "%s", virDomainGetName(domains[end - 1]));
}

int domain_list(struct virt *virt, const char *after, size_t limit, struct cf_domains *ret, struct cf_error *err)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	CF_AUTO(cf_free) struct domain_xml *xml = calloc(1, sizeof(*xml));
	virDomainPtr *domains = NULL;
	int n, r;

	if (!xml)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = virt_borrow(virt, &link, err);
	if (r < 0)
		return r;
	n = virConnectListAllDomains(link->line->connection, &domains, 0);
	if (n < 0)
		return virt_fail(err, "list of domains");

	qsort(domains, n, sizeof(*domains), by_name);
	ret->n_list = 0;
	list_page(virt, domains, n, after, limit < CF_DOMAINS_MAX ? limit : CF_DOMAINS_MAX, xml, ret);
	for (int i = 0; i < n; i++)
		virDomainFree(domains[i]);
	free(domains);
	return 0;
}

/* One domain */

static bool looks_like_uuid(const char *text)
{
	size_t size = CF_UUID_ROOM - 1;

	return strlen(text) == size && strspn(text, "0123456789abcdefABCDEF-") == size;
}

/* *ret stays NULL when there is none: that is an answer. */
static int find(virConnectPtr connection, const char *name_or_uuid, virDomainPtr *ret, struct cf_error *err)
{
	virDomainPtr domain = NULL;

	if (looks_like_uuid(name_or_uuid))
		domain = virDomainLookupByUUIDString(connection, name_or_uuid);
	if (!domain)
		domain = virDomainLookupByName(connection, name_or_uuid);
	if (!domain && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return virt_fail(err, "domain");
	*ret = domain;
	return 0;
}

/* Over a connection of its own: should QEMU not answer, the call is given up and keeps that one. */
static int look_at_job(struct virt *virt, struct domain_standing *standing, struct cf_error *err)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	int r;

	r = virt_link_open(virt, LINK_TIME, &link, err);
	if (r < 0)
		return r;
	r = virt_job_look(link, standing->uuid, cf_mono_add(kernel_raw(), JOB_TIME), standing->job, err);
	standing->job_active = r == 0 && standing->job[0];

	/* Gone meanwhile, or shut off: then it has no job. */
	return r == -ENOENT || r == -EBUSY ? 0 : r;
}

/* As virt_job_look() spells it.  A QEMU that does not answer flushes the last of a guest's memory, if anything. */
static bool is_migration(const char *job)
{
	return strcmp(job, "migration-out") == 0 || strcmp(job, "migration-in") == 0 ||
	       strcmp(job, VIRT_JOB_SILENT) == 0;
}

/* job: whether libvirt is asked for that, too. */
static int look(struct virt *virt, virDomainPtr domain, bool job, struct domain_standing *ret, struct cf_error *err)
{
	struct domain_standing standing = { .known = true };
	int state, reason, active, persistent, autostart = 0;

	/* A question that libvirtd did not live to answer is no "no": whoever asks would take the guest for gone. */
	if (virDomainGetState(domain, &state, &reason, 0) < 0 || virDomainGetUUIDString(domain, standing.uuid) < 0 ||
	    (active = virDomainIsActive(domain)) < 0 || (persistent = virDomainIsPersistent(domain)) < 0)
		return virt_fail(err, "state of the domain");
	snprintf(standing.name, sizeof(standing.name), "%s", virDomainGetName(domain));
	standing.state = state_of(state);
	standing.active = active;
	standing.persistent = persistent;
	if (standing.persistent && virDomainGetAutostart(domain, &autostart) < 0)
		return virt_fail(err, "autostart of the domain");
	standing.autostart = autostart;
	standing.torn = (state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED) ||
			(state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED);
	standing.migrating = state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION;
	if (standing.active && job) {
		int r = look_at_job(virt, &standing, err);

		if (r < 0)
			return r;
	}
	standing.moving = standing.migrating || is_migration(standing.job);
	*ret = standing;
	return 0;
}

static int look_up(struct virt *virt, const char *name_or_uuid, bool job, struct domain_standing *ret,
		   struct cf_error *err)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	int r;

	r = virt_borrow(virt, &link, err);
	if (r == 0)
		r = find(link->line->connection, name_or_uuid, &domain, err);
	if (r == 0 && domain)
		r = look(virt, domain, job, ret, err);
	else if (r == 0)
		*ret = (struct domain_standing){ 0 };

	/* It was there a moment ago. */
	if (r == -ENOENT) {
		*ret = (struct domain_standing){ 0 };
		r = 0;
	}
	return r;
}

int domain_look(struct virt *virt, const char *name_or_uuid, struct domain_standing *ret, struct cf_error *err)
{
	return look_up(virt, name_or_uuid, true, ret, err);
}

int domain_glance(struct virt *virt, const char *name_or_uuid, struct domain_standing *ret, struct cf_error *err)
{
	return look_up(virt, name_or_uuid, false, ret, err);
}

/* Evidence */

static void add_snapshots(virDomainPtr domain, struct cf_domain_evidence *evidence)
{
	int n = virDomainSnapshotNum(domain, 0);

	if (n > 0 && evidence->n_blockers < CF_COUNT(evidence->blockers))
		snprintf(evidence->blockers[evidence->n_blockers++], CF_DETAIL_ROOM,
			 "libvirt migrates no domain that has snapshots, and it has %d", n);
}

/* What follows from the host it runs on. */
static void complete_guest(struct virt *virt, const struct domain_xml *xml, struct cf_guest_clock *guest)
{
	bool kvm = strcmp(guest->type, "kvm") == 0;
	struct virt_host host = { 0 };

	virt_host(virt, &host);
	memcpy(guest->emulator, host.emulator, sizeof(guest->emulator));
	if (kvm && host.counter == CF_COUNTER_CNTVCT && host.has_counter_hz) {
		guest->has_counter_hz = true;
		guest->counter_hz = host.counter_hz;
	}
	/* A probe that failed leaves it at false: what is corrected is what was measured, never this. */
	if (guest->kvmclock)
		emulator_self_corrects(xml->binary, PROBE_TIME, &guest->self_correcting, NULL);
	guest->lever = guest->agent_connected ? CF_LEVER_GUEST_AGENT : CF_LEVER_NONE;
}

static int gather(struct virt *virt, virDomainPtr domain, bool job, struct cf_domain_evidence *evidence,
		  struct cf_guest_clock *guest, struct cf_error *err)
{
	CF_AUTO(cf_free) struct domain_xml *xml = calloc(1, sizeof(*xml));
	struct domain_standing standing;
	int r;

	if (!xml)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = look(virt, domain, job, &standing, err);
	if (r == 0)
		r = read_xml(virt, domain, xml, err);
	if (r < 0)
		return r;

	evidence->known = true;
	evidence->state = standing.state;
	evidence->persistent = standing.persistent;
	evidence->autostart = standing.autostart;
	evidence->job_active = standing.job_active;
	memcpy(evidence->job, standing.job, sizeof(evidence->job));
	memcpy(evidence->manager, xml->manager, sizeof(evidence->manager));
	evidence->has_policy = xml->has_policy;
	memcpy(evidence->policy, xml->policy, sizeof(evidence->policy));
	evidence->passthrough = xml->passthrough;
	evidence->n_blockers = xml->n_blockers;
	memcpy(evidence->blockers, xml->blockers, sizeof(evidence->blockers));
	evidence->has_disks = xml->has_disks;
	evidence->n_disks = xml->n_disks;
	memcpy(evidence->disks, xml->disks, sizeof(evidence->disks));
	add_snapshots(domain, evidence);
	if (standing.active) {
		*guest = xml->guest;
		complete_guest(virt, xml, guest);
		evidence->guest = guest;
	}
	return 0;
}

static int look_for_evidence(struct virt *virt, const char *name_or_uuid, bool job, struct cf_domain_evidence *ret,
			     struct cf_guest_clock *guest, struct cf_error *err)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	struct cf_domain_evidence evidence = { .domain = name_or_uuid };
	int r;

	r = virt_borrow(virt, &link, err);
	if (r == 0)
		r = find(link->line->connection, name_or_uuid, &domain, err);
	if (r == 0 && domain)
		r = gather(virt, domain, job, &evidence, guest, err);
	if (r == -ENOENT) {
		evidence = (struct cf_domain_evidence){ .domain = name_or_uuid };
		r = 0;
	}
	if (r < 0)
		return r;
	*ret = evidence;
	return 0;
}

int domain_evidence(struct virt *virt, const char *name_or_uuid, struct cf_domain_evidence *ret,
		    struct cf_guest_clock *guest, struct cf_error *err)
{
	return look_for_evidence(virt, name_or_uuid, true, ret, guest, err);
}

int domain_evidence_aside(struct virt *virt, const char *name_or_uuid, struct cf_domain_evidence *ret,
			  struct cf_guest_clock *guest, struct cf_error *err)
{
	return look_for_evidence(virt, name_or_uuid, false, ret, guest, err);
}
