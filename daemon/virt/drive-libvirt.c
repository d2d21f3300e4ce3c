/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

static int migrate_run(struct task *task, struct cf_error *err)
{
	struct migrate_task *migrate = (struct migrate_task *)task;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	unsigned long long before = 0;
	bool known = false;
	int r;

	r = virt_find(migrate->connection, migrate->uuid, &domain, err);
	if (r == 0 && migrate->max_downtime_ms)
		r = virt_aim(domain, migrate->max_downtime_ms, &known, &before, err);
	if (r < 0)
		return r;

	r = migrate_domain(migrate, domain, err);
	if (r < 0 && known)
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
	r = virt_uri_fill(options->destination_uri, options->destination, migrate->destination_uri,
			  sizeof(migrate->destination_uri), err);
	if (r == 0 && options->migrate_uri[0])
		r = virt_uri_fill(options->migrate_uri, options->destination, migrate_uri, sizeof(migrate_uri),
				  err);
	if (r == 0)
		r = virt_migrate_params(options, migrate_uri, &migrate->params, &migrate->n_params, err);
	if (r == 0)
		r = virt_drive_ready(virt, options->uuid, &persistent, err);
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
	.post_copy = true,
	.start = libvirt_start,
	.attach = drive_attach,
	.wait = libvirt_wait,
	.abort = libvirt_abort,
	.free = libvirt_free,
};
