/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/phases.h"

#include <errno.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/drive.h"
#include "proto/wipe.h"

#define LEAST_DAEMON 1001000
#define CLOSE_TIME   (cf_span){ 100 * CF_MS }

/* Secrets */

bool phase_secret_copy(struct phase_secret *secret, const void *data, size_t size)
{
	if (!size)
		return true;
	secret->data = malloc(size);
	if (!secret->data)
		return false;
	memcpy(secret->data, data, size);
	secret->size = (int)size;
	return true;
}

static void secret_free(struct phase_secret *secret)
{
	cf_wipe(secret->data, (size_t)secret->size);
	*secret = (struct phase_secret){ 0 };
}

/* The XML is among them. */
static void params_free(virTypedParameterPtr params, int n)
{
	for (int i = 0; i < n; i++)
		if (params[i].type == VIR_TYPED_PARAM_STRING && params[i].value.s)
			explicit_bzero(params[i].value.s, strlen(params[i].value.s));
	virTypedParamsFree(params, n);
}

/* The calls */

static int note_failure(struct phase *phase, struct cf_error *err, const char *what)
{
	phase->code = virGetLastErrorCode();
	return virt_fail(err, what);
}

int phase_begin(struct phase *phase, const struct phase_calls *calls, struct cf_error *err)
{
	phase->xml.data = calls->begin(phase->domain, phase->params, phase->n_params, &phase->got.data,
				       &phase->got.size, phase->flags);
	if (!phase->xml.data)
		return note_failure(phase, err, "migration");
	phase->xml.size = (int)strlen(phase->xml.data);
	return 0;
}

int phase_set_out(struct phase *phase, const struct phase_calls *calls, struct cf_error *err)
{
	int state = VIR_DOMAIN_NOSTATE;
	int r = virt_find(phase->connection, phase->uuid, &phase->domain, err);

	if (r == 0 && phase->aims)
		r = virt_aim(phase->domain, phase->aim_ms, &phase->has_downtime, &phase->downtime_ms, err);
	if (r == 0)
		r = phase_begin(phase, calls, err);
	if (r < 0)
		return r;

	/* From here on nobody else changes it. */
	if (virDomainGetState(phase->domain, &state, NULL, 0) == 0 && state == VIR_DOMAIN_PAUSED)
		phase->flags |= VIR_MIGRATE_PAUSED;
	return 0;
}

int phase_prepare(struct phase *phase, const struct phase_calls *calls, struct cf_error *err)
{
	if (calls->prepare(phase->connection, phase->params, phase->n_params, phase->given.data,
			   phase->given.size, &phase->got.data, &phase->got.size, &phase->uri, phase->flags) < 0)
		return note_failure(phase, err, "migration to here");
	return 0;
}

int phase_perform(struct phase *phase, const struct phase_calls *calls, struct cf_error *err)
{
	if (calls->perform(phase->domain, NULL, phase->params, phase->n_params, phase->given.data,
			   phase->given.size, &phase->got.data, &phase->got.size, phase->flags) < 0)
		return note_failure(phase, err, "migration");
	return 0;
}

int phase_finish(struct phase *phase, const struct phase_calls *calls, struct cf_error *err)
{
	virDomainPtr domain = calls->finish(phase->connection, phase->params, phase->n_params, phase->given.data,
					    phase->given.size, &phase->got.data, &phase->got.size, phase->flags,
					    phase->cancelled);

	if (domain) {
		virDomainFree(domain);
		return 0;
	}
	return note_failure(phase, err, "start of the guest");
}

int phase_confirm(struct phase *phase, const struct phase_calls *calls, struct cf_error *err)
{
	if (calls->confirm(phase->domain, NULL, 0, phase->given.data, phase->given.size, phase->flags,
			   phase->cancelled) < 0)
		return note_failure(phase, err, "end of the migration");
	return 0;
}

/* The task */

static int phase_run(struct task *task, struct cf_error *err)
{
	struct phase *phase = (struct phase *)task;
	const struct phase_calls *calls = phase_calls(err);
	int r;

	if (!calls)
		return -ENOSYS;
	phase->asked = kernel_raw();
	r = phase->call(phase, calls, err);
	phase->answered = kernel_raw();
	phase->lost = r < 0 && virConnectIsAlive(phase->connection) != 1;
	/* A Begin that nobody waited for so long is none: its job ends with the connection. */
	if (phase->has_downtime && (r < 0 || phase->cancelled || (phase->call == phase_set_out && task_is_let_go(task))))
		virDomainMigrateSetMaxDowntime(phase->domain, phase->downtime_ms, 0);
	return r;
}

static void phase_clear(struct task *task)
{
	struct phase *phase = (struct phase *)task;

	params_free(phase->params, phase->n_params);
	secret_free(&phase->given);
	secret_free(&phase->got);
	secret_free(&phase->xml);
	free(phase->uri);
	if (phase->domain)
		virDomainFree(phase->domain);
	virConnectClose(phase->connection);
}

struct phase *phase_new(int (*call)(struct phase *, const struct phase_calls *, struct cf_error *),
			virConnectPtr connection, virDomainPtr domain, unsigned int flags)
{
	struct phase *phase = (struct phase *)task_new(sizeof(struct phase), phase_run, phase_clear);

	if (!phase)
		return NULL;
	phase->call = call;
	phase->flags = flags;
	phase->connection = connection;
	virConnectRef(connection);
	phase->domain = domain;
	if (domain)
		virDomainRef(domain);
	return phase;
}

struct phase *phase_drop(struct phase *phase)
{
	if (phase)
		task_drop(&phase->task);
	return NULL;
}

bool phases_available(struct virt *virt, struct cf_error *why)
{
	struct virt_host host;

	if (!phase_calls(why))
		return false;
	if (!virt_host(virt, &host)) {
		if (virt_connected(virt, why))
			cf_fail(why, ENOTCONN, CF_HOST, "libvirtd has not said what it is");
		return false;
	}
	if (host.libvirt_version < LEAST_DAEMON) {
		cf_fail(why, ENOSYS, CF_HOST, "libvirtd is older than 1.1.0");
		return false;
	}
	return true;
}
