/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/incoming.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/incoming-check.h"
#include "daemon/virt/phases.h"

struct incoming {
	virConnectPtr connection;
	struct incoming_claim claim;
	char emulator[INCOMING_EMULATOR_ROOM];	/* that libvirt knows, by its XML */
	unsigned int flags;
	bool was_defined;
	struct phase *finish;		/* NULL until it was told */
	bool run;			/* then: what */
};

struct incoming *incoming_free(struct incoming *incoming)
{
	if (!incoming)
		return NULL;

	phase_drop(incoming->finish);
	virt_hang_up(incoming->connection);
	free(incoming);
	return NULL;
}

/* Prepare */

static int check_offer(struct incoming *incoming, const struct drive_offer *offer, const char *uri, struct cf_error *err)
{
	/* A socket's path would be any file of this host. */
	if (*uri && strncmp(uri, "tcp:", 4) != 0)
		return cf_fail(err, EINVAL, CF_PEER, "QEMU is not to listen on anything but TCP");
	if (offer->options.post_copy)
		return cf_fail(err, EINVAL, CF_PEER, "post-copy leaves no way back from the gate");
	return incoming_check_xml(offer->xml, &incoming->claim, incoming->emulator, sizeof(incoming->emulator), err);
}

/* libvirt masks them so, too: those are the source's alone. */
static unsigned int flags_of(const struct drive_offer *offer)
{
	unsigned int flags = virt_migrate_flags(&offer->options, offer->persistent);

	if (offer->paused)
		flags |= VIR_MIGRATE_PAUSED;
	return flags & ~(unsigned int)(VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_AUTO_CONVERGE);
}

static int look_around(struct incoming *incoming, struct virt *virt, const struct drive_offer *offer,
		       struct cf_error *err)
{
	struct domain_standing standing;
	int r;

	r = domain_look(virt, offer->uuid, &standing, err);
	if (r < 0)
		return r;
	if (standing.known && standing.active)
		return cf_fail(err, EBUSY, CF_CONFLICT, "the domain is active here already");
	incoming->was_defined = standing.known;
	return 0;
}

/* What libvirt gave becomes the caller's. */
static int give_answer(struct phase *phase, const char *asked_uri, struct drive_answer *ret, struct cf_error *err)
{
	struct drive_answer answer = { 0 };
	int n = snprintf(answer.uri, sizeof(answer.uri), "%s", phase->uri ? phase->uri : asked_uri);

	if (!n || n >= (int)sizeof(answer.uri))
		return cf_fail(err, EPROTO, CF_HOST, "libvirt does not say where QEMU listens");
	answer.cookie_size = (size_t)phase->got.size;
	answer.cookie = CF_TAKE(phase->got.data);
	*ret = answer;
	return 0;
}

static int prepare(struct incoming *incoming, const struct drive_offer *offer,
		   const struct incoming_options *options, const char *uri, cf_mono deadline,
		   struct drive_answer *answer, struct cf_error *err)
{
	CF_AUTO(phase_drop) struct phase *phase =
		phase_new(phase_prepare, incoming->connection, NULL, incoming->flags);
	int r;

	if (!phase || !phase_secret_copy(&phase->given, offer->cookie, offer->cookie_size))
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = virt_incoming_params(offer, uri, options->listen, &phase->params, &phase->n_params, err);
	if (r == 0)
		r = task_by(&phase->task, "incoming", offer->uuid, deadline, err);
	if (r < 0)
		return r;
	return give_answer(phase, uri, answer, err);
}

int incoming_prepare(struct virt *virt, const struct drive_offer *offer, const struct incoming_options *options,
		     struct incoming **ret, struct drive_answer *answer, struct cf_error *err)
{
	CF_AUTO(incoming_free) struct incoming *incoming = calloc(1, sizeof(*incoming));
	const char *uri = options->migrate_uri[0] ? options->migrate_uri : offer->migrate_uri;
	cf_mono deadline = cf_mono_add(kernel_raw(), options->timeout);
	int r;

	if (!incoming)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (!phase_calls(err))
		return -ENOSYS;
	memcpy(incoming->claim.uuid, offer->uuid, sizeof(incoming->claim.uuid));
	memcpy(incoming->claim.name, offer->name, sizeof(incoming->claim.name));
	incoming->claim.allow_passthrough = options->allow_passthrough;
	r = check_offer(incoming, offer, uri, err);
	if (r == 0)
		r = look_around(incoming, virt, offer, err);
	if (r == 0)
		r = virt_dial(virt->uri, NULL, deadline, &incoming->connection, err);
	if (r == 0)
		r = virt_knows_emulator(incoming->connection, incoming->emulator, deadline, err);
	if (r < 0)
		return r;

	incoming->flags = flags_of(offer);
	r = prepare(incoming, offer, options, uri, deadline, answer, err);
	if (r < 0)
		return r;
	*ret = CF_TAKE(incoming);
	return 0;
}

bool incoming_was_defined(struct incoming *incoming)
{
	return incoming->was_defined;
}

bool incoming_alive(struct incoming *incoming)
{
	return virConnectIsAlive(incoming->connection) == 1;
}

/* Finish */

int incoming_check(struct incoming *incoming, const void *cookie, size_t cookie_size, cf_mono deadline, struct cf_error *err)
{
	char emulator[INCOMING_EMULATOR_ROOM];
	int r;

	r = incoming_check_cookie(cookie, cookie_size, &incoming->claim, emulator, sizeof(emulator), err);
	/* libvirt is asked only where it is not the one that it knows already: the guest stands still. */
	if (r < 0 || strcmp(emulator, incoming->emulator) == 0)
		return r;
	return virt_knows_emulator(incoming->connection, emulator, deadline, err);
}

void incoming_pause(struct incoming *incoming, bool paused)
{
	incoming->flags &= ~(unsigned int)VIR_MIGRATE_PAUSED;
	incoming->flags |= paused ? VIR_MIGRATE_PAUSED : 0;
}

static int tell(struct incoming *incoming, bool run, const void *cookie, size_t cookie_size, struct cf_error *err)
{
	CF_AUTO(phase_drop) struct phase *phase =
		phase_new(phase_finish, incoming->connection, NULL, incoming->flags);
	int room = 0;
	int r;

	if (!phase || !phase_secret_copy(&phase->given, cookie, cookie_size) ||
	    virTypedParamsAddString(&phase->params, &phase->n_params, &room, VIR_MIGRATE_PARAM_DEST_NAME,
				    incoming->claim.name) < 0)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	phase->cancelled = !run;
	r = task_start(&phase->task, NULL, NULL, err);
	if (r < 0)
		return r;
	incoming->run = run;
	incoming->finish = CF_TAKE(phase);
	return 0;
}

static void say(const struct phase *phase, bool runs, const struct cf_error *error, struct incoming_end *ret)
{
	*ret = (struct incoming_end){
		.runs = runs,
		.cookie = phase->got.data,
		.cookie_size = (size_t)phase->got.size,
		.asked = phase->asked,
		.answered = phase->answered,
		.code = phase->code,
		.error = *error,
	};
	/* libvirt's way of saying that it was ended as it was told to. */
	if (phase->cancelled && phase->code == VIR_ERR_MIGRATE_FINISH_OK) {
		ret->code = 0;
		ret->error = (struct cf_error){ 0 };
	}
}

bool incoming_is_told(const struct incoming *incoming)
{
	return incoming->finish != NULL;
}

int incoming_finish(struct incoming *incoming, bool run, const void *cookie, size_t cookie_size, cf_mono deadline,
		    struct incoming_end *ret, struct cf_error *err)
{
	struct cf_error error = { 0 };
	int result;
	int r = 0;

	if (incoming->finish && incoming->run != run)
		return cf_fail(err, EALREADY, CF_TOO_LATE, "it was told otherwise");
	if (!incoming->finish)
		r = tell(incoming, run, cookie, cookie_size, err);
	if (r < 0)
		return r;
	if (!task_wait(&incoming->finish->task, deadline, &result, &error))
		return cf_fail(err, ETIMEDOUT, CF_HOST, "libvirt did not answer in time");
	if (incoming->finish->lost) {
		if (err)
			*err = error;
		return -ENOTCONN;
	}
	say(incoming->finish, result == 0, &error, ret);
	return 0;
}
