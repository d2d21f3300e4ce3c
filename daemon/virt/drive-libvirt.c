/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/job.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"

#define START_TIME (cf_span){ 10 * CF_S }

/* The call that lasts for the whole migration. */
struct migrate_task {
	struct task task;
	virConnectPtr connection;
	char uuid[CF_UUID_ROOM];
	char destination_uri[2 * VIRT_URI_ROOM];
	virTypedParameterPtr params;
	int n_params;
	unsigned long long max_downtime_ms;	/* 0: as it is */
	unsigned int flags;
	int code;				/* libvirt's error */
};

struct libvirt_drive {
	struct drive head;
	struct virt_link *link;			/* for the requests beside the call */
	char uuid[CF_UUID_ROOM];
	struct task *task;			/* a struct migrate_task */
	bool aborted;
};

/* Templates */

/* What may stand in a host name or an address; whatever else could change the meaning of a URI. */
static bool is_host(const char *host)
{
	const char *at = host;

	while (isalnum((unsigned char)*at) || (*at && strchr(".:-_", *at)))
		at++;
	return *host && !*at;
}

static int fill(const char *template, const char *host, char *ret, size_t size, struct cf_error *err)
{
	const char *place = strstr(template, "%s");
	bool bare = place && (place == template || place[-1] != '[');
	bool v6 = strchr(host, ':') && bare;
	int n;

	if (!is_host(host))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "destination: not a host name or an address");
	if (!place || strchr(place + 1, '%') || strchr(template, '%') != place)
		return cf_fail(err, EINVAL, CF_HOST,
			       "%s does not name the destination once, as %%s", template);
	n = snprintf(ret, size, "%.*s%s%s%s%s", (int)(place - template), template, v6 ? "[" : "", host,
		     v6 ? "]" : "", place + 2);
	if (n >= (int)size)
		return cf_fail(err, ENAMETOOLONG, CF_BAD_REQUEST, "destination: too long");
	return 0;
}

/* The call */

static void migrate_clear(struct task *task)
{
	struct migrate_task *migrate = (struct migrate_task *)task;

	if (migrate->connection)
		virConnectClose(migrate->connection);
	virTypedParamsFree(migrate->params, migrate->n_params);
}

static int migrate_domain(struct migrate_task *migrate, virDomainPtr domain, struct cf_error *err)
{
	if (virDomainMigrateToURI3(domain, migrate->destination_uri, migrate->params,
				   (unsigned int)migrate->n_params, migrate->flags) == 0)
		return 0;

	migrate->code = virGetLastErrorCode();
	return virt_fail(err, "migration");
}

/*
 * QEMU's target is set before it copies, or a quick copy would be over first.
 * Set that early it would outlast the job: a domain that stays gets its own back.
 */
static int migrate_run(struct task *task, struct cf_error *err)
{
	struct migrate_task *migrate = (struct migrate_task *)task;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	unsigned long long before = 0;
	unsigned long long target = migrate->max_downtime_ms;
	bool known;
	int r;

	r = virt_find(migrate->connection, migrate->uuid, &domain, err);
	if (r < 0)
		return r;
	known = virDomainMigrateGetMaxDowntime(domain, &before, 0) == 0;
	if (target && virDomainMigrateSetMaxDowntime(domain, target, 0) < 0)
		return virt_fail(err, "max downtime");

	r = migrate_domain(migrate, domain, err);
	if (r < 0 && target && known)
		virDomainMigrateSetMaxDowntime(domain, before, 0);
	return r;
}

/* The drive */

static struct drive *libvirt_free(struct drive *drive)
{
	struct libvirt_drive *ours = (struct libvirt_drive *)drive;

	task_drop(ours->task);
	virt_link_close(ours->link);
	free(ours);
	return NULL;
}

static int libvirt_abort(struct drive *drive, cf_mono deadline, struct cf_error *err)
{
	struct libvirt_drive *ours = (struct libvirt_drive *)drive;

	ours->aborted = true;
	return job_abort(ours->link, ours->uuid, deadline, err);
}

static int libvirt_wait(struct drive *drive, cf_span timeout, struct drive_end *ret)
{
	struct libvirt_drive *ours = (struct libvirt_drive *)drive;
	struct drive_end end = { .state = DRIVE_RUNNING };
	int result;

	if (task_wait(ours->task, cf_mono_add(kernel_raw(), timeout), &result, &end.error)) {
		end.code = ((struct migrate_task *)ours->task)->code;
		end.state = DRIVE_SUCCEEDED;
		if (result < 0)
			end.state = ours->aborted || result == -ECANCELED ? DRIVE_ABORTED : DRIVE_FAILED;
	}
	*ret = end;
	return 0;
}

/* What can be seen to be wrong before anything is begun. */
static int check_domain(struct virt *virt, const char *uuid, bool *persistent, struct cf_error *err)
{
	struct domain_standing standing;
	int r;

	r = domain_look(virt, uuid, &standing, err);
	if (r < 0)
		return r;
	if (!standing.known)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "there is no such domain");
	if (!standing.active)
		return cf_fail(err, ENOTCONN, CF_CONFLICT, "the domain does not run");
	if (standing.job_active)
		return cf_fail(err, EBUSY, CF_CONFLICT, "the domain is busy: %s", standing.job);
	*persistent = standing.persistent;
	return 0;
}

static int make_task(struct virt *virt, const struct drive_options *options, struct task **ret,
		     struct cf_error *err)
{
	CF_AUTO(task_drop) struct task *task =
		task_new(sizeof(struct migrate_task), migrate_run, migrate_clear);
	struct migrate_task *migrate = (struct migrate_task *)task;
	char migrate_uri[2 * VIRT_URI_ROOM] = "";
	bool persistent = false;
	int r;

	if (!task)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = fill(options->destination_uri, options->destination, migrate->destination_uri,
		 sizeof(migrate->destination_uri), err);
	if (r == 0 && options->migrate_uri[0])
		r = fill(options->migrate_uri, options->destination, migrate_uri, sizeof(migrate_uri), err);
	if (r == 0)
		r = virt_migrate_params(options, migrate_uri, &migrate->params, &migrate->n_params, err);
	if (r == 0)
		r = check_domain(virt, options->uuid, &persistent, err);
	if (r == 0)
		r = virt_dial(virt->uri, NULL, cf_mono_add(kernel_raw(), START_TIME), &migrate->connection, err);
	if (r < 0)
		return r;

	memcpy(migrate->uuid, options->uuid, sizeof(migrate->uuid));
	if (options->has_max_downtime)
		migrate->max_downtime_ms = job_downtime_ms(options->max_downtime);
	migrate->flags = virt_migrate_flags(&options->options, persistent) | VIR_MIGRATE_PEER2PEER;
	*ret = CF_TAKE(task);
	return 0;
}

static int libvirt_start(struct virt *virt, const struct drive_options *options, struct drive **ret,
			 struct cf_error *err)
{
	CF_AUTO(drive_free) struct drive *drive = calloc(1, sizeof(struct libvirt_drive));
	struct libvirt_drive *ours = (struct libvirt_drive *)drive;
	int r;

	if (!drive)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	drive->ops = &drive_libvirt;
	memcpy(ours->uuid, options->uuid, sizeof(ours->uuid));
	r = make_task(virt, options, &ours->task, err);
	if (r == 0)
		r = virt_link_open(virt, START_TIME, &ours->link, err);
	if (r == 0)
		r = task_start(ours->task, "migration", options->uuid, err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(drive);
	return 0;
}

const struct drive_ops drive_libvirt = {
	.name = "libvirt",
	.has_gate = false,
	.can_cut = false,
	.outlives_agent = true,
	.start = libvirt_start,
	.attach = drive_attach,
	.wait = libvirt_wait,
	.abort = libvirt_abort,
	.free = libvirt_free,
};
