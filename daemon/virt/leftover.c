/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/leftover.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/virt/phases.h"
#include "proto/version.h"

struct leftover {
	struct task task;
	int (*act)(struct leftover *leftover, virDomainPtr domain, struct cf_error *err);
	virConnectPtr connection;
	char uuid[CF_UUID_ROOM];
	bool persistent;
};

/* A domain that is not there is no leftover. */
static int leftover_run(struct task *task, struct cf_error *err)
{
	struct leftover *leftover = (struct leftover *)task;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	int r = virt_find(leftover->connection, leftover->uuid, &domain, err);

	if (r < 0)
		return r;
	return leftover->act(leftover, domain, err);
}

static void leftover_clear(struct task *task)
{
	struct leftover *leftover = (struct leftover *)task;

	if (leftover->connection)
		virConnectClose(leftover->connection);
}

static int deal_with(struct virt *virt, const char *uuid, bool persistent,
		     int (*act)(struct leftover *, virDomainPtr, struct cf_error *), cf_mono deadline,
		     struct cf_error *err)
{
	CF_AUTO(task_drop) struct task *task = task_new(sizeof(struct leftover), leftover_run, leftover_clear);
	struct leftover *leftover = (struct leftover *)task;
	int r;

	if (!task)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	leftover->act = act;
	leftover->persistent = persistent;
	snprintf(leftover->uuid, sizeof(leftover->uuid), "%s", uuid);
	r = virt_dial(virt->uri, NULL, deadline, &leftover->connection, err);
	if (r < 0)
		return r;
	return task_by(task, "leftover", uuid, deadline, err);
}

static int state_of(virDomainPtr domain, int *ret, struct cf_error *err)
{
	if (virDomainGetState(domain, ret, NULL, 0) < 0)
		return virt_fail(err, "state of the domain");
	return 0;
}

/* A job that lives has somebody who ends it. */
static int check_no_job(virDomainPtr domain, struct cf_error *err)
{
	virDomainJobInfo job;

	if (virDomainGetJobInfo(domain, &job) < 0) {
		int r = virt_fail(err, "job");

		/* A libvirt driver that knows of no jobs. */
		return r == -EOPNOTSUPP ? 0 : r;
	}
	if (job.type != VIR_DOMAIN_JOB_NONE)
		return cf_fail(err, EBUSY, CF_CONFLICT, "the domain is busy");
	return 0;
}

/* What a guest has beside its disks is its own, and may be shared with where it is; older libvirts know less of it. */
static const unsigned int keeping[] = {
	VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_TPM,
	VIR_DOMAIN_UNDEFINE_KEEP_NVRAM,
	0,
};

static int undefine(virDomainPtr domain, struct cf_error *err)
{
	for (size_t i = 0; i < CF_COUNT(keeping); i++) {
		if (virDomainUndefineFlags(domain, keeping[i]) == 0)
			return 0;
		if (virGetLastErrorCode() != VIR_ERR_INVALID_ARG)
			break;
	}
	return virt_fail(err, "undefine");
}

/* Source: it ran there */

/*
 * libvirt's own end of a migration, without the migration: between Begin and Confirm nobody asks whether
 * there was one.
 */
static int confirm(struct leftover *leftover, virDomainPtr domain, struct cf_error *err)
{
	unsigned int flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_UNSAFE | VIR_MIGRATE_CHANGE_PROTECTION;
	CF_AUTO(phase_drop) struct phase *begin = NULL;
	CF_AUTO(phase_drop) struct phase *end = NULL;
	const struct phase_calls *calls = phase_calls(err);
	int r;

	if (!calls)
		return -ENOSYS;
	if (leftover->persistent)
		flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
	begin = phase_new(phase_begin, leftover->connection, domain, flags);
	end = phase_new(phase_confirm, leftover->connection, domain, flags);
	if (!begin || !end)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = phase_begin(begin, calls, err);
	if (r == 0)
		r = phase_confirm(end, calls, err);
	return r;
}

static int remove_copy(struct leftover *leftover, virDomainPtr domain, struct cf_error *err)
{
	int state;
	int r = state_of(domain, &state, err);

	if (r < 0)
		return r;
	if (state == VIR_DOMAIN_SHUTOFF)
		return leftover->persistent ? undefine(domain, err) : 0;
	if (state != VIR_DOMAIN_PAUSED)
		return cf_fail(err, EBUSY, CF_CONFLICT, "the domain is not paused");
	r = check_no_job(domain, err);
	return r < 0 ? r : confirm(leftover, domain, err);
}

int leftover_remove(struct virt *virt, const char *uuid, bool persistent, cf_mono deadline, struct cf_error *err)
{
	int r = deal_with(virt, uuid, persistent, remove_copy, deadline, err);

	return r == -ENOENT ? 0 : r;
}

/* Source: it never ran there */

static int resume(struct leftover *leftover, virDomainPtr domain, struct cf_error *err)
{
	int state;
	int r = state_of(domain, &state, err);

	(void)leftover;
	if (r < 0 || state == VIR_DOMAIN_RUNNING || state == VIR_DOMAIN_BLOCKED)
		return r;
	if (state != VIR_DOMAIN_PAUSED)
		return cf_fail(err, EBUSY, CF_CONFLICT, "the domain is not paused");
	r = check_no_job(domain, err);
	if (r < 0)
		return r;
	return virDomainResume(domain) < 0 ? virt_fail(err, "resume") : 0;
}

int leftover_resume(struct virt *virt, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	return deal_with(virt, uuid, false, resume, deadline, err);
}

/* Destination */

static int remove_definition(struct leftover *leftover, virDomainPtr domain, struct cf_error *err)
{
	int active = virDomainIsActive(domain);

	(void)leftover;
	if (active < 0)
		return virt_fail(err, "state of the domain");
	if (active)
		return cf_fail(err, EBUSY, CF_CONFLICT, "the domain is active");
	return undefine(domain, err);
}

int leftover_undefine(struct virt *virt, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	int r = deal_with(virt, uuid, true, remove_definition, deadline, err);

	return r == -ENOENT ? 0 : r;
}
