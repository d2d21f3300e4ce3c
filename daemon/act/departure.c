/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/departure.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/foreign.h"
#include "daemon/virt/outbound.h"
#include "daemon/worker.h"

#define TURN          ((cf_span){ 100 * CF_MS })
#define ASK_EVERY     ((cf_span){ 250 * CF_MS })
#define ASK_PATIENCE  ((cf_span){ 2 * CF_S })	/* of each peer in turn, while the guest is on its way */
#define ROUNDS        3		/* the destination's agent may hear of it a moment later than we do; a dump takes minutes */
#define LINK_PATIENCE ((cf_span){ 5 * CF_S })

/* Where it goes */

static void look_at_connections(struct departure *d)
{
	CF_AUTO(cf_free) struct cf_outbound *list = calloc(OUTBOUND_MAX, sizeof(*list));
	const struct cf_outbound *found = NULL;
	struct cf_error err = { 0 };
	size_t n = 0;
	pid_t pid;

	if (!list || *d->address)
		return;
	if (counters_pid(&counter_roots, d->name, d->uuid, &pid, &err) == 0 &&
	    outbound_list(&counter_roots, pid, list, &n, &err) == 0)
		found = cf_outbound_leaving(list, n);
	if (found)
		memcpy(d->address, found->address, sizeof(d->address));
}

/* Is that the address of this peer?  May look a name up. */
static bool is_at(const struct settings *settings, const char *peer, const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	char text[NI_MAXHOST];
	const char *where;
	bool found = false;
	int port;

	settings_where(settings, peer, &where, &port);
	if (getaddrinfo(where, NULL, &hints, &all) != 0)
		return false;
	for (const struct addrinfo *at = all; at && !found; at = at->ai_next)
		found = getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0 &&
			strcmp(text, address) == 0;
	freeaddrinfo(all);
	return found;
}

static void ask(struct departure *d, const char *peer)
{
	const struct cf_terms no_terms = { 0 };
	const struct gather_ask ask = { .id = d->id, .destination = peer, .terms = &no_terms, .foreign = true,
					.patience = ASK_PATIENCE };
	struct cf_error err = { 0 };
	struct fleet_loan loan;

	if (fleet_lend(d->context->fleet, peer, &loan, &err) < 0)
		return;
	gather_pair(d->context, d->settings, loan.call, &err, &d->domain, &ask, &d->pair);
	fleet_take_back(d->context->fleet, peer, &loan);
	if (!d->pair.has_lease || !d->pair.lease.granted)
		return;
	snprintf(d->peer, sizeof(d->peer), "%s", peer);
	d->pair.reservation.dry_run = false;
}

/* Which of them is where the memory goes; "" none. */
static void find_first(struct departure *d, char ret[static CF_HOST_ROOM])
{
	CF_AUTO(cf_free) struct cf_peers *page = calloc(1, sizeof(*page));

	*ret = '\0';
	while (page && *d->address && !*ret && fleet_next(d->context->fleet, page))
		for (size_t i = 0; i < page->n_list && !*ret; i++)
			if (is_at(d->settings, page->list[i].host, d->address))
				memcpy(ret, page->list[i].host, CF_HOST_ROOM);
}

/* The others, until one of them sees it come in.  Returns how many there are with the first. */
static size_t ask_others(struct departure *d, const char *first)
{
	CF_AUTO(cf_free) struct cf_peers *page = calloc(1, sizeof(*page));
	size_t n = 0;

	while (page && !*d->peer && fleet_next(d->context->fleet, page)) {
		for (size_t i = 0; !*d->peer && i < page->n_list && !atomic_load(&d->leave); i++)
			if (page->list[i].reachable && strcmp(page->list[i].host, first) != 0)
				ask(d, page->list[i].host);
		n += page->n_list;
	}
	return n;
}

/* The one that is where the memory goes comes first: most often it is the only one to be asked. */
static void ask_round(struct departure *d)
{
	char first[CF_HOST_ROOM];
	size_t n;

	d->rounds++;
	look_at_connections(d);
	find_first(d, first);
	if (*first)
		ask(d, first);
	n = ask_others(d, first);

	if (!*d->address && !*first)
		snprintf(d->why, sizeof(d->why), "no connection of its QEMU shows where it goes, and none of %zu known agents sees it come in", n);
	else if (!*first)
		snprintf(d->why, sizeof(d->why), "no agent is known at %.80s, and none of %zu others sees it come in",
			 d->address, n);
	else
		snprintf(d->why, sizeof(d->why), "the agent of %.80s does not see it come in", first);
}

/* What it is */

/* An incoming domain stands still from the beginning. */
static bool comes_in(struct departure *d)
{
	struct domain_standing standing;

	return domain_glance(d->context->virt, d->uuid, &standing, NULL) == 0 && standing.known && standing.migrating;
}

static enum cf_departing judge(struct departure *d, struct guest_events *events)
{
	struct cf_departure seen = { 0 };

	guest_watch_wait(d->watch, events->revision, TURN, events);
	if (!*d->peer && d->rounds < ROUNDS && cf_mono_cmp(kernel_raw(), d->ask_at) >= 0) {
		ask_round(d);
		d->ask_at = cf_mono_add(kernel_raw(), ASK_EVERY);
	}
	foreign_seen(events, &seen);
	seen.taken_in = *d->peer;
	seen.connected = *d->address;
	seen.asked = d->rounds >= ROUNDS;
	return atomic_load(&d->leave) ? CF_DEPARTING_NOT : cf_departing(&seen);
}

static void begin_to_look(struct departure *d)
{
	const struct looker_options options = {
		.uuid = d->uuid,
		.watch = d->watch,
		.progress_every = ASK_EVERY,
		.guest_alone = true,
		.ask_guest = d->domain.guest.agent_configured,
		.rounds = d->settings->guest.rounds,
		.guest_asked = d->domain.guest.has_guest_offset,
		.guest_every = d->settings->guest.interval,
	};
	struct cf_error err = { 0 };

	if (looker_new(&d->looker, d->context, &options, &err) < 0)
		log_warning_about(LOG_ABOUT(.domain = d->name), "domain %s: its clock is not looked at again: %s", d->name,
				  err.text);
}

static void gather(struct departure *d)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;

	virt_link_open(d->context->virt, LINK_PATIENCE, &link, NULL);
	gather_domain_aside(d->context, d->settings, link, d->uuid, &d->domain);
	begin_to_look(d);
}

static void tell(void *userdata)
{
	struct departure *d = userdata;

	d->found(d->userdata, d);
}

static void *find_out(void *userdata)
{
	struct departure *d = userdata;
	struct guest_events events = { .revision = -1 };
	struct loop *loop = d->context->loop;

	d->is = comes_in(d) ? CF_DEPARTING_NOT : CF_DEPARTING_UNSURE;
	if (d->is == CF_DEPARTING_UNSURE)
		gather(d);
	while (d->is == CF_DEPARTING_UNSURE)
		d->is = judge(d, &events);
	loop_post(loop, tell, d);
	return NULL;
}

int departure_new(struct departure **ret, const struct act_context *context, const char *name, const char *uuid,
		  void (*found)(void *userdata, struct departure *departure), void *userdata, struct cf_error *err)
{
	CF_AUTO(departure_free) struct departure *d = calloc(1, sizeof(*d));
	sd_id128_t id;
	int r;

	if (!d)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	d->context = context;
	d->settings = settings_hold(context->settings);
	d->began = kernel_instant();
	d->ask_at = d->began.raw;
	d->found = found;
	d->userdata = userdata;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->uuid, sizeof(d->uuid), "%s", uuid);
	r = sd_id128_randomize(&id);
	if (r < 0)
		return cf_fail(err, -r, CF_HOST, "no random numbers: %s", strerror(-r));
	snprintf(d->id, sizeof(d->id), SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(id));

	r = guest_watch_new(context->virt, uuid, CF_SOURCE, &d->watch, err);
	if (r == 0)
		r = drive_foreign_begin(context->virt, uuid, &d->drive, err);
	if (r == 0)
		r = worker_thread(&d->thread, find_out, d, err);
	if (r < 0)
		return r;
	d->has_thread = true;
	*ret = CF_TAKE(d);
	return 0;
}

struct departure *departure_free(struct departure *d)
{
	if (!d)
		return NULL;

	atomic_store(&d->leave, true);
	if (d->has_thread)
		pthread_join(d->thread, NULL);
	looker_free(d->looker);
	drive_free(d->drive);
	guest_watch_free(d->watch);
	settings_free(d->settings);
	free(d);
	return NULL;
}
