/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/job.h"
#include "daemon/virt/phases.h"

#define DIAL_TIME  (cf_span){ 10 * CF_S }
#define BEGIN_TIME (cf_span){ 40 * CF_S }	/* libvirt itself waits 30 s for another job to end */
#define UNDO_TIME  (cf_span){ 10 * CF_S }

struct gated_drive {
	struct drive head;
	struct virt_link *link;			/* for the requests beside the phases */
	char uuid[CF_UUID_ROOM];
	virConnectPtr connection;		/* of the phases: libvirt's job lives no longer than that */
	virDomainPtr domain;			/* once it has set out */
	unsigned int flags;
	bool persistent;
	bool has_downtime;			/* QEMU's target before us */
	unsigned long long downtime_ms;
	struct phase *perform;
	struct phase *confirm;			/* NULL until it is settled */
	bool ran;				/* then: how */
	bool aborted;
};

static cf_mono in(cf_span span)
{
	return cf_mono_add(kernel_raw(), span);
}

static struct drive *gated_free(struct drive *drive)
{
	struct gated_drive *ours = (struct gated_drive *)drive;

	phase_drop(ours->perform);
	phase_drop(ours->confirm);
	if (ours->domain)
		virDomainFree(ours->domain);
	virt_hang_up(ours->connection);
	virt_link_close(ours->link);
	free(ours);
	return NULL;
}

/* Start */

static struct phase *new_phase(struct gated_drive *ours,
			       int (*call)(struct phase *, const struct phase_calls *, struct cf_error *),
			       struct cf_error *err)
{
	struct phase *phase = phase_new(call, ours->connection, ours->domain, ours->flags);

	if (!phase)
		cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	return phase;
}

static int open_drive(struct gated_drive *ours, struct virt *virt, const struct drive_options *options,
		      struct cf_error *err)
{
	int r;

	if (!phase_calls(err))
		return -ENOSYS;
	/* Half of its memory there, a guest can neither be let go nor kept. */
	if (options->options.post_copy)
		return cf_fail(err, EOPNOTSUPP, CF_BAD_REQUEST, "post-copy leaves no way back from the gate");
	r = virt_drive_ready(virt, options->uuid, &ours->persistent, err);
	if (r == 0)
		r = virt_dial(virt->uri, NULL, in(DIAL_TIME), &ours->connection, err);
	if (r == 0)
		r = virt_link_open(virt, DIAL_TIME, &ours->link, err);
	if (r < 0)
		return r;

	memcpy(ours->uuid, options->uuid, sizeof(ours->uuid));
	ours->flags = virt_migrate_flags(&options->options, ours->persistent) | VIR_MIGRATE_CHANGE_PROTECTION;
	return 0;
}

static int begin(struct gated_drive *ours, const struct drive_options *options, const char *migrate_uri,
		 struct phase **ret, struct cf_error *err)
{
	CF_AUTO(phase_drop) struct phase *phase = new_phase(ours, phase_set_out, err);
	int r;

	if (!phase)
		return -ENOMEM;
	memcpy(phase->uuid, ours->uuid, sizeof(phase->uuid));
	phase->aims = options->has_max_downtime;
	phase->aim_ms = phase->aims ? job_downtime_ms(options->max_downtime) : 0;
	r = virt_migrate_params(options, migrate_uri, &phase->params, &phase->n_params, err);
	if (r == 0)
		r = task_by(&phase->task, NULL, NULL, in(BEGIN_TIME), err);
	if (r < 0)
		return r;

	ours->domain = phase->domain;
	virDomainRef(ours->domain);
	ours->flags = phase->flags;
	ours->has_downtime = phase->has_downtime;
	ours->downtime_ms = phase->downtime_ms;
	*ret = CF_TAKE(phase);
	return 0;
}

static int ask_destination(struct gated_drive *ours, const struct drive_options *options, const char *migrate_uri,
			   const struct phase *begun, struct drive_answer *ret, struct cf_error *err)
{
	struct drive_offer offer = {
		.xml = begun->xml.data,
		.cookie = begun->got.data,
		.cookie_size = (size_t)begun->got.size,
		.options = options->options,
		.persistent = ours->persistent,
		.paused = ours->flags & VIR_MIGRATE_PAUSED,
	};
	int r;

	memcpy(offer.uuid, ours->uuid, sizeof(offer.uuid));
	snprintf(offer.name, sizeof(offer.name), "%s", virDomainGetName(ours->domain));
	snprintf(offer.migrate_uri, sizeof(offer.migrate_uri), "%s", migrate_uri);
	r = options->prepare(options->userdata, &offer, ret, err);
	if (r == 0 && strncmp(ret->uri, "tcp:", 4) != 0)
		return cf_fail(err, EPROTO, CF_PEER, "the destination's QEMU is not to be reached over TCP");
	return r;
}

/* What libvirt itself would tell: the XML as Begin had it, and what the next start there is to find. */
static int perform(struct gated_drive *ours, const struct drive_options *options, const struct phase *begun,
		   const struct drive_answer *answer, struct cf_error *err)
{
	struct drive_options told = *options;
	int r;

	ours->perform = new_phase(ours, phase_perform, err);
	if (!ours->perform)
		return -ENOMEM;
	if (!told.persistent_xml)
		told.persistent_xml = told.xml ? told.xml : "";
	told.xml = begun->xml.data;
	ours->perform->has_downtime = ours->has_downtime;
	ours->perform->downtime_ms = ours->downtime_ms;
	if (!phase_secret_copy(&ours->perform->given, answer->cookie, answer->cookie_size))
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = virt_migrate_params(&told, answer->uri, &ours->perform->params, &ours->perform->n_params, err);
	if (r == 0)
		r = task_start(&ours->perform->task, "migration", ours->uuid, err);
	return r;
}

/* Begin has happened: libvirt's job ends with this.  Should it hang, the job ends with the connection. */
static void undo(struct gated_drive *ours)
{
	CF_AUTO(phase_drop) struct phase *phase = new_phase(ours, phase_confirm, NULL);

	if (!phase)
		return;
	phase->cancelled = true;
	phase->has_downtime = ours->has_downtime;
	phase->downtime_ms = ours->downtime_ms;
	task_by(&phase->task, NULL, NULL, in(UNDO_TIME), NULL);
}

static int under_way(struct gated_drive *ours, const struct drive_options *options, const char *migrate_uri,
		     struct cf_error *err)
{
	CF_AUTO(phase_drop) struct phase *begun = NULL;
	struct drive_answer answer = { 0 };
	int r = begin(ours, options, migrate_uri, &begun, err);

	if (r < 0 || !begun)
		return r;
	r = ask_destination(ours, options, migrate_uri, begun, &answer, err);
	if (r == 0)
		r = perform(ours, options, begun, &answer, err);
	if (r < 0)
		undo(ours);
	drive_answer_clear(&answer);
	return r;
}

static int gated_start(struct virt *virt, const struct drive_options *options, struct drive **ret,
		       struct cf_error *err)
{
	CF_AUTO(drive_free) struct drive *drive = calloc(1, sizeof(struct gated_drive));
	struct gated_drive *ours = (struct gated_drive *)drive;
	char migrate_uri[DRIVE_URI_ROOM] = "";
	int r = 0;

	if (!drive)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	drive->ops = &drive_gated;
	if (options->migrate_uri[0])
		r = virt_uri_fill(options->migrate_uri, options->destination, migrate_uri, sizeof(migrate_uri),
				  err);
	if (r == 0)
		r = open_drive(ours, virt, options, err);
	if (r == 0)
		r = under_way(ours, options, migrate_uri, err);
	if (r < 0)
		return r;
	*ret = CF_TAKE(drive);
	return 0;
}

/* How it stands */

static void say_lost(struct drive_end *end)
{
	end->state = DRIVE_LOST;
	cf_fail(&end->error, ECONNRESET, CF_HOST,
		"the connection to libvirtd was lost, and the migration's job with it");
}

static void say_performed(struct gated_drive *ours, int result, struct drive_end *end)
{
	const struct phase *phase = ours->perform;

	end->code = phase->code;
	if (phase->lost || (result == 0 && virConnectIsAlive(ours->connection) != 1)) {
		say_lost(end);
	} else if (result < 0) {
		end->state = ours->aborted || result == -ECANCELED ? DRIVE_ABORTED : DRIVE_FAILED;
	} else {
		end->state = DRIVE_LOADED;
		end->cookie = phase->got.data;
		end->cookie_size = (size_t)phase->got.size;
	}
}

/* libvirt knows of no such job, or of no such domain: both went with the connection, or with libvirtd. */
static bool is_gone(const struct phase *phase, int result)
{
	return phase->lost || result == -EBUSY || result == -ENOENT;
}

static void say_settled(struct gated_drive *ours, int result, struct drive_end *end)
{
	end->code = ours->confirm->code;
	if (result == 0 && ours->ran) {
		end->state = DRIVE_SUCCEEDED;
	} else if (result == 0) {
		end->state = DRIVE_ABORTED;
		cf_fail(&end->error, ECANCELED, CF_ABORTED, "rolled back at the gate");
	} else if (is_gone(ours->confirm, result)) {
		say_lost(end);
	} else {
		end->state = DRIVE_FAILED;
	}
}

static int gated_wait(struct drive *drive, cf_span timeout, struct drive_end *ret)
{
	struct gated_drive *ours = (struct gated_drive *)drive;
	struct drive_end end = { .state = DRIVE_RUNNING };
	int result;

	if (task_wait(&ours->perform->task, in(timeout), &result, &end.error))
		say_performed(ours, result, &end);
	if (ours->confirm && task_wait(&ours->confirm->task, in(timeout), &result, &end.error)) {
		end = (struct drive_end){ .error = end.error };
		say_settled(ours, result, &end);
	}
	*ret = end;
	return 0;
}

/* Requests */

static int gated_abort(struct drive *drive, cf_mono deadline, struct cf_error *err)
{
	struct gated_drive *ours = (struct gated_drive *)drive;

	ours->aborted = true;
	return job_abort(ours->link, ours->uuid, deadline, err);
}

static int confirm(struct gated_drive *ours, bool ran, const void *cookie, size_t cookie_size,
		   struct cf_error *err)
{
	CF_AUTO(phase_drop) struct phase *phase = new_phase(ours, phase_confirm, err);
	int r;

	if (!phase)
		return -ENOMEM;
	phase->cancelled = !ran;
	phase->has_downtime = ours->has_downtime;
	phase->downtime_ms = ours->downtime_ms;
	if (!phase_secret_copy(&phase->given, cookie, cookie_size))
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = task_start(&phase->task, NULL, NULL, err);
	if (r < 0)
		return r;
	ours->ran = ran;
	ours->confirm = CF_TAKE(phase);
	return 0;
}

static int gated_settle(struct drive *drive, bool ran, const void *cookie, size_t cookie_size, cf_mono deadline,
			struct cf_error *err)
{
	struct gated_drive *ours = (struct gated_drive *)drive;
	struct drive_end end;
	int result, r;

	if (ours->confirm && ours->ran != ran)
		return cf_fail(err, EALREADY, CF_TOO_LATE, "it was settled otherwise");
	if (!ours->confirm) {
		gated_wait(drive, (cf_span){ 0 }, &end);
		if (end.state == DRIVE_LOST && err)
			*err = end.error;
		if (end.state == DRIVE_LOST)
			return -ENOTCONN;
		if (end.state != DRIVE_LOADED)
			return cf_fail(err, EBUSY, CF_CONFLICT, "the migration does not stand at its gate");
		r = confirm(ours, ran, cookie, cookie_size, err);
		if (r < 0)
			return r;
	}
	if (!task_wait(&ours->confirm->task, deadline, &result, err))
		return cf_fail(err, ETIMEDOUT, CF_HOST, "libvirt did not answer in time");
	return result < 0 && is_gone(ours->confirm, result) ? -ENOTCONN : result;
}

const struct drive_ops drive_gated = {
	.name = "gated",
	.has_gate = true,
	.can_cut = true,
	.outlives_agent = false,
	.start = gated_start,
	.wait = gated_wait,
	.abort = gated_abort,
	.settle = gated_settle,
	.free = gated_free,
};
