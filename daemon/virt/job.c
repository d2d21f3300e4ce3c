/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"

#define KIND "job"

#define PROMPT     ((cf_span){ CF_S })			/* what takes longer to answer may be about to end by itself */
#define LOOK_EVERY ((struct timespec){ .tv_nsec = 10 * CF_MS })
#define LOOKS      20

/* One call about the job of one domain; which, and what came of it. */
struct job_task {
	struct task task;
	int (*ask)(struct job_task *job, virDomainPtr domain, struct cf_error *err);
	struct virt_line *line;
	char uuid[CF_UUID_ROOM];
	unsigned long long downtime_ms;
	bool autostart;
	struct cf_progress progress;
	char which[VIRT_JOB_ROOM];
};

static int job_run(struct task *task, struct cf_error *err)
{
	struct job_task *job = (struct job_task *)task;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	int r;

	r = virt_find(job->line->connection, job->uuid, &domain, err);
	if (r < 0)
		return r;
	return job->ask(job, domain, err);
}

static void job_clear(struct task *task)
{
	struct job_task *job = (struct job_task *)task;

	virt_line_drop(job->line);
}

static struct job_task *job_new(const char *uuid,
				int (*ask)(struct job_task *job, virDomainPtr domain, struct cf_error *err),
				struct cf_error *err)
{
	struct task *task = task_new(sizeof(struct job_task), job_run, job_clear);
	struct job_task *job = (struct job_task *)task;

	if (!task) {
		cf_fail(err, ENOMEM, CF_HOST, "out of memory");
		return NULL;
	}
	job->ask = ask;
	snprintf(job->uuid, sizeof(job->uuid), "%s", uuid);
	return job;
}

/* kind: as for task_start().  One that could not be made has been told of already. */
static int job_do(struct job_task *job, struct virt_link *link, const char *kind, cf_mono deadline,
		  struct cf_error *err)
{
	int r;

	if (!job)
		return -ENOMEM;
	r = virt_line_take(link, deadline, &job->line, err);
	return r < 0 ? r : task_by(&job->task, kind, job->uuid, deadline, err);
}

static struct job_task *job_drop(struct job_task *job)
{
	task_drop(&job->task);
	return NULL;
}
CF_DEFINE_AUTO(struct job_task *, job_drop)

/* Statistics */

static bool figure(virTypedParameterPtr params, int n, const char *name, int64_t *ret)
{
	unsigned long long value;

	if (virTypedParamsGetULLong(params, n, name, &value) != 1 || value > INT64_MAX)
		return false;
	*ret = (int64_t)value;
	return true;
}

static bool milliseconds(virTypedParameterPtr params, int n, const char *name, cf_span *ret)
{
	int64_t ms;

	if (!figure(params, n, name, &ms) || ms > INT64_MAX / CF_MS)
		return false;
	ret->ns = ms * CF_MS;
	return true;
}

bool virt_job_result(virTypedParameterPtr params, int n, struct job_result *ret)
{
	struct job_result result = { 0 };
	int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
	int success = 1;

	virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
	virTypedParamsGetBoolean(params, n, VIR_DOMAIN_JOB_SUCCESS, &success);
	if (operation != VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT &&
	    operation != VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN)
		return false;
	if (!success)
		return false;

	result.has_bytes = figure(params, n, VIR_DOMAIN_JOB_DATA_PROCESSED, &result.bytes);
	result.has_downtime = milliseconds(params, n, VIR_DOMAIN_JOB_DOWNTIME, &result.downtime);
	result.has_downtime_net = milliseconds(params, n, VIR_DOMAIN_JOB_DOWNTIME_NET, &result.downtime_net);
	*ret = result;
	return true;
}

bool virt_job_progress(virTypedParameterPtr params, int n, struct cf_progress *ret)
{
	bool copying = figure(params, n, VIR_DOMAIN_JOB_DATA_TOTAL, &ret->bytes_total) && ret->bytes_total;
	int throttle = 0;

	figure(params, n, VIR_DOMAIN_JOB_DATA_PROCESSED, &ret->bytes_sent);
	figure(params, n, VIR_DOMAIN_JOB_DATA_REMAINING, &ret->bytes_left);
	figure(params, n, VIR_DOMAIN_JOB_MEMORY_BPS, &ret->bytes_per_second);
	figure(params, n, VIR_DOMAIN_JOB_MEMORY_ITERATION, &ret->iteration);
	ret->has_predicted_blackout =
		milliseconds(params, n, VIR_DOMAIN_JOB_DOWNTIME, &ret->predicted_blackout);
	ret->has_throttle_percent = virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, &throttle) == 1 &&
				    throttle >= 0 && throttle <= 100;
	ret->throttle_percent = ret->has_throttle_percent ? throttle : 0;
	return copying;
}

static int ask_progress(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	virTypedParameterPtr params = NULL;
	int type, n = 0;
	bool copying;

	if (virDomainGetJobStats(domain, &type, &params, &n, 0) < 0)
		return virt_fail(err, "job statistics");
	copying = virt_job_progress(params, n, &job->progress);
	virTypedParamsFree(params, n);
	if (type == VIR_DOMAIN_JOB_NONE || !copying)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "nothing is being copied");
	return 0;
}

int job_progress(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_progress *ret,
		 struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_progress, err);
	int r = job_do(job, link, KIND, deadline, err);

	if (r == 0)
		*ret = job->progress;
	return r;
}

/* Which job */

static const char *const operations[] = {
	[VIR_DOMAIN_JOB_OPERATION_START] = "start",
	[VIR_DOMAIN_JOB_OPERATION_SAVE] = "save",
	[VIR_DOMAIN_JOB_OPERATION_RESTORE] = "restore",
	[VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "migration-in",
	[VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = "migration-out",
	[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "snapshot",
	[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "snapshot-revert",
	[VIR_DOMAIN_JOB_OPERATION_DUMP] = "dump",
	[VIR_DOMAIN_JOB_OPERATION_BACKUP] = "backup",
};

static const char *operation_name(int operation)
{
	if (operation < 0 || operation >= (int)CF_COUNT(operations) || !operations[operation])
		return "job";
	return operations[operation];
}

/* A destination refuses to tell statistics, and that is how it can be told. */
static bool incoming(virDomainPtr domain)
{
	int state, reason;

	return virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID &&
	       virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
	       reason == VIR_DOMAIN_PAUSED_MIGRATION;
}

static int ask_which(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
	virTypedParameterPtr params = NULL;
	int type, n = 0;

	if (virDomainGetJobStats(domain, &type, &params, &n, 0) < 0) {
		int r = virt_fail(err, "job");

		if (r == -EOPNOTSUPP)
			return 0;
		if (!incoming(domain))
			return r;
		type = VIR_DOMAIN_JOB_UNBOUNDED;
		operation = VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN;
	}
	virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
	virTypedParamsFree(params, n);
	if (type != VIR_DOMAIN_JOB_NONE)
		snprintf(job->which, sizeof(job->which), "%s", operation_name(operation));
	return 0;
}

int virt_job_look(struct virt_link *link, const char *uuid, cf_mono deadline,
		  char which[static VIRT_JOB_ROOM], struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_which, err);
	int r;

	r = job_do(job, link, KIND, deadline, err);
	if (r == -ETIMEDOUT || r == -EALREADY) {
		snprintf(which, VIRT_JOB_ROOM, "%s", VIRT_JOB_SILENT);
		return 0;
	}
	if (r < 0)
		return r;
	memcpy(which, job->which, VIRT_JOB_ROOM);
	return 0;
}

/* Requests */

static int ask_abort(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	(void)job;
	return virDomainAbortJob(domain) < 0 ? virt_fail(err, "abort") : 0;
}

/* Asked for even while an earlier question about the domain hangs: that is when it is wanted. */
int job_abort(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_abort, err);

	return job_do(job, link, NULL, deadline, err);
}

static int ask_state(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	int state;

	(void)job;
	return virDomainGetState(domain, &state, NULL, 0) < 0 ? virt_fail(err, "state") : 0;
}

int job_answers(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_state, err);

	return job_do(job, link, "state", deadline, err);
}

static int ask_pause(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	(void)job;
	return virDomainSuspend(domain) < 0 ? virt_fail(err, "pause") : 0;
}

int job_pause_again(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_pause, err);

	return job_do(job, link, NULL, deadline, err);
}

static bool runs(virDomainPtr domain)
{
	int state;

	return virDomainGetState(domain, &state, NULL, 0) == 0 && state == VIR_DOMAIN_RUNNING;
}

static int cont(virDomainPtr domain, struct cf_error *err)
{
	CF_AUTO(cf_free) char *said = NULL;

	if (virDomainQemuMonitorCommand(domain, "{\"execute\":\"cont\"}", &said, 0) < 0)
		return virt_fail(err, "cont");
	return said && strstr(said, "\"error\"") ? cf_fail(err, EIO, CF_HOST, "QEMU's answer to cont is %.200s", said) : 0;
}

/* libvirtd lets it run when its job has ended; a resume waits for that, and QEMU's own command for nothing. */
static int run_on(virDomainPtr domain, struct cf_error *err)
{
	for (int i = 0; i < LOOKS; i++) {
		if (runs(domain))
			return 0;
		nanosleep(&LOOK_EVERY, NULL);
	}
	if (cont(domain, NULL) == 0 || virDomainResume(domain) == 0)
		return 0;
	return virt_fail(err, "resume");
}

static int ask_unblock(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	cf_mono asked = kernel_raw();
	int state;

	(void)job;
	if (virDomainGetState(domain, &state, NULL, 0) < 0)
		return virt_fail(err, "state");
	if (cf_span_cmp(cf_mono_since(kernel_raw(), asked), PROMPT) > 0)
		return cf_fail(err, EAGAIN, CF_HOST, "libvirtd was slow to answer");
	if (state != VIR_DOMAIN_RUNNING)
		return 0;
	return virDomainSuspend(domain) < 0 ? virt_fail(err, "pause") : run_on(domain, err);
}

int job_unblock(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_unblock, err);

	return job_do(job, link, NULL, deadline, err);
}

static int ask_take_disks(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	(void)job;
	return runs(domain) ? cont(domain, err) : 0;
}

int job_take_disks(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_take_disks, err);

	return job_do(job, link, NULL, deadline, err);
}

static int ask_post_copy(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	(void)job;
	return virDomainMigrateStartPostCopy(domain, 0) < 0 ? virt_fail(err, "post-copy") : 0;
}

int job_start_post_copy(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_post_copy, err);

	return job_do(job, link, KIND, deadline, err);
}

static int ask_autostart(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	return virDomainSetAutostart(domain, job->autostart) < 0 ? virt_fail(err, "autostart") : 0;
}

int job_set_autostart(struct virt_link *link, const char *uuid, bool autostart, cf_mono deadline,
		      struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_autostart, err);

	if (!job)
		return -ENOMEM;
	job->autostart = autostart;
	return job_do(job, link, NULL, deadline, err);
}

static int ask_start(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	(void)job;
	if (virDomainIsActive(domain) == 1 || virDomainCreate(domain) == 0)
		return 0;
	return virt_fail(err, "start");
}

int job_start(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_start, err);

	return job_do(job, link, NULL, deadline, err);
}

unsigned long long job_downtime_ms(cf_span limit)
{
	/* QEMU takes no more than 2000 s. */
	cf_span capped = cf_span_min(limit, (cf_span){ 2000 * CF_S });

	return capped.ns < CF_MS ? 1 : (unsigned long long)(capped.ns / CF_MS);
}

static int ask_max_downtime(struct job_task *job, virDomainPtr domain, struct cf_error *err)
{
	if (virDomainMigrateSetMaxDowntime(domain, job->downtime_ms, 0) < 0)
		return virt_fail(err, "max downtime");
	return 0;
}

int job_set_max_downtime(struct virt_link *link, const char *uuid, cf_span limit, cf_mono deadline,
			 struct cf_error *err)
{
	CF_AUTO(job_drop) struct job_task *job = job_new(uuid, ask_max_downtime, err);

	if (!job)
		return -ENOMEM;
	job->downtime_ms = job_downtime_ms(limit);
	return job_do(job, link, KIND, deadline, err);
}
