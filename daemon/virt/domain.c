/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/domain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/emulator.h"
#include "daemon/virt/question.h"

#define ANSWER_TIME (cf_span){ 10 * CF_S }
#define LINK_TIME   (cf_span){ 5 * CF_S }
#define JOB_TIME    (cf_span){ 2 * CF_S }
#define PROBE_TIME  (cf_span){ 5 * CF_S }

/* VIR_DOMAIN_PAUSED_API_ERROR, which libvirts have from 9.2 on, and their headers. */
#define PAUSED_API_ERROR 14

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

static int read_standing(virDomainPtr domain, struct domain_standing *ret, struct cf_error *err)
{
	struct domain_standing standing = { .known = true };
	int state, reason, active, persistent, autostart = 0;

	/* A question that libvirtd did not live to answer is no "no": whoever asks would take the guest for gone. */
	if (virDomainGetState(domain, &state, &reason, 0) < 0 || virDomainGetUUIDString(domain, standing.uuid) < 0 ||
	    (active = virDomainIsActive(domain)) < 0 || (persistent = virDomainIsPersistent(domain)) < 0)
		return virt_fail(err, "state of the domain");
	snprintf(standing.name, sizeof(standing.name), "%s", virDomainGetName(domain));
	standing.state = question_state(state);
	standing.active = active;
	standing.persistent = persistent;
	if (standing.persistent && virDomainGetAutostart(domain, &autostart) < 0)
		return virt_fail(err, "autostart of the domain");
	standing.autostart = autostart;
	standing.torn = (state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED) ||
			(state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED);
	standing.migrating = state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION;
	standing.starting = state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_STARTING_UP;
	standing.stranded = state == VIR_DOMAIN_PAUSED && reason == PAUSED_API_ERROR;
	*ret = standing;
	return 0;
}

/* The questions */

static int ask_standing(struct question *question, virConnectPtr connection, struct cf_error *err)
{
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	int r = find(connection, question->domain, &domain, err);

	return r == 0 && domain ? read_standing(domain, &question->standing, err) : r;
}

static int ask_evidence(struct question *question, virConnectPtr connection, struct cf_error *err)
{
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	int r = find(connection, question->domain, &domain, err);

	if (r == 0 && domain)
		r = read_standing(domain, &question->standing, err);
	if (r < 0 || !domain)
		return r;
	question->snapshots = virDomainSnapshotNum(domain, 0);
	return question_read_xml(question, domain, err);
}

/* job: whether libvirt is asked for that, too.  That there is no such domain, or not any more, is an answer. */
static int ask(struct question *question, struct virt *virt, const char *name_or_uuid, bool job, struct cf_error *err)
{
	struct domain_standing *standing;
	int r;

	if (!question)
		return -ENOMEM;
	question->domain = strdup(name_or_uuid);
	if (!question->domain)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	standing = &question->standing;
	r = question_ask(question, virt, "domain", name_or_uuid, ANSWER_TIME, err);
	if (r == 0 && standing->active && job)
		r = look_at_job(virt, standing, err);
	if (r == -ENOENT)
		*standing = (struct domain_standing){ 0 };
	else if (r < 0)
		return r;	/* and what is still asked is not ours */
	standing->moving = standing->migrating || standing->starting || is_migration(standing->job);
	return 0;
}

static int look(struct virt *virt, const char *name_or_uuid, bool job, struct domain_standing *ret, struct cf_error *err)
{
	CF_AUTO(question_drop) struct question *question = question_new(ask_standing, err);
	int r = ask(question, virt, name_or_uuid, job, err);

	if (r == 0)
		*ret = question->standing;
	return r;
}

int domain_look(struct virt *virt, const char *name_or_uuid, struct domain_standing *ret, struct cf_error *err)
{
	return look(virt, name_or_uuid, true, ret, err);
}

int domain_glance(struct virt *virt, const char *name_or_uuid, struct domain_standing *ret, struct cf_error *err)
{
	return look(virt, name_or_uuid, false, ret, err);
}

/* Evidence */

static void add_snapshots(int n, struct cf_domain_evidence *evidence)
{
	if (n > 0 && evidence->n_blockers < CF_COUNT(evidence->blockers))
		snprintf(evidence->blockers[evidence->n_blockers++], CF_DETAIL_ROOM,
			 "libvirt migrates no domain that has snapshots, and it has %d", n);
}

/* What follows from the host it runs on. */
static void complete_guest(const struct virt_host *host, const char *binary, struct cf_guest_clock *guest)
{
	bool kvm = strcmp(guest->type, "kvm") == 0;

	memcpy(guest->emulator, host->emulator, sizeof(guest->emulator));
	if (kvm && host->counter == CF_COUNTER_CNTVCT && host->has_counter_hz) {
		guest->has_counter_hz = true;
		guest->counter_hz = host->counter_hz;
	}
	/* A probe that failed leaves it at false: what is corrected is what was measured, never this. */
	if (guest->kvmclock)
		emulator_self_corrects(binary, PROBE_TIME, &guest->self_correcting, NULL);
	guest->lever = guest->agent_connected ? CF_LEVER_GUEST_AGENT : CF_LEVER_NONE;
}

static void put_evidence(const struct question *question, struct cf_domain_evidence *evidence)
{
	const struct domain_standing *standing = &question->standing;
	const struct domain_xml *xml = &question->xml;

	evidence->known = true;
	evidence->state = standing->state;
	evidence->persistent = standing->persistent;
	evidence->autostart = standing->autostart;
	evidence->job_active = standing->job_active;
	memcpy(evidence->job, standing->job, sizeof(evidence->job));
	memcpy(evidence->manager, xml->manager, sizeof(evidence->manager));
	evidence->has_policy = xml->has_policy;
	memcpy(evidence->policy, xml->policy, sizeof(evidence->policy));
	evidence->passthrough = xml->passthrough;
	evidence->n_blockers = xml->n_blockers;
	memcpy(evidence->blockers, xml->blockers, sizeof(evidence->blockers));
	evidence->has_disks = xml->has_disks;
	evidence->n_disks = xml->n_disks;
	memcpy(evidence->disks, xml->disks, sizeof(evidence->disks));
	add_snapshots(question->snapshots, evidence);
}

static int look_for_evidence(struct virt *virt, const char *name_or_uuid, bool job, struct cf_domain_evidence *ret,
			     struct cf_guest_clock *guest, struct cf_error *err)
{
	CF_AUTO(question_drop) struct question *question = question_new(ask_evidence, err);
	int r = ask(question, virt, name_or_uuid, job, err);

	if (r < 0)
		return r;
	*ret = (struct cf_domain_evidence){ .domain = name_or_uuid };
	if (!question->standing.known)
		return 0;
	put_evidence(question, ret);
	if (question->standing.active) {
		*guest = question->xml.guest;
		complete_guest(&question->host, question->xml.binary, guest);
		ret->guest = guest;
	}
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
